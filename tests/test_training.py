"""Training: the loop does what its words say, stops where it should, and leaves things as it found them."""

from __future__ import annotations

import copy
import hashlib
import io
import math
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tauflow.cells import CTRNN
from tauflow.errors import NonFiniteError, ShapeError, StateOverflowError, TrainingError
from tauflow.losses import LossError, mse, time_integrated
from tauflow.sequence import Recurrent
from tauflow.training import (
    ArraySource,
    Batch,
    Callback,
    Epoch,
    History,
    SettingsError,
    Step,
    evaluate,
    fit,
    supervised,
)
from tauflow.training import guard as guard_module
from tauflow.training.optim import build, cosine, one_cycle

nan = math.nan


class Leaky(nn.Module):
    """A small model of the sequence contract: a leaky state, dropout, a linear readout."""

    def __init__(self, units: int = 8, dropout: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.cell = nn.Linear(1 + units, units, dtype=dtype)
        self.log_tau = nn.Parameter(torch.zeros(units, dtype=dtype))
        self.readout = nn.Linear(units, 1, dtype=dtype)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(len(x), len(self.log_tau)) if state is None else state
        outputs = []
        for k in range(x.shape[1]):
            gap = x.new_ones(len(x)) if dt is None else dt[:, k]
            keep = torch.exp(-gap[:, None] * torch.exp(-self.log_tau))
            moved = torch.lerp(torch.tanh(self.cell(torch.cat([x[:, k], h], dim=1))), h, keep)
            h = moved if mask is None else torch.where(mask[:, k, None], moved, h)
            outputs.append(self.readout(self.dropout(h)))
        return torch.stack(outputs, dim=1), h


def leaky(seed: int = 0, **options: Any) -> Leaky:
    torch.manual_seed(seed)
    return Leaky(**options)


def sines(samples: int = 24, steps: int = 16, seed: int = 0, dtype: torch.dtype = torch.float32) -> Batch:
    """The primer's small problem: sin(t) at uneven times, to be foretold half a unit of time ahead."""
    generator = torch.Generator().manual_seed(seed)
    gap = 0.2 + 0.4 * torch.rand(samples, steps, generator=generator, dtype=torch.float64)
    t = 6 * torch.rand(samples, 1, generator=generator, dtype=torch.float64) + gap.cumsum(1)
    return Batch(torch.sin(t)[..., None].to(dtype), torch.sin(t + 0.5)[..., None].to(dtype), gap.to(dtype))


def source(batch: Batch | None = None, **options: Any) -> ArraySource:
    batch = batch or sines()
    return ArraySource(batch.x, batch.y, batch.dt, batch.mask, **{"batch_size": 8, **options})


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def digest(model: nn.Module) -> str:
    return hashlib.sha256(b"".join(v.numpy().tobytes() for v in weights_of(model).values())).hexdigest()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Recorder(Callback):
    def __init__(self, model: nn.Module) -> None:
        self.model, self.steps, self.epochs = model, list[Step](), list[Epoch]()
        self.weights, self.norms, self.history = list[dict[str, Tensor]](), list[float](), None

    def on_step(self, step: Step) -> None:
        self.steps.append(step)
        gradients = [p.grad.norm() for p in self.model.parameters() if p.grad is not None]
        self.norms.append(float(torch.stack(gradients).norm()))

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self.weights.append(weights_of(self.model))

    def on_end(self, history: History) -> None:
        self.history = history


def quick(model: nn.Module, train: Any = None, **options: Any) -> History:
    given = {"objective": supervised("mse"), "epochs": 3, "progress": False, **options}
    return fit(model, train if train is not None else source(), **given)


# The loop


def settled(model: nn.Module, batch: Batch) -> Tensor:
    """The error after four samples; before, nobody can know whether the wave rises or falls."""
    y, _ = model(batch.x, dt=batch.dt)
    return mse(y[:, 4:], batch.y[:, 4:])


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 0.03), ("adamw", 0.03), ("sgd", 1.0)])
def test_it_learns_to_continue_a_sine(optimizer: str, lr: float) -> None:
    model, held_out = leaky(units=12), source(sines(seed=1))
    before = evaluate(model, held_out, settled)
    tau = model.log_tau.detach().clone()
    history = quick(
        model,
        objective=settled,
        validation=held_out,
        epochs=60,
        optimizer=optimizer,
        lr=lr,
        schedule="one_cycle",
    )
    after = evaluate(model, held_out, settled)
    assert before > 0.4
    assert after < 0.01, (before, after)
    assert after == min(history.validation)
    assert history.train[-1] < history.train[0] / 50
    assert not torch.equal(model.log_tau, tau), "time constants learn too"


