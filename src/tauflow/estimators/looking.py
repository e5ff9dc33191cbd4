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
from ..windows.encoder import Encoder
from ..windows.windows import window_set
from .forecaster import Forecaster
from .learned import Blend
from .reading import another_table
from .sequences import Classifier, Regressor
from .sequences.base import SequenceEstimator

UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "d": 86400e9}  # nanoseconds


@dataclass(frozen=True, eq=False)
class Looked:
    """model, and x (time, inputs), dt (time,), mask (time,) of one row for it; unit: what dt counts, in words.

    names (inputs,) of what the core's network reads; y (time,): the truth, of a column that was named.
    """

    model: nn.Module
    x: Tensor | None
    dt: Tensor | None
    mask: Tensor | None
    unit: str
    names: tuple[str, ...] = ()
    y: Any = None


def opened(path: str | os.PathLike[str]) -> Any:
    """The model of a file: what `tauflow.save` or an estimator's `save` wrote."""
    kinds: dict[str, Any] = {"forecaster": Forecaster, "classifier": Classifier, "regressor": Regressor}
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
    row: int = -1,
    truth: str | None = None,
) -> Looked:
    """The last `rows` rows up to `row` of one series (the longest, unless it is named); unit: what dt of a Network counts, where time is
    stamps; truth: of a Network, the column that it should answer.

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
        _refuse_truth(model, truth)
        return _of_forecaster(model, data, columns or {}, series, rows, row)
    if isinstance(model, SequenceEstimator):
        _refuse_truth(model, truth)
        return _of_sequences(model, data, columns or {}, series, rows, row)
    if data is None:
        return Looked(model, None, None, None, "")
    names = list(model.input_names) if isinstance(model, Network) else [f"x{i}" for i in range(model.inputs)]
    further = [truth] if truth is not None and truth not in names else []
    table = _read(data, [*names, *further], dict(columns or {}))
    one = _chosen(table.series, series)
    here = _rows_to(row, len(one), rows)
    values, time = one.y[here, : len(names)], one.time[here]
    y = None if truth is None else one.y[here, [*names, *further].index(truth)]
    stamps = table.schema.kind == "timestamp"
    gaps = np.diff(time.astype(float), prepend=float(time[0]))
    gaps = gaps / UNITS[unit] if stamps else gaps
    x, missing = torch.from_numpy(values.astype(np.float32)), getattr(model, "missing", None)
    mask = None if missing is not None else torch.isfinite(x).all(dim=1)
    if mask is not None:
        gaps = _bridged(gaps, mask.numpy())
        x = torch.nan_to_num(x)
    return Looked(model, x, torch.from_numpy(gaps), mask, unit if stamps else "", tuple(names), y)


def _rows_to(row: int, count: int, rows: int) -> slice:
    """The last `rows` of `count` rows up to `row`."""
    if isinstance(row, bool) or not isinstance(row, int) or not -count <= row < count:
        raise DataError(f"row is {row!r}, expected a whole number from {-count} to {count - 1}")
    last = row % count + 1
    return slice(max(0, last - rows), last)


def _refuse_truth(model: Any, truth: str | None) -> None:
    if truth is not None:
        raise DataError(f"truth was given, but a {type(model).__name__} knows its target: leave it out")


def _read(data: Any, names: list[str], columns: dict[str, Any]) -> Any:
    """The table with the network's inputs as targets, in their order."""
    if "target" in columns and columns["target"] is not None:
        raise DataError(f"target was given, but the model knows its inputs, {', '.join(names[:6])}: leave it out")
    columns = {name: value for name, value in columns.items() if value not in (None, ())}
    try:
        try:
            return read_table(data, **{**columns, "target": names})
        except DataError as error:
            if "no column that holds time stamps" not in str(error) or "id" in columns or "dt" in names:
                raise
            timed, columns = _timed(data, columns)
            return read_table(timed, **{**columns, "target": names})
    except DataError as error:
        if names[0] != "x0":
            raise
        raise DataError(
            f"{error}; the network's inputs have no names of their own, so the columns must be called {', '.join(names[:3])}, ..."
        ) from None


