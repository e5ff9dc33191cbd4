"""Where the test part begins: a fraction of the rows, a length of time, or a moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...data import Table
from ...errors import DataError
from ..reading import is_number, moment


def test_start(table: Table, test: Any) -> float:
    """The native time at which testing begins; everything before it may be learned from.

    test: a fraction, a length such as "90D", or a time stamp. DataError where it leaves nothing to learn from or to test on.

    >>> table = tauflow.read_table({"x": np.arange(20.0), "y": np.arange(20.0)}, time="x", target="y", time_unit="number")
    >>> start = tauflow.estimators.test_start(table, 0.2)
    >>> model = tauflow.Forecaster("persistence", h=2, context=3).fit(table, until=start, progress=False)
    >>> start, model.tested(table, start).forecast[:, :, 0].round(3).tolist()  # of a Tested: (origins, h, targets)
    (16.0, [[16.0, 16.0], [17.0, 17.0], [18.0, 18.0]])
    """
    times = np.sort(np.concatenate([series.time[np.isfinite(series.y).any(axis=1)] for series in table.series]))
    if len(times) < 4:
        raise DataError(
            f"the table has {len(times)} rows with a known target, expected a history to learn from and a test part"
        )
    start = _start(times, table, test)
    if not times[0] < start <= times[-1]:
        raise DataError(f"test={test!r} leaves nothing to learn from or nothing to test on: try test=0.2")
    return start


test_start.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name


def _start(times: Any, table: Table, test: Any) -> float:
    if not is_number(test):
        return moment(test, table, "test")
    if not 0 < test < 1:
        raise DataError(
            f"test is {test!r}, expected a fraction between 0 and 1, a length such as '90D', or a time stamp"
        )
    return times[int(len(times) * (1 - float(test)))].item()  # type: ignore[no-any-return]
