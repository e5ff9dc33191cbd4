"""What is compared, each under a name "KIND.MODEL".

    kernel     our cell as a user runs it, `Recurrent(cell)(x, dt)`, on the C++ kernels
    reference  the same cell in plain torch
    drop-in    `tauflow.compat.ncps.torch` in place of ncps, with the weights of the ncps model: its fair twin
    ncps       ncps 1.0.1, eager; without time spans, as it can't take them per sample
    torch      nn.LSTM, nn.GRU, nn.RNN, which know no time

ltc is our default, one exponential midpoint step; ltc6 has the arithmetic of ncps, six semi-implicit unfolds.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from tauflow import wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, WiredCfC
from tauflow.compat.ncps import torch as dropin
from tauflow.sequence import Recurrent

from .shapes import Shape

DENSE = ("ctrnn", "gated_ltc", "gruode", "cfc", "ltc", "ltc6")
WIRED = ("ltc", "ltc6", "wired_cfc")
STATIC: dict[str, Callable[..., nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class MissingError(Exception):
    """Why something can't be measured here."""


def names(shape: Shape, key: str = "") -> list[str]:
    """All that is timed at this shape."""
    ours = ("cfc",) if key == "H128" else WIRED if shape.outputs else DENSE
    theirs = [name for name in ours if name in ("ltc", "cfc", "wired_cfc")]
    return [
        *(f"{kind}.{name}" for kind in ("kernel", "reference") for name in ours),
        *(f"{kind}.{name}" for kind in ("drop-in", "ncps") for name in theirs),
        *(f"torch.{name}" for name in STATIC),
    ]


def twin(name: str) -> str | None:
    """The model of ncps that does the same."""
    model = name.partition(".")[2].removesuffix("6")
    return f"ncps.{model}" if model in ("ltc", "cfc", "wired_cfc") else None


def build(name: str, shape: Shape) -> nn.Module:
    """The model, always with the same weights."""
    kind, _, model = name.partition(".")
    torch.manual_seed(1)
    if kind in ("kernel", "reference"):
        return Recurrent(cell(model, shape), backend="cpu" if kind == "kernel" else "reference")
    if kind == "torch":
        return STATIC[model](shape.inputs, shape.units, batch_first=True)
    try:
        theirs = _ncps(model, shape)
    except ImportError as error:
        raise MissingError(f"{error.name} is not installed") from error
    if kind == "ncps":
        return theirs
    ours = _like_ncps(dropin, import_module("tauflow.compat.ncps.wirings"), model, shape)
    ours.load_state_dict(theirs.state_dict())
    return ours


def cell(model: str, shape: Shape) -> Cell:
    inputs = shape.inputs
    units: Any = wirings.auto_ncp(inputs, shape.units, shape.outputs) if shape.outputs else shape.units
    if model == "ltc6":
        ltc: Cell = LTC(inputs, units, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8)
        return ltc
    kinds = {"ctrnn": CTRNN, "gated_ltc": GatedLTC, "gruode": GRUODE, "cfc": CfC, "ltc": LTC, "wired_cfc": WiredCfC}
    made: Cell = kinds[model](inputs, units)
    return made


def _ncps(model: str, shape: Shape) -> nn.Module:
    return _like_ncps(import_module("ncps.torch"), import_module("ncps.wirings"), model, shape)


def _like_ncps(package: Any, wiring: Any, model: str, shape: Shape) -> nn.Module:
    units = wiring.AutoNCP(shape.units, shape.outputs) if shape.outputs else shape.units
    made: nn.Module = (package.LTC if model == "ltc" else package.CfC)(shape.inputs, units)
    return made


def output(name: str, module: nn.Module, x: Tensor, dt: Tensor) -> Tensor:
    """y (B, T, O)."""
    y: Tensor = module(x, dt)[0] if name.startswith(("kernel.", "reference.")) else module(x)[0]
    return y


def step(name: str, module: nn.Module, x: Tensor, dt: Tensor) -> Callable[[], None]:
    """One training step without the optimiser: forward, the sum of the outputs, backward to all parameters."""

    def run() -> None:
        for parameter in module.parameters():
            parameter.grad = None
        output(name, module, x, dt).sum().backward()

    return run
