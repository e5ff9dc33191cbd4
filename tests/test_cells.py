"""Every check of checks.py over every cell of the registry, their variants, and the models built from them."""

from __future__ import annotations

import ast
import fnmatch
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checks
import pytest
import torch

import tauflow
from tauflow import cells, wirings
from tauflow.cells import Cell
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.sequence import Bidirectional, Recurrent, Stack

INPUTS, UNITS = 3, 5
SOURCE = Path(tauflow.__file__).parent


def wired(inputs: int = INPUTS, units: int = 7, outputs: int = 2) -> wirings.Wiring:
    return wirings.auto_ncp(inputs, units, outputs, sparsity=0.5, seed=3)


# Besides each cell as cells.build(name, 3, 5) makes it.
VARIANTS: dict[str, Callable[[], Cell]] = {
    "ctrnn-relu": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="relu"),
    "ctrnn-sigmoid": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="sigmoid"),
    "ctrnn-lecun_tanh": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="lecun_tanh"),
    "ctrnn-softsign-tau_is_1": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="softsign", tau=1.0, learn_tau=False),
    "ctrnn-exponential_midpoint": lambda: cells.build("ctrnn", INPUTS, UNITS, solver="exponential_midpoint"),
    "ctrnn-semi_implicit": lambda: cells.build("ctrnn", INPUTS, UNITS, solver="semi_implicit", substeps=3),
    "ctrnn-etd2rk": lambda: cells.build("ctrnn", INPUTS, UNITS, solver="etd2rk"),
    "ctrnn-euler": lambda: cells.build("ctrnn", INPUTS, UNITS, solver="euler", substeps=2),
    "ctrnn-rk4": lambda: cells.build("ctrnn", INPUTS, UNITS, solver="rk4"),
    "gated_ltc-softplus": lambda: cells.build("gated_ltc", INPUTS, UNITS, activation="softplus"),
    "gated_ltc-relu": lambda: cells.build("gated_ltc", INPUTS, UNITS, activation="relu"),
    "gated_ltc-semi_implicit": lambda: cells.build("gated_ltc", INPUTS, UNITS, solver="semi_implicit", substeps=2),
    "gruode-etd2rk": lambda: cells.build("gruode", INPUTS, UNITS, solver="etd2rk"),
    "ltc-ncp": lambda: cells.build("ltc", INPUTS, wired()),
    "ltc-ncps": lambda: cells.build("ltc", INPUTS, UNITS, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8),
    "ltc-etd2rk": lambda: cells.build("ltc", INPUTS, UNITS, solver="etd2rk"),
    "cfc-pure": lambda: cells.build("cfc", INPUTS, UNITS, mode="pure"),
    "cfc-no_gate": lambda: cells.build("cfc", INPUTS, UNITS, mode="no_gate"),
    "cfc-backbone_0": lambda: cells.build("cfc", INPUTS, UNITS, backbone_layers=0),
    "cfc-backbone_2": lambda: cells.build("cfc", INPUTS, UNITS, backbone_layers=2, backbone_units=6),
    "cfc-backbone_3": lambda: cells.build("cfc", INPUTS, UNITS, backbone_layers=3, backbone_units=6, activation="tanh"),
    "wired_cfc-ncp": lambda: cells.build("wired_cfc", INPUTS, wired()),
    "wired_cfc_ncps-ncp": lambda: cells.build("wired_cfc_ncps", INPUTS, wired()),
    "mixed_memory-ctrnn": lambda: MixedMemory(cells.build("ctrnn", INPUTS, UNITS)),
    "mixed_memory-ltc": lambda: MixedMemory(cells.build("ltc", INPUTS, wired())),
    "mixed_memory-cfc": lambda: MixedMemory(cells.build("cfc", INPUTS, UNITS)),
}
CELLS: dict[str, Callable[[], Cell]] = {
    **{name: lambda name=name: cells.build(name, INPUTS, UNITS) for name in cells.names()},
    **VARIANTS,
}
MODELS: dict[str, Callable[[], Any]] = {
    **{name: lambda make=make: Recurrent(make(), backend="reference") for name, make in CELLS.items()},
    "stack": lambda: Stack(cells.build("ctrnn", INPUTS, UNITS), cells.build("gruode", UNITS, 4)),
    "stack-static": lambda: Stack(*(Recurrent(cells.build("gru", n, UNITS), "reference") for n in (INPUTS, UNITS))),
    "bidirectional": lambda: Bidirectional(cells.build("ctrnn", INPUTS, UNITS), cells.build("gated_ltc", INPUTS, 4)),
}

