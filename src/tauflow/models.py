"""Save and load a model: its structure as JSON, its weights as numbers, in one model file (see files.py).

`save(Recurrent(CfC(8, 32)), "model.tau")`, `load("model.tau")`. The file names cells by their registry name, looked up in the cells
that this installation has; nothing in it is executed or imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from . import cells, files
from .cells import Cell
from .cells.mixed_memory import MixedMemory
from .errors import ModelFileError, TauflowError
from .sequence import Bidirectional, Recurrent, Stack


def save(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a Recurrent, Stack, Bidirectional or cell; the old file survives whatever goes wrong."""
    weights = {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}
    files.write(path, weights, describe(model), kind="model")


def load(path: str | os.PathLike[str]) -> Any:
    """The model that `save` wrote; ModelFileError for anything else."""
    file = files.read(path, kind="model")
    try:
        with torch.device("meta"):  # sizes first: a structure that does not fit its weights costs no memory
            _check_sizes(build(file.config), file.tensors)
        model = build(file.config)
        model.load_state_dict(dict(file.tensors))
    except (KeyError, TypeError, RuntimeError, TauflowError) as wrong:
        raise ModelFileError(f"{os.fspath(path)}: its structure and its weights do not make a model: {wrong}") from None
    return model


def describe(model: nn.Module) -> dict[str, Any]:
    """The structure of a model as JSON."""
    if isinstance(model, MixedMemory):
        return {"type": "mixed_memory", "cell": describe(model.cell)}
    if isinstance(model, Cell):
        return {"type": "cell", "name": model.name, "options": model.config()}
    if isinstance(model, Recurrent):
        return {"type": "recurrent", "cell": describe(model.cell), "backend": model.backend, "zero_dt": model.zero_dt}
    if isinstance(model, Stack):
        return {"type": "stack", "layers": [describe(layer) for layer in model.layers]}
    if isinstance(model, Bidirectional):
        return {"type": "bidirectional", "ahead": describe(model.ahead.cell), "back": describe(model.back.cell)}
    raise TauflowError(f"can't save a {type(model).__name__}, expected a Recurrent, Stack, Bidirectional or cell")


def build(config: Mapping[str, Any]) -> nn.Module:
    """The model, with fresh weights, of a structure that `describe` gave."""
    match dict(config):
        case {"type": "cell", "name": str(name), "options": dict(options), **rest} if not rest:
            return cells.build(name, **options)
        case {"type": "mixed_memory", "cell": dict(cell), **rest} if not rest:
            return MixedMemory(_cell(cell))
        case {
            "type": "recurrent",
            "cell": dict(cell),
            "backend": str(backend),
            "zero_dt": ("hold" | "update") as zero,
            **rest,
        } if not rest:
            return Recurrent(_cell(cell), backend, zero)
        case {"type": "stack", "layers": list(layers), **rest} if not rest:
            return Stack(*(_layer(layer) for layer in layers))
        case {"type": "bidirectional", "ahead": dict(ahead), "back": dict(back), **rest} if not rest:
            return Bidirectional(_cell(ahead), _cell(back))
    raise ModelFileError(f"the file describes a {dict(config).get('type')!r}, expected a model that this version knows")


def _check_sizes(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != found:
        wrong = next(name for name in [*expected, *found] if expected.get(name) != found.get(name))
        raise ModelFileError(
            f"{wrong} has shape {found.get(wrong, 'missing')}, expected {expected.get(wrong, 'no such weight')}"
        )


def _cell(config: Mapping[str, Any]) -> Cell:
    cell = build(config)
    if not isinstance(cell, Cell):
        raise ModelFileError(f"the file has a {type(cell).__name__} where a cell was expected")
    return cell


def _layer(config: Mapping[str, Any]) -> Recurrent:
    layer = build(config)
    if not isinstance(layer, Recurrent):
        raise ModelFileError(f"the file has a {type(layer).__name__} where a layer was expected")
    return layer
