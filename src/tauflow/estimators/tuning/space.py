"""What may be tried: per cell a table of settings and of the cell's own arguments, each with its range.

    name              a field of `Settings` (units, context, lr, ...), or an argument of the cell (solver, mode, ...)
    Whole, Real       lowest to highest, on a logarithmic scale: from 8 to 16 is as far as from 64 to 128
    Choice            one of these

A cell that is not in `OWN` (one of your own, say) is tuned by what is common to all.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import Settings


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    low: int
    high: int


@dataclass(frozen=True)
class Real:
    """A number."""

    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[str | int | float, ...]


Range = Whole | Real | Choice

COMMON: dict[str, Range] = {
    "units": Whole(8, 128),
    "context": Choice((24, 48, 96, 168)),
    "lr": Real(1e-3, 3e-2),
    "batch_size": Choice((32, 64, 128)),
    "start": Choice(("linear", "seasonal")),
}
OWN: dict[str, dict[str, Range]] = {
    "cfc": {
        "mode": Choice(("default", "pure", "no_gate")),
        "backbone_layers": Choice((1, 2)),
        "dropout": Choice((0.0, 0.1, 0.2)),
    },
    "ctrnn": {"activation": Choice(("tanh", "lecun_tanh", "sigmoid")), "solver": Choice(("exponential", "etd2rk"))},
    "gated_ltc": {"activation": Choice(("sigmoid", "softplus")), "solver": Choice(("exponential", "semi_implicit"))},
    "ltc": {"units": Whole(8, 48), "memory": Real(3.0, 100.0)},
    "gruode": {"solver": Choice(("exponential", "etd2rk"))},
    "wired_cfc": {"mode": Choice(("default", "pure", "no_gate"))},
}
BASELINE: dict[str, Range] = {"context": Choice((24, 48, 96, 168, 336))}


def space(cell: str) -> dict[str, Range]:
    """What is tried for a cell, by name."""
    return BASELINE if cell == "ridge" else {**COMMON, **OWN.get(cell, {})}


def parted(values: dict[str, str | int | float]) -> tuple[dict[str, str | int | float], dict[str, str | int | float]]:
    """(settings of the forecaster, arguments of the cell)."""
    fields = Settings.__dataclass_fields__
    return {k: v for k, v in values.items() if k in fields}, {k: v for k, v in values.items() if k not in fields}
