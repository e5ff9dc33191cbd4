"""The contract of cells and layers over whole networks: the checks of tests/contract on networks of all parts, and a committee.

A network answers after every sample (`prefixes`), its static features are the same for every row, and it starts from a state that a
run has reached. Its dense parts are matrix products over all samples at once, which round differently for other numbers of rows: where
the contract of a cell asks for equal bits, numbers equal within that rounding are asked for here (bit for bit: test_network.py, on the
kernels).
"""

from __future__ import annotations

import fnmatch
import importlib
import pkgutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tauflow import Bidirectional, Committee, Network, Recurrent, Stack, cells
from tauflow.network import names
from tests import contract as checks

INPUTS, UNITS = 3, 5


def core(name: str, inputs: int, units: int = UNITS) -> Recurrent:
    return Recurrent(cells.build(name, inputs, units), backend="reference")


def deep_core(inputs: int) -> Stack:
    return Stack(core("ctrnn", inputs), core("gruode", UNITS, 4))


NETWORKS: dict[str, Callable[[], Network | Committee]] = {
    "plain": lambda: Network(INPUTS, 2, core("cfc", INPUTS)),
    "gaps": lambda: Network(
        INPUTS, 2, core("ctrnn", 9), missing="missing", encoder={"name": "dense", "units": [7, 9]}, head="quantiles"
    ),
    "history": lambda: Network(INPUTS, 2, core("ctrnn", 21 * INPUTS), scale="ranks", missing="history"),
    "waves": lambda: Network(
        INPUTS, 2, core("gated_ltc", INPUTS + 1 + 4 * 2), waves={"name": "waves", "periods": [2.0, 5.0], "columns": [1]},
        readout={"name": "skip", "units": 6}, head="normal",
    ),
    "mean": lambda: Network(INPUTS, 2, core("ltc", INPUTS), pool="mean", head="classes"),
    "pools": lambda: Network(
        INPUTS, 2, core("gru", 4), encoder={"name": "convolution", "units": 4, "kernel": 2, "filters": [3], "activation": "tanh"},
        pool="several", readout={"name": "skip", "units": 6}, head="student",
    ),
    "attention": lambda: Network(
        INPUTS, 3, core("wired_cfc", INPUTS), pool="attention", readout={"name": "wide", "units": 4}, static=2,
        head="actions", period=0.5,
    ),
    "stack": lambda: Network(INPUTS, 2, deep_core(INPUTS), readout={"name": "deep", "units": [4, 4]}, static=1),
    "both ways": lambda: Network(INPUTS, 2, Bidirectional(core("ctrnn", INPUTS), core("cfc", INPUTS))),
    "window_mlp": lambda: Network(INPUTS, 2, "window_mlp", 4),
    "tcn": lambda: Network(INPUTS, 2, {"name": "tcn", "blocks": 2}, 4),
    "transformer": lambda: Network(INPUTS, 2, {"name": "transformer", "steps": 5, "layers": 1, "dropout": 0.0}, 4),
    "committee": lambda: Committee(lambda: Network(INPUTS, 2, core("ctrnn", INPUTS)), 2),
}  # fmt: skip


