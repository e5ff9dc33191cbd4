"""The picture of a run: what the core read, what the network answered, and how long each neuron remembers, on one time axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure

Ink = Mapping[str, str]
MOST = 5  # lines


def record(figure: Figure, found: Any, ink: Ink, row: int = 0) -> None:
    """Three bands: inputs with dots at their stamps, answers, and the neurons from fast to slow."""
    real = found.real(row)
    time = found.time[row].numpy(force=True)[real]
    bands = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1, 2])
    read = found.encoded[row].numpy(force=True)[real]
    colours = [ink[name] for name in ("liquid1", "static1", "liquid2", "liquid3", "liquid4")]
    for k in range(min(MOST, read.shape[1])):
        bands[0].plot(time, read[:, k], color=colours[k], marker=".", markersize=3, linewidth=1)
        bands[0].annotate(
            f"input {k}", (time[-1], read[-1, k]), (4, 0), textcoords="offset points", va="center", color=colours[k]
        )
    more = f", {MOST} of {read.shape[1]}" if read.shape[1] > MOST else ""
    bands[0].set_title(f"What the core read (dots: the stamps{more})", loc="left")
    bands[0].set_ylabel("input")
    answer = found.answer[row].numpy(force=True)[real]
    for k in range(min(MOST, answer.shape[1])):
        bands[1].plot(time, answer[:, k], color=colours[k], linewidth=1.3)
        bands[1].annotate(
            found.names[k], (time[-1], answer[-1, k]), (4, 0), textcoords="offset points", va="center", color=colours[k]
        )
    bands[1].set_title("What it answered", loc="left")
    bands[1].set_ylabel("answer")
    neurons(bands[2], found, time, real, row, ink)
    bands[2].set_xlabel("time, in the unit of dt")


def neurons(axes: Axes, found: Any, time: Any, real: Any, row: int, ink: Ink) -> None:
    """One line a neuron, fast to slow: its time constant at every sample; of a core without such, its state."""
    shown = found.tau
    values = (found.states if shown is None else shown)[row].numpy(force=True)[real]
    order = np.argsort(values.mean(axis=0) if shown is None else np.log(values).mean(axis=0))
    edges = np.concatenate([time[:1] - (time[1] - time[0] if len(time) > 1 else 1), time])
    ramp = (
        LinearSegmentedColormap.from_list("slow", [ink["shade"], ink["liquid1"], ink["ink"]])
        if _real(ink)
        else "viridis"
    )
    norm = Normalize() if shown is None else LogNorm(*_span(values))
    mesh = axes.pcolormesh(
        edges, np.arange(values.shape[1] + 1), values[:, order].T, cmap=ramp, norm=norm, rasterized=True, shading="flat"
    )
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.01)
    bar.outline.set_visible(False)
    bar.set_label("time constant, in the unit of dt" if shown is not None else "state")
    axes.grid(False)
    axes.set_ylabel("neuron, fast to slow" if shown is not None else "neuron, by its mean")
    axes.set_title(
        "How long each neuron remembers: 1 / rate at every sample"
        if shown is not None
        else "The state of each neuron at every sample",
        loc="left",
    )


def _span(values: Any) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > 1.01 * low else (low / 1.1, high * 1.1)


def _real(ink: Ink) -> bool:
    """Whether these are colours to be mixed; stand-ins of a page can't be."""
    return not ink["ink"].startswith("#00f0")