def test_a_liquid_network_learns_it_with_its_time_constants() -> None:
    """The primer's own cell, with time cut in chunks and without; padding changes nothing."""

    class Readout(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.body, self.head = Recurrent(CTRNN(1, 12)), nn.Linear(12, 1)

        def forward(self, x: Tensor, **rest: Any) -> tuple[Tensor, Tensor]:
            y, state = self.body(x, **rest)
            return self.head(y), state

    batch = sines()
    for truncate in (None, 8):
        model = Readout()
        tau = model.body.cell.tau.detach()
        history = quick(model, source(batch), epochs=40, lr=0.03, truncate=truncate)
        assert history.train[-1] < history.train[0] / 10
        assert float((model.body.cell.tau.detach() / tau).log().abs().max()) > 0.05
    for extra in (1, 40):
        pad = [0, 0, 0, extra]
        mask = nn.functional.pad(torch.ones(24, 16, dtype=torch.bool), pad[2:], value=False)
        x, y = (nn.functional.pad(part, pad, value=nan) for part in (batch.x, batch.y))
        padded = Batch(x, y, nn.functional.pad(batch.dt, pad[2:], value=nan), mask)
        one, other = Readout(), Readout()
        quick(one, source(batch), epochs=2)
        quick(other, source(padded), epochs=2)
        assert one.state_dict().keys() == other.state_dict().keys()
        for name, value in one.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-4, atol=1e-6)


def test_one_step_is_the_hand_written_one() -> None:
    """Data, forward, loss, gradients, clipping, update: the same bits as the six lines of a textbook."""
    model, twin = leaky(), leaky()
    batch = sines()
    quick(model, source(batch, shuffle=False), epochs=2, lr=0.05, clip=0.1, weight_decay=0.1, optimizer="sgd")
    optimizer = build(twin, "sgd", 0.05, 0.1)
    for _ in range(2):
        for part in (batch.rows(slice(i, i + 8)) for i in (0, 8, 16)):
            loss = mse(twin(part.x, part.dt)[0], part.y)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.1)
            optimizer.step()
    for name, value in weights_of(twin).items():
        torch.testing.assert_close(weights_of(model)[name], value, rtol=1e-5, atol=1e-6)


def test_any_module_and_any_batch_will_do() -> None:
    class Pairs:
        def __len__(self) -> int:
            return 4

        def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
            generator = torch.Generator().manual_seed(epoch)
            for _ in range(4):
                x = torch.randn(5, 3, generator=generator)
                yield x, x.sum(1, keepdim=True)

    model = nn.Sequential(nn.Linear(3, 1))
    history = fit(model, Pairs(), objective=lambda m, b: (m(b[0]) - b[1]).square().mean(), lr=0.1, progress=False)
    assert history.train[-1] < 1e-4
    assert history.epochs == 50


def test_weights_biases_and_time_constants_move_and_frozen_ones_stay() -> None:
    model = leaky()
    model.readout.requires_grad_(False)
    before = weights_of(model)
    quick(model)
    moved = {name for name, value in weights_of(model).items() if not torch.equal(value, before[name])}
    assert moved == {"cell.weight", "cell.bias", "log_tau"}


