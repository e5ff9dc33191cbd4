"""A checkpoint is for one run: whatever is not the same is refused by name, in all of the data and of the model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from tauflow import Forecaster, cells, files, wirings
from tauflow.losses import huber, mse
from tauflow.sequence import Bidirectional, Recurrent, Stack
from tauflow.training import ArraySource, Batch, Callback, LoaderSource, SettingsError, Step, evaluate, fit, supervised

GENERATOR = torch.Generator().manual_seed(0)
X, Y = torch.randn(64, 5, 3, generator=GENERATOR), torch.randn(64, 5, 1, generator=GENERATOR)
DT, MASK = torch.rand(64, 5, generator=GENERATOR), torch.rand(64, 5, generator=GENERATOR) > 0.1
FIRST = torch.randperm(64, generator=torch.Generator().manual_seed(0))[:8]  # the first batch of the first epoch


class Net(nn.Module):
    """A cell and a readout; `how` are the Recurrent's options."""

    def __init__(self, cell: str = "ctrnn", how: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        units = options.pop("units", 6)
        self.r = Recurrent(cells.build(cell, 3, units, **options), **(how or {}))
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(self.r.outputs, 1)

    def forward(self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        y, h = self.r(x, dt, mask, state)
        return self.out(self.drop(y)), h


class Stop(Callback):
    """The end of the first run, which is a crash."""

    def on_step(self, step: Step) -> None:
        if (step.epoch, step.step) == (2, 2):
            raise ConnectionError


def data(
    x: Tensor = X, y: Tensor = Y, dt: Tensor | None = DT, mask: Tensor | None = MASK, **options: Any
) -> ArraySource:
    return ArraySource(x, y, dt, mask, **{"batch_size": 8, **options})


def run(path: Path, **changes: Any) -> Any:
    given = {"model": Net(), "train": data(), "validation": data(seed=1), "objective": supervised("mse"), **changes}
    options = {"epochs": 3, "progress": False, "checkpoint_every": 1, **given}
    return fit(options.pop("model"), options.pop("train"), checkpoint=path, **options)


def broken_off(path: Path, **changes: Any) -> None:
    with pytest.raises(ConnectionError):
        run(path, callbacks=[Stop()], **changes)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the run as it is."""
    path = tmp_path_factory.mktemp("run") / "run.tau"
    broken_off(path)
    return path


def late(tensor: Tensor, by: float = 1000.0) -> Tensor:
    """All but the first batch is another; of bool, one entry."""
    if tensor.dtype is torch.bool:
        other = tensor.clone()
        other[63, 4] = ~other[63, 4]
        return other
    other = torch.full_like(tensor, by)
    other[FIRST] = tensor[FIRST]
    return other


def one_number(tensor: Tensor) -> Tensor:
    other = tensor.clone()
    other.view(-1)[-1] += 1e-6
    return other


def frozen() -> Net:
    net = Net()
    net.out.bias.requires_grad_(False)
    return net


def tied() -> Net:
    net = Net(units=3)
    net.r.cell.U = net.r.cell.W
    return net


def hooked() -> Net:
    net = Net()
    net.out.register_forward_hook(lambda module, x, y: 2 * y)
    return net


def with_attribute(path: str, value: Any) -> Net:
    net = Net()
    *outer, last = path.split(".")
    setattr(functools.reduce(getattr, outer, net), last, value)
    return net


class OtherNet(Net):
    """The same modules under another forward."""


def scaled(by: float) -> Callable[..., Tensor]:
    def loss(y: Tensor, z: Tensor, mask: Any = None, weight: Any = None) -> Tensor:
        return by * mse(y, z, mask, weight)

    return loss


class Weighted:
    """An objective with an option."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        return self.weight * mse(model(batch.x)[0][..., :1], batch.y)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "x": ({"train": data(x=late(X))}, "data: x was"),
    "y": ({"train": data(y=late(Y))}, "data: y was"),
    "dt": ({"train": data(dt=late(DT))}, "data: dt was"),
    "mask": ({"train": data(mask=late(MASK))}, "data: mask was"),
    "one number of x": ({"train": data(x=one_number(X))}, "data: x was"),
    "no dt": ({"train": data(dt=None)}, "data: dt was .*, now None"),
    "number type": ({"train": data(y=Y.double())}, "data: y was"),
    "batch size": ({"train": data(batch_size=16)}, "steps was 8, now 4; data: batch_size was 8, now 16"),
    "batches of another size, as many": ({"train": data(batch_size=9)}, "data: batch_size was 8, now 9"),
    "shuffling seed": ({"train": data(seed=5)}, "data: seed was 0, now 5"),
    "order": ({"train": data(shuffle=False)}, "data: shuffle was True, now False"),
    "validation y": ({"validation": data(y=late(Y), seed=1)}, "validation data: y was"),
    "validation cut": ({"validation": data(X[:8], Y[:8], DT[:8], MASK[:8], seed=1)}, "validation data: x was"),
    "no validation": ({"validation": None}, "validation data: source was ArraySource, now None"),
    "activation": ({"model": Net(activation="relu")}, r"model.r.cell.activation was tanh, now relu"),
    "solver": ({"model": Net(solver="semi_implicit")}, "model.r.cell.solver was exponential, now semi_implicit"),
    "substeps": ({"model": Net(substeps=3)}, "model.r.cell.substeps was 1, now 3"),
    "tau": ({"model": Net(tau=(1.0, 5.0))}, r"model.r.cell.tau was \[1.0, 10.0\], now \[1.0, 5.0\]"),
    "learn_tau": ({"model": Net(learn_tau=False)}, "model.r.cell.learn_tau was True, now False"),
    "zero_dt": ({"model": Net(how={"zero_dt": "update"})}, "model.r.zero_dt was hold, now update"),
    "backend": ({"model": Net(how={"backend": "reference"})}, "model.r.backend was auto, now reference"),
    "cell": ({"model": Net("gru")}, "model.r.cell was .*CTRNN, now .*GRU"),
    "units": ({"model": Net(units=7)}, "model.r.cell.units was 6, now 7"),
    "dropout": ({"model": with_attribute("drop.p", 0.4)}, "model.drop.p was 0.1, now 0.4"),
    "a solver set by hand": (
        {"model": with_attribute("r.cell.solver", "euler")},
        "model.r.cell.solver was exponential",
    ),
    "an activation set by hand": ({"model": with_attribute("r.cell.sigma", torch.relu)}, "model.r.cell.sigma was"),
    "a module": (
        {"model": with_attribute("drop", nn.AlphaDropout(0.1))},
        "model.drop was .*Dropout, now .*AlphaDropout",
    ),
    "a module more": ({"model": with_attribute("more", nn.Tanh())}, "model.more was nothing, now .*Tanh"),
    "an attribute more": ({"model": with_attribute("gain", 2.0)}, "model.gain was nothing, now 2.0"),
    "number type of weights": (
        {"model": Net().double()},
        r"was torch.float32 \(1, 6\), now torch.float64|torch.float64",
    ),
    "frozen": ({"model": frozen()}, r"model.out.bias was torch.float32 \(1,\), now torch.float32 \(1,\), frozen"),
    "hooks": ({"model": hooked()}, "model.out hooks was"),
    "another class": ({"model": OtherNet()}, "model was .*Net, now .*OtherNet"),
    "objective": ({"objective": supervised("mae")}, r"objective was supervised\(mse\), now supervised\(mae\)"),
    "validate": ({"validate": supervised(huber)}, r"validate was supervised\(mse\), now supervised\(huber\)"),
    "epochs": ({"epochs": 4}, "epochs was 3, now 4"),
    "optimiser": ({"optimizer": "sgd"}, "optimizer was Adam, now SGD"),
    "lr": ({"lr": 0.02}, "lr of group 0 was 0.01, now 0.02"),
    "weight decay": ({"weight_decay": 0.1}, "weight_decay of group 0 was 0.0, now 0.1"),
    "schedule": ({"schedule": "cosine"}, "schedule was None, now cosine"),
    "clip": ({"clip": 0.5}, "clip was 1.0, now 0.5"),
    "patience": ({"patience": 2}, "patience was None, now 2"),
    "truncate": ({"truncate": 2}, "truncate was None, now 2"),
    "seed": ({"seed": 1}, "seed was 0, now 1"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_one_thing_changed_is_another_run(name: str, stopped: Path) -> None:
    change, message = CHANGES[name]
    before = stopped.read_bytes()
    with pytest.raises(SettingsError, match=rf"other settings: .*({message}).*resume=False") as caught:
        run(stopped, **change)
    assert "\n" not in str(caught.value)
    assert stopped.read_bytes() == before


def test_nothing_changed_is_the_same_run(tmp_path: Path) -> None:
    """Other first weights, which the file replaces, and callbacks, which change no number, are no other settings."""
    broken_off(tmp_path / "run.tau")
    other = Net()
    nn.init.zeros_(other.out.weight)
    resumed = run(tmp_path / "run.tau", model=other, callbacks=[Callback()])
    never = run(tmp_path / "never.tau")
    assert (resumed.train, resumed.validation) == (never.train, never.validation)
    again = [files.read(tmp_path / name).tensors for name in ("run.tau", "never.tau")]
    assert all(torch.equal(again[0][name], again[1][name]) for name in again[1])


# Pairs of runs that differ in something that the base has not.
def lowrank(p: float) -> Net:
    net = Net()
    net.extra = nn.ModuleList([nn.Dropout(p)])
    return net


def wired(seed: int) -> Net:
    wiring = wirings.auto_ncp(3, 12, 2, seed=seed)
    net = Net()
    net.r = Recurrent(cells.LTC(3, wiring))
    net.out = nn.Linear(2, 1)
    return net


def buffered(value: float, persistent: bool) -> Net:
    net = Net()
    net.register_buffer("shift", torch.full((6,), value), persistent=persistent)
    return net


class Own:
    """A source of the user's own, whose data stand in an attribute."""

    def __init__(self, y: Tensor, scale: float = 1.0) -> None:
        self._y, self.scale = y, scale

    def __len__(self) -> int:
        return 8

    def batches(self, epoch: int) -> Iterator[Batch]:
        for k in range(8):
            rows = slice(8 * k, 8 * k + 8)
            yield Batch(X[rows], self._y[rows] * self.scale)


class Said(Own):
    """A source that says what it holds."""

    def fingerprint(self) -> dict[str, Any]:
        return {"version": self.scale}


def loader(y: Tensor, seed: int = 0) -> LoaderSource:
    return LoaderSource(
        torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=8, shuffle=True), seed=seed
    )


def own_optimizer(**options: Any) -> dict[str, Any]:
    net = Net()
    return {"model": net, "optimizer": torch.optim.RMSprop(net.parameters(), **options)}


def grouped(first: bool) -> dict[str, Any]:
    net = Net()
    one, rest = [net.out.weight, net.out.bias], list(net.r.parameters())
    return {
        "model": net,
        "optimizer": torch.optim.SGD([{"params": p} for p in ([one, rest] if first else [rest, one])], lr=0.1),
    }


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "tied": ({"model": Net(units=3)}, {"model": tied()}, "the same as r.cell.W"),
    "cfc's mode": (
        {"model": Net("cfc")},
        {"model": Net("cfc", mode="no_gate")},
        "model.r.cell.mode was default, now no_gate",
    ),
    "cfc's dropout": (
        {"model": Net("cfc")},
        {"model": Net("cfc", dropout=0.5)},
        "model.r.cell.dropout was 0.0, now 0.5",
    ),
    "ltc's epsilon": ({"model": Net("ltc")}, {"model": Net("ltc", epsilon=1e-3)}, "model.r.cell.epsilon was"),
    "modules in a list": ({"model": lowrank(0.1)}, {"model": lowrank(0.2)}, "model.extra.0.p was 0.1, now 0.2"),
    "a wiring": ({"model": wired(1)}, {"model": wired(2)}, r"model.r.cell.(units|wiring) was"),
    "a buffer that no file holds": (
        {"model": buffered(1.0, False)},
        {"model": buffered(2.0, False)},
        "model.shift was",
    ),
    "a loss closed over": (
        {"objective": supervised(scaled(1.0))},
        {"objective": supervised(scaled(2.0))},
        "content of objective was",
    ),
    "an objective's option": ({"objective": Weighted(1.0)}, {"objective": Weighted(2.0)}, "content of objective was"),
    "a partial": (
        {"objective": functools.partial(Weighted(1.0).__call__)},
        {"objective": functools.partial(Weighted(3.0).__call__)},
        "content of objective was",
    ),
    "a lambda's lines": (
        {"objective": lambda m, b: mse(m(b.x)[0], b.y)},
        {"objective": lambda m, b: mse(m(b.x)[0], 2 * b.y)},
        "content of objective was",
    ),
    "validate's option": ({"validate": Weighted(1.0)}, {"validate": Weighted(2.0)}, "content of validate was"),
    "an own source, later": ({"train": Own(Y)}, {"train": Own(late(Y))}, "data: batches was"),
    "an own source's option": ({"train": Own(Y)}, {"train": Own(Y, 2.0)}, "data: scale was 1.0, now 2.0"),
    "what a source says": ({"train": Said(Y)}, {"train": Said(Y, 2.0)}, "data: version was 1.0, now 2.0"),
    "another source": ({"train": Own(Y)}, {"train": Said(Y)}, "data: source was Own, now Said"),
    "a loader's data": ({"train": loader(Y)}, {"train": loader(late(Y))}, "data: batches was"),
    "a loader's seed": ({"train": loader(Y)}, {"train": loader(Y, 1)}, "data: seed was 0, now 1"),
    "an own optimiser": (own_optimizer(lr=0.1), own_optimizer(lr=0.1, alpha=0.5), "alpha of group 0 was 0.99, now 0.5"),
    "whose group": (grouped(True), grouped(False), "parameters of group 0 was"),
    "shared": (
        {"model": Stack(c := cells.CTRNN(3, 3), c), "objective": Weighted(1.0)},
        {"model": Stack(cells.CTRNN(3, 3), cells.CTRNN(3, 3)), "objective": Weighted(1.0)},
        "model.layers.1.cell is was module layers.0.cell, now module layers.1.cell",
    ),
    "bidirectional's backend": (
        {"model": Bidirectional(cells.CTRNN(3, 1), cells.CTRNN(3, 1)), "objective": Weighted(1.0)},
        {"model": Bidirectional(cells.CTRNN(3, 1), cells.CTRNN(3, 1), "reference"), "objective": Weighted(1.0)},
        "model.ahead.backend was auto, now reference",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_runs_that_differ_in_one_thing(name: str, tmp_path: Path) -> None:
    one, other, message = PAIRS[name]
    few = {"epochs": 1, "checkpoint_every": None, "validation": None}
    run(tmp_path / "run.tau", **{**few, **one})
    with pytest.raises(SettingsError, match=message):
        run(tmp_path / "run.tau", **{**few, **other})


def test_a_buffer_that_the_file_holds_may_begin_otherwise(tmp_path: Path) -> None:
    broken_off(tmp_path / "run.tau", model=buffered(1.0, True))
    net = buffered(2.0, True)
    run(tmp_path / "run.tau", model=net)
    assert net.shift[0] == 1.0


def test_a_large_model_stands_as_one_digest(tmp_path: Path) -> None:
    def deep(p: float) -> nn.Module:
        net = Net()
        net.many = nn.ModuleList(nn.Dropout(p) for _ in range(2500))
        return net

    few = {"epochs": 1, "checkpoint_every": None, "validation": None, "train": data(X[:8], Y[:8], DT[:8], MASK[:8])}
    run(tmp_path / "run.tau", model=deep(0.1), **few)
    with pytest.raises(SettingsError, match=r"other settings: model was \w+, now \w+\. "):
        run(tmp_path / "run.tau", model=deep(0.2), **few)


# Forecaster


def table(last: float = 0.0) -> pd.DataFrame:
    y = np.sin(np.arange(200) / 24 * 2 * np.pi)
    y[190] += last
    return pd.DataFrame({"ds": pd.date_range("2021-01-01", periods=200, freq="h"), "y": y})


QUICK: dict[str, Any] = {"h": 3, "context": 6, "epochs": 2, "steps": 2, "batch_size": 8, "units": 4}


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"mode": "no_gate"}},
        {"options": {"activation": "tanh"}},
        {"options": {"dropout": 0.5}},
        {"loss": "mse"},
        {"seed": 1},
        {"lr": 0.1},
        {"epochs": 3},
        {"steps": 3},
        {"batch_size": 9},
        {"h": 4},
        {"context": 7},
        {"patience": 1},
        {"validation": 0.2},
        {"season": None},
        {"data": table(1e-6)},
    ],
    ids=lambda change: next(iter(change)) + str(change.get("options", "")),
)
def test_another_forecaster_is_another_run(change: dict[str, Any], tmp_path: Path) -> None:
    def fitted(data: pd.DataFrame, **settings: Any) -> Forecaster:
        model = Forecaster("cfc", **{**QUICK, **settings})
        return model.fit(data, progress=False, checkpoint=tmp_path / "run.tau")

    fitted(table())
    assert fitted(table()).history is not None
    data = change.get("data", table())
    with pytest.raises(SettingsError, match="other settings"):
        fitted(data, **{name: value for name, value in change.items() if name != "data"})


