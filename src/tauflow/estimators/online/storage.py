"""A forecaster that learns on as one model file: the frozen model as its own file holds it, and beside it all that came since.

What is read is compared with what the model and the settings mean before it is believed; nothing in it is executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import files
from ...data import Series, Table
from ...errors import ModelFileError
from ...files import schema
from ..storage import encode
from .deep import DeepLearner
from .drift import PageHinkley
from .forecaster import OnlineForecaster
from .learner import Forecast
from .least_squares import ForgettingLeastSquares
from .settings import OnlineSettings

KIND = "online-forecaster"
PARTS = ("time", "y", "past", "future", "static")  # of a series
WAITING = ("origin", "time", "features", "answers", "given", "numbers", "scale", "place")
MAY_BE_UNKNOWN = ("pool.u", "rows.y", "rows.past", "rows.future", "rows.static")


@dataclass(frozen=True)
class Config:
    """The JSON of the file."""

    forecaster: dict[str, Any]
    settings: OnlineSettings
    ids: tuple[str, ...]
    rows: int
    rollbacks: int
    drifts: tuple[int | float, ...]
    guard_rows: float
    guard_given: float
    guard_off: bool
    alarm: dict[str, Any]
    deep_rows: int
    scored: int  # forecasts that had a row for their scores, 0 without bands


def write(online: OnlineForecaster, path: str | os.PathLike[str]) -> None:
    """See `OnlineForecaster.save`."""
    model, learner = online.model, online.learner
    own, config = encode(model.settings, model.options, *model._fitted(), model.bands)
    levels = [learner.levels[name] for name in learner.series]
    waiting = [one for name in learner.series for one in online.waiting[name]]
    tensors = {f"model.{name}": value for name, value in own.items()}
    tensors |= {f"readout.{name}": value for name, value in learner.readout.state().items()}
    tensors |= {f"level.{name}": _stack([getattr(one, name) for one in levels]) for name in ("n", "b")}
    tensors["guard.loss"] = torch.from_numpy(learner.guard.loss)
    tensors["rows.count"] = torch.tensor([len(series) for series in online.table.series])
    for name in PARTS:
        parts = [getattr(series, name) for series in online.table.series]
        tensors[f"rows.{name}"] = _stack(parts) if name == "static" else torch.from_numpy(np.concatenate(parts))
    tensors["waiting.count"] = torch.tensor([len(online.waiting[name]) for name in learner.series])
    tensors |= {f"waiting.{name}": _stack([getattr(one, name) for one in waiting]) for name in WAITING}
    if online.deep is not None:
        tensors |= {f"deep.{name}": value for name, value in online.deep.network.state_dict().items()}
    if online.bands is not None:
        for name, values in (("u", online.bands.pool), ("total", online.bands.total), ("weight", online.bands.weight)):
            tensors[f"pool.{name}"] = torch.from_numpy(values)
    about = Config(
        forecaster=config, settings=online.settings, ids=learner.series, rows=online.rows, rollbacks=online.rollbacks,
        drifts=tuple(online.drifts), guard_rows=learner.guard.rows, guard_given=learner.guard.given, guard_off=learner.guard.off,
        alarm=asdict(learner.alarm), deep_rows=0 if online.deep is None else online.deep.rows,
        scored=0 if online.bands is None else online.bands.next,
    )  # fmt: skip
    files.write(path, tensors, schema.dump(about), kind=KIND, finite=False)


def read(path: str | os.PathLike[str]) -> OnlineForecaster:
    """See `OnlineForecaster.load`."""
    file = files.read(path, kind=KIND, finite=False)
    try:
        return _online(schema.read(Config, file.config), file.tensors)
    except Exception as wrong:  # a constructor may raise anything for what a file asks of it
        raise ModelFileError(f"{os.fspath(path)}: {schema.first_line(wrong)}") from None


def _online(about: Config, tensors: Mapping[str, Tensor]) -> OnlineForecaster:
    from ..forecaster import Forecaster

    for name, value in tensors.items():
        if name not in MAY_BE_UNKNOWN and value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ModelFileError(f"{name} holds NaN or infinity")
    model = Forecaster.of(about.forecaster, _under(tensors, "model"))
    encoder = model._fitted()[0]
    table = _table(about, _under(tensors, "rows"), encoder.schema)
    online = OnlineForecaster(model, table, about.settings)
    learner = online.learner
    if learner.series != about.ids:
        raise ModelFileError(
            f"ids are {about.ids}, expected those of its rows that the model learned, {learner.series}"
        )
    h, targets, ways = encoder.h, len(encoder.schema.targets), learner.ways
    width = len(learner.readout.G)
    square, narrow, each = (width, width), (width, targets), (len(about.ids), h, targets)
    count = _shaped(tensors, "waiting.count", (len(about.ids),), torch.int64).tolist()
    waits = sum(count)
    for name, shape in (
        ("readout.G", square), ("readout.A", square), ("readout.B", narrow), ("readout.W", narrow), ("readout.s", ()),
        ("level.n", each), ("level.b", each), ("guard.loss", (ways,)),
        ("waiting.answers", (waits, ways, h, targets)), ("waiting.given", (waits, h, targets)),
    ):  # fmt: skip
        _shaped(tensors, name, shape, torch.float64)
    raws = 0 if online.bands is None else online.bands.bands.shape.numbers
    _shaped(tensors, "waiting.numbers", (waits, h, targets, raws), torch.float64)
    _shaped(tensors, "waiting.scale", (waits, targets), torch.float64)
    if _shaped(tensors, "waiting.place", (waits,), torch.int64).numpy().max(initial=-1) > about.scored:
        raise ModelFileError(f"waiting.place is beyond {about.scored}, the forecasts that were scored")
    _shaped(tensors, "waiting.features", (waits, h, width), torch.float32)
    _shaped(tensors, "waiting.origin", (waits,), tensors["rows.time"].dtype)
    _shaped(tensors, "waiting.time", (waits, h), tensors["rows.time"].dtype)
    learner.readout = ForgettingLeastSquares.of(_under(tensors, "readout"), about.settings.memory * len(about.ids))
    for k, name in enumerate(about.ids):
        learner.levels[name].n, learner.levels[name].b = (tensors[f"level.{part}"][k].numpy() for part in ("n", "b"))
    learner.guard.loss = tensors["guard.loss"].numpy()
    learner.guard.rows, learner.guard.given, learner.guard.off = about.guard_rows, about.guard_given, about.guard_off
    learner.alarm = PageHinkley(**about.alarm)
    online.rows, online.rollbacks, online.drifts = about.rows, about.rollbacks, list(about.drifts)
    arrays = [tensors[f"waiting.{name}"].numpy() for name in WAITING]
    every = [Forecast(*parts) for parts in zip(*arrays, strict=True)]
    ends = np.cumsum([0, *count])
    online.waiting = {name: every[ends[k] : ends[k + 1]] for k, name in enumerate(about.ids)}
    if online.bands is not None:
        kept = online.bands
        for name, values in (("u", kept.pool), ("total", kept.total), ("weight", kept.weight)):
            _shaped(tensors, f"pool.{name}", values.shape, torch.float32 if name == "u" else torch.float64)
        kept.pool, kept.total, kept.weight = (tensors[f"pool.{name}"].numpy() for name in ("u", "total", "weight"))
        kept.next = about.scored
        if not (kept.weight > 0).all() or not (kept.total >= 0).all() or about.scored < 0:
            raise ModelFileError("pool.total and pool.weight hold negative numbers, expected sums")
    if online.deep is not None:
        _restore(online.deep, _under(tensors, "deep"), about.deep_rows)
    return online


def _table(about: Config, rows: Mapping[str, Tensor], table: Any) -> Table:
    count = rows["count"].tolist()
    if len(count) != len(about.ids) or min(count, default=0) < 1:
        raise ModelFileError(f"rows.count is {count}, expected the number of rows of each of {len(about.ids)} series")
    ends = np.cumsum([0, *count])
    parts = {name: rows[name].numpy() for name in PARTS}
    series = [
        Series(
            name,
            static=parts["static"][k],
            **{part: parts[part][ends[k] : ends[k + 1]] for part in PARTS if part != "static"},
        )
        for k, name in enumerate(about.ids)
    ]
    return Table(tuple(series), table)


def _restore(deep: DeepLearner, weights: Mapping[str, Tensor], rows: int) -> None:
    deep.network.load_state_dict(dict(weights))
    deep.rows = rows


def _shaped(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    found = tensors.get(name)
    if found is None or found.shape != shape or found.dtype != dtype:
        here = "missing" if found is None else f"{found.dtype} {tuple(found.shape)}"
        raise ModelFileError(f"{name} is {here}, expected {dtype} {shape}")
    return found


def _under(tensors: Mapping[str, Tensor], place: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{place}."): value for name, value in tensors.items() if name.startswith(f"{place}.")}


def _stack(rows: list[Any]) -> Tensor:
    return torch.from_numpy(np.stack(rows))