@pytest.mark.parametrize("clip", [1e-3, 0.05])
def test_clipping_bounds_the_norm(clip: float) -> None:
    model = leaky()
    recorder = Recorder(model)
    quick(model, clip=clip, callbacks=[recorder])
    assert max(step.gradient_norm for step in recorder.steps) > clip
    assert all(norm <= clip * (1 + 1e-6) for norm in recorder.norms)
    free = Recorder(unclipped := leaky())
    quick(unclipped, clip=None, callbacks=[free])
    assert free.norms == pytest.approx([step.gradient_norm for step in free.steps], rel=1e-5)


def test_schedules() -> None:
    assert [cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert [one_cycle(p) for p in (0, 0.15, 0.3, 0.65, 1)] == pytest.approx([0.04, 0.52, 1, 0.5, 0])
    recorder = Recorder(model := leaky())
    own = torch.optim.SGD([{"params": [model.log_tau], "lr": 0.2}, {"params": model.cell.parameters(), "lr": 0.1}])
    history = quick(model, optimizer=own, schedule="cosine", epochs=2, callbacks=[recorder])
    assert [step.lr for step in recorder.steps] == pytest.approx([0.2 * cosine(i / 6) for i in range(6)])
    assert history.lr == pytest.approx((0.2 * cosine(2 / 6), 0.2 * cosine(5 / 6)))
    assert [group["lr"] for group in own.param_groups] == [0.2, 0.1], "as the caller left it"


def test_weight_decay_pulls_matrices_only() -> None:
    m = leaky()
    groups = {id(p): g["weight_decay"] for g in build(m, "adamw", None, 0.1).param_groups for p in g["params"]}
    pulled = {name for name, parameter in m.named_parameters() if groups[id(parameter)] > 0}
    assert pulled == {"cell.weight", "readout.weight"}
    assert len(groups) == len(list(m.parameters()))


def test_validation_is_a_mean_over_samples_without_dropout() -> None:
    model, held_out = leaky(dropout=0.5), sines(samples=13, seed=3)
    model.eval()
    whole = mse(model(held_out.x, held_out.dt)[0], held_out.y).item()
    model.train()
    value = evaluate(model, source(held_out, batch_size=6), supervised("mse"))
    assert value == pytest.approx(whole, rel=1e-6)
    assert model.training


# Random numbers, modes: as found


def test_the_same_seed_gives_the_same_bits() -> None:
    digests = {}
    for seed in (0, 0, 1):
        torch.manual_seed(seed * 17 + len(digests))  # the caller's generator must not matter
        model = leaky(dropout=0.3)
        torch.rand(len(digests) + 1)
        quick(model, seed=seed)
        digests.setdefault(seed, set()).add(digest(model))
    assert len(digests[0]) == 1
    assert digests[0] != digests[1]


def test_the_callers_generator_and_modes_are_left_as_found() -> None:
    model = leaky(dropout=0.3)
    model.eval()
    model.readout.train()
    modes = [module.training for module in model.modules()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad():
        quick(model, validation=source())
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    train = source()
    with torch.inference_mode():
        assert quick(model, train).epochs == 3


def test_dropout_drops_while_training_and_only_then() -> None:
    modes = []

    def objective(model: nn.Module, batch: Batch) -> Tensor:
        modes.append((model.training, model.dropout.training, torch.is_grad_enabled()))
        return supervised("mse")(model, batch)

    model = leaky(dropout=0.3)
    model.eval()
    quick(model, objective=objective, validation=source(), epochs=2)
    assert modes == ([(True,) * 3] * 3 + [(False,) * 3] * 3) * 2


def test_modes_and_generator_come_back_after_an_error_too() -> None:
    def broken(model: nn.Module, batch: Batch) -> Tensor:
        raise ZeroDivisionError

    model = leaky()
    model.eval()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError):
        quick(model, objective=broken)
    assert not model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_shuffling_depends_on_seed_and_epoch_alone() -> None:
    x = torch.arange(10.0)[:, None, None]

    def order(seed: int, epoch: int, shuffle: bool = True) -> list[float]:
        batches = ArraySource(x, batch_size=4, seed=seed, shuffle=shuffle).batches(epoch)
        return torch.cat([batch.x for batch in batches]).flatten().tolist()

    assert order(1, 2) == order(1, 2)
    assert sorted(order(1, 2)) == list(range(10))
    assert len({tuple(order(s, e)) for s in (0, 1) for e in (0, 1)}) == 4
    assert order(1, 2, shuffle=False) == list(range(10))
    assert len(ArraySource(x, batch_size=4)) == 3


# Truncated backpropagation through time


def gradients(model: nn.Module, losses: Iterator[Tensor]) -> list[list[Tensor]]:
    """The gradient of each loss, by itself."""
    return [list(torch.autograd.grad(loss, list(model.parameters()))) for loss in losses]


def test_one_chunk_as_long_as_the_sequence_is_ordinary_bptt() -> None:
    model, batch = leaky(), sines(dtype=torch.float32)
    objective = supervised("mse")
    (whole,) = gradients(model, iter([objective(model, batch)]))
    for length in (16, 17, 1000):
        (cut,) = gradients(model, objective.truncated(model, batch, length))
        assert all(torch.equal(a, b) for a, b in zip(whole, cut, strict=True))
    a, b = leaky(), leaky()
    quick(a, truncate=16)
    quick(b)
    assert digest(a) == digest(b)


def test_the_state_is_carried_and_the_gradient_cut() -> None:
    """Chunk 2 sees the numbers of chunk 1, but sends it no gradient: as if it had started from a given state."""
    model, batch = leaky(dtype=torch.float64), sines(dtype=torch.float64)
    outputs, _ = model(batch.x, batch.dt)
    losses = list(supervised("mse").truncated(model, batch, 6))
    ends = [(0, 6), (6, 12), (12, 16)]
    for loss, (a, b) in zip(losses, ends, strict=True):
        torch.testing.assert_close(loss, mse(outputs[:, a:b], batch.y[:, a:b]), rtol=1e-12, atol=0)
    with torch.no_grad():
        _, given = model(batch.x[:, :12], batch.dt[:, :12])
    alone = mse(model(batch.x[:, 12:], batch.dt[:, 12:], state=given)[0], batch.y[:, 12:])
    (expected,) = gradients(model, iter([alone]))
    (got,) = gradients(model, iter(losses[2:]))
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-15)


