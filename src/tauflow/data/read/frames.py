"""Any data frame (pandas, polars, pyarrow ... through narwhals), a Parquet file or a dict of arrays as columns by name.

Data frames stop here: what leaves is numpy. Objects in a column (a mix of numbers, texts, dates) become text and take
the same way as the fields of a text file.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, MissingExtraError
from .chunk import NEVER, Chunk, as_tokens

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

    from .text import Sink

Array = NDArray[Any]
Where = Callable[[int], str]
SAMPLE = 1000
_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


class FrameSource:
    """Columns of a frame by name; `get(name)` returns the native column."""

    dots_unclear = False
    decimal = None

    def __init__(self, names: list[Any], get: Callable[[str], Any], rows: int, label: str) -> None:
        odd = [name for name in names if not isinstance(name, str)]
        if odd:
            raise DataError(f"{label} has a column named {odd[0]!r}; names must be text: rename it to '{odd[0]}'")
        unclean = [name for name in names if "\0" in name or not _is_unicode(name)]
        if unclean:
            raise DataError(f"{label} has a column named {unclean[0]!r}, which is no clean text; rename it")
        self.names, self.rows, self.label = tuple(names), rows, label
        self._get = get

    def repeated(self) -> set[str]:
        return {name for name, count in Counter(self.names).items() if count > 1}

    def sample(self) -> dict[str, Chunk]:
        """The first rows of every column; none of a column that can't be read."""
        found = {}
        for name in self.names:
            try:
                found[name] = self._chunk(name, SAMPLE)
            except DataError:
                found[name] = Chunk(np.array([b"(unreadable)"]), self.where)
        return found

    def read(self, sinks: Mapping[str, Sink]) -> int:
        for name, sink in sinks.items():
            sink.feed(self._chunk(name, None))
        return self.rows

    def where(self, row: int) -> str:
        return f"row {row}"

    def _chunk(self, name: str, head: int | None) -> Chunk:
        column = self._get(name)
        column = column if head is None else column[:head]
        try:
            if isinstance(column, np.ndarray):
                return Chunk(*_from_numpy(column, self.where))
            return Chunk(*_from_narwhals(column, self.where))
        except UnicodeEncodeError as error:
            raise DataError(
                f"column '{name}' has {error.object!r}, which is no clean text; write it anew, or drop the row"
            ) from None
        except DataError as error:
            raise DataError(f"column '{name}': {error}") from None


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def frame_source(source: Any) -> FrameSource:
    """A frame or a dict of arrays, ready to be read."""
    if isinstance(source, Mapping):
        return _dict_source(source)
    if isinstance(source, np.ndarray):
        raise DataError(f"an array of shape {source.shape} has no column names; give a dict of 1-d arrays by name")
    import narwhals as nw

    try:
        frame = nw.from_native(_framed(source), eager_only=True)
    except TypeError:
        lazy = " (a lazy frame: collect() it first)" if hasattr(source, "collect") else ""
        raise DataError(
            f"a {type(source).__name__} can't be read{lazy}; expected a path, a data frame or a dict of arrays"
        ) from None
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"the frame has a column name more than once: {error}") from None
    return FrameSource(list(frame.columns), frame.get_column, len(frame), "the frame")


