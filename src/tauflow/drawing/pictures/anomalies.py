"""The picture of anomalies: the values, the band in which they were expected, and dots on those outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

Ink = Mapping[str, str]
MOST = 3000  # rows that are drawn: around the least likely one


def course(figure: Figure, found: Any, ink: Ink, target: int = 0, around: int | None = None, rows: int = MOST) -> None:
    """Of the id with the least likely row, up to `rows` rows around it, or around row `around`."""
    name = found.targets[target]
    score = np.nan_to_num(found.data[f"{name}-score"].to_numpy())
    top = int(score.argmax()) if around is None else around
    here = np.nonzero(found.id == found.id[top])[0]
    here = here[np.argsort(found.time[here], kind="stable")]
    place = int(np.nonzero(here == top)[0][0])
    first = max(0, min(place - rows // 2, len(here) - rows))
    here = here[first : first + rows]
    time, y, low, high = (
        found.time[here],
        *(found.data[f"{name}{part}"].to_numpy()[here] for part in ("", "-lo", "-hi")),
    )
    axes = figure.add_subplot()
    axes.fill_between(time, low, high, color=ink["liquid1"], alpha=0.18, linewidth=0)
    axes.plot(time, y, color=ink["ink"], linewidth=1)
    odd = found.flagged[here, target]
    axes.plot(time[odd], y[odd], "o", color=ink["static4"], markersize=5)
    if np.issubdtype(time.dtype, np.datetime64):
        locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_ylabel(name[:24])
    axes.margins(x=0.01)