def test_each_chunk_is_an_update_and_sees_the_weights_of_the_last() -> None:
    model, twin, batch = leaky(), leaky(), sines(samples=8)
    quick(model, source(batch, shuffle=False), epochs=1, truncate=8, optimizer="sgd", lr=0.1, clip=None)
    optimizer, state = build(twin, "sgd", 0.1, None), None
    for part in (batch.steps(0, 8), batch.steps(8, 16)):
        y, state = twin(part.x, part.dt, state=state)
        optimizer.zero_grad()
        mse(y, part.y).backward()
        optimizer.step()
        state = state.detach()
    assert digest(model) == digest(twin)


def test_masked_chunks_move_nothing() -> None:
    batch = sines()
    mask = torch.ones(24, 16, dtype=torch.bool)
    mask[:, 10:] = False
    spoilt = Batch(batch.x, torch.where(mask[..., None], batch.y, nan), batch.dt, mask)
    long, short = leaky(), leaky()
    quick(long, source(spoilt), truncate=5)
    quick(short, source(batch.steps(0, 10)), truncate=5)
    assert digest(long) == digest(short)
    with pytest.raises(LossError, match="no entry counts"):
        quick(leaky(), source(Batch(batch.x, batch.y, batch.dt, mask & False)), truncate=5)