def parquet_source(name: str, reopen: Callable[[], AbstractContextManager[IO[bytes]]]) -> FrameSource:
    """A Parquet file, read whole; needs pyarrow."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError('reading Parquet needs pyarrow: pip install "tauflow[parquet]"') from None
    try:
        with reopen() as file:
            table = pq.read_table(file)
    except (OSError, ValueError) as error:
        raise DataError(f"{name} can't be read as Parquet: {error}") from None
    found = frame_source(table)
    found.label = name
    return found


def _framed(source: Any) -> Any:
    """A frame, from a pandas frame or a pandas column with its index; anything else as it is."""
    if type(source).__module__.partition(".")[0] != "pandas":
        return source
    if hasattr(source, "to_frame") and not hasattr(source, "columns") and hasattr(source, "index"):
        source = source.to_frame(source.name if isinstance(source.name, str) else "y")
    return _plain_pandas(source)


def column_chunk(values: Any, where: Where) -> Chunk:
    """One column of any kind (a list, an array, an index, a column of a frame), named by `where` in messages."""
    import narwhals as nw

    if type(values).__module__.partition(".")[0] == "pandas":
        values = _plain_pandas(values)
    if not isinstance(values, np.ndarray | list | tuple):
        try:
            return Chunk(*_from_narwhals(nw.from_native(values, series_only=True), where))
        except TypeError:
            values = list(values)
    if not isinstance(values, np.ndarray):
        texts = any(isinstance(value, str | dt.date) or _is_missing(value) for value in values)
        values = np.array(values, dtype=object) if texts else np.asarray(values)
    if values.ndim != 1:
        raise DataError(f"{where(0)}: an array of shape {values.shape}, expected one moment a row")
    return Chunk(*_from_numpy(values, where))


def _plain_pandas(source: Any) -> Any:
    """A pandas object as a frame or a column that holds all of it: an index that says something as columns, periods as stamps."""
    import pandas as pd

    if isinstance(source, pd.PeriodIndex):
        return source.to_timestamp().to_series()
    if isinstance(source, pd.Index):
        return source.to_series()
    if isinstance(source, pd.Series):
        return _without_periods(source.to_frame(source.name if isinstance(source.name, str) else "y")).iloc[:, 0]
    if not isinstance(source, pd.DataFrame):
        return source
    return _without_periods(_with_index(source))


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its index as columns: of stamps, of several levels, or of a name; row numbers are left out."""
    import pandas as pd

    index = frame.index
    stamps = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)
    names = [
        name if isinstance(name, str) else "time" if stamps else f"level {k}" for k, name in enumerate(index.names)
    ]
    if not stamps and index.nlevels == 1 and not isinstance(index.name, str):
        return frame
    if any(name in frame.columns for name in names):
        return frame
    return frame.rename_axis(names).reset_index()


