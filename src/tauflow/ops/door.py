"""The door of the kernels: is a module still what its class makes of it?

A kernel reads weights and calls nobody. So whatever someone put into a cell that acts when it is called (an overridden
method, a layer of another class, a hook, as pruning and weight_norm are) would be left out in silence. Here it is
named, the kernel refuses the cell, and the reference, which calls the cell and its layers, takes it.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.modules import module as of_all_modules
from torch.nn.utils.parametrize import is_parametrized

from ..activations import ACTIVATIONS
from ..cells import Cell
from ..cells.cfc import Nonlinearity

LAYERS: dict[type[nn.Module], Any] = {
    layer: layer.forward for layer in (nn.Linear, nn.Sequential, nn.Dropout, Nonlinearity)
}
PACKAGE = __name__.partition(".")[0] + "."
FUNCTIONS = {name: known.function for name, known in ACTIVATIONS.items()}


def recorded() -> str | None:
    """Who watches this call and would not see a kernel: recorders, and derivatives other than backward."""
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace and torch.onnx.export record what the reference calls, and nothing of a kernel"
    if not torch.compiler.is_compiling():
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return "the kernels know backward alone, not vmap and the other transforms of torch.func"
        if forward_ad._current_level >= 0:
            return "the kernels know backward alone, not forward-mode derivatives"
        if of_all_modules._has_any_global_hook():
            return "hooks are registered for all modules, but a kernel calls no module"
    elif not torch.compiler.is_dynamo_compiling() and "torch.onnx" in sys.modules and torch.onnx.is_in_onnx_export():
        return "ONNX has no operator for a kernel"
    return None


def changed(cell: Cell) -> str | None:
    """What of the cell itself is not as its class in this package was written, or None."""
    kind, own = type(cell), cell.__dict__
    for name, method in kind.home.written.items():
        if getattr(kind, name) is not method:
            return f"{kind.__name__}.{name} is not {kind.home.__name__}.{name}"
        if name in own:
            return f"{name} was replaced on the cell itself"
    if kind.__call__ is not nn.Module.__call__:  # as it is now: recorders of torch put their own there
        return f"{kind.__name__} has a __call__ of its own"
    return hooked("the cell", cell)


def altered(name: str, layer: Any, kind: type[nn.Module]) -> str | None:
    """What keeps the layer called `name` from being a plain `kind`, or None. A parametrised one is, whatever its weights are."""
    if type(layer) is not kind and not (type(layer).__bases__ == (kind,) and is_parametrized(layer)):
        return f"{name} is {type(layer).__name__}, the kernel knows {kind.__name__} there"
    if type(layer).forward is not LAYERS[kind] or "forward" in layer.__dict__:
        return f"{name}.forward was replaced"
    return hooked(name, layer)


def hooked(name: str, module: nn.Module) -> str | None:
    """Which hooks act when the module is called, or None."""
    if not (module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks):
        return None
    return f"{name} has hooks, as prune and weight_norm are, and a kernel calls no module"


def unknown(name: str, sigma: Any, known: tuple[str, ...]) -> str | None:
    """Why the nonlinearity called `name` is none of those that a kernel knows, or None."""
    function = getattr(sigma, "function", None)
    if function is not None and sigma.name in known and function is FUNCTIONS[sigma.name]:
        return None
    what = getattr(sigma, "name", None) or type(sigma).__name__
    own = " of your own" if what in known else ""
    return f"{name} is {what}{own}, the kernel has {', '.join(known)}"


def wrapped(network: nn.Module) -> str | None:
    """What acts around the cells when a network over time is called, and a stream on the kernels would leave out, or None."""
    own: Any = next((base for base in type(network).__mro__ if base.__module__ == PACKAGE + "sequence"), type(network))
    name = type(network).__name__
    if type(network).forward is not own.forward or "forward" in network.__dict__:
        return f"{name}.forward is not {own.__name__}.forward"
    return hooked(name, network)