def _timed(data: Any, columns: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A log with a column `dt`, as exports and the server read it, gets times: the sums of its gaps. Other tables stay as they are."""
    import pandas as pd

    if isinstance(data, (str, os.PathLike)):
        try:
            found: Any = pd.read_csv(data)
        except (ValueError, OSError):  # another format, or no table: `read_table` reads it, or says why not
            return data, columns
    else:
        found = data if isinstance(data, pd.DataFrame) else pd.DataFrame(data) if isinstance(data, dict) else None
    if found is None or "dt" not in found:
        return data, columns
    gaps = pd.to_numeric(found["dt"], errors="coerce").to_numpy(float, copy=True)
    if not np.all(gaps[1:] >= 0):  # the first has no sample before it; NaN is not >= 0
        row = int(np.flatnonzero(~(gaps[1:] >= 0))[0]) + 1
        raise DataError(
            f"dt of row {row} is {found['dt'].iloc[row]}, expected the time since the row before, 0 or more"
        )
    gaps[:1] = 0
    return found.assign(**{"time since the first row": gaps.cumsum()}), {**columns, "time": "time since the first row"}


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


def _of_forecaster(
    model: Forecaster, data: Any, columns: Mapping[str, Any], series: str | None, rows: int, row: int
) -> Looked:
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
    last = _rows_to(row, int(known[-1]) + 1, rows).stop - 1
    windows = window_set(table, encoder, min(rows, last + 1), np.array([[number, last]]))
    batch = windows.batch(np.array([0]))
    x, dt, mask = (torch.from_numpy(np.ascontiguousarray(batch[name][0])) for name in ("x", "dt", "mask"))
    return Looked(recurrent, x, dt, mask, "steps", feature_names(encoder))


def feature_names(encoder: Encoder) -> tuple[str, ...]:
    """What the features of a context row are, in their order (see `Windows`)."""
    schema = encoder.schema
    others = (*schema.past, *schema.future)
    found = [*schema.targets, *(name for name in others if name not in encoder.shown)]
    found += [f"{name} {k}" for name in others if name in encoder.shown for k in range(len(encoder.shown[name]))]
    found += [f"{name} known" for name in (*schema.targets, *others)]
    found += [f"change of {name}" for name in schema.targets]
    found += [f"series {k}" for k in range(encoder.statics)]
    return (*found, *(f"calendar {k}" for k in range(encoder.calendar.size)))


def _of_sequences(
    model: SequenceEstimator, data: Any, columns: Mapping[str, Any], series: str | None, rows: int, row: int
) -> Looked:
    model._check_is_fitted()
    inner = model.model_
    network = inner.committee.networks()[0]
    if not is_causal(network.core):
        raise DataError(
            "its networks read each sequence both ways, so no state moves on in time: fit with causal=True to look at it"
        )
    if data is None:
        return Looked(network, None, None, None, "")
    found = model._asked(data, None, None, {name: value for name, value in columns.items() if value not in (None, ())})
    ids = [str(one) for one in found.ids or range(len(found))]
    if series is not None and series not in ids:
        raise DataError(f"no sequence is called {series!r}; there are {', '.join(ids[:8])}")
    if series is None and not -len(found) <= row < len(found):
        raise DataError(f"row is {row!r}, expected a whole number from {-len(found)} to {len(found) - 1}")
    one = found.part([ids.index(series) if series is not None else row % len(found)])
    inner.form.check(one)
    x, dt = inner.form.steps(one.values[0], inner.form.gaps(one)[0]), inner.form.times(inner.form.gaps(one)[0])
    known = None if any(inner.form.missing) else torch.isfinite(torch.from_numpy(x[-rows:])).all(dim=1)
    return Looked(network, torch.from_numpy(x[-rows:]), torch.from_numpy(dt[-rows:]), known, "", ())
