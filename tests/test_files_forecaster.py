"""A forecaster's file: it brings back the same forecaster, and an edited one is refused in one line, at no cost."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tauflow import Forecaster, cells, files
from tauflow.errors import ModelFileError, NonFiniteError, TauflowError
from tauflow.estimators.learned import Blend

QUICK: dict[str, Any] = {"h": 3, "context": 6, "epochs": 1, "steps": 2, "batch_size": 8, "units": 4}
COLUMNS: dict[str, Any] = {
    "target": "y",
    "past": ["wind"],
    "future": ["holiday"],
    "static": ["height"],
    "zone": "Europe/Berlin",
}


@cache
def frame() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = 24 * 5
    parts = []
    for k, name in enumerate("ab"):
        parts.append(
            pd.DataFrame(
                {
                    "unique_id": name,
                    "ds": pd.date_range("2021-06-01", periods=rows, freq="h"),
                    "y": 50 + 10 * np.sin(np.arange(rows) / 24 * 2 * np.pi) + generator.standard_normal(rows),
                    "wind": np.where(np.arange(rows) % 3 == 0, "low", "high"),
                    "holiday": (np.arange(rows) % 7 == 0).astype(float),
                    "height": 100.0 * k,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@cache
def fitted(cell: str, **settings: Any) -> Forecaster:
    return Forecaster(cell, **{**QUICK, **settings}).fit(frame(), progress=False, **COLUMNS)


@cache
def content(cell: str) -> files.File:
    return files.unpack(files.pack(*stored(fitted(cell)), kind="forecaster"))


def stored(model: Forecaster) -> tuple[Any, Any]:
    from tauflow.estimators.storage import encode

    assert model.encoder is not None
    return encode(model.settings, model.options, model.encoder, model.predictor)


@pytest.mark.parametrize("cell", ["persistence", "seasonal_naive", "ridge", "lstm", "cfc", "ltc", "wired_cfc"])
def test_what_is_saved_is_what_is_loaded(cell: str, tmp_path: Path) -> None:
    model = fitted(cell)
    model.save(tmp_path / "one.tau")
    again = Forecaster.load(tmp_path / "one.tau")
    again.save(tmp_path / "two.tau")
    assert (tmp_path / "one.tau").read_bytes() == (tmp_path / "two.tau").read_bytes()
    future = frame()[["unique_id", "ds", "holiday", "height"]]
    later = future.assign(ds=future["ds"] + pd.Timedelta("5D"))
    pd.testing.assert_frame_equal(again.predict(frame(), future=later), model.predict(future=later), check_exact=True)
    assert again.settings == model.settings
    if isinstance(model.predictor, Blend):
        assert isinstance(again.predictor, Blend)
        for predictor in (model.predictor, again.predictor):
            assert not any(module.training for module in predictor.networks.modules())


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("ctrnn", {"learn_tau": False, "activation": "sigmoid", "solver": "etd2rk", "substeps": 2}),
    ("cfc", {"mode": "no_gate", "dropout": 0.5, "backbone_layers": 2, "tau": (1.0, 5.0)}),
    ("ltc", {"solver": "semi_implicit", "init": "ncps"}),
]


@pytest.mark.parametrize(("cell", "options"), OPTIONS, ids=[name for name, _ in OPTIONS])
def test_options_of_the_cell_come_back(cell: str, options: dict[str, Any], tmp_path: Path) -> None:
    model = Forecaster(cell, options=options, **QUICK).fit(frame(), progress=False, **COLUMNS)
    model.save(tmp_path / "model.tau")
    again = Forecaster.load(tmp_path / "model.tau")
    one, two = (forecaster.predictor.network.recurrent.cell for forecaster in (model, again))
    assert one.config() == two.config()
    assert [p.requires_grad for p in one.parameters()] == [p.requires_grad for p in two.parameters()]
    pd.testing.assert_frame_equal(again.predict(frame()), model.predict(), check_exact=True)


@pytest.fixture
def registry() -> Iterator[None]:
    before = dict(cells.REGISTRY)
    yield
    cells.REGISTRY.clear()
    cells.REGISTRY.update(before)


@pytest.mark.usefixtures("registry")
def test_a_cell_of_ones_own(tmp_path: Path) -> None:
    @cells.register
    class Mine(cells.CTRNN):
        name = "mine"

    model = Forecaster("mine", **QUICK).fit(frame(), progress=False, **COLUMNS)
    assert type(model.predictor.network.recurrent.cell) is Mine
    model.save(tmp_path / "model.tau")
    pd.testing.assert_frame_equal(
        Forecaster.load(tmp_path / "model.tau").predict(frame()), model.predict(), check_exact=True
    )
    del cells.REGISTRY["mine"]
    with pytest.raises(ModelFileError, match=r"no model is called 'mine'|no cell is called 'mine'"):
        Forecaster.load(tmp_path / "model.tau")


def doubled(model: Forecaster) -> None:
    model.predictor.network.double()


def hooked(model: Forecaster) -> None:
    model.predictor.network.register_forward_hook(lambda *_: None)


def replaced(model: Forecaster) -> None:
    model.predictor.network.answer = nn.Sequential(nn.Linear(64, 1))


def horizon(model: Forecaster) -> None:
    model.encoder = replace(model.encoder, h=7)


@pytest.mark.parametrize("change", [doubled, hooked, replaced, horizon], ids=lambda f: f.__name__)
def test_what_cannot_come_back_is_refused(change: Callable[[Forecaster], None], tmp_path: Path) -> None:
    model = copy.deepcopy(fitted("ctrnn"))
    change(model)
    with pytest.raises(TauflowError):
        model.save(tmp_path / "model.tau")
    assert not (tmp_path / "model.tau").exists()


# Edits


def changed(cell: str, path: str, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and tensors of a file in which one place holds another value; `path` "a.b" or ":tensor"."""
    file = content(cell)
    config, tensors = copy.deepcopy(file.config), dict(file.tensors)
    if path.startswith(":"):
        name = path[1:]
        tensors = {key: tensor for key, tensor in tensors.items() if key != name}
        if value is not None:
            tensors[name] = value(file.tensors[name].clone()) if callable(value) else value
        return config, tensors
    *outer, last = path.split(".")
    place = config
    for key in outer:
        place = place[key]
    place[last] = value
    return config, tensors


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        Forecaster.load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    assert str(path) in text
    return text


