"""Every check of the contract over every cell of the registry, their variants, and the models built from them."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tauflow
from tauflow import cells, wirings
from tauflow.cells import Cell
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.errors import TauflowError
from tauflow.sequence import Bidirectional, Recurrent, Stack
from tests import contract as checks

INPUTS, UNITS = 3, 5
SOURCE = Path(tauflow.__file__).parent


def wired(inputs: int = INPUTS, units: int = 7, outputs: int = 2) -> wirings.Wiring:
    return wirings.auto_ncp(inputs, units, outputs, sparsity=0.5, seed=3)


def reference(name: str, inputs: int, units: int) -> Recurrent:
    return Recurrent(cells.build(name, inputs, units), backend="reference")


# Besides each cell as cells.build(name, 3, 5) makes it.
VARIANTS: dict[str, Callable[[], Cell]] = {
    "ctrnn-relu": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="relu"),
    "ctrnn-sigmoid": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="sigmoid"),
    "ctrnn-lecun_tanh": lambda: cells.build("ctrnn", INPUTS, UNITS, activation="lecun_tanh"),
    "ctrnn-softsign-tau_is_1": lambda: cells.build(
        "ctrnn", INPUTS, UNITS, activation="softsign", tau=1.0, learn_tau=False
    ),
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
    "ltc-ncps": lambda: cells.build(
        "ltc", INPUTS, UNITS, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8
    ),
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
    "stack": lambda: Stack(reference("ctrnn", INPUTS, UNITS), reference("gruode", UNITS, 4)),
    "stack-static": lambda: Stack(reference("gru", INPUTS, UNITS), reference("lstm", UNITS, UNITS)),
    "bidirectional": lambda: Bidirectional(
        cells.build("ctrnn", INPUTS, UNITS), cells.build("gated_ltc", INPUTS, 4), backend="reference"
    ),
}

SLOW = ("compiles_whole", "exports")

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
}


def seeded(make: Callable[[], Any]) -> Callable[[], Any]:
    """Every call makes the same weights."""

    def build() -> Any:
        torch.manual_seed(0)
        return make().eval()

    return build


def exception(name: str, check: str) -> str | None:
    return next(
        (why for (n, c), why in EXCEPTIONS.items() if fnmatch.fnmatchcase(name, n) and fnmatch.fnmatchcase(check, c)),
        None,
    )


def pairs(of: str, made: dict[str, Callable[[], Any]]) -> list[Any]:
    """(check, name, make) for every check and model; compiling takes seconds, so it is left out for variants."""
    return [
        pytest.param(function, name, make, id=f"{check}-{name}", marks=[pytest.mark.slow] if check in SLOW else [])
        for check, function in checks.checks(of)
        for name, make in made.items()
        if not (check in SLOW and name in VARIANTS)
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
    assert checks.EXAMPLES * sum(make().hull() is not None for make in CELLS.values()) >= 5000


def test_every_exception_is_of_something() -> None:
    found = [name for of in ("model", "cell") for name, _ in checks.checks(of)]
    for model, check in EXCEPTIONS:
        assert fnmatch.filter(MODELS, model), model
        assert fnmatch.filter(found, check), check


# ---- can the checks fail? One broken cell each, and the check that must catch it


class Broken(cells.CTRNN):
    """A CTRNN in which one thing is wrong."""

    name = ""


class MixesRows(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt, h) + 1e-4 * h.mean()


class TakesTheFirstGap(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt[:1].expand_as(dt), h)


class GapsAcrossUnits(Broken):
    """The defect of batched time spans in ncps: right shapes where batch == units, wrong numbers."""

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        one_each = dt if dt.shape[0] == h.shape[1] else dt[:1].expand(h.shape[1])
        drive, rate = self.leak(x, h)
        return torch.lerp(h, drive / rate, 1 - torch.exp(-one_each * rate))


class IgnoresTheGap(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, torch.ones_like(dt), h)


class JumpsAtZero(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt + 1e-3, h)


class NotANumberAtZero(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt, h) + 0 * torch.log(dt)[:, None]


class Remembers(Broken):
    calls = 0

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        self.calls += 1
        return super().step(x, dt, h) + 1e-5 * self.calls


class WritesToItsState(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        new = super().step(x, dt, h)
        with torch.no_grad():
            h.copy_(new)
        return new


class SidedWeights(Broken):
    """Weights beside the module, as in a dict: functional_call, vmap and deepcopy see stale ones."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.side = {"W": self.W}

    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        drive = torch.tanh(h @ self.side["W"].T + u @ self.U.T + self.b)
        return drive, (1 / self.tau).expand_as(h)


