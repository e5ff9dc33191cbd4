"""What a model is beside its structure: numbers, their types, who shares them, who learns, who trains.

`capture` takes it from a model, `restore` gives it to a model built from the same structure. What neither a structure nor
this state can say (a replaced layer, a hook, an attribute changed by hand) is refused by name when the model is saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from ..errors import ModelFileError, TauflowError
from ..files.digest import digest

INTERNAL = set(vars(nn.Module()))
HOOKS = tuple(name for name in INTERNAL if name.endswith("_hooks"))
Slots = dict[str, Tensor | None]


@dataclass(frozen=True)
class State:
    """The JSON of a model file beside the structure; the tensors stand under the names of `slots`."""

    training: bool
    otherwise: tuple[str, ...]  # modules in the other mode
    frozen: tuple[str, ...]  # parameters that don't learn
    tied: Mapping[str, str]  # name -> the name of the same tensor


def capture(model: nn.Module, like: nn.Module) -> tuple[State, dict[str, Tensor]]:
    """(state, tensors) of a model that is what `like`, built from its structure, is; TauflowError where it is not."""
    _check_modules(model, like)
    _check_tensors(model, like)
    modes = {path: module.training for path, module in model.named_modules()}
    mine, fresh, found = _first_names(model), _first_names(like), slots(model)
    state = State(
        training=model.training,
        otherwise=tuple(sorted(path for path, mode in modes.items() if mode != model.training)),
        frozen=tuple(sorted(name for name, p in _parameters(model) if mine[name] == name and not p.requires_grad)),
        tied={name: first for name, first in sorted(mine.items()) if first != fresh[name]},
    )
    return state, {name: tensor for name, tensor in found.items() if tensor is not None and mine[name] == name}


def restore(model: nn.Module, state: State, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Give a model without numbers those of the file; ModelFileError, before anything is set, where they do not fit.

    Each tensor is laid out in memory as the model had it: another order of the same numbers rounds otherwise.
    """
    _check_fit(model, state, tensors)
    modules, frozen = dict(model.named_modules(remove_duplicate=False)), set(state.frozen)
    parameters = {name for name, _ in _parameters(model)}
    strides = {name: place.stride() for name, place in slots(model).items() if place is not None}
    laid = {
        name: torch.empty_strided(t.shape, strides[name], dtype=t.dtype, device=t.device).copy_(t)
        for name, t in tensors.items()
    }
    made = {name: nn.Parameter(t, name not in frozen) if name in parameters else t for name, t in laid.items()}
    for name in [*tensors, *state.tied]:
        path, _, leaf = name.rpartition(".")
        setattr(modules[path], leaf, made[state.tied.get(name, name)])
    others = set(state.otherwise)
    for path, module in model.named_modules():
        module.training = state.training != (path in others)
    return model


def slots(model: nn.Module) -> Slots:
    """Every parameter and buffer, saved or not, under each of its names; None where there is none."""
    return {
        f"{path}.{name}" if path else name: tensor
        for path, module in model.named_modules(remove_duplicate=False)
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
    }


def _parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    yield from model.named_parameters(remove_duplicate=False)


def _first_names(model: nn.Module) -> dict[str, str]:
    """name -> the first name of the same tensor."""
    first: dict[int, str] = {}
    return {name: first.setdefault(id(tensor), name) for name, tensor in slots(model).items() if tensor is not None}


def _check_modules(model: nn.Module, like: nn.Module) -> None:
    mine, fresh = (dict(m.named_modules(remove_duplicate=False)) for m in (model, like))
    for path in [*mine, *fresh]:
        place = path or type(model).__name__
        if path not in fresh:
            raise TauflowError(
                f"can't save {place}, a {type(mine[path]).__name__} that was added: load would not know it"
            )
        if path not in mine:
            raise TauflowError(
                f"can't save the model without {place}, a {type(fresh[path]).__name__} that was taken away"
            )
        ours, theirs = mine[path], fresh[path]
        if type(ours) is not type(theirs):
            why = "parametrizations" if type_before_parametrizations(ours) is type(theirs) else "a replaced module"
            raise TauflowError(
                f"can't save {place}: it is a {type(ours).__name__}, load would make a {type(theirs).__name__} ({why}); "
                "write a cell of your own that builds it, and cells.register it"
            )
        _check_attributes(place, ours, theirs)