def test_the_parts_of_an_integral_make_the_whole() -> None:
    model, batch = leaky(dtype=torch.float64), sines(dtype=torch.float64)
    mask = torch.rand(24, 16, generator=torch.Generator().manual_seed(0)) < 0.7
    batch = Batch(batch.x, batch.y, batch.dt, mask)
    objective = supervised(time_integrated("mse"))
    parts = list(objective.truncated(model, batch, 3))
    assert len(parts) == 6
    torch.testing.assert_close(torch.stack(parts).mean(), objective(model, batch), rtol=1e-12, atol=0)


def test_truncation_asks_for_targets_in_time() -> None:
    batch = sines()
    with pytest.raises(ShapeError, match="a target at every step"):
        quick(leaky(), ArraySource(batch.x, batch.y[:, -1], batch.dt), truncate=4)
    with pytest.raises(SettingsError, match=r"use supervised\(loss\)"):
        quick(leaky(), truncate=4, objective=lambda model, batch: model(batch.x)[0].mean())


def test_one_target_a_sample_is_not_masked() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = leaky()

        def forward(self, x: Tensor, **rest: Any) -> tuple[Tensor, Tensor]:
            y, state = self.inner(x, **rest)
            return y[:, -1], state

    batch = sines(samples=16)  # batch == time, so that a mask could pass for one of samples
    mask = torch.ones(16, 16, dtype=torch.bool).tril()
    value = supervised("mse")(Last(), Batch(batch.x, batch.y[:, -1], batch.dt, mask))
    assert torch.isfinite(value)


# Stopping


def test_early_stopping_restores_the_best_weights_and_says_so() -> None:
    model = leaky()
    recorder = Recorder(model)
    falling_then_rising = iter([5.0, 4.0, 3.0, 3.5, 3.0, 3.2, 9.0])
    history = quick(
        model,
        epochs=50,
        patience=3,
        validation=source(batch_size=24),
        validate=lambda m, b: torch.tensor(next(falling_then_rising)),
        callbacks=[recorder],
    )
    assert history.stopped == "early"
    assert history.message == "stopped at epoch 6: validation has not improved for 3; weights of epoch 3 restored"
    assert (history.best_epoch, history.epochs, history.restored) == (3, 6, True)
    assert same(weights_of(model), recorder.weights[2])
    assert not same(weights_of(model), recorder.weights[5])
    assert recorder.history is history
    assert [epoch.best_epoch for epoch in recorder.epochs] == [1, 2, 3, 3, 3, 3]


def test_without_validation_patience_watches_the_training_loss() -> None:
    values = iter([3.0] * 3 + [2.0] * 3 + [2.5] * 6)
    history = quick(leaky(), epochs=9, patience=2, objective=lambda m, b: 0 * m(b.x)[0].mean() + next(values))
    assert (
        history.message == "stopped at epoch 4: the training loss has not improved for 2; weights of epoch 2 restored"
    )
    assert history.train == pytest.approx((3.0, 2.0, 2.5, 2.5))


def test_without_either_the_last_weights_stay() -> None:
    recorder = Recorder(model := leaky())
    history = quick(model, callbacks=[recorder])
    assert same(weights_of(model), recorder.weights[-1])
    assert history.message == "stopped at epoch 3: all epochs done"
    assert not history.restored


def test_a_callback_can_end_it() -> None:
    class Enough(Callback):
        def on_step(self, step: Step) -> bool:
            return (step.epoch, step.step) == (2, 1)

    history = quick(leaky(), callbacks=[Enough()])
    assert (history.stopped, history.epochs) == ("callback", 2)


def test_a_time_budget_closes_the_epoch_under_way() -> None:
    history = quick(leaky(), validation=source(), epochs=10_000, time_budget=0.2)
    assert history.stopped == "time"
    assert 0 < history.epochs < 10_000
    assert len(history.validation) == history.epochs
    assert 0.1 < history.seconds < 5