# Loaders of torch


def test_a_loader_gives_the_same_batches_for_the_same_epoch() -> None:
    source = loader(Y)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, second, again = ([batch.y for batch in source.batches(epoch)] for epoch in (0, 1, 0))
    assert torch.equal(state, torch.get_rng_state())
    assert len(first) == len(source) == 8
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(torch.cat(first), torch.cat(second))


def test_a_loader_with_its_own_generator_is_the_same_too() -> None:
    generator = torch.Generator().manual_seed(7)
    dataset = torch.utils.data.TensorDataset(X, Y)
    source = LoaderSource(torch.utils.data.DataLoader(dataset, batch_size=8, shuffle=True, generator=generator))
    first, again = ([batch.x for batch in source.batches(0)] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(
    "dataset",
    [
        torch.utils.data.TensorDataset(X, Y),
        torch.utils.data.TensorDataset(X, Y, DT, MASK),
        [{"x": x, "y": y} for x, y in zip(X, Y, strict=True)],
        [{"x": x, "y": y, "dt": dt, "mask": mask} for x, y, dt, mask in zip(X, Y, DT, MASK, strict=True)],
    ],
    ids=["pairs", "all", "dicts", "whole dicts"],
)
def test_a_loader_trains_and_resumes(dataset: Any, tmp_path: Path) -> None:
    def source() -> LoaderSource:
        return LoaderSource(torch.utils.data.DataLoader(dataset, batch_size=8, shuffle=True))

    broken_off(tmp_path / "run.tau", train=source())
    resumed, never = run(tmp_path / "run.tau", train=source()), run(tmp_path / "never.tau", train=source())
    assert resumed.train == never.train
    assert evaluate(Net(), source(), supervised("mse")) > 0


def test_a_loader_itself_is_taken() -> None:
    plain = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=8, shuffle=True)
    options = {"objective": supervised("mse"), "epochs": 2, "progress": False}
    direct, wrapped = (fit(Net(), train, validation=train, **options) for train in (plain, LoaderSource(plain)))
    assert direct.train == wrapped.train and direct.validation == wrapped.validation
    assert evaluate(Net(), plain, supervised("mse")) == evaluate(Net(), LoaderSource(plain), supervised("mse"))


def test_what_no_loader_can_be_made_of_is_told() -> None:
    bare = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X), batch_size=8)
    with pytest.raises(SettingsError, match=r"a batch is a list of 1, expected a Batch: .*tuples \(x, y\)"):
        fit(Net(), bare, objective=supervised("mse"), progress=False)
    named = torch.utils.data.DataLoader([{"x": X[0], "label": Y[0]}])
    with pytest.raises(SettingsError, match="a dict with x, label, expected a Batch"):
        fit(Net(), named, objective=supervised("mse"), progress=False)
    with pytest.raises(SettingsError, match="expected a DataLoader"):
        LoaderSource([1, 2])
    stream = torch.utils.data.DataLoader(Endless())
    with pytest.raises(SettingsError, match="no length"):
        LoaderSource(stream)


class Endless(torch.utils.data.IterableDataset[Tensor]):
    def __iter__(self) -> Iterator[Tensor]:
        yield torch.ones(1)
