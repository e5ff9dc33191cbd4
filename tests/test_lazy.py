"""Tables with sparse gradients: trained, clipped, guarded, resumed; a step costs what its rows cost."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tauflow import Network, files
from tauflow.errors import TrainingError
from tauflow.training import ArraySource, Callback, SettingsError, Step, fit
from tauflow.training.guard import _suspect, clip_gradients
from tauflow.training.history import Run
from tauflow.training.lazy import LazyAdam
from tauflow.training.optim import build

VOCABULARY = 50


def words(vocabulary: int = VOCABULARY) -> ArraySource:
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(vocabulary // 2, (24, 5, 1), generator=draw)  # the other half never comes
    return ArraySource(x.float(), (x[:, 0, 0] % 2).long(), batch_size=8)


def reader(vocabulary: int = VOCABULARY, units: int = 8) -> Network:
    torch.manual_seed(0)
    encoder = {"name": "tokens", "vocabulary": vocabulary, "units": units}
    return Network(1, 2, "cfc", 6, scale=None, encoder=encoder, pool="mean", head="classes")


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_only_rows_that_came_learn(optimizer: str) -> None:
    network = reader()
    before = network.encoder.table.weight.detach().clone()
    decay = {"weight_decay": 0.1}
    history = fit(
        network,
        words(),
        epochs=20,
        lr=0.5 if optimizer == "sgd" else 0.03,
        optimizer=optimizer,
        progress=False,
        **decay,
    )
    moved = (network.encoder.table.weight != before).any(dim=1)
    assert moved[: VOCABULARY // 2].any() and not moved[VOCABULARY // 2 :].any()
    assert history.train[-1] < history.train[0]


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_it_is_adam_where_every_row_comes(optimizer: str) -> None:
    tables = [nn.Embedding(4, 3, sparse=sparse) for sparse in (True, False)]
    tables[1].load_state_dict(tables[0].state_dict())
    steppers = [build(table, optimizer, 0.1, None) for table in tables]
    for k in range(5):
        for table, stepper in zip(tables, steppers, strict=True):
            stepper.zero_grad()
            (table(torch.tensor([0, 1, 2, 3, 1])) * (k + 1)).square().sum().backward()
            stepper.step()
    assert isinstance(steppers[0], torch.optim.Adam) and type(steppers[1]) is not type(steppers[0])
    torch.testing.assert_close(tables[0].weight, tables[1].weight, rtol=1e-5, atol=1e-6)


def test_it_is_torchs_sparse_adam_where_few_rows_come() -> None:
    tables = [nn.Embedding(6, 3, sparse=True) for _ in range(2)]
    tables[1].load_state_dict(tables[0].state_dict())
    steppers = [build(tables[0], "adam", 0.1, None), torch.optim.SparseAdam(tables[1].parameters(), lr=0.1)]
    for rows in ([0, 0, 3], [3], [5, 1], [0]):
        for table, stepper in zip(tables, steppers, strict=True):
            stepper.zero_grad()
            table(torch.tensor(rows)).square().sum().backward()
            stepper.step()
    torch.testing.assert_close(tables[0].weight, tables[1].weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_sparse_gradients_are_clipped_with_the_others(clip: float | None) -> None:
    table, dense = nn.Embedding(9, 2, sparse=True), nn.Linear(2, 1)
    model = nn.Sequential(table, dense)
    model(torch.tensor([1, 1, 4])).sum().backward()
    parameters = list(model.parameters())
    whole = torch.cat([p.grad.to_dense().flatten() if p.grad.is_sparse else p.grad.flatten() for p in parameters])  # type: ignore[union-attr]
    norm = clip_gradients(Run(), model, parameters, clip, 0.1)
    assert norm == pytest.approx(float(whole.norm()), rel=1e-5)
    after = torch.cat([p.grad.to_dense().flatten() if p.grad.is_sparse else p.grad.flatten() for p in parameters])  # type: ignore[union-attr]
    torch.testing.assert_close(after, whole if clip is None else whole * clip / norm)


def test_a_bad_gradient_of_a_table_is_named() -> None:
    model = nn.Embedding(4, 2, sparse=True)
    (model(torch.tensor([2])) * math.nan).sum().backward()
    assert _suspect(model) == "the largest gradient is that of weight (nan)"
    with pytest.raises(TrainingError, match="gradient's norm is nan"):
        clip_gradients(Run(), model, list(model.parameters()), 1.0, 0.1)


class Crash(Callback):
    def on_step(self, step: Step) -> None:
        if (step.epoch, step.step) == (2, 2):
            raise ConnectionError


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_it_resumes_to_the_bit(tmp_path: Path, optimizer: str) -> None:
    options: dict[str, Any] = {"epochs": 3, "optimizer": optimizer, "checkpoint_every": 1, "progress": False}
    never = fit(reader(), words(), checkpoint=tmp_path / "never", **options)
    with pytest.raises(ConnectionError):
        fit(reader(), words(), checkpoint=tmp_path / "run", callbacks=[Crash()], **options)
    assert fit(reader(), words(), checkpoint=tmp_path / "run", **options).train == never.train
    one, other = (files.read(tmp_path / name).tensors for name in ("run", "never"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_an_optimiser_that_takes_no_sparse_gradient_is_refused() -> None:
    network = reader()
    own = torch.optim.RMSprop(network.parameters(), lr=0.1)
    with pytest.raises(SettingsError, match=r"encoder.table.weight is sparse, which RMSprop does not take.*'adam'"):
        fit(network, words(), optimizer=own, epochs=1, progress=False)
    own = torch.optim.SGD(network.parameters(), lr=0.1)
    assert fit(network, words(), optimizer=own, epochs=1, progress=False).epochs == 1


def test_a_frozen_table_is_no_table() -> None:
    network = reader()
    network.encoder.table.requires_grad_(False)
    assert not isinstance(build(network, "adam", None, None), LazyAdam)


def step_time(sparse: bool, vocabulary: int) -> float:
    """Processor seconds of the cheapest of some steps: backward, clip, update."""
    table = nn.Embedding(vocabulary, 64, sparse=sparse)
    stepper = build(table, "adam", 0.01, None)
    rows: Tensor = torch.arange(32) * (vocabulary // 32)
    found = []
    for _ in range(6):
        began = time.process_time()
        stepper.zero_grad()
        table(rows).square().sum().backward()
        clip_gradients(Run(), table, list(table.parameters()), 1.0, 0.01)
        stepper.step()
        found.append(time.process_time() - began)
    return min(found[1:])


def test_a_step_does_not_cost_the_vocabulary() -> None:
    """20,000 x 64: a dense step reads and writes 1.3 million numbers several times, a lazy one 2,048."""
    assert step_time(True, 20_000) < 0.5 * step_time(False, 20_000)
    assert step_time(True, 80_000) < 3 * step_time(True, 2_000)
