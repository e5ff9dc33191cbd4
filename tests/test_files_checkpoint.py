"""A checkpoint that no run wrote is refused before anything is set: model, optimiser and random numbers stay as they were."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tauflow import files
from tauflow.errors import ModelFileError
from tauflow.training import ArraySource, SettingsError, fit, supervised
from tests.fuzz_files import Small, resumed

X = torch.randn(8, 3, 2, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> files.File:
    path = tmp_path_factory.mktemp("run") / "run.tau"
    resumed(path)
    return files.read(path, finite=False)


RUN: list[tuple[str, Any]] = [
    ("epoch", -1),
    ("epoch", 2),
    ("epoch", 10**9),
    ("epoch", 3.0),
    ("epoch", True),
    ("step", -1),
    ("step", 3),
    ("step", 10**30),
    ("updates", -1),
    ("updates", 0),
    ("updates", None),
    ("steps", 0),
    ("steps", "6"),
    ("samples", 8),
    ("samples", -8),
    ("loss_sum", 1.0),
    ("loss_sum", None),
    ("first_norm", -1.0),
    ("first_norm", "x"),
    ("last_loss", None),
    ("last_loss", []),
    ("last_lr", "x"),
    ("seconds", -1.0),
    ("stopped", ""),
    ("stopped", "early"),
    ("stopped", "tired"),
    ("stopped", None),
    ("best_epoch", None),
    ("best_epoch", 7),
    ("best_epoch", -1),
    ("more", 1),
]


def refused(path: Path) -> str:
    model = Small()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    weights, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    before = path.read_bytes()
    with pytest.raises((ModelFileError, SettingsError)) as caught:
        resumed(path)
    source = ArraySource(X, torch.zeros(8, 3, 1), batch_size=4)
    with pytest.raises((ModelFileError, SettingsError)):
        fit(model, source, objective=supervised("mse"), optimizer=optimizer, checkpoint=path, progress=False)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert optimizer.state_dict()["state"] == {}
    assert torch.equal(torch.get_rng_state(), state)
    assert path.read_bytes() == before
    text = str(caught.value)
    assert "\n" not in text
    return text


def written(path: Path, tensors: dict[str, Tensor], config: dict[str, Any]) -> Path:
    files.write(path, tensors, config, kind="checkpoint", finite=False)
    return path


@pytest.mark.parametrize(("field", "value"), RUN)
def test_a_place_where_no_run_can_stand(field: str, value: Any, good: files.File, tmp_path: Path) -> None:
    config = {**good.config, "run": {**good.config["run"], field: value}}
    text = refused(written(tmp_path / "run.tau", good.tensors, config))
    assert "resume=False" in text


@pytest.mark.parametrize(
    "change",
    [
        {"run": None},
        {"run": {}},
        {"optimizer": None},
        {"optimizer": []},
        {"optimizer": {"0": {"step": 3}}},
        {"optimizer": {"x": {}}},
        {"optimizer": {"0": {"a": []}}},
        {"settings": None},
        {"settings": {}},
        {"more": 1},
    ],
    ids=json.dumps,
)
def test_a_config_that_is_no_checkpoints(change: dict[str, Any], good: files.File, tmp_path: Path) -> None:
    refused(written(tmp_path / "run.tau", good.tensors, {**good.config, **change}))
    for key in change:
        rest = {name: value for name, value in good.config.items() if name != key}
        if len(rest) < len(good.config):
            refused(written(tmp_path / "run.tau", good.tensors, rest))


W = torch.ones(1, 1)
TENSORS: list[tuple[str, Tensor | None]] = [
    ("weights.r.cell.W", None),
    ("weights.r.cell.W", torch.ones(1)),
    ("weights.r.cell.W", W.double()),
    ("weights.r.cell.W", W.bool()),
    ("weights.more", W),
    ("best.r.cell.W", None),
    ("best.r.cell.W", W.half()),
    ("best.r.cell.U", torch.ones(2, 1)),
    ("best.more", W),
    ("rng.cpu", None),
    ("rng.cpu", torch.zeros(3, dtype=torch.uint8)),
    ("rng.cpu", torch.zeros(5056, dtype=torch.uint8)),
    ("rng.cpu", torch.zeros(5056, dtype=torch.float32)),
    ("rng.0", torch.zeros(16, dtype=torch.uint8)),
    ("rng.x", torch.zeros(16, dtype=torch.uint8)),
    ("history.train", None),
    ("history.train", torch.zeros(2, dtype=torch.float64)),
    ("history.train", torch.zeros(3, 1, dtype=torch.float64)),
    ("history.train", torch.zeros(3)),
    ("history.train", torch.full((3,), float("nan"), dtype=torch.float64)),
    ("history.validation", torch.zeros(0, dtype=torch.float64)),
    ("history.validation", torch.tensor([1.0, 3.0, 2.0], dtype=torch.float64)),
    ("history.lr", torch.full((3,), float("inf"), dtype=torch.float64)),
    ("history.more", torch.zeros(3, dtype=torch.float64)),
    ("optimizer.0.step", torch.tensor(-1.0)),
    ("optimizer.0.step", torch.tensor(float("nan"))),
    ("optimizer.0.step", torch.tensor([1.0])),
    ("optimizer.0.step", None),
    ("optimizer.0.exp_avg", None),
    ("optimizer.0.exp_avg", torch.ones(3)),
    ("optimizer.0.exp_avg", W.double()),
    ("optimizer.0.more", W),
    ("optimizer.99.exp_avg", W),
    ("optimizer.x.exp_avg", W),
    ("optimizer.-1.exp_avg", W),
    ("optimizer.exp_avg", W),
    ("more", W),
    ("weights", W),
]


@pytest.mark.parametrize(("name", "tensor"), TENSORS)
def test_tensors_that_no_run_has(name: str, tensor: Tensor | None, good: files.File, tmp_path: Path) -> None:
    tensors = {key: value for key, value in good.tensors.items() if key != name}
    tensors |= {} if tensor is None else {name: tensor}
    refused(written(tmp_path / "run.tau", tensors, good.config))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_what_a_run_wrote_is_taken(optimizer: str, tmp_path: Path) -> None:
    resumed(tmp_path / "run.tau", epochs=2, optimizer=optimizer)
    before = (tmp_path / "run.tau").read_bytes()
    resumed(tmp_path / "run.tau", epochs=2, optimizer=optimizer)
    assert (tmp_path / "run.tau").read_bytes() == before


def test_a_device_or_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    for path in (Path("/dev/null"), tmp_path):
        with pytest.raises(ModelFileError, match="a folder, device or pipe"):
            resumed(path)


def test_an_optimiser_without_its_memory_is_refused(good: files.File, tmp_path: Path) -> None:
    """It would begin anew without a word, and the run would end elsewhere."""
    rest = {name: tensor for name, tensor in good.tensors.items() if not name.startswith("optimizer.")}
    assert "optimizer" in refused(written(tmp_path / "run.tau", rest, good.config))
    assert "memory" in refused(written(tmp_path / "run.tau", rest, {**good.config, "optimizer": {}}))
