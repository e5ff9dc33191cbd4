"""The result of `compare`: a table of models, and what a page about it needs. Plain numbers in the units of the data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..data.series import Array


@dataclass(frozen=True)
class Row:
    """One model: mean and standard deviation over its seeds (NaN for one), errors in the units of the target."""

    model: str
    kind: Literal["liquid", "static", "trivial"]
    units: int | None  # neurons of a recurrent network
    mae: float
    mae_std: float
    rmse: float
    rmse_std: float
    mase: float
    mase_std: float
    seeds: int
    parameters: int
    seconds: float  # of CPU time, of one training on one core
    microseconds: float | None  # of one streamed step; None for models without a state

    @property
    def label(self) -> str:
        """The model's name as people read it."""
        return self.model.replace("_", " ")


@dataclass(frozen=True, eq=False)
class Example:
    """One forecast: `actual` (context + h) with NaN, `forecasts` (h,) per model, `origin` rows of context before them."""

    id: str
    times: Array
    actual: Array
    origin: int
    forecasts: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models side by side on one test part; `rows` are sorted by MAE."""

    rows: tuple[Row, ...]
    target: str
    h: int
    step: str
    test_start: str
    test_end: str
    train_rows: int
    forecasts: int
    context: int
    by_horizon: dict[str, Array]
    curves: dict[str, tuple[Array, Array]]
    time_constants: dict[str, Array]
    examples: tuple[Example, ...]
    notes: tuple[str, ...]
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """The table, one row per model."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """All but the examples as JSON values; NaN becomes None."""
        plain = {
            name: getattr(self, name)
            for name in (
                "verdict",
                "target",
                "h",
                "step",
                "test_start",
                "test_end",
                "train_rows",
                "forecasts",
                "context",
            )
        }
        plain["rows"] = [{name: _number(value) for name, value in asdict(row).items()} for row in self.rows]
        plain["by_horizon"] = {name: [_number(v) for v in values] for name, values in self.by_horizon.items()}
        plain["curves"] = {
            name: {"train": [_number(v) for v in train], "validation": [_number(v) for v in validation]}
            for name, (train, validation) in self.curves.items()
        }
        plain["time_constants"] = {name: [_number(v) for v in values] for name, values in self.time_constants.items()}
        plain["notes"] = list(self.notes)
        return plain


def verdict(rows: tuple[Row, ...]) -> str:
    """One sentence that says who won, and where liquid lost says that first."""
    best = {kind: next((row for row in rows if row.kind == kind), None) for kind in ("liquid", "static", "trivial")}
    liquid, rest = best["liquid"], [row for row in rows if row.kind != "liquid"]
    if liquid is None or not rest:
        return f"{rows[0].label} has the lowest MAE, {rows[0].mae:.4g}."
    rival = rest[0]
    apart = abs(liquid.mae / rival.mae - 1)
    if liquid.mae < rival.mae:
        first = (
            f"{liquid.label} has the lowest MAE, {liquid.mae:.4g}, {apart:.1%} below {rival.label} ({rival.mae:.4g})"
        )
    else:
        first = f"Liquid loses here: {rival.label} has the lowest MAE, {rival.mae:.4g}"
        first += f"; {liquid.label} is {apart:.1%} above it ({liquid.mae:.4g})"
    spread = np.nan_to_num([liquid.mae_std, rival.mae_std]).max()
    close = ""
    if max(liquid.seeds, rival.seeds) == 1 and apart < 0.05:
        close = "; with one seed a difference this small may be luck"
    elif spread >= abs(liquid.mae - rival.mae) > 0:
        close = f"; the difference is within the spread over seeds ({spread:.2g})"
    naive = best["trivial"]
    against = f"; {naive.label}: {naive.mae:.4g}" if naive is not None and naive is not rival else ""
    return f"{first}{close}{against}."


def _number(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