def _check_attributes(place: str, ours: nn.Module, theirs: nn.Module) -> None:
    for name in HOOKS:
        if len(vars(ours)[name]) != len(vars(theirs)[name]):
            raise TauflowError(f"can't save {place}: it has {name.strip('_').replace('_', ' ')}, remove them first")
    if type(ours).get_extra_state is not nn.Module.get_extra_state and not type(ours).__module__.startswith("tauflow."):
        raise TauflowError(f"can't save {place}: its extra state is no tensor, make it a buffer")
    mine, fresh = ({k: v for k, v in vars(m).items() if k not in INTERNAL and k != "arguments"} for m in (ours, theirs))
    for name in [*mine, *fresh]:
        if name not in mine or name not in fresh or digest(mine[name]) != digest(fresh[name]):
            now, then = (repr(found.get(name, "nothing"))[:60] for found in (mine, fresh))
            raise TauflowError(
                f"can't save {place}: its {name} is {now}, but load would make {then}; give it to the constructor as an option, "
                "or make it a parameter or a buffer"
            )


def _check_tensors(model: nn.Module, like: nn.Module) -> None:
    mine, fresh = slots(model), slots(like)
    for name in [*mine, *fresh]:
        ours, theirs = mine.get(name), fresh.get(name)
        if ours is None and theirs is None:
            continue
        if ours is None or theirs is None or ours.shape != theirs.shape:
            raise TauflowError(f"can't save {name}: it is {_shape(ours)}, but load would make {_shape(theirs)}")
        if type(ours) not in (Tensor, nn.Parameter) or isinstance(ours, nn.Parameter) != isinstance(
            theirs, nn.Parameter
        ):
            raise TauflowError(
                f"can't save {name}: it is a {type(ours).__name__}, load would make a {type(theirs).__name__}"
            )
        if (
            ours.is_floating_point() != theirs.is_floating_point()
            or isinstance(ours, nn.Parameter) > ours.is_floating_point()
        ):
            raise TauflowError(
                f"can't save {name}: it is {ours.dtype}, expected floating point numbers like {theirs.dtype}"
            )
        if getattr(ours, "_backward_hooks", None) or getattr(ours, "_post_accumulate_grad_hooks", None):
            raise TauflowError(f"can't save {name}: it has hooks on its gradient, remove them first")
    _check_overlap(mine)


def _check_overlap(found: Slots) -> None:
    """Two tensors over the same memory would come back apart."""
    apart = {id(t): (t, name) for name, t in found.items() if t is not None and t.numel() and t.device.type != "meta"}
    spans = sorted((t.device.type, t.data_ptr(), t.data_ptr() + _reach(t), name) for t, name in apart.values())
    for (device, _, end, name), (other_device, start, _, other) in pairwise(spans):
        if device == other_device and start < end:
            raise TauflowError(
                f"can't save {name} and {other}: they share memory without being one parameter; tie them, b.W = a.W, or copy one"
            )


def _reach(tensor: Tensor) -> int:
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return (last + 1) * tensor.element_size()


def _check_fit(model: nn.Module, state: State, tensors: Mapping[str, Tensor]) -> None:
    expected: dict[str, Any] = {name: t for name, t in slots(model).items() if t is not None}
    first, parameters = _first_names(model), {name for name, _ in _parameters(model)}
    for name, other in state.tied.items():
        tieable = name in expected and other in expected and first[name] == name and other not in state.tied
        if (
            not tieable
            or (name in parameters) != (other in parameters)
            or expected[name].shape != expected[other].shape
        ):
            raise ModelFileError(f"{name[:99]} can't be the same tensor as {other[:99]}")
    names = {name for name in expected if first[name] == name and name not in state.tied}
    for name in [*sorted(names), *tensors]:
        found, like = tensors.get(name), expected.get(name)
        if found is None or like is None or name not in names or found.shape != like.shape:
            raise ModelFileError(f"{name} is {_shape(found)}, expected {_shape(like if name in names else None)}")
        if found.dtype != like.dtype and not (found.is_floating_point() and like.is_floating_point()):
            raise ModelFileError(f"{name} is {found.dtype}, expected {like.dtype}")
    for what, listed, known in (
        ("parameters", state.frozen, names & parameters),
        ("modules", state.otherwise, {path for path, _ in model.named_modules()} - {""}),
    ):
        if list(listed) != sorted(set(listed) & known):
            raise ModelFileError(f"its list of {what} names others than the model has, or not in order")


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"of shape {tuple(tensor.shape)}"