# (cell or model, check): the reason why it does not apply. Patterns as of a shell.
NO_STREAM = "reads the future, so it has no step, no chunks, and looks ahead"
EXPLICIT = "explicit: longer steps than its limit raise StepSizeError (test_solvers.py)"
NOT_REGISTERED = "is built around a cell object, not by name"
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("bidirectional", "streaming_*"): NO_STREAM,
    ("bidirectional", "interleaved_*"): NO_STREAM,
    ("bidirectional", "*chunks*"): NO_STREAM,
    ("bidirectional", "*_in_a_step*"): NO_STREAM,
    ("bidirectional", "no_look_ahead"): NO_STREAM,
    ("bidirectional", "masked_steps_repeat_the_output"): "backward, a masked step repeats the output after it",
    ("bidirectional", "zero_gap_equals_dropping_the_sample"): "backward, the gap belongs to the sample before it",
    ("ctrnn-euler", "good_gaps_are_taken"): EXPLICIT,
    ("ctrnn-rk4", "good_gaps_are_taken"): EXPLICIT,
    ("ctrnn-euler", "finite_values_*"): EXPLICIT,
    ("ctrnn-rk4", "finite_values_*"): EXPLICIT,
    ("mixed_memory-*", "config_builds_its_like"): NOT_REGISTERED,
    ("mixed_memory-*", "unknown_options_are_refused"): NOT_REGISTERED,
    ("mixed_memory-*", "sizes_are_checked"): NOT_REGISTERED,
}


def seeded(make: Callable[[], Any]) -> Callable[[], Any]:
    """Every call makes the same weights."""

    def build() -> Any:
        torch.manual_seed(0)
        return make().eval()

    return build


def exception(name: str, check: str) -> str | None:
    return next(
        (why for (n, c), why in EXCEPTIONS.items() if fnmatch.fnmatchcase(name, n) and fnmatch.fnmatchcase(check, c)), None
    )


def pairs(of: str, made: dict[str, Callable[[], Any]]) -> list[Any]:
    """(check, name) for every check and every cell or model; compiling takes seconds, so it is left out for variants."""
    slow = ("compiles_", "exports")
    return [
        pytest.param(function, name, make, id=f"{check}-{name}")
        for check, function in checks.checks(of)
        for name, make in made.items()
        if not (check.startswith(slow) and name in VARIANTS)
    ]


def run_check(function: Callable[..., None], name: str, make: Callable[[], Any]) -> None:
    reason = exception(name, function.__name__.removeprefix("check_"))
    if reason is None:
        return function(seeded(make))
    with pytest.raises(Exception):  # noqa: B017, PT011 - an exception that is not needed any more shows here
        function(seeded(make))
    pytest.skip(reason)


@pytest.mark.parametrize(("check", "name", "make"), pairs("model", MODELS))
def test_model(check: Callable[..., None], name: str, make: Callable[[], Any]) -> None:
    run_check(check, name, make)


@pytest.mark.parametrize(("check", "name", "make"), pairs("cell", CELLS))
def test_cell(check: Callable[..., None], name: str, make: Callable[[], Any]) -> None:
    run_check(check, name, make)


def test_there_are_enough_checks() -> None:
    found = [name for of in ("model", "cell") for name, _ in checks.checks(of)]
    assert len(found) >= 60
    assert len(set(found)) == len(found)


def test_every_exception_is_of_something() -> None:
    found = [name for of in ("model", "cell") for name, _ in checks.checks(of)]
    for model, check in EXCEPTIONS:
        assert fnmatch.filter(MODELS, model), model
        assert fnmatch.filter(found, check), check
