"""fit and a network: measured first, trained by its own loss, judged by a metric, resumed to the bit."""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

import tauflow
from tauflow import Committee, Network, files, metrics
from tauflow.losses import CrossEntropy, LossError, balanced, cross_entropy, mse, time_integrated
from tauflow.network import pad
from tauflow.network.timescale import suggest_tau
from tauflow.training import (
    ArraySource,
    Batch,
    Callback,
    Epoch,
    SequenceSource,
    SettingsError,
    Step,
    answers,
    evaluate,
    fit,
    supervised,
)

QUICK: dict[str, Any] = {"epochs": 2, "progress": False}


def steps(count: int = 24, time: int = 7, seed: int = 0, **more: Any) -> ArraySource:
    """A target a step; gaps in seconds, values far from 0 and 1."""
    draw = torch.Generator().manual_seed(seed)
    x, dt = 50 + 9 * torch.randn(count, time, 2, generator=draw), 0.02 * (0.5 + torch.rand(count, time, generator=draw))
    return ArraySource(x, 1000 + 30 * x[..., :1].cumsum(1), dt, **{"batch_size": 8, **more})


def sequences(count: int = 40, seed: int = 0, **more: Any) -> ArraySource:
    """A class a sequence: whether its mean is high."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 6, 2, generator=draw)
    return ArraySource(x, (x[..., 0].mean(1) > 0.2).long(), **{"batch_size": 8, **more})


def per_step(**more: Any) -> Network:
    torch.manual_seed(0)
    return Network(2, 1, "ctrnn", 5, **more)


def classifier(**more: Any) -> Network:
    torch.manual_seed(0)
    return Network(2, 2, "cfc", 6, **{"pool": "mean", "head": "classes", **more})


class Crash(Callback):
    def __init__(self, epoch: int, step: int) -> None:
        self.at = epoch, step

    def on_step(self, step: Step) -> None:
        if (step.epoch, step.step) == self.at:
            raise ConnectionError


class Plain(nn.Module):
    """The bare contract."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.map = nn.Linear(2, outputs)

    def forward(self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        return self.map(x), x[:, 0]


# The network's own loss


@pytest.mark.parametrize("head", ["values", "quantiles", "normal", "student"])
def test_a_network_needs_no_objective(head: str) -> None:
    network, train = per_step(head=head), steps()
    history = tauflow.fit(network, train, epochs=15, lr=0.02, validation=train, progress=False)
    assert history.validation[-1] < history.validation[0]
    batch = train.data
    with torch.no_grad():
        expected = network.eval().loss(network(batch.x, batch.dt)[0], batch.y)
    assert evaluate(network, train) == pytest.approx(float(expected), rel=1e-4)


def test_a_pooled_network_is_not_masked_in_its_loss() -> None:
    source = sequences(count=12)
    mask = torch.rand(12, 6, generator=torch.Generator().manual_seed(0)) > 0.3
    mask[:, 0] = True
    train = ArraySource(source.data.x, source.data.y, mask=mask, batch_size=12)
    assert fit(classifier(), train, epochs=1, progress=False).train[0] == pytest.approx(
        fit(classifier(), train, epochs=1, progress=False, objective=supervised(cross_entropy)).train[0], rel=1e-5
    )


def test_a_committee_trains_and_is_measured() -> None:
    committee = Committee(classifier, 2)
    history = fit(committee, sequences(), epochs=8, lr=0.03, progress=False)
    assert history.train[-1] < history.train[0] and bool(committee.measured)


def test_without_any_loss_it_is_said() -> None:
    with pytest.raises(SettingsError, match=r"no objective, and Plain has no loss.*objective=supervised\('mse'\)"):
        fit(Plain(), steps(), **QUICK)
    with pytest.raises(SettingsError, match="no objective, and Plain"):
        evaluate(Plain(), steps())


# Measuring


def test_what_is_measured_is_the_training_data() -> None:
    network, train, held_out = per_step(period="auto", tau="auto"), steps(), steps(seed=9, time=3)
    x, y, dt = train.data.x, train.data.y, train.data.dt
    assert y is not None and dt is not None
    fit(network, train, validation=held_out, **QUICK)
    assert bool(network.measured)
    torch.testing.assert_close(network.scale.mean, x.flatten(0, 1).mean(0))
    torch.testing.assert_close(network.head.scale.width, y.flatten(0, 1).std(0))
    assert float(network.period) == pytest.approx(float(dt.median()))
    suggested = suggest_tau(x, dt)
    assert network.core.cell.config()["tau"] == pytest.approx(
        (suggested.shortest / float(dt.median()), suggested.longest / float(dt.median()))
    )
    assert suggested.longest == pytest.approx(max(suggested.gap, suggested.length / 3), rel=0.2)


def test_it_is_measured_once() -> None:
    network = per_step()
    network.measure(SimpleNamespace(x=torch.randn(3, 4, 2), y=None, dt=None, mask=None, static=None))
    before = network.scale.mean.clone()
    fit(network, steps(), **QUICK)
    assert torch.equal(network.scale.mean, before)


def test_a_new_member_of_a_committee_is_measured_and_no_other() -> None:
    old, new = per_step(tau="auto"), per_step(tau="auto")
    fit(old, steps(), **QUICK)
    mean = old.scale.mean.clone()
    fit(Committee([old, new]), steps(seed=5), **QUICK)
    assert torch.equal(old.scale.mean, mean) and bool(new.measured) and not torch.equal(new.scale.mean, mean)


@pytest.mark.parametrize("every", [None, 1])
@pytest.mark.parametrize("more", [{"period": "auto", "tau": "auto"}, {"head": "student", "readout": "skip"}])
def test_a_run_of_a_network_resumes_to_the_bit(tmp_path: Path, more: dict[str, Any], every: int | None) -> None:
    options = {"epochs": 3, "progress": False, "checkpoint_every": every, "validation": steps(seed=3), "metric": "mae"}
    if "head" in more:
        options["metric"] = lambda a, b: float(np.abs(a[:, :1] - b).mean())
        options["mode"] = "min"
    never = fit(per_step(**more), steps(), checkpoint=tmp_path / "never", **options)
    with pytest.raises(ConnectionError):
        fit(per_step(**more), steps(), checkpoint=tmp_path / "run", callbacks=[Crash(2, 2)], **options)
    torch.manual_seed(77)
    network = Network(2, 1, "ctrnn", 5, **more)  # other first weights: all must come from the file
    resumed = fit(network, steps(), checkpoint=tmp_path / "run", **options)
    assert (resumed.train, resumed.validation, resumed.message) == (never.train, never.validation, never.message)
    one, other = (files.read(tmp_path / name).tensors for name in ("run", "never"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    again = fit(network, steps(), checkpoint=tmp_path / "run", **options)
    assert again.train == never.train


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smoothing": 0.1}, r"model\.head\.smoothing was 0\.0, now 0\.1"),
        ({"weight": [1.0, 2.0]}, r"model\.head\.weight was None, now \[1\.0, 2\.0\]"),
    ],
)
def test_another_loss_of_the_head_is_another_run(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    fit(classifier(), sequences(), checkpoint=tmp_path / "run", **QUICK)
    other = classifier(head={"name": "classes", **change})
    with pytest.raises(SettingsError, match=message):
        fit(other, sequences(), checkpoint=tmp_path / "run", **QUICK)


def test_what_can_not_be_measured_is_said() -> None:
    class Pairs:
        def __len__(self) -> int:
            return 1

        def batches(self, epoch: int) -> Iterator[Any]:
            yield torch.zeros(2, 3, 2), torch.zeros(2, 3, 1)

    def objective(model: nn.Module, batch: Any) -> Tensor:
        return mse(model(batch[0])[0], batch[1])

    with pytest.raises(SettingsError, match=r"a tuple does not say.*network.measure\(batch"):
        fit(per_step(), Pairs(), objective=objective, **QUICK)
    measured = per_step()
    measured.measure(SimpleNamespace(x=torch.randn(3, 4, 2), y=None, dt=None, mask=None, static=None))
    fit(measured, Pairs(), objective=objective, **QUICK)
    with pytest.raises(SettingsError, match=r"answers at every step of x.*pool='last'"):
        fit(per_step(), ArraySource(torch.zeros(4, 3, 2), torch.zeros(4, 1)), **QUICK)


# Notes


@pytest.mark.parametrize(
    ("period", "tau", "said"),
    [
        (1.0, (0.5, 40.0), r"the median gap is 0.0\d+ periods, far below every time constant \(0.5 to 40\)"),
        (0.00001, (0.5, 40.0), r"the median gap is 2\.\d+e\+03 periods, far above every time constant"),
        (0.02, (0.5, 40.0), None),
        ("auto", "auto", None),
    ],
)
def test_gaps_far_from_all_time_constants_are_told(
    period: Any, tau: Any, said: str | None, caplog: Any, capfd: Any
) -> None:
    network = Network(2, 1, "ctrnn", 5, period=period, tau=tau)
    with caplog.at_level(logging.INFO, "tauflow"):
        history = fit(network, steps(), epochs=1, progress=True)
    if said is None:
        assert not any("median gap" in note for note in history.notes) and "median gap" not in capfd.readouterr().err
        return
    (note,) = (one for one in history.notes if "median gap" in one)
    assert re.match(said, note) and note.endswith("give period=... or tau='auto'")
    assert note in caplog.messages and f"note: {note}" in capfd.readouterr().err
    assert fit(network, steps(), epochs=1, progress=False).notes, "also of one that was measured before"


def test_notes_stand_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    fit(per_step(tau=(5.0, 9.0)), steps(), epochs=1)
    assert "note: the median gap is" in screen.getvalue()


@pytest.mark.parametrize("core", ["cfc", "lstm", "gru"])
def test_cells_without_time_constants_have_no_note(core: str) -> None:
    assert fit(Network(2, 1, core, 4), steps(), **QUICK).notes == ()


# What a batch may hold


def test_a_batch_is_cut_with_all_its_parts() -> None:
    x = torch.arange(24.0).reshape(3, 4, 2)
    whole = Batch(
        x, x[..., :1], x[..., 0], x[..., 0] > 3, torch.arange(3.0), torch.arange(6.0).reshape(3, 2), x[..., 0] > 5
    )
    some, part = whole.rows(torch.tensor([2, 0])), whole.steps(1, 3)
    assert all(torch.equal(getattr(some, name), value[[2, 0]]) for name, value in vars(whole).items())
    assert torch.equal(part.weight, whole.weight) and torch.equal(part.static, whole.static)
    assert all(
        torch.equal(getattr(part, name), getattr(whole, name)[:, 1:3]) for name in ("x", "y", "dt", "mask", "first")
    )
    assert torch.equal(Batch(x, weight=x[..., 0]).steps(0, 2).weight, x[:, :2, 0])
    assert vars(Batch(x).rows(slice(1))).keys() == vars(whole).keys()


def test_static_and_first_reach_the_network() -> None:
    source = steps(static=torch.randn(24, 3), first=torch.rand(24, 7) > 0.8)
    network = per_step(static=3, readout="wide")
    fit(network, source, **QUICK)
    batch = source.data
    y, _ = network.eval()(batch.x, batch.dt, static=batch.static, first=batch.first)
    with torch.no_grad():
        assert evaluate(network, source) == pytest.approx(float(network.loss(y, batch.y)), rel=1e-4)
    found = answers(network, ArraySource(**vars(batch), batch_size=24, shuffle=False))[0]
    np.testing.assert_allclose(found, y.detach().flatten(0, 1), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", ["static", "first"])
def test_a_model_that_takes_no_such_part_is_named(name: str) -> None:
    part = {"static": torch.zeros(24, 1), "first": torch.zeros(24, 7, dtype=torch.bool)}[name]
    with pytest.raises(SettingsError, match=rf"the batches have {name}, but Plain takes none: .*x, dt, mask, state"):
        fit(Plain(), steps(**{name: part}), objective=supervised("mse"), **QUICK)
    with pytest.raises(SettingsError, match=f"have {name}"):
        answers(Plain(), steps(**{name: part}))


@pytest.mark.parametrize("shape", [(24,), (24, 7)])
@pytest.mark.parametrize("truncate", [None, 3])
def test_weights_count_in_the_loss(shape: tuple[int, ...], truncate: int | None) -> None:
    weight = (torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    source = steps(weight=weight, batch_size=24)
    losses = (
        supervised("mse").truncated(Plain(), source.data, truncate)
        if truncate
        else [supervised("mse")(Plain(), source.data)]
    )
    y = Plain()(source.data.x)[0]
    for k, loss in enumerate(losses):
        cut = slice(None) if truncate is None else slice(3 * k, 3 * k + 3)
        counts = weight[:, cut] if weight.ndim == 2 else weight[:, None].expand(24, 7)[:, cut]
        expected = ((y - source.data.y)[:, cut, 0].square() * counts).sum() / counts.sum()
        torch.testing.assert_close(loss, expected)
    assert fit(per_step(), source, **QUICK).train != fit(per_step(), steps(batch_size=24), **QUICK).train


@pytest.mark.parametrize("part", ["weight", "static", "first"])
def test_another_part_of_the_data_is_another_run(tmp_path: Path, part: str) -> None:
    given = {"weight": torch.ones(24), "static": torch.ones(24, 1), "first": torch.zeros(24, 7, dtype=torch.bool)}[part]
    other = given.clone()
    other[23] = 3
    more = {"static": 1} if part == "static" else {}
    fit(per_step(**more), steps(**{part: given}), checkpoint=tmp_path / "run", **QUICK)
    with pytest.raises(SettingsError, match=f"data: {part} was"):
        fit(per_step(**more), steps(**{part: other}), checkpoint=tmp_path / "run", **QUICK)


def test_an_integral_refuses_weights() -> None:
    for truncate in (None, 3):
        objective = supervised(time_integrated("mse"))
        with pytest.raises(SettingsError, match="leave weight out"):
            fit(Plain(), steps(weight=torch.ones(24)), objective=objective, truncate=truncate, **QUICK)


def test_packed_sequences_are_batches() -> None:
    rows = [torch.randn(n, 2, generator=torch.Generator().manual_seed(n)) for n in (3, 6, 4)]
    gaps, targets = [row[:, 0].abs() for row in rows], [row.sum(1, keepdim=True) for row in rows]
    packed = Batch(*(pack_sequence(part, enforce_sorted=False) for part in (rows, targets, gaps)))  # type: ignore[arg-type]
    x, mask = pad(rows)
    padded = Batch(x, pad(targets)[0], pad(gaps)[0], mask)
    assert len(packed) == 3 and all(
        torch.equal(getattr(packed, n), getattr(padded, n)) for n in ("x", "y", "dt", "mask")
    )
    packed_x = pack_sequence(rows, enforce_sorted=False)
    one = fit(per_step(), ArraySource(packed_x, padded.y, padded.dt, batch_size=2), **QUICK)  # type: ignore[arg-type]
    assert one.train == fit(per_step(), ArraySource(**vars(padded), batch_size=2), **QUICK).train


def test_frames_are_prepared_batch_by_batch() -> None:
    frames = torch.randint(0, 256, (10, 4, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    y = torch.zeros(10, 4, 1)
    source = ArraySource(frames, y, batch_size=4, prepare=lambda x: x.float() / 255)
    batch = next(source.batches(0))
    assert batch.x.dtype == torch.float32 and float(batch.x.max()) <= 1
    assert fit(per_step(), source, **QUICK).epochs == 2
    with pytest.raises(tauflow.errors.ShapeError, match="prepare made"):
        next(ArraySource(frames, y, prepare=lambda x: x[0]).batches(0))


def test_another_preparation_is_another_run(tmp_path: Path) -> None:
    fit(per_step(), steps(prepare=lambda x: x / 2), checkpoint=tmp_path / "run", **QUICK)
    with pytest.raises(SettingsError, match="data: prepare was"):
        fit(per_step(), steps(prepare=lambda x: x / 3), checkpoint=tmp_path / "run", **QUICK)


def test_a_loader_of_dicts_with_all_parts() -> None:
    whole = steps(static=torch.randn(24, 2), weight=torch.ones(24), first=torch.zeros(24, 7, dtype=torch.bool)).data
    rows = [{name: value[i] for name, value in vars(whole).items() if value is not None} for i in range(24)]
    assert fit(per_step(static=2), DataLoader(rows, batch_size=8), **QUICK).epochs == 2  # type: ignore[arg-type]
    x, y = sequences().data.x, sequences().data.y
    assert y is not None
    pairs = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
    history = fit(classifier(), pairs, validation=pairs, metric="accuracy", **QUICK)  # type: ignore[arg-type]
    assert len(history.validation) == 2
    assert answers(classifier(), pairs)[0].shape == (40, 2)  # type: ignore[arg-type]


# Judged by a metric


@pytest.mark.parametrize("metric", ["auroc", "auprc", "accuracy", "macro_f1", "f1", "log_loss", "brier"])
def test_a_metric_is_that_of_the_whole_set(metric: str) -> None:
    network, held_out = classifier(), sequences(seed=4, batch_size=7)
    history = fit(network, sequences(), validation=held_out, metric=metric, epochs=4, lr=0.03, progress=False)
    found, targets = answers(network, held_out)
    assert found.shape == (40, 2) and targets.shape == (40,)
    function, mode = metrics.get(metric)
    best = {"max": max, "min": min}[mode](history.validation)
    assert function(found, targets) == pytest.approx(best, rel=1e-6)
    assert history.metric == metric and history.restored
    assert history.best_epoch == history.validation.index(best) + 1
    if metric == "auroc":
        parts = [answers(network, ArraySource(b.x, b.y, batch_size=7)) for b in held_out.batches(0)]
        assert np.mean([function(*part) for part in parts if len(set(part[1])) > 1]) != best


def test_masked_steps_are_left_out_of_answers() -> None:
    mask = torch.rand(24, 7, generator=torch.Generator().manual_seed(0)) > 0.4
    source = steps(mask=mask, shuffle=False)
    assert source.data.y is not None
    source.data.y[~mask] = math.nan
    found, targets = answers(Plain(), source)
    np.testing.assert_array_equal(targets, source.data.y[mask])
    np.testing.assert_allclose(found, Plain()(source.data.x)[0][mask].detach(), rtol=1e-6)


TOLD: list[float] = []


@pytest.mark.parametrize(
    ("mode", "values", "best"), [("max", [1, 5, 3], 2), ("min", [2, -4, 3], 2), ("zero", [-4, 2, -1], 3)]
)
def test_the_best_epoch_by_mode(tmp_path: Path, mode: str, values: list[float], best: int) -> None:
    TOLD[:] = values
    options = {"validation": steps(seed=1), "metric": lambda a, t: TOLD.pop(0), "mode": mode, "epochs": 3}
    history = fit(per_step(), steps(), checkpoint=tmp_path / "run", progress=False, **options)
    assert (history.best_epoch, history.validation) == (best, tuple(values))
    assert fit(per_step(), steps(), checkpoint=tmp_path / "run", progress=False, **options) == history


def test_patience_and_messages_name_the_metric(capfd: Any) -> None:
    def score(found: Any, targets: Any) -> float:
        return next(told)

    told = iter([0.5, 0.9, 0.7, 0.6, 1.0])
    history = fit(
        per_step(), steps(), validation=steps(seed=1), metric=score, mode="max", patience=2, epochs=9, progress=True
    )
    name = history.metric
    assert name.endswith("score")
    assert (
        history.message == f"stopped at epoch 4: validation {name} has not improved for 2; weights of epoch 2 restored"
    )
    assert f"validation {name} 0.9" in capfd.readouterr().err


def test_bias_is_best_near_zero() -> None:
    assert metrics.get("bias")[1] == "zero"


def test_scores_of_the_cross_entropy_are_judged_as_probabilities() -> None:
    class Last(Plain):
        def forward(self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
            return 9 * self.map(x[:, -1]), x[:, 0]

    held_out = sequences(seed=2)
    for objective in (supervised("cross_entropy"), supervised(CrossEntropy(smoothing=0.1))):
        history = fit(Last(2), sequences(), objective=objective, validation=held_out, metric="log_loss", **QUICK)
        assert history.validation[-1] > 0
    model = Last(2)
    history = fit(
        model, sequences(), objective=supervised("cross_entropy"), validation=held_out, metric="log_loss", **QUICK
    )
    assert min(history.validation) == pytest.approx(evaluate(model, held_out, supervised("cross_entropy")), rel=1e-5)


def test_another_metric_is_another_run(tmp_path: Path) -> None:
    options = {"validation": sequences(seed=1), "checkpoint": tmp_path / "run", **QUICK}
    fit(classifier(), sequences(), metric="auroc", **options)
    with pytest.raises(SettingsError, match="metric was auroc, now accuracy"):
        fit(classifier(), sequences(), metric="accuracy", **options)
    with pytest.raises(SettingsError, match="metric was auroc, now loss"):
        fit(classifier(), sequences(), **options)
    with pytest.raises(SettingsError, match="mode was max, now min"):
        fit(classifier(), sequences(), metric="auroc", mode="min", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "auroc"}, "needs validation=source"),
        ({"metric": "aurok", "validation": sequences()}, "did you mean 'auroc'"),
        ({"metric": "auroc", "validation": sequences(), "validate": supervised("mse")}, "takes the place of validate"),
        ({"metric": lambda a, b: 1.0, "validation": sequences()}, "say mode='max'"),
        ({"metric": 7, "validation": sequences()}, "expected a name"),
        ({"mode": "max", "validation": sequences()}, "needs a metric"),
        ({"metric": "auroc", "mode": "most", "validation": sequences()}, "mode is 'most'"),
        (
            {"metric": lambda a, b: math.nan, "mode": "min", "validation": sequences()},
            "the validation .*lambda.* is nan",
        ),
    ],
)
def test_metrics_asked_for_wrongly(options: dict[str, Any], message: str) -> None:
    with pytest.raises(tauflow.TauflowError, match=message):
        fit(classifier(), sequences(), **{**QUICK, **options})


# Callbacks


def test_callbacks_see_the_model() -> None:
    seen: list[Any] = []

    class Look(Callback):
        def on_step(self, step: Step) -> None:
            seen.append(step.model)

        def on_epoch(self, epoch: Epoch) -> None:
            seen.append(epoch.model)
            assert "model" not in repr(epoch) and epoch.judged == "validation accuracy"

    network = classifier()
    fit(network, sequences(), validation=sequences(), metric="accuracy", callbacks=[Look()], **QUICK)
    assert len(seen) == 12 and all(model is network for model in seen)


# Classes


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, (1.0, 0.0, 2.5)])
def test_cross_entropy_by_class_and_smoothed(weight: Any, smoothing: float) -> None:
    y, target = torch.randn(5, 4, 3), torch.randint(3, (5, 4))
    mask, counts = torch.rand(5, 4) > 0.2, torch.rand(5, 4)
    target[~mask] = 99
    share = counts * (1.0 if weight is None else torch.tensor(weight)[target.clamp(max=2)])
    one = -y.log_softmax(-1)
    hit = one.gather(-1, target.clamp(max=2)[..., None])[..., 0]
    entries = (1 - smoothing) * hit + smoothing * one.mean(-1)
    expected = (entries * share)[mask].sum() / share[mask].sum()
    loss = CrossEntropy(weight, smoothing)
    torch.testing.assert_close(loss(y, target, mask, counts), expected)
    torch.testing.assert_close(fit_head(weight, smoothing).loss(y.log_softmax(-1), target, mask, counts), expected)


def fit_head(weight: Any, smoothing: float) -> Any:
    return Network(1, 3, "ctrnn", 2, head={"name": "classes", "weight": weight, "smoothing": smoothing}).head


def test_balanced_classes_count_alike() -> None:
    assert balanced([0, 0, 0, 1], 2) == pytest.approx((4 / 6, 2.0))
    assert balanced(torch.tensor([[0, 2], [2, 2]]), 4) == pytest.approx((2.0, 0.0, 4 / 6, 0.0))
    for targets, message in (([0, 3], "0 to 2"), (torch.zeros(0).long(), "none"), ([0.5], "class numbers")):
        with pytest.raises(tauflow.TauflowError, match=message):
            balanced(targets, 3)
    for options, message in (({"weight": (1.0, -1.0)}, "weight is"), ({"smoothing": 1.0}, "smoothing is")):
        with pytest.raises(LossError, match=message):
            CrossEntropy(**options)
    with pytest.raises(LossError, match="weight has 2 numbers, but there are 3 classes"):
        CrossEntropy((1.0, 2.0))(torch.zeros(2, 3), torch.tensor([0, 1]))


# Sequences of unequal length


def ragged(count: int, low: int = 20, high: int = 200, seed: int = 0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(int(n), 2)).astype(np.float32) for n in draw.integers(low, high + 1, count)]


@pytest.mark.parametrize("count", [320, 1000, 3000])
@pytest.mark.parametrize("batch_size", [8, 16])
def test_batches_of_like_length_hold_little_padding(count: int, batch_size: int) -> None:
    xs = ragged(count)
    source = SequenceSource(xs, batch_size=batch_size)
    real = sum(map(len, xs))
    for epoch in range(2):
        batches = list(source.batches(epoch))
        assert len(batches) == len(source) and sum(int(b.mask.sum()) for b in batches if b.mask is not None) == real
        assert real <= sum(b.x.shape[0] * b.x.shape[1] for b in batches) <= 1.1 * real


def test_every_sequence_comes_once_with_its_own_parts() -> None:
    xs = ragged(50, 1, 9)
    for x, number in zip(xs, range(50), strict=True):
        x[:, 0] = number
    ys, dts = (
        [np.full((len(x), 1), i, np.float32) for i, x in enumerate(xs)],
        [np.full(len(x), i, np.float32) for i, x in enumerate(xs)],
    )
    number = torch.arange(50.0)
    source = SequenceSource(xs, ys, dts, batch_size=4, weights=number, static=number[:, None])
    seen = []
    for batch in source.batches(3):
        assert batch.mask is not None and batch.y is not None and batch.dt is not None
        for row, real in enumerate(batch.mask):
            own = float(batch.weight[row])  # type: ignore[index]
            seen.append(int(own))
            assert real.sum() == len(xs[int(own)]) and bool(real[: len(xs[int(own)])].all())
            for part in (batch.x[row, real, 0], batch.y[row, real, 0], batch.dt[row, real], batch.static[row]):  # type: ignore[index]
                assert bool((part == own).all())
    assert sorted(seen) == list(range(50))


def test_the_same_epoch_gives_the_same_batches() -> None:
    def order(epoch: int, **options: Any) -> list[float]:
        source = SequenceSource(ragged(90, 2, 30), batch_size=4, static=torch.arange(90.0)[:, None], **options)
        return torch.cat([batch.static for batch in source.batches(epoch)]).flatten().tolist()  # type: ignore[misc]

    assert order(1) == order(1) != order(2) and order(1) != order(1, seed=1)
    assert order(1, shuffle=False) == [float(k) for k in range(90)]


@pytest.mark.parametrize("targets", ["steps", "array", "rows", "numbers"])
def test_targets_one_a_step_or_one_a_sequence(targets: str) -> None:
    xs = ragged(20, 2, 9)
    ys: Any = {
        "steps": [x[:, :1] for x in xs],
        "array": np.stack([x[0, :1] for x in xs]),
        "rows": [x[0, :1] for x in xs],
        "numbers": [int(x[0, 0] > 0) for x in xs],
    }[targets]
    source = SequenceSource(xs, ys, batch_size=4)
    pool = {} if targets == "steps" else {"pool": "last"}
    network = classifier() if targets == "numbers" else per_step(**pool)
    history = fit(network, source, validation=source, epochs=6, lr=0.03, progress=False)
    assert history.train[-1] < history.train[0]
    found, wanted = answers(network, source)
    assert len(found) == len(wanted) == (sum(map(len, xs)) if targets == "steps" else 20)


def test_sequences_resume_and_are_known_again(tmp_path: Path) -> None:
    def source(last: float = 0.0, **more: Any) -> SequenceSource:
        xs = ragged(30, 2, 9)
        xs[-1][-1, -1] += last
        return SequenceSource(xs, [x[:, :1] for x in xs], batch_size=4, **more)

    options = {"epochs": 3, "progress": False, "checkpoint_every": 1}
    never = fit(per_step(), source(), checkpoint=tmp_path / "never", **options)
    with pytest.raises(ConnectionError):
        fit(per_step(), source(), checkpoint=tmp_path / "run", callbacks=[Crash(2, 3)], **options)
    for other in (source(1e-3), source(seed=1), source(weights=np.ones(30)), source(prepare=lambda x: 2 * x)):
        with pytest.raises(SettingsError, match=r"data: .* was"):
            fit(per_step(), other, checkpoint=tmp_path / "run", **options)
    assert fit(per_step(), source(), checkpoint=tmp_path / "run", **options).train == never.train


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda xs: SequenceSource([]), "xs holds no sequence"),
        (lambda xs: SequenceSource([*xs, xs[0][:0]]), "without samples"),
        (lambda xs: SequenceSource(xs, xs[:-1]), "ys has 5 sequences, but xs has 6"),
        (lambda xs: SequenceSource(xs, [x[:-1] for x in xs]), r"ys\[0\] has \d+ samples, but xs\[0\] has"),
        (lambda xs: SequenceSource(xs, dts=[x[1:, 0] for x in xs]), r"dts\[0\] has"),
        (lambda xs: SequenceSource(xs, weights=np.ones(3)), "weights has 3 sequences"),
        (lambda xs: SequenceSource(xs, static=np.ones((3, 1))), "static has 3 sequences"),
        (lambda xs: SequenceSource([*xs[:-1], xs[-1].astype(np.float64)]), r"xs\[5\] is torch.float64"),
        (lambda xs: SequenceSource(xs, batch_size=0), "batch_size is 0"),
    ],
)
def test_sequences_that_do_not_fit_are_named(make: Any, message: str) -> None:
    with pytest.raises(tauflow.TauflowError, match=message):
        make(ragged(6, 2, 9))