class DetachesTheGap(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt.detach(), h)


class SinglePrecisionInside(Broken):
    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        drive, rate = super().leak(u, h)
        return drive.float().to(h.dtype), rate


class FusedWithoutLerp(Broken):
    """(h + dt drive) / (1 + dt rate) leaves the bound by two units in the last place, or overflows."""

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        drive, rate = self.leak(x, h)
        return (h + dt[:, None] * drive) / (1 + dt[:, None] * rate)


class Overflows(Broken):
    """tau = exp(log_tau) without a limit, dt/tau without a limit: inf * 0 in the backward pass."""

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        drive, _ = self.leak(x, h)
        tau = self.log_tau.exp()
        return drive * tau + (h - drive * tau) * torch.exp(-dt[:, None] / tau)


class DrawsNoise(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt, h) + 1e-6 * torch.randn_like(h)


class KeepsItsMaskToItself(Broken):
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.register_buffer("sparsity_mask", torch.ones(units, units), persistent=False)


class ForgetsToReset(Broken):
    def reset_parameters(self) -> None:
        pass

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        super().reset_parameters()


class IgnoresItsState(Broken):
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return super().step(x, dt, torch.zeros_like(h))


CAUGHT: list[tuple[type[Broken], str]] = [
    (MixesRows, "rows_do_not_depend_on_their_batch"),
    (MixesRows, "masked_rows_do_not_depend_on_their_batch"),
    (TakesTheFirstGap, "rows_do_not_depend_on_their_batch"),
    (TakesTheFirstGap, "permuting_the_batch_permutes_the_output"),
    (GapsAcrossUnits, "rows_do_not_depend_on_their_batch"),
    (IgnoresTheGap, "input_gap_and_state_matter"),
    (IgnoresItsState, "input_gap_and_state_matter"),
    (JumpsAtZero, "zero_gap_holds_one_row"),
    (JumpsAtZero, "zero_gap_holds_the_whole_batch"),
    (JumpsAtZero, "zero_gap_in_a_step"),
    (JumpsAtZero, "zero_gap_equals_dropping_the_sample"),
    (NotANumberAtZero, "zero_gap_has_finite_gradients"),
    (NotANumberAtZero, "good_gaps_are_taken"),
    (Remembers, "same_call_same_bits"),
    (Remembers, "chunks_equal_the_whole"),
    (Remembers, "interleaved_streams_are_independent"),
    (WritesToItsState, "arguments_are_not_written_to"),
    (SidedWeights, "functional_call_uses_the_given_weights"),
    (SidedWeights, "load_state_dict"),
    (SidedWeights, "vmap_over_weights"),
    (Remembers, "a_call_does_not_change_the_model"),
    (DetachesTheGap, "gradients"),
    (SinglePrecisionInside, "gradients"),
    (SinglePrecisionInside, "double_is_more_exact_than_float"),
    (FusedWithoutLerp, "state_stays_in_the_hull"),
    (Overflows, "finite_values_and_gradients_over_tau_and_dt"),
    (DrawsNoise, "evaluation_draws_no_random_numbers"),
    (DrawsNoise, "streaming_equals_the_sequence"),
    (KeepsItsMaskToItself, "state_dict_holds_what_decides_the_numbers"),
    (ForgetsToReset, "meta_device"),
    (ForgetsToReset, "reset_is_what_the_constructor_does"),
]


@pytest.mark.parametrize(("broken", "check"), [pytest.param(b, c, id=f"{b.__name__}-{c}") for b, c in CAUGHT])
def test_the_checks_catch_a_broken_cell(broken: type[Broken], check: str) -> None:
    found = {name: (of, function) for of in ("model", "cell") for name, function in checks.checks(of)}
    of, function = found[check]
    make = seeded(lambda: broken(INPUTS, UNITS))
    with pytest.raises((AssertionError, TauflowError, RuntimeError)):
        function(make if of == "cell" else lambda: Recurrent(make(), backend="reference").eval())


# ---- promises about the source and the interpreter