def test_ctrl_c_keeps_the_best_weights() -> None:
    class Interrupt(Recorder):
        def on_step(self, step: Step) -> None:
            if (step.epoch, step.step) == (4, 2):
                raise KeyboardInterrupt

    recorder = Interrupt(model := leaky())
    rising = iter([1.0, 0.5, 0.7])
    held_out = source(batch_size=24)
    history = quick(
        model, epochs=9, validation=held_out, validate=lambda m, b: torch.tensor(next(rising)), callbacks=[recorder]
    )
    assert (history.stopped, history.epochs) == ("interrupted", 3)
    assert same(weights_of(model), recorder.weights[1])
    assert "interrupted; weights of epoch 2 restored" in history.message


# The guard


@pytest.mark.parametrize("bad", [nan, math.inf])
def test_a_bad_loss_restores_the_best_weights_bit_for_bit(bad: float) -> None:
    recorder = Recorder(model := leaky())
    count = iter(range(100))

    def objective(m: nn.Module, b: Batch) -> Tensor:
        loss = supervised("mse")(m, b)
        return loss * bad if next(count) == 8 else loss

    with pytest.raises(TrainingError) as caught:
        quick(model, objective=objective, epochs=9, callbacks=[recorder])
    assert len(recorder.weights) == 2
    assert same(weights_of(model), recorder.weights[1])
    message = str(caught.value)
    assert f"epoch 3, step 3: the loss is {bad}" in message
    for part in ("the step before", "largest gradient is that of", "weights of epoch 2 restored", "smaller lr", "clip"):
        assert part in message
    assert all(torch.isfinite(p).all() and p.grad is None for p in model.parameters())


def test_a_bad_gradient_is_found_though_the_loss_is_finite() -> None:
    """sqrt has an infinite slope at 0: the loss is 0, its gradient NaN, and clipping would spread it to all weights."""
    model = leaky()
    before = weights_of(model)
    with pytest.raises(TrainingError, match=r"epoch 1, step 1: the gradient's norm is nan.* \(nan\).*initial weights"):
        quick(model, objective=lambda m, b: (0 * m(b.x)[0]).square().sqrt().mean())
    assert same(weights_of(model), before)


def test_a_runaway_gradient_stops_and_a_steep_start_does_not() -> None:
    calls = iter(range(1000))

    def objective(m: nn.Module, b: Batch) -> Tensor:
        return supervised("mse")(m, b) * (1e8 if next(calls) == 20 else 1.0)

    with pytest.raises(TrainingError, match=r"epoch 7, step 3: the gradient's norm is .*, at first it was up to"):
        quick(leaky(), objective=objective, epochs=20)
    for start in ([1e8], [1.0, 1.0, 1e8]):
        steep = iter(start + [1.0] * 1000)
        quick(leaky(), objective=lambda m, b, s=steep: supervised("mse")(m, b) * next(s), epochs=20)


class One(nn.Module):
    """One weight."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(()))


class Slopes:
    """Batches that are the gradient's norm."""

    def __init__(self, *slopes: float) -> None:
        self.slopes = slopes

    def __len__(self) -> int:
        return len(self.slopes)

    def batches(self, epoch: int) -> Iterator[Tensor]:
        yield from map(torch.tensor, self.slopes)


def sloped(slopes: list[float], **options: Any) -> History:
    return fit(One(), Slopes(*slopes), objective=lambda m, b: m.w * b, epochs=1, lr=1e-9, progress=False, **options)


def test_a_gradient_is_measured_by_the_first_ten_and_not_by_those_that_came_since() -> None:
    sloped([1.0] * 10 + [1e3, 9e5])
    with pytest.raises(TrainingError, match=r"step 13: the gradient's norm is 1e\+09, at first it was up to 1, "):
        sloped([1.0] * 10 + [1e3, 9e5, 1e9])
    with pytest.raises(TrainingError, match=r"step 11: .*at first it was up to 3, "):
        sloped([1.0] * 9 + [3.0, 3.1e6])
    sloped([1.0] * 9 + [3.0, 2.9e6])
    sloped([1.0] * 9 + [1e9, 1e9])  # the tenth is one of the first


