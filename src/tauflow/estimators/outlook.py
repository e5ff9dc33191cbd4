"""A forecast to look at: the last rows, what is expected, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..data import Table
from ..data.series import Array
from ..drawing.canvas import Drawn

if TYPE_CHECKING:
    from .forecaster import Forecaster

MOST = 4  # panels
ROWS = 96  # before the forecast, at least; or three horizons
LEVEL = 80.0


@dataclass(frozen=True, eq=False)
class Panel:
    """One series and target: (n,) times and values before, (h,) times and values ahead, the ends of the band or None."""

    name: str
    target: str
    before: Array
    values: Array
    ahead: Array
    forecast: Array
    band: tuple[Array, Array] | None


@dataclass(frozen=True, eq=False)
class Outlook(Drawn):
    """`panels`: up to four, the first series first; `level`: of the band in percent; `data`: the forecast as `predict` gives it."""

    panels: tuple[Panel, ...]
    level: float | None
    data: Any
    sentence: str
    picture: ClassVar[str] = "forecast.panels"

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        """Two panels side by side."""
        return (640, 260) if len(self.panels) == 1 else (880, 250 * -(-len(self.panels) // 2))

    def frame(self) -> Any:
        """The forecast, a row for each id and time."""
        return self.data.copy()


def outlook(model: Forecaster, table: Table, frame: Any, level: float | None) -> Outlook:
    """Of a table that the model knows and the frame that `predict` made of it."""
    schema = table.schema
    panels: list[Panel] = []
    many = schema.id is not None
    for series in table.series:
        mine = frame[frame[schema.id].astype(str) == str(series.id)] if many else frame
        for k, target in enumerate(schema.targets):
            known = np.nonzero(np.isfinite(series.y[:, k]))[0]
            if len(panels) == MOST or len(mine) == 0 or len(known) == 0:
                continue
            recent = known[-max(ROWS, 3 * len(mine)) :]
            ahead = mine[schema.time].to_numpy()
            shown = series.time[recent]
            stamps = shown.astype("datetime64[ns]") if schema.kind == "timestamp" else shown
            ends = [f"{target}-{end}-{level:.6g}" for end in ("lo", "hi")] if level is not None else []
            band = (mine[ends[0]].to_numpy(float), mine[ends[1]].to_numpy(float)) if ends else None
            name = str(series.id) if many else ""
            panels.append(
                Panel(
                    name, target, stamps, series.y[recent, k], _plain(ahead, schema), mine[target].to_numpy(float), band
                )
            )
    told = f"{model!r}: the next {model.settings.h} steps of {', '.join(schema.targets)}"
    left = len(table.series) * len(schema.targets) - len(panels)
    more = f"; {left} more are not drawn" if left > 0 else ""
    return Outlook(tuple(panels), level, frame, f"{told}{more}.")


def _plain(times: Array, schema: Any) -> Array:
    """Stamps without their zone, as the rows before have them (UTC); numbers as they are."""
    import pandas as pd

    if schema.kind != "timestamp":
        return np.asarray(times, float)
    stamps = pd.DatetimeIndex(times)
    return np.asarray((stamps.tz_convert("UTC").tz_localize(None) if stamps.tz is not None else stamps).as_unit("ns"))
