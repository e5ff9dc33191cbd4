"""Five small real series and one set of texts, shipped with the package, each as a pandas frame with its dirt left in.

    frame = tauflow.datasets.traffic()          names() lists the series, load("traffic") is the same
    frame = tauflow.datasets.movie_snippets()   the texts

Sources and licences stand in each docstring. Stored as float32; decimals are given back as they were published.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
WEATHER = ("Clear", "Clouds", "Drizzle", "Fog", "Haze", "Mist", "Rain", "Smoke", "Snow", "Squall", "Thunderstorm")
_WIND = ("NE", "NW", "SE", "cv")


def names() -> tuple[str, ...]:
    """The data sets that `load` knows.

    >>> tauflow.datasets.names()
    ('traffic', 'household_power', 'beijing_pm25', 'appliances', 'ecb_rates')
    """
    return tuple(_LOADERS)


def load(name: str) -> pd.DataFrame:
    """A data set by name; a fresh frame on every call.

    >>> tauflow.datasets.load("ecb_rates").shape
    (6913, 18)
    >>> tauflow.datasets.load("weather")
    Traceback (most recent call last):
        ...
    tauflow.errors.DataError: no data set 'weather'; there are: traffic, household_power, beijing_pm25, appliances, ecb_rates
    """
    if name not in _LOADERS:
        raise DataError(f"no data set '{name}'; there are: {', '.join(_LOADERS)}")
    return _LOADERS[name]()


def traffic() -> pd.DataFrame:
    """Traffic on Interstate 94 near Minneapolis-St Paul, westbound, hourly with gaps, 48,204 rows, 2012 to 2018.

    Source: Metro Interstate Traffic Volume, UCI Machine Learning Repository (J. Hogue, MN Department of
    Transportation; weather from OpenWeatherMap), CC BY 4.0.

    ds       local time (US Central) as recorded, naive
    volume   vehicles in the hour
    temp_K   air temperature, kelvin
    rain, snow  mm in the hour
    clouds   cloud cover, %
    holiday  true on the first hour of a US holiday, not on its other hours
    weather  code of the weather's short description, `WEATHER[code]`; one of several where rows are repeated

    Known dirt: 7,629 rows repeat a time, always with the same volume, most with another weather; 2,588 gaps over one
    hour, the longest 308 days (August 2014 to June 2015); temp_K is 0 in 10 rows; rain is 9,831.3 mm once.

    >>> frame = tauflow.datasets.traffic()
    >>> frame.shape, int((frame["temp_K"] == 0).sum())
    ((48204, 8), 10)
    """
    import pandas as pd

    kept = _read("metro_traffic_hourly")
    return pd.DataFrame(
        {
            "ds": kept["epoch"].astype("M8[s]").astype("M8[ns]"),
            "volume": kept["volume"].astype(np.int64),
            "temp_K": _decimals(kept["temp_K"]),
            "rain": _decimals(kept["rain"]),
            "snow": _decimals(kept["snow"]),
            "clouds": kept["clouds"].astype(np.int64),
            "holiday": kept["holiday"],
            "weather": kept["weather"].astype(np.int64),
        }
    )


def household_power() -> pd.DataFrame:
    """Electric power of one house in Sceaux, France, hourly means, 34,589 rows from December 2006 to November 2010.

    Source: Individual Household Electric Power Consumption, UCI Machine Learning Repository (G. Hebrail, A. Berard),
    CC BY 4.0; averaged from minutes.

    ds       local time as recorded, naive, hour beginning
    Global_active_power    kW
    Global_reactive_power  kvar
    Voltage                V
    Global_intensity       A
    Sub_metering_1, _2, _3  Wh per minute: kitchen; laundry room; water heater and air conditioner

    Known dirt: 421 hours are missing (NaN in all columns), the longest run some five days; the first hour is partial.

    >>> frame = tauflow.datasets.household_power()
    >>> frame.shape, int(frame["Voltage"].isna().sum())
    ((34589, 8), 421)
    """
    kept = _read("household_power_hourly")
    columns = dict(zip(kept["cols"].tolist(), kept["x"].T.astype(np.float64), strict=True))
    return _regular(str(kept["start"]), 3600, columns)


def beijing_pm25() -> pd.DataFrame:
    """Fine dust at the US embassy in Beijing with the airport's weather, hourly, 43,824 rows, 2010 to 2014.

    Source: Beijing PM2.5, UCI Machine Learning Repository (S. Chen), CC BY 4.0.

    ds     local time (UTC+8, no summer time), naive
    pm25   PM2.5, ug/m3
    DEWP   dew point, degC        TEMP  temperature, degC        PRES  pressure, hPa
    Iws    wind speed, m/s, summed since the wind last changed direction
    Is, Ir hours of snow, of rain, summed since it began
    wind   direction: NE, NW, SE, or cv (calm and variable)

    Known dirt: 2,067 values of pm25 are missing, among them the first 24.

    >>> frame = tauflow.datasets.beijing_pm25()
    >>> frame.shape, int(frame["pm25"].isna().sum())
    ((43824, 9), 2067)
    """
    kept = _read("beijing_pm25_hourly")
    columns: dict[str, Any] = {"pm25": _decimals(kept["pm25"])}
    for name, column in zip(("DEWP", "TEMP", "PRES", "Iws", "Is", "Ir"), kept["x"].T, strict=True):
        columns[name] = _decimals(column)
    columns["wind"] = np.array(_WIND)[kept["wind"]].tolist()
    return _regular("2010-01-01 00:00:00", 3600, columns)


def appliances() -> pd.DataFrame:
    """Energy used by the appliances of a house in Stambruges, Belgium, every 10 minutes, 19,735 rows in 2016.

    Source: Appliances Energy Prediction, UCI Machine Learning Repository (L. Candanedo), CC BY 4.0.

    ds             local time, naive, 11 January to 27 May 2016
    Appliances, lights  Wh in 10 minutes
    T1 ... T9      degC: kitchen, living room, laundry, office, bathroom, outside north, ironing room, teenager's room,
                   parents' room;  RH_1 ... RH_9 relative humidity there, %
    T_out, Tdewpoint degC, RH_out %, Press_mm_hg mmHg, Windspeed m/s, Visibility km: Chievres airport, interpolated
    rv1, rv2       random numbers, equal to each other, put in by the authors to test feature selection

    Known dirt: rv1 and rv2 carry nothing; RH_6 stands at its limits (1 % and 99.9 %) for long stretches. The clock runs
    through the change to summer time of 27 March 2016 as if there were none.

    >>> frame = tauflow.datasets.appliances()
    >>> frame.shape, float(frame["Appliances"].median())
    ((19735, 29), 60.0)
    """
    kept = _read("appliances_energy_10min")
    columns = {name: column.astype(np.float64) for name, column in zip(kept["cols"].tolist(), kept["x"].T, strict=True)}
    return _regular("2016-01-11 17:00:00", 600, columns)


def ecb_rates() -> pd.DataFrame:
    """Euro reference rates of 17 currencies, one row per working day, 6,913 rows, 4 January 1999 to 31 December 2025.

    Source: European Central Bank, euro foreign exchange reference rates; free to use with the source named.

    ds     the day (set about 14:15 Central European Time)
    USD, JPY, CZK, ...  units of the currency for one euro

    Known dirt: none; weekends and TARGET holidays have no row, so gaps are 1 to 5 days. DKK is pegged to the euro.

    >>> frame = tauflow.datasets.ecb_rates()
    >>> frame[["ds", "USD", "JPY"]].head(2)
              ds     USD     JPY
    0 1999-01-04  1.1789  133.73
    1 1999-01-05  1.1790  130.96
    """
    import pandas as pd

    kept = _read("ecb_fx_daily")
    columns = {name: _decimals(column) for name, column in zip(kept["cols"].tolist(), kept["x"].T, strict=True)}
    return pd.DataFrame({"ds": kept["date"].astype("M8[D]").astype("M8[ns]"), **columns})


def movie_snippets() -> pd.DataFrame:
    """Sentences of film reviews and what people thought of them, 10,605 rows.

    Source: C. J. Hutto and E. Gilbert 2014, VADER (the sentences are from rottentomatoes.com, collected by B. Pang and L. Lee), MIT.

    score    mean of the votes of 20 people, -4 (very negative) to 4 (very positive)
    text     the sentence

    Known dirt: quotes and apostrophes are doubled or lost, some sentences are cut.

    >>> frame = tauflow.datasets.movie_snippets()
    >>> frame.shape, float(frame["score"].max())
    ((10605, 2), 3.94117647059)
    """
    import gzip

    import pandas as pd

    with files(__package__).joinpath("hutto_movie_snippets.tsv.gz").open("rb") as file:
        lines = gzip.decompress(file.read()).decode().splitlines()
    parts = [line.split("\t", 2) for line in lines]
    return pd.DataFrame({"score": [float(score) for _, score, _ in parts], "text": [text for _, _, text in parts]})


def _read(name: str) -> dict[str, Array]:
    with files(__package__).joinpath(f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as kept:
        return {key: kept[key] for key in kept.files}


def _decimals(column: Array) -> Array:
    """float32 back to the float64 nearest to the decimal of up to six digits that it was stored from."""
    wide = column.astype(np.float64)
    size = np.abs(wide[np.isfinite(wide) & (wide != 0)])
    digits = np.zeros_like(wide)
    if len(size):
        known = np.isfinite(wide) & (wide != 0)
        digits[known] = 5 - np.floor(np.log10(size))
    scale = 10.0 ** digits.clip(0, 12)
    found: Array = np.rint(wide * scale) / scale
    return found


def _regular(start: str, seconds: int, columns: dict[str, Any]) -> pd.DataFrame:
    """A frame whose rows are `seconds` apart."""
    import pandas as pd

    rows = len(next(iter(columns.values())))
    ds = np.datetime64(start, "ns") + np.arange(rows) * np.timedelta64(seconds, "s")
    return pd.DataFrame({"ds": ds, **columns})


_LOADERS: dict[str, Callable[[], pd.DataFrame]] = {
    "traffic": traffic,
    "household_power": household_power,
    "beijing_pm25": beijing_pm25,
    "appliances": appliances,
    "ecb_rates": ecb_rates,
}