def test_no_assert_decides_anything() -> None:
    """python -O removes them: only those that tell the type checker a class are left."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        asserts = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Assert)]
        found += [
            f"{path.relative_to(SOURCE)}:{node.lineno} assert {ast.unparse(node.test)}"
            for node in asserts
            if not ast.unparse(node.test).startswith("isinstance(")
        ]
    assert not found


REFUSALS = """
import torch
from tauflow import cells
from tauflow.sequence import Recurrent
nan, inf = float("nan"), float("inf")
for name in cells.names():
    torch.manual_seed(0)
    model = Recurrent(cells.build(name, 3, 5), backend="reference")
    x, good = torch.randn(4, 7, 3), torch.ones(4, 7)
    calls = [
        lambda: model(x, good * -1), lambda: model(x, good * nan), lambda: model(x, good * inf),
        lambda: model(x * nan), lambda: model(x * inf), lambda: model(x * 1e38),
        lambda: model(x[0]), lambda: model(x[:, :, :2]),
        lambda: model(x, good[:, :3]), lambda: model(x, good, good), lambda: model(x, good, good[:2] > 0),
        lambda: model(x.double()), lambda: model(x, good, None, torch.zeros(1, 5)), lambda: model.step(x, good),
        lambda: cells.build(name, 0, 5), lambda: cells.build(name, 3, 5, colour=1), lambda: Recurrent(model),
        lambda: Recurrent(model.cell, backend="gpu")(x), lambda: Recurrent(model.cell, zero_dt="skip"),
    ]
    for number, call in enumerate(calls):
        try:
            print(name, number, "gave", [float(part.sum()) for part in call()])
        except Exception as error:
            print(name, number, type(error).__name__, error)
step = cells.build("ctrnn", 3, 5, tau=0.1, solver="euler")
try:
    print(step.step(torch.zeros(1, 3), torch.ones(1), torch.zeros(1, 5)))
except Exception as error:
    print(type(error).__name__, error)
print(__debug__)
"""


def test_python_o_changes_nothing() -> None:
    """Every refusal is the same with asserts removed."""
    plain, optimised = (
        subprocess.run(
            [sys.executable, *flag, "-c", REFUSALS], capture_output=True, text=True, check=True, timeout=120
        ).stdout
        for flag in ((), ("-O",))
    )
    *refusals, debug = plain.splitlines()
    assert [*refusals, "False"] == optimised.splitlines()
    assert debug == "True"
    assert len(refusals) == 19 * len(cells.names()) + 1
    assert [line for line in refusals if " gave " in line or not re.search(r"\w+Error ", line)] == []
    typed = r"(Shape|Dtype|Time|NonFinite|StepSize|Cell|Tauflow|Backend|Wiring)Error "
    assert [line for line in refusals if not re.search(typed, line)] == []


# ---- the bound, on a large scale


@pytest.mark.slow
def test_hull_in_100_000_networks() -> None:
    """The cells with a bound, in a thousand random networks at once: log-uniform weights, tau, inputs and gaps."""
    bounded = {name: make for name, make in CELLS.items() if make().hull() is not None}
    networks = 1000
    rounds = -(-100_000 // (networks * len(bounded)))
    for name, make in bounded.items():
        cell = seeded(make)()
        g = torch.Generator().manual_seed(len(name))
        for _ in range(rounds):
            weights = {
                key: 10 ** (6 * torch.rand(networks, *[1] * p.ndim, generator=g) - 3)
                * (2 * torch.rand(networks, *p.shape, generator=g) - 1)
                for key, p in cell.named_parameters()
            }
            x = 10 ** (33 * torch.rand(networks, 1, 1, generator=g) - 3) * (
                2 * torch.rand(networks, 4, INPUTS, generator=g) - 1
            )
            dt = 10 ** (60 * torch.rand(networks, 4, generator=g) - 30)
            h = 2 * torch.rand(networks, 4, cell.state_size, generator=g) - 1
            with torch.no_grad():
                new = torch.func.vmap(lambda w, *a, c=cell: torch.func.functional_call(c, w, a))(weights, x, dt, h)
                low, high = torch.func.vmap(lambda w, c=cell: hull_with(c, w))(weights)
            low, high = torch.minimum(low[:, None], h), torch.maximum(high[:, None], h)
            slack = checks.SLACK_ULPS.get(cell.name, 0.0) * torch.finfo(torch.float32).eps
            assert ((new >= low - slack * low.abs()) & (new <= high + slack * high.abs())).all(), name


def hull_with(cell: Cell, weights: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The hull that the cell has with these weights."""

    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self) -> Any:
            return self.cell.hull()

    return torch.func.functional_call(Asks(), {f"cell.{key}": value for key, value in weights.items()}, ())