class Whole(nn.Module):
    """A network under the calls of `Recurrent`."""

    def __init__(self, network: Network | Committee) -> None:
        super().__init__()
        self.network = network
        self.inputs, self.outputs, self.state_size = network.inputs, network.outputs, network.state_size
        if self.looks_ahead():
            self.back = "it has no step"
        self.given = [0.3, -0.7][: network.static]
        with torch.no_grad():
            for parameter in network.parameters():  # as after training: no straight line at zero
                parameter.add_(0.1 * torch.randn_like(parameter))

    def initial_state(self, batch: int) -> Tensor:
        return self.network.initial_state(batch)

    def forward(self, x: Any, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        run = self.network.forward if self.looks_ahead() else self.network.prefixes
        return run(x, dt, mask, state, static=self.static(len(x)))

    def step(self, x: Any, dt: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        return self.network.step(x, dt, state, self.static(len(x)))

    def static(self, rows: int) -> Tensor | None:
        like = next(self.parameters())
        return like.new_tensor(self.given).expand(rows, -1) if self.given else None

    def looks_ahead(self) -> bool:
        return any(isinstance(part, Bidirectional) for part in self.modules())

    @torch.no_grad()
    def reached(self, batch: int, generator: torch.Generator) -> Tensor:
        """A state to start from."""
        x, dt = (torch.randn(batch, 14, INPUTS, generator=generator), torch.rand(batch, 14, generator=generator))
        like = next(self.parameters())
        return self.forward(x.to(like), dt.to(like))[1]


ZERO_GAP = ("holds_one_row", "holds_the_whole_batch", "in_a_step", "equals_dropping_the_sample")

# (network, check): the reason why it does not apply. Patterns as of a shell.
NO_STREAM = "reads the future, so it has no step, no chunks, and looks ahead"
BUILT_ANEW = "its parts have no reset_parameters: a network is built anew"
MEASURED = "scales, the period and whether they were measured are learned from data, and belong to its state"
KINKS = "ranks, distances, least and greatest have kinks, which no difference quotient likes"
A_READING = "a reading at the same time is one: Missing carries it on"
A_SAMPLE = "a pool counts a sample at the same time like any other"
A_WINDOW = "a core with a window holds the last samples, whatever the time between them"
IN_SIGHT = "a skip readout sees the sample itself beside the state"
TORCH = "torch's attention has neither second derivatives nor forward mode nor a batching rule on the CPU"
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("both ways", "streaming_*"): NO_STREAM,
    ("both ways", "interleaved_*"): NO_STREAM,
    ("both ways", "*chunks*"): NO_STREAM,
    ("both ways", "*_in_a_step*"): NO_STREAM,
    ("both ways", "no_look_ahead"): NO_STREAM,
    ("both ways", "masked_steps_repeat_the_output"): "backward, a masked step repeats the output after it",
    ("both ways", "zero_gap_equals_dropping_the_sample"): "backward, the gap belongs to the sample before it",
    ("committee", "train_and_eval_agree_without_dropout"): "a batch in training goes to one member",
    ("*", "meta_device"): BUILT_ANEW,
    ("*", "state_dict_holds_what_decides_the_numbers"): MEASURED,
    ("gaps", "an_error_leaves_the_model_usable"): "NaN in x is no error with a missing part",
    ("gaps", "bad_input_is_refused"): "NaN in x is no error with a missing part",
    ("gaps", "zero_gap_holds_*"): A_READING,
    ("gaps", "zero_gap_in_a_step"): A_READING,
    ("history", "an_error_leaves_the_model_usable"): "NaN in x is no error with a missing part",
    ("history", "bad_input_is_refused"): "NaN in x is no error with a missing part",
    ("history", "zero_gap_holds_*"): A_READING,
    ("history", "zero_gap_in_a_step"): A_READING,
    ("history", "zero_gap_equals_dropping_the_sample"): A_READING,
    ("history", "vmap_over_weights"): "torch copies what it looks up there, and warns",
    **{("history", f"{kind}gradients"): KINKS for kind in ("", "second_", "forward_mode_")},
    ("waves", "zero_gap_holds_the_whole_batch"): IN_SIGHT,
    ("waves", "masked_steps_repeat_the_output"): IN_SIGHT,
    **{(pooled, f"zero_gap_{what}"): A_SAMPLE for pooled in ("mean", "pools", "attention") for what in ZERO_GAP},
    **{(core, f"zero_gap_{what}"): A_WINDOW for core in names("core") for what in ZERO_GAP},
    **{(core, "padding_does_not_change_a_gradient"): "its state has no gradient: it holds samples" for core in names("core")},
    ("window_mlp", "input_needs_no_gradient"): "the first sample has left its window",
    ("transformer", "input_needs_no_gradient"): "the first sample has left its window",
    ("transformer", "second_gradients"): TORCH,
    ("transformer", "forward_mode_gradients"): TORCH,
    ("transformer", "vmap_over_*"): TORCH,
    ("attention", "no_dt_is_one"): "no dt is one period, here half a unit of time",
}  # fmt: skip


def equal_but_for_rounding(a: Tensor, b: Tensor) -> bool:
    alike = a.shape == b.shape and a.dtype == b.dtype
    return alike and torch.allclose(a, b, rtol=2e-6, atol=2e-6, equal_nan=True)


@pytest.fixture(autouse=True)
def _rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in pkgutil.iter_modules(checks.__path__):
        module = importlib.import_module(f"{checks.__name__}.{found.name}")
        if hasattr(module, "same_bits"):
            monkeypatch.setattr(module, "same_bits", equal_but_for_rounding)


def exception(name: str, check: str) -> str | None:
    matches = (w for (n, c), w in EXCEPTIONS.items() if fnmatch.fnmatchcase(name, n) and fnmatch.fnmatchcase(check, c))
    return next(matches, None)


def seeded(name: str) -> Callable[[], Whole]:
    def build() -> Whole:
        torch.manual_seed(0)
        return Whole(NETWORKS[name]()).eval()

    return build


SLOW = ("compiles_whole", "exports")
CASES = [
    pytest.param(function, name, id=f"{check}-{name}", marks=[pytest.mark.slow] if check in SLOW else [])
    for check, function in checks.checks("model")
    for name in NETWORKS
    if check not in SLOW or name in ("gaps", "pools", "attention")
]


@pytest.mark.parametrize(("check", "name"), CASES)
def test_network(check: Callable[..., None], name: str) -> None:
    reason = exception(name, check.__name__.removeprefix("check_"))
    if reason is None:
        return check(seeded(name))
    with pytest.raises((Exception, pytest.fail.Exception)):  # one that is not needed any more shows here
        check(seeded(name))
    pytest.skip(reason)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("grad", [True, False])
def test_threads_do_not_disturb_each_other(name: str, grad: bool) -> None:
    model = seeded(name)()
    words = [(torch.randn(4, 9, INPUTS), torch.rand(4, 9)) for _ in range(8)]

    def run(x: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        with torch.set_grad_enabled(grad):
            return model(x, dt)

    alone = [run(*each) for each in words]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for found, expected in zip(pool.map(run, *zip(*words, strict=True)), alone, strict=True):
                assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_every_exception_is_of_something() -> None:
    found = [name for name, _ in checks.checks("model")]
    for network, check in EXCEPTIONS:
        assert fnmatch.filter(NETWORKS, network), network
        assert fnmatch.filter(found, check), check
