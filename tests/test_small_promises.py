"""Small promises, each of which an edit of `make mutants` once broke unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from tauflow import files
from tauflow.compat.ncps.torch import LTC
from tauflow.data import check
from tauflow.errors import ModelFileError


def hourly_file(path: Path, days: int = 14) -> Path:
    hours = np.arange(24 * days)
    stamps = np.datetime64("2024-01-01T00:00") + hours.astype("timedelta64[h]")
    rows = [
        f"{stamp},{np.sin(2 * np.pi * hour / 24) + hour % 5 / 10:.3f}"
        for stamp, hour in zip(stamps, hours, strict=True)
    ]
    path.write_text("ds,y\n" + "\n".join(rows) + "\n")
    return path


def test_a_forecast_may_be_of_one_step(tmp_path: Path) -> None:
    model = tauflow.Forecaster("ridge", h=3, context=4).fit(hourly_file(tmp_path / "t.csv"), progress=False)
    assert len(model.predict(h=1)) == 1


def test_check_tells_the_season(tmp_path: Path) -> None:
    rows = dict(check(hourly_file(tmp_path / "t.csv")).rows())
    assert rows["season"].startswith("24 steps")


CELL = {"type": "cell", "name": "ctrnn", "options": {"inputs": 3, "units": 5}}
LAYER = {"type": "recurrent", "cell": CELL, "backend": "auto", "zero_dt": "hold"}


@pytest.mark.parametrize(
    "config",
    [
        {**LAYER, "cell": LAYER},
        {"type": "stack", "layers": [CELL, LAYER]},
        {"type": "stack", "layers": [{"type": "stack", "layers": [LAYER]}]},
    ],
    ids=["a layer for a cell", "a cell for a layer", "a stack for a layer"],
)
def test_a_file_with_one_thing_in_the_place_of_another_is_refused(config: dict[str, object], tmp_path: Path) -> None:
    files.write(tmp_path / "m.tau", {"W": torch.zeros(2, 2)}, config, kind="model")
    with pytest.raises(ModelFileError, match="expected"):
        tauflow.load(tmp_path / "m.tau")


def test_a_step_of_the_drop_in_is_of_one_unit_of_time() -> None:
    cell = LTC(3, 5).rnn_cell
    x, h = torch.randn(2, 3), torch.randn(2, 5)
    for a, b in zip(cell(x, h), cell(x, h, 1.0), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(cell(x, h)[1], cell(x, h, 2.0)[1])
