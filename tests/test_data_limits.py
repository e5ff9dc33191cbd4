"""The last moment that nanoseconds since 1970 can say, and the one behind it."""

from __future__ import annotations

import numpy as np
import pytest

from tauflow.data import read_table
from tauflow.data.read.times.epochs import UNITS
from tauflow.errors import DataError


@pytest.mark.parametrize("unit", UNITS)
def test_the_last_moment_is_read_and_the_next_is_refused(unit, tmp_path):
    last = (2**63 - 1) // UNITS[unit]
    path = tmp_path / "t.csv"
    path.write_text(f"t,v\n{last - 1},1\n{last},2\n")
    table = read_table(path, time="t", target="v", time_unit=unit)
    assert table.series[0].time.tolist() == [(last - 1) * UNITS[unit], last * UNITS[unit]]
    path.write_text(f"t,v\n{last},1\n{last + 1},2\n")
    with pytest.raises(DataError, match=f"line 3: {last + 1} {unit} since 1970 is after 2262"):
        read_table(path, time="t", target="v", time_unit=unit)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_floats_beyond_the_last_moment_are_refused(unit):
    near, far = 0.999 * 2.0**63 / UNITS[unit], 1.001 * 2.0**63 / UNITS[unit]
    values = np.array([1.0, 2.0])
    assert (
        len(read_table({"t": np.array([0.0, near]), "v": values}, time="t", target="v", time_unit=unit).series[0]) == 2
    )
    for bad in ([0.0, far], [-far, 0.0]):
        with pytest.raises(DataError, match="outside 1678 to 2261"):
            read_table({"t": np.array(bad), "v": values}, time="t", target="v", time_unit=unit)
