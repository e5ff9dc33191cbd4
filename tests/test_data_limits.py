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


@pytest.mark.parametrize("clock", ["13:30 PM", "0:30 AM", "00:15 pm", "23:59 am"])
def test_a_clock_of_twelve_hours_has_hours_1_to_12(clock):
    frame = {"ds": ["2021-03-01 11:30 AM", "2021-03-01 12:30 PM", f"2021-03-02 {clock}"], "y": [1.0, 2.0, 3.0]}
    with pytest.raises(DataError, match=f"'2021-03-02 {clock}' has a hour that does not exist"):
        read_table(frame)
    good = read_table(
        {"ds": ["2021-03-01 12:30 AM", "2021-03-01 11:30 AM", "2021-03-01 12:30 PM"], "y": [1.0, 2.0, 3.0]}
    )
    hours = (good.series[0].time - good.series[0].time[0]) / 3_600_000_000_000
    assert hours.tolist() == [0, 11, 12]