def test_the_guard_remembers_the_first_gradients_after_a_resume(tmp_path: Path) -> None:
    class Crash(Callback):
        def on_step(self, step: Step) -> None:
            if step.step == 14:
                raise ConnectionError

    slopes = [2.0] * 15 + [1e8]
    options: dict[str, Any] = {"checkpoint": tmp_path / "run.tau", "checkpoint_every": 1}
    with pytest.raises(ConnectionError):
        sloped(slopes, callbacks=[Crash()], **options)
    with pytest.raises(TrainingError, match=r"step 16: the gradient's norm is 1e\+08, at first it was up to 2, "):
        sloped(slopes, **options)


def test_a_real_divergence_is_caught_and_undone() -> None:
    """A linear recurrence with an absurd rate leaves the numbers; what is left is the model of before."""

    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor(0.5))

        def forward(self, x: Tensor, **rest: Any) -> tuple[Tensor, Tensor]:
            h = x[:, 0]
            for _ in range(30):
                h = self.w * h + x[:, 0]
            return h[:, None].expand(-1, x.shape[1], -1), h

    model = Linear()
    with pytest.raises(TrainingError, match="restored"):
        quick(model, lr=100.0, optimizer="sgd", clip=None, epochs=50)
    assert bool(torch.isfinite(model.w))
    assert evaluate(model, source(), supervised("mse")) < 1e6


def test_a_state_overflow_becomes_a_training_error() -> None:
    calls = iter(range(100))

    def objective(m: nn.Module, b: Batch) -> Tensor:
        if next(calls) == 4:
            raise StateOverflowError("the state of sample 3 left float32 at step 7")
        return supervised("mse")(m, b)

    recorder = Recorder(model := leaky())
    with pytest.raises(TrainingError, match="epoch 2, step 2: the state of sample 3 left float32") as caught:
        quick(model, objective=objective, callbacks=[recorder])
    assert isinstance(caught.value.__cause__, StateOverflowError)
    assert same(weights_of(model), recorder.weights[0])


def test_a_bad_validation_loss_is_not_the_best() -> None:
    values = iter([1.0, nan])
    recorder = Recorder(model := leaky())
    with pytest.raises(TrainingError, match=r"the validation loss is nan.*weights of epoch 1 restored"):
        quick(
            model,
            validation=source(batch_size=24),
            validate=lambda m, b: torch.tensor(next(values)),
            callbacks=[recorder],
        )
    assert same(weights_of(model), recorder.weights[0])


def test_bad_targets_are_the_datas_fault() -> None:
    batch = sines()
    batch.y[3, 2] = nan
    with pytest.raises(NonFiniteError, match="mask them"):
        quick(leaky(), source(batch))


def test_the_suspect_is_the_parameter_with_the_largest_gradient() -> None:
    model = leaky()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    model.log_tau.grad[2] = -7.0
    assert guard_module._suspect(model) == "the largest gradient is that of log_tau (7)"
    model.cell.bias.grad[0] = nan
    assert "cell.bias (nan)" in guard_module._suspect(model)
    with torch.no_grad():
        model.readout.bias.fill_(math.inf)
    assert guard_module._suspect(model) == "parameter readout.bias is not finite"


