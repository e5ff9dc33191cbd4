"""The picture of gradients over time."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

Ink = Mapping[str, str]
LEAST = 1e-9  # of the largest, that is drawn


def gradient_health(figure: Figure, found: Any, ink: Ink) -> None:
    """The loss's gradient and the end's memory of each input, against how long ago, both at most one."""
    axes = figure.add_subplot()
    for values, label, colour, height in (
        (found.gradient, "gradient of the loss by the state", "liquid1", 0.97),
        (found.memory, "what the last state hears of an input", "static1", 0.89),
    ):
        top = values.max() if values.max() > 0 else 1.0
        share = np.where(values > LEAST * top, values / top, np.nan)
        axes.plot(found.ago, share, color=ink[colour])
        axes.annotate(label, (0.02, height), xycoords="axes fraction", color=ink[colour], va="top")
    axes.axvline(found.horizon, color=ink["muted"], linewidth=1, linestyle=(0, (3, 3)))
    axes.annotate(f"horizon {found.horizon:.3g}", (found.horizon, 0.02), (3, 0), xycoords=("data", "axes fraction"),
                  textcoords="offset points", color=ink["muted"])  # fmt: skip
    axes.set_yscale("log")
    axes.invert_xaxis()
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("how long before the end, in the unit of dt")
    axes.set_ylabel("share of the largest")
    first = found.sentence.partition(":")[0]
    axes.set_title("\n".join(textwrap.wrap(first[:1].upper() + first[1:], 60)), loc="left")