def _without_periods(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    periods = [name for name, kind in zip(frame.columns, frame.dtypes, strict=True) if isinstance(kind, pd.PeriodDtype)]
    if not periods or not frame.columns.is_unique:
        return frame
    return frame.assign(**{name: frame[name].dt.to_timestamp() for name in periods})


def _dict_source(source: Mapping[Any, Any]) -> FrameSource:
    columns = {name: _dict_column(column) for name, column in source.items()}
    for name, column in columns.items():
        if len(column.shape) != 1:
            raise DataError(f"column '{name}' has shape {column.shape}; expected one number per row")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns differ in length: {', '.join(f'{k} {n}' for k, n in lengths.items())}")
    return FrameSource(list(columns), columns.__getitem__, next(iter(lengths.values()), 0), "the dict")


def _dict_column(values: Any) -> Any:
    """An array; or the column of a data frame, which knows of zones, missing values and categories what an array does not."""
    if isinstance(values, np.ma.MaskedArray):
        held = values.data.astype(object)
        held[np.ma.getmaskarray(values)] = None
        return held
    if isinstance(values, np.ndarray | list | tuple):
        return np.asarray(values)
    import narwhals as nw

    if type(values).__module__.split(".")[0] == "pandas" and getattr(values, "ndim", 1) == 1:
        import pandas as pd

        values = pd.Series(values)
    try:
        return nw.from_native(values, series_only=True)
    except TypeError:
        return np.asarray(values)


def _from_numpy(column: Array, where: Where) -> tuple[Array, Where, str | None]:
    kind = column.dtype.kind
    if kind in "biuf":
        return column, where, None
    if kind == "M":
        return _nanoseconds(column), where, None
    if kind in "US":
        texts = [x.decode("utf-8", "replace") if isinstance(x, bytes) else x for x in column.tolist()]
        return as_tokens(texts), where, None
    if kind in "OT":
        return as_tokens(_as_texts(column.tolist(), where)), where, None
    raise DataError(f"{column.dtype} can't be read; expected numbers, text, true/false or time stamps")


def _nanoseconds(stamps: Array) -> Array:
    """datetime64 of any unit to datetime64[ns], refused where that overflows."""
    unit, count = np.datetime_data(stamps.dtype)
    if unit == "ns" and count == 1:
        return stamps
    wide = stamps.astype("M8[us]" if unit not in ("ps", "fs", "as") else "M8[ns]")
    if np.datetime_data(wide.dtype)[0] == "ns":
        return wide
    numbers = wide.view(np.int64)
    far = (np.abs(numbers // 1000) >= 2**63 // 10**6) & (numbers != NEVER)
    if far.any():
        raise DataError(f"row {int(far.argmax())}: {wide[far.argmax()]} lies outside the years 1678 to 2261")
    found: Array = np.where(numbers == NEVER, NEVER, numbers * 1000).view("M8[ns]")
    return found


def _from_narwhals(column: nw.Series[Any], where: Where) -> tuple[Array, Where, str | None]:
    import narwhals as nw

    kind = column.dtype
    if isinstance(kind, nw.Datetime):
        zone = kind.time_zone
        return _stamps(column, kind.time_unit), where, zone
    if kind == nw.Date:
        return _stamps(column.cast(nw.Datetime("us")), "us"), where, None
    if kind == nw.Boolean:
        if column.null_count() == 0:
            return column.to_numpy().astype(bool), where, None
        return as_tokens("" if x is None else str(x) for x in column.to_list()), where, None
    if kind.is_integer() and column.null_count() == 0:
        return column.to_numpy(), where, None
    if kind.is_numeric():
        wide = column if kind == nw.Float32 else column.cast(nw.Float64)
        return np.asarray(wide.to_numpy(), dtype=np.float32 if kind == nw.Float32 else np.float64), where, None
    if kind in (nw.String, nw.Categorical) or isinstance(kind, nw.Enum):
        words = column.to_list()  # not cast to String, which makes "None" of None in pandas 2.2
        return as_tokens("" if _is_missing(x) else str(x) for x in words), where, None
    if kind in (nw.Unknown, nw.Time) and (zone := _pandas_zone(column)) is not None:
        values, _, _ = _from_narwhals(nw.from_native(column.to_native().dt.tz_convert("UTC"), series_only=True), where)
        return values, where, zone
    if kind == nw.Time:
        return as_tokens("" if x is None else x.isoformat() for x in column.to_list()), where, None
    if kind in (nw.Object, nw.Unknown):
        return as_tokens(_as_texts(column.to_list(), where)), where, None
    raise DataError(f"{kind} can't be read; expected numbers, text, true/false or time stamps")


def _pandas_zone(column: nw.Series[Any]) -> str | None:
    """The zone of a pandas column of stamps whose name narwhals can't read: America/New_York has more than letters.

    It says Unknown or, to the name "timestamp[us, tz=America/New_York][pyarrow]", Time: by its release and pandas'.
    """
    try:
        tz = column.to_native().dt.tz
    except AttributeError:
        return None
    return getattr(tz, "key", None) or getattr(tz, "zone", None)


def _stamps(column: nw.Series[Any], unit: str) -> Array:
    """Nanoseconds UTC as datetime64[ns]; naive stamps as on their clock."""
    if column.null_count():
        first = column.is_null().to_numpy().argmax()
        raise DataError(f"row {int(first)} has no time; every row needs one")
    fine = unit if unit in ("ns", "us", "ms") else "ms"
    numbers = np.asarray(column.dt.timestamp(fine).to_numpy(), dtype=np.int64)  # type: ignore[arg-type]
    scale = _PER_UNIT[fine]
    far = np.abs(numbers) >= 2**63 // scale if scale > 1 else np.zeros(0, dtype=bool)
    if far.any():
        raise DataError(f"row {int(far.argmax())} has a time outside the years 1678 to 2261")
    found: Array = (numbers * scale).view("M8[ns]")
    return found


def _is_missing(value: Any) -> bool:
    """None, NaN, NaT and pandas' NA."""
    return (
        value is None
        or value is NotImplemented
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and value != value)
    )


def _as_texts(values: list[Any], where: Callable[[int], str]) -> list[str]:
    texts = []
    for row, value in enumerate(values):
        if _is_missing(value):
            texts.append("")
        elif isinstance(value, dt.date | dt.datetime | dt.time):
            texts.append(value.isoformat())
        elif isinstance(value, str | int | float | bool | np.generic) or type(value).__name__ == "Decimal":
            texts.append(str(value))
        else:
            raise DataError(f"{where(row)} is a {type(value).__name__}; expected a number, text or a time stamp")
    return texts
