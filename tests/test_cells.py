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
    "mixed_memory-ctrnn": lambda: MixedMemory(cells.build("ctrnn", INPUTS, UNITS)),
}
if "ltc" in cells.REGISTRY:
    VARIANTS |= {
        "ltc-ncp": lambda: cells.build("ltc", INPUTS, wired()),
        "ltc-semi_implicit": lambda: cells.build("ltc", INPUTS, UNITS, solver="semi_implicit", substeps=6),
        "mixed_memory-ltc": lambda: MixedMemory(cells.build("ltc", INPUTS, wired())),
    }
if "cfc" in cells.REGISTRY:
    VARIANTS |= {
        "cfc-pure": lambda: cells.build("cfc", INPUTS, UNITS, mode="pure"),
        "cfc-no_gate": lambda: cells.build("cfc", INPUTS, UNITS, mode="no_gate"),
        "cfc-backbone_0": lambda: cells.build("cfc", INPUTS, UNITS, backbone_layers=0),
        "cfc-backbone_2": lambda: cells.build("cfc", INPUTS, UNITS, backbone_layers=2, backbone_units=6),
        "cfc-backbone_3": lambda: cells.build("cfc", INPUTS, UNITS, backbone_layers=3, backbone_units=6),
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


def run_check(name: str, check: str, function: Callable[..., None], make: Callable[[], Any]) -> None:
    reason = exception(name, check)
    if reason is not None:
        pytest.skip(reason)
    function(seeded(make))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("check", dict(checks.checks("model")))
def test_model(name: str, check: str) -> None:
    run_check(name, check, dict(checks.checks("model"))[check], MODELS[name])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("check", dict(checks.checks("cell")))
def test_cell(name: str, check: str) -> None:
    run_check(name, check, dict(checks.checks("cell"))[check], CELLS[name])
