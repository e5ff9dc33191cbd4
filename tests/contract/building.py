"""How a cell is built: its sizes and options, its config, its parameters and its like from the same seed."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from tauflow import cells
from tauflow.cells import Cell
from tauflow.errors import TauflowError
from tauflow.sequence import Recurrent
from tests.contract.common import MakeCell, data, same_bits, snapshot


def check_reset_is_what_the_constructor_does(cell: MakeCell) -> None:
    """Every parameter is redrawn from the same distribution: fixed values come back, drawn ones differ."""
    c = cell()
    before = snapshot(c)
    with torch.no_grad():
        for p in c.parameters():
            p.fill_(77.0)
    c.reset_parameters()
    for name, p in c.named_parameters():
        assert not (p == 77.0).any(), name
        assert p.detach().std(correction=0) <= 3 * before[name].std(correction=0) + 0.2, name


def check_config_builds_its_like(cell: MakeCell) -> None:
    c = cell()
    config = c.config()
    text = json.dumps(config, allow_nan=False)
    other = cells.build(c.name, **json.loads(text))
    assert json.dumps(other.config()) == text
    assert type(other) is type(c)
    other.load_state_dict(c.state_dict())
    x, dt, h = data(c)
    assert same_bits(
        Recurrent(other, "reference").eval()(x, dt, None, h)[0], Recurrent(c, "reference").eval()(x, dt, None, h)[0]
    )


def check_parameters_are_plain_attributes(cell: MakeCell) -> None:
    for module in cell().modules():
        for name, p in module.named_parameters(recurse=False):
            assert getattr(module, name) is p
        assert not isinstance(module, (nn.ParameterDict, nn.ParameterList))


def check_same_seed_same_weights(cell: MakeCell) -> None:
    a, b = snapshot(cell()), snapshot(cell())
    assert all(torch.equal(a[name], b[name]) for name in a)


def check_repr_names_the_cell(cell: MakeCell) -> None:
    c = cell()
    assert type(c).__name__ in repr(c)
    assert len(repr(c)) < 2000
    plain = {name: value for name, value in c.config().items() if not isinstance(value, Cell)}  # a cell shows itself
    shown = {name: f"{name}={value!r}" in repr(c) for name, value in plain.items()}
    assert shown == {name: not isinstance(value, dict) for name, value in plain.items()}


def check_sizes_are_checked(cell: MakeCell) -> None:
    c = cell()
    for inputs, units in ((0, 5), (-1, 5), (3, 0), (2.5, 5), ("3", 5), (3, None)):
        with pytest.raises(TauflowError):
            cells.build(c.name, inputs, units)


def check_unknown_options_are_refused(cell: MakeCell) -> None:
    with pytest.raises(TauflowError, match=r"colour"):
        cells.build(cell().name, 3, 5, colour="red")
