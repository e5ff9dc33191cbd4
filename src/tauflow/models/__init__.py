"""Save and load a model: its structure and state as JSON, its numbers as they are, in one model file (see files/).

`save(Recurrent(CfC(8, 32)), "model.tau")`, `load("model.tau")`. What comes back is what was saved: number types, training or
eval mode, shared weights, frozen parameters, backend, every buffer. `save` refuses what `load` could not bring back. The file
names cells and parts as their registries do; nothing in it is executed or imported, and one of your own is registered before.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from torch import nn

from .. import files
from ..errors import ModelFileError, TauflowError
from ..files import schema
from .blank import Content, blank
from .sound import check_sound
from .state import State, capture, restore
from .structure import build, describe

__all__ = ["build", "describe", "load", "save"]


@dataclass(frozen=True)
class Config:
    """The JSON of a model file."""

    structure: dict[str, Any]
    state: State


def save(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a Network, Committee, Multi, Recurrent, Stack, Bidirectional or cell; the old file survives whatever goes wrong.

    TauflowError names what a file could not bring back: a module of your own, a replaced layer, a hook, ...

    >>> tauflow.save(tauflow.Network(["temp", "wind"], ["load"], units=4), "load.tau")
    >>> tauflow.load("load.tau").input_names
    ['temp', 'wind']
    >>> tauflow.save(torch.nn.Linear(2, 1), "linear.tau")
    Traceback (most recent call last):
        ...
    tauflow.errors.TauflowError: can't save a Linear, expected a Recurrent, Stack, Bidirectional, cell, Network, ...
    """
    structure = describe(model)
    check_sound(model)
    state, numbers = capture(model, blank(structure))
    files.write(path, numbers, schema.dump(Config(structure, state)), kind="model")


def load(path: str | os.PathLike[str]) -> Any:
    """The model that `save` wrote, on the CPU; ModelFileError for anything else.

    >>> network, x = tauflow.Network(1, 1, units=4), torch.ones(2, 5, 1)
    >>> tauflow.save(network, "network.tau")
    >>> torch.equal(tauflow.load("network.tau")(x)[0], network(x)[0])
    True
    """
    file = files.read(path, kind="model")
    try:
        config = schema.read(Config, file.config)
        model = blank(config.structure, Content.of(file.tensors, len(config.state.tied)))
        restore(model, config.state, file.tensors)
        check_sound(model)
        return model
    except Exception as wrong:  # a constructor may raise anything for what a file asks of it
        about = schema.first_line(wrong)
        known = isinstance(wrong, TauflowError)
        raise ModelFileError(
            f"{os.fspath(path)}: {about if known else f'no model can be built from it: {about}'}"
        ) from None