# What was asked for wrongly


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": True}, "epochs is True"),
        ({"patience": 1.5}, "patience is 1.5"),
        ({"truncate": -1}, "truncate is -1"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"clip": nan}, "clip is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"weight_decay": -0.1}, "weight_decay -0.1"),
        ({"optimizer": "adagrab"}, "there are adam, adamw, sgd"),
        ({"schedule": "step"}, "there are None, 'cosine', 'one_cycle'"),
        ({"train": [1, 2]}, "train is a list"),
        ({"validation": [1, 2]}, "validation is a list"),
        ({"objective": lambda m, b: m(b.x)[0]}, "expected one number"),
        ({"objective": lambda m, b: torch.zeros(())}, "does not depend on any parameter"),
        ({"checkpoint_every": 0, "checkpoint": "x"}, "checkpoint_every is 0"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        quick(leaky(), **options)


def test_mistakes_with_an_optimiser_of_ones_own() -> None:
    model = leaky()
    own = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(SettingsError, match="belong to the optimiser"):
        quick(model, optimizer=own, lr=0.1)
    with pytest.raises(SettingsError, match="LBFGS"):
        quick(model, optimizer=torch.optim.LBFGS(model.parameters()))
    with pytest.raises(SettingsError, match="nothing to learn"):
        quick(leaky().requires_grad_(False))
    with pytest.raises(ShapeError, match=r"y is a ndarray, expected a tensor: torch.as_tensor\(y"):
        ArraySource(torch.ones(4, 2, 1), np.ones((4, 1)))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="y has 3 samples, but x has 4"):
        ArraySource(torch.zeros(4, 2, 1), torch.zeros(3, 2, 1))
    with pytest.raises(ShapeError, match="at least one sample"):
        ArraySource(torch.zeros(0, 2, 1))


# Progress


def test_quiet_off_a_terminal_and_lines_if_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    quick(leaky(), progress="auto")
    quick(leaky(), progress=False)
    assert capfd.readouterr() == ("", "")
    quick(leaky(), progress=True, validation=source())
    out, err = capfd.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("epoch 1/3  loss ")
    assert "validation" in lines[0]
    assert "s left" in lines[0]
    assert lines[3].startswith("stopped at epoch 3")


def test_a_terminal_shows_loss_validation_time_left_and_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    quick(leaky(), validation=source(), patience=2, progress="auto")
    shown = screen.getvalue()
    for part in ("epoch", "3/3", "loss", "validation", "0:00:0"):
        assert part in shown
    assert shown.count("stopped at epoch 3: all epochs done; weights of epoch") == 1


def test_rich_is_loaded_only_when_something_is_shown() -> None:
    code = (
        "import sys, torch\n"
        "from tauflow.training import ArraySource, fit\n"
        "train = ArraySource(torch.ones(4, 2, 1))\n"
        "fit(torch.nn.Linear(1, 1), train, objective=lambda m, b: m(b.x).mean(), epochs=1)\n"
        "print(sorted({'rich', 'pandas', 'matplotlib', 'narwhals', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_history_is_frozen_and_copyable() -> None:
    history = quick(leaky())
    assert copy.deepcopy(history) == history
    with pytest.raises(AttributeError):
        history.seconds = 0.0  # type: ignore[misc]


def test_in_a_notebook_one_line_of_the_output_goes_on_changing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of IPython that are used, as they are: a display that is shown once and then updated."""
    shown: list[str] = []
    handle = types.SimpleNamespace(update=lambda html: shown.append(html))
    display = types.ModuleType("IPython.display")
    display.HTML, display.display = str, lambda html, display_id: shown.append(html) or handle  # type: ignore[attr-defined]
    shell = types.ModuleType("IPython")
    shell.display, shell.get_ipython = display, lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    quick(leaky(), epochs=3, progress="auto")
    assert "round 0/3" in shown[0] and "<progress" in shown[0]
    assert "round 3/3 loss" in shown[-2] and "s left" in shown[-2]
    assert shown[-1].startswith("stopped at epoch 3: all epochs done")
    quiet = len(shown)
    quick(leaky(), epochs=1, progress=False)
    assert len(shown) == quiet
    shell.get_ipython = lambda: None  # type: ignore[attr-defined]  # IPython on a terminal, or imported by a library
    quick(leaky(), epochs=1, progress="auto")
    assert len(shown) == quiet
