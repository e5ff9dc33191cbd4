"""A saved model and a table, as one row of data that its core can be looked at with.

    Network      the columns that it is named after (or as many columns, where it has no names); dt in its unit
    Forecaster   the table as it knows it, one long window of its first network; dt in steps
    Classifier, Regressor   one sequence as its first member reads it; dt in the unit of its times

What `tauflow stability` and `tauflow explain` ask of; the model is read and never changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import files, models
from ..data import read_table
from ..errors import DataError
from ..network import Network
from ..network.core import is_causal
from ..windows.windows import window_set
from .forecaster import Forecaster
from .learned import Blend
from .reading import another_table
from .sequences import Classifier, Regressor
from .sequences.base import SequenceEstimator

UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "d": 86400e9}  # nanoseconds


@dataclass(frozen=True, eq=False)
class Looked:
    """model, and x (time, inputs), dt (time,), mask (time,) of one row for it; unit: what dt counts, in words."""

    model: nn.Module
    x: Tensor | None
    dt: Tensor | None
    mask: Tensor | None
    unit: str


def opened(path: str | os.PathLike[str]) -> Any:
    """The model of a file: what `tauflow.save` or an estimator's `save` wrote."""
    kinds = {"forecaster": Forecaster, "classifier": Classifier, "regressor": Regressor}
    kind = files.read(path).kind
    return kinds[kind].load(path) if kind in kinds else models.load(path)


def looked_at(
    model: Any,
    data: Any = None,
    columns: Mapping[str, Any] | None = None,
    *,
    series: str | None = None,
    unit: str = "s",
    rows: int = 1000,
) -> Looked:
    """The last `rows` rows of one series (the longest, unless it is named); unit: what dt of a Network counts, where time is stamps.

    columns: arguments of `read_table`, say time= and id=.
    """
    if unit not in UNITS:
        raise DataError(f"unit is {unit!r}, expected one of {', '.join(UNITS)}")
    if rows < 2:
        raise DataError(f"rows is {rows}, expected two or more")
    if data is None and (
        idle := [name for name, value in {**(columns or {}), "series": series}.items() if value is not None]
    ):
        raise DataError(f"{', '.join(idle)} was given, but there is no table to read with it: give the table too")
    if isinstance(model, Forecaster):
        return _of_forecaster(model, data, columns or {}, series, rows)
    if isinstance(model, SequenceEstimator):
        return _of_sequences(model, data, columns or {}, series, rows)
    if data is None:
        return Looked(model, None, None, None, "")
    names = list(model.input_names) if isinstance(model, Network) else [f"x{i}" for i in range(model.inputs)]
    table = _read(data, names, dict(columns or {}))
    one = _chosen(table.series, series)
    values, time = one.y[-rows:], one.time[-rows:]
    stamps = table.schema.kind == "timestamp"
    gaps = np.diff(time.astype(float), prepend=float(time[0]))
    gaps = gaps / UNITS[unit] if stamps else gaps
    x, missing = torch.from_numpy(values.astype(np.float32)), getattr(model, "missing", None)
    mask = None if missing is not None else torch.isfinite(x).all(dim=1)
    if mask is not None:
        gaps = _bridged(gaps, mask.numpy())
        x = torch.nan_to_num(x)
    return Looked(model, x, torch.from_numpy(gaps), mask, unit if stamps else "")


def _read(data: Any, names: list[str], columns: dict[str, Any]) -> Any:
    """The table with the network's inputs as targets, in their order."""
    if "target" in columns and columns["target"] is not None:
        raise DataError(f"target was given, but the model knows its inputs, {', '.join(names[:6])}: leave it out")
    columns = {name: value for name, value in columns.items() if value not in (None, ())}
    try:
        return read_table(data, **{**columns, "target": names})
    except DataError as error:
        if names[0] != "x0":
            raise
        raise DataError(
            f"{error}; the network's inputs have no names of their own, so the columns must be called {', '.join(names[:3])}, ..."
        ) from None


def _bridged(gaps: Any, real: Any) -> Any:
    """The gaps of rows left out go to the next real one, since dt is the time since the real sample before."""
    found, carried = gaps.copy(), 0.0
    for k in range(len(gaps)):
        carried += gaps[k]
        if real[k]:
            found[k], carried = carried, 0.0
        else:
            found[k] = 0.0
    return found


def _chosen(series: Any, name: str | None) -> Any:
    if name is None:
        return max(series, key=len)
    found = [one for one in series if one.id == name]
    if not found:
        raise DataError(f"no series is called {name!r}; there are {', '.join(one.id for one in series[:8])}")
    return found[0]


def _of_forecaster(model: Forecaster, data: Any, columns: Mapping[str, Any], series: str | None, rows: int) -> Looked:
    encoder, predictor = model._fitted()
    if not isinstance(predictor, Blend):
        raise DataError(f"{model.settings.cell} is no network: there are no states to look at")
    recurrent = predictor.network.recurrent
    if data is None:
        return Looked(recurrent, None, None, None, "steps")
    given = {name: value for name, value in columns.items() if value not in (None, ())}
    table = another_table(data, encoder.schema, given)
    one = _chosen(table.series, series)
    number = next(k for k, each in enumerate(table.series) if each is one)
    known = np.flatnonzero(np.isfinite(one.y).any(axis=1))
    if not len(known):
        raise DataError("the table has no known value of a target, so there is nothing to run over")
    windows = window_set(table, encoder, min(rows, len(one)), np.array([[number, known[-1]]]))
    batch = windows.batch(np.array([0]))
    x, dt, mask = (torch.from_numpy(np.ascontiguousarray(batch[name][0])) for name in ("x", "dt", "mask"))
    return Looked(recurrent, x, dt, mask, "steps")


def _of_sequences(
    model: SequenceEstimator, data: Any, columns: Mapping[str, Any], series: str | None, rows: int
) -> Looked:
    model._check_is_fitted()
    inner = model.model_
    network = inner.committee.networks()[0]
    if not is_causal(network.core):
        raise DataError("its networks read each sequence both ways, so no state moves on in time: fit with causal=True to look at it")
    if data is None:
        return Looked(network, None, None, None, "")
    found = model._asked(data, None, None, {name: value for name, value in columns.items() if value not in (None, ())})
    ids = [str(one) for one in found.ids or range(len(found))]
    if series is not None and series not in ids:
        raise DataError(f"no sequence is called {series!r}; there are {', '.join(ids[:8])}")
    one = found.part([ids.index(series) if series is not None else int(found.lengths.argmax())])
    inner.form.check(one)
    x, dt = inner.form.steps(one.values[0], inner.form.gaps(one)[0]), inner.form.times(inner.form.gaps(one)[0])
    known = None if any(inner.form.missing) else torch.isfinite(torch.from_numpy(x[-rows:])).all(dim=1)
    return Looked(network, torch.from_numpy(x[-rows:]), torch.from_numpy(dt[-rows:]), known, "")