def filled(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tensor: tensor.fill_(value)


def first(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[0] = value
        return tensor

    return change


DIRTY: list[tuple[str, Any]] = [
    ("settings.h", 4),
    ("settings.h", 0),
    ("settings.h", 10**8),
    ("settings.h", 2**100),
    ("settings.cell", "os.system"),
    ("settings.cell", "gru"),
    ("settings.units", 5),
    ("settings.units", 4.0),
    ("settings.units", True),
    ("settings.context", 10**9),
    ("settings.season", [float(0)]),
    ("settings.season", 3),
    ("settings.strategy", "recursive"),
    ("settings.strategy", "other"),
    ("settings.loss", None),
    ("settings.lr", "0.1"),
    ("settings.validation", 0.9),
    ("settings.more", 1),
    ("settings", None),
    ("options", {"nonsense": 1}),
    ("options", {"tau": [1.0]}),
    ("options", {"activation": 3}),
    ("options", {"substeps": 0}),
    ("options", []),
    ("horizon", 10**8),
    ("horizon", 0),
    ("horizon", None),
    ("step", 0),
    ("step", -1.0),
    ("step", 1e300),
    ("step", "1h"),
    ("lags", [1e300]),
    ("lags", [-86_400e9]),
    ("lags", [0.0]),
    ("lags", []),
    ("ranking", [[99]]),
    ("ranking", [[-1]]),
    ("ranking", [[]]),
    ("ranking", []),
    ("ranking", [[0, 0, 0]]),
    ("ranking", [["0"]]),
    ("ids", []),
    ("ids", ["a"]),
    ("ids", ["a", "a"]),
    ("ids", ["a", 3]),
    ("ids", ["a", "b", "c"]),
    ("table.targets", []),
    ("table.targets", ["y", "y"]),
    ("table.targets", ["y", "z"]),
    ("table.targets", ["ds"]),
    ("table.time", None),
    ("table.past", []),
    ("table.past", ["wind", "sun"]),
    ("table.future", ["holiday", "wind"]),
    ("table.static", []),
    ("table.kind", "moment"),
    ("table.zone", "Atlantis/Capital"),
    ("table.zone", "dateutil//etc/hostname"),
    ("table.zone", "../../etc/hostname"),
    ("table.zone", "/etc/hostname"),
    ("table.zone", "tzlocal()"),
    ("table.zone", ""),
    ("table.categories", {"wind": ["low", "low"]}),
    ("table.categories", {"sun": ["low"]}),
    ("table.categories", {"wind": [1]}),
    ("table.categories", []),
    ("shown", {"wind": [0, 2]}),
    ("shown", {"wind": [-1, 0]}),
    ("shown", {"wind": [0, 0]}),
    ("shown", {"wind": [0, 1], "sun": [0]}),
    ("shown", {"wind": ["0", "1"]}),
    ("calendar.zone", "dateutil//etc/hostname"),
    ("calendar.zone", "dateutil/../../../../etc/hostname"),
    ("calendar.zone", "Europe/../Europe/Berlin"),
    ("calendar.zone", "Europe"),
    ("calendar.zone", "posixrules"),
    ("calendar.zone", 3),
    ("calendar.day", False),
    ("calendar.day", 1),
    ("network", None),
    ("network", {}),
    ("extra", 1),
    (":target.scale", filled(0.0)),
    (":target.scale", filled(-1.0)),
    (":target.scale", first(1e308)),
    (":target.scale", first(5e-324)),
    (":target.scale", None),
    (":target.scale", torch.ones(2, 2, dtype=torch.float64)),
    (":target.scale", torch.ones(2, 1)),
    (":target.scale", torch.ones(2, 1, dtype=torch.bool)),
    (":target.scale", torch.ones(2, 1, dtype=torch.int64)),
    (":target.center", torch.ones(1, 1, dtype=torch.float64)),
    (":target.center", filled(1e307)),
    (":target.error", torch.ones(2, dtype=torch.float64)),
    (":exogenous.scale", filled(0.0)),
    (":exogenous.center", torch.ones(3, dtype=torch.float64)),
    (":static.scale", torch.ones(0, dtype=torch.float64)),
    (":more", torch.ones(1)),
    (":weights.more", torch.ones(1)),
]
NETWORK: list[tuple[str, Any]] = [
    ("network.training", 0),
    ("network.otherwise", ["nothing"]),
    ("network.frozen", ["nothing"]),
    ("network.tied", {"a": "b"}),
    (":weights.0.norm.weight", None),
    (":weights.0.norm.weight", torch.ones(5)),
    (":weights.0.norm.weight", torch.ones(4, dtype=torch.float64)),
    (":weights.0.norm.weight", torch.ones(4, dtype=torch.float16)),
    (":weights.0.norm.weight", torch.ones(4, dtype=torch.bool)),
    (":weights.0.recurrent.cell.W", torch.ones(4, 4, dtype=torch.int64)),
]
RIDGE: list[tuple[str, Any]] = [
    (":linear.weights", None),
    (":linear.weights", torch.ones(3, 9, 1, dtype=torch.float64)),
    (":linear.weights", torch.ones(3, 9, dtype=torch.float64)),
    (":linear.weights", lambda w: w[:2]),
    (":linear.weights", lambda w: w.float()),
    (":linear.weights", lambda w: torch.cat([w, w], dim=2)),
    ("settings.context", 7),
    ("reach", 4),
    ("reach", 0),
    ("ways", [{"cell": "ridge", "start": "last", "seed": 0}]),
    ("network", {"training": True, "otherwise": [], "frozen": [], "tied": {}}),
]
BLEND: list[tuple[str, Any]] = [
    (":linear.weights", None),
    (":blend.weights", None),
    (":blend.weights", torch.ones(4, dtype=torch.float64)),
    (":blend.weights", lambda w: w.float()),
    (":blend.weights", lambda w: 2 * w),
    (":blend.weights", lambda w: w - w[0] + 1),
    ("reach", 2),
    ("ways", []),
    ("ways", [{"cell": "lstm", "start": "last", "seed": 0}]),
    ("ways", [{"cell": "ctrnn", "start": "magic", "seed": 0}]),
    ("ways", [{"cell": "ctrnn", "start": "last", "seed": 0}] * 65),
]
EDITS = [
    *(("ctrnn", *edit) for edit in [*DIRTY, *NETWORK, *BLEND]),
    *(("ridge", *edit) for edit in RIDGE),
    ("persistence", "settings.h", 10**8),
    ("persistence", ":linear.weights", torch.ones(1, dtype=torch.float64)),
    ("persistence", ":weights.more", torch.ones(1)),
]


@pytest.mark.parametrize(("cell", "path", "value"), EDITS)
def test_an_edited_file_is_refused(cell: str, path: str, value: Any, tmp_path: Path) -> None:
    config, tensors = changed(cell, path, value)
    files.write(tmp_path / "bad.tau", tensors, config, kind="forecaster")
    refused(tmp_path / "bad.tau")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", None, "+02:00", "UTC-05:30", "America/Argentina/Ushuaia"])
def test_a_zone_by_its_name_is_taken(zone: str | None, tmp_path: Path) -> None:
    config, tensors = changed("ctrnn", "calendar.zone", zone)
    files.write(tmp_path / "good.tau", tensors, config, kind="forecaster")
    assert Forecaster.load(tmp_path / "good.tau").encoder.calendar.zone == zone


def test_numbers_that_leave_their_range_are_an_error_not_a_forecast(tmp_path: Path) -> None:
    config, tensors = changed("ctrnn", ":weights.0.norm.weight", filled(3e38))
    files.write(tmp_path / "model.tau", tensors, config, kind="forecaster")
    with pytest.raises(NonFiniteError, match="expected a finite number"):
        Forecaster.load(tmp_path / "model.tau").predict(frame())


COST = """
import json, resource, sys
from pathlib import Path
from time import process_time
from tauflow import Forecaster
from tauflow.errors import ModelFileError
paths = sorted(Path(sys.argv[1]).iterdir())
Forecaster.load(sys.argv[2])  # all modules, and the names of the zones
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, 4 * 2**30))
for path in paths:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, process_time()
    opened = []
    try:
        Forecaster.load(path)
        error = "loaded"
    except ModelFileError as wrong:
        error = str(wrong)
    opened = [name for name in opened if not name.startswith((sys.prefix, sys.base_prefix))]  # torch reads its own code
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([path.name, error, process_time() - began, used, [name for name in opened if name != str(path)]]))
"""
BOMBS: list[tuple[str, str, Any]] = [
    ("ctrnn", "settings.units", 20_000),
    ("ctrnn", "settings.units", 200_000),
    ("ctrnn", "settings.units", 2**62),
    ("ctrnn", "settings.context", 10**9),
    ("ctrnn", "settings.h", 10**8),
    ("ltc", "settings.units", 20_000),
    ("wired_cfc", "settings.units", 20_000),
    ("cfc", "options", {"backbone_layers": 10**9}),
    ("cfc", "options", {"backbone_units": 10**9}),
    ("cfc", "options", {"units": 10**9}),
    ("ridge", "settings.context", 10**6),
    ("ridge", "settings.context", 10**9),
    ("persistence", "horizon", 10**9),
    ("ctrnn", "calendar.zone", "dateutil//etc/hostname"),
    ("ctrnn", "table.zone", "../../../etc/hostname"),
]


def test_an_edited_file_costs_nothing_and_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    for number, (cell, path, value) in enumerate(BOMBS):
        config, tensors = changed(cell, path, value)
        files.write(
            tmp_path / "bad" / f"{number} {cell} {path} {str(value)[:20]}".replace("/", "_"),
            tensors,
            config,
            kind="forecaster",
        )
    fitted("ctrnn").save(tmp_path / "good.tau")
    command = [sys.executable, "-c", COST, str(tmp_path / "bad"), str(tmp_path / "good.tau")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(BOMBS)
    for name, error, seconds, kib, opened in found:
        assert error != "loaded", name
        assert "\n" not in error, name
        assert seconds < 2, (name, seconds)
        assert kib < 64 * 1024, (name, kib)
        assert opened == [], name
