"""The result of `compare`: a table of models, and what a page about it needs. Plain numbers in the units of the data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from ...data.series import Array
from ...drawing.canvas import Drawn

FEW_FORECASTS = 30
LEVEL = 90  # percent, of the band in the table


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
    coverage: float = np.nan  # of the band of `LEVEL` percent, 0..1; NaN for a model without bands
    width: float = np.nan
    interval_score: float = np.nan
    crps: float = np.nan
    pinball: float = np.nan

    @property
    def label(self) -> str:
        """The model's name as people read it."""
        return self.model.replace("_", " ")


@dataclass(frozen=True, eq=False)
class Example:
    """One forecast: `actual` (context + h) with NaN, `forecasts` (h,) per model, `origin` rows of context before them.

    It was chosen as `moment`, best, typical or worst, of the forecasts that `model` made of this series. `bands`: model -> the (h,)
    ends of its band of `level` percent.
    """

    id: str
    times: Array
    actual: Array
    origin: int
    forecasts: dict[str, Array]
    model: str
    moment: str
    bands: dict[str, tuple[Array, Array]]
    level: float = LEVEL


@dataclass(frozen=True, eq=False)
class Part:
    """All models on one target; errors in its units, `rows` sorted by MAE; `by_id`: id -> model -> MAE."""

    target: str
    rows: tuple[Row, ...]
    by_horizon: dict[str, Array]
    examples: tuple[Example, ...]
    by_id: dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Tried:
    """One cut-off of several: where its test part lies, and the table there."""

    test_start: str
    test_end: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, eq=False)
class Comparison(Drawn):
    """Models side by side on one test part, sorted by MAE.

    Several targets have units of their own, so each has its `Part`; the `rows` of all together are sorted by the mean of their
    MASE, and have no MAE or RMSE (NaN). `plot()` draws the errors; `save("page.html")` writes the page.
    """

    picture = "comparison.errors"

    rows: tuple[Row, ...]
    parts: tuple[Part, ...]
    target: str
    h: int
    step: str
    test_start: str
    test_end: str
    train_rows: int
    forecasts: int
    context: int
    curves: dict[str, tuple[Array, Array]]
    time_constants: dict[str, Array]
    notes: tuple[str, ...]
    verdict: str
    fingerprint: str  # of the table, see `Table.fingerprint`
    tried: tuple[
        Tried, ...
    ] = ()  # each cut-off, where there were several; `rows` are then their means, and the spread over them

    @property
    def sentence(self) -> str:
        """What was found."""
        return self.verdict

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        """As high as there are models."""
        return 520, 80 + 30 * len(self.rows)

    def frame(self) -> pd.DataFrame:
        """As `to_frame`."""
        return self.to_frame()

    def save(self, page: str | os.PathLike[str]) -> None:
        """The page of the comparison: one HTML file, written whole or not at all."""
        from ...report import comparison_page

        comparison_page(self, page)

    def to_frame(self) -> pd.DataFrame:
        """The table, one row per model; of several targets one per target and model, in the units of each."""
        if len(self.parts) == 1:
            return pd.DataFrame([asdict(row) for row in self.rows])
        return pd.DataFrame([{"target": part.target, **asdict(row)} for part in self.parts for row in part.rows])

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
                "fingerprint",
            )
        }
        plain["rows"] = [{name: _number(value) for name, value in asdict(row).items()} for row in self.rows]
        plain["targets"] = {
            part.target: {
                "rows": [{name: _number(value) for name, value in asdict(row).items()} for row in part.rows],
                "by_horizon": {name: [_number(v) for v in values] for name, values in part.by_horizon.items()},
                "by_id": {
                    name: {model: _number(v) for model, v in models.items()} for name, models in part.by_id.items()
                },
            }
            for part in self.parts
        }
        plain["curves"] = {
            name: {"train": [_number(v) for v in train], "validation": [_number(v) for v in validation]}
            for name, (train, validation) in self.curves.items()
        }
        plain["time_constants"] = {name: [_number(v) for v in values] for name, values in self.time_constants.items()}
        plain["cutoffs"] = [
            {
                "test_start": one.test_start,
                "test_end": one.test_end,
                "rows": [{name: _number(value) for name, value in asdict(row).items()} for row in one.rows],
            }
            for one in self.tried
        ]
        plain["notes"] = list(self.notes)
        return plain


def overall(parts: Sequence[Part]) -> tuple[Row, ...]:
    """One row a model over several targets: the mean of its MASE where that is known, sorted by it; no MAE and no RMSE."""
    found = []
    for first in parts[0].rows:
        same = [row for part in parts for row in part.rows if row.model == first.model]
        mase = [row.mase for row in same if np.isfinite(row.mase)]
        spread = [row.mase_std for row in same if np.isfinite(row.mase_std)]
        held = [row.coverage for row in same if np.isfinite(row.coverage)]
        found.append(
            replace(
                first, mae=np.nan, mae_std=np.nan, rmse=np.nan, rmse_std=np.nan,
                mase=float(np.mean(mase)) if mase else np.nan, mase_std=float(np.mean(spread)) if spread else np.nan,
                coverage=float(np.mean(held)) if held else np.nan, width=np.nan, interval_score=np.nan, crps=np.nan, pinball=np.nan,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda row: (not np.isfinite(row.mase), row.mase)))


def joined(found: Sequence[Comparison]) -> Comparison:
    """Several cut-offs as one comparison: means of each model, and how far they spread; the pictures are those of the last."""
    last = found[-1]
    parts = tuple(
        replace(
            part,
            rows=_mean_rows([one.parts[k].rows for one in found], "mae"),
            by_horizon={
                model: np.nanmean(
                    [one.parts[k].by_horizon[model] for one in found if model in one.parts[k].by_horizon], axis=0
                )
                for model in part.by_horizon
            },
        )
        for k, part in enumerate(last.parts)
    )
    rows = parts[0].rows if len(parts) == 1 else _mean_rows([one.rows for one in found], "mase")
    forecasts = sum(one.forecasts for one in found)
    return replace(
        last, rows=rows, parts=parts, test_start=found[0].test_start, train_rows=found[0].train_rows, forecasts=forecasts,
        notes=tuple(dict.fromkeys(note for one in found for note in one.notes)), verdict=verdict(rows, forecasts, len(parts), "cut-offs"),
        tried=tuple(Tried(one.test_start, one.test_end, one.rows) for one in found),
    )  # fmt: skip


def _mean_rows(tables: Sequence[Sequence[Row]], by: str) -> tuple[Row, ...]:
    """Of each model that stands in the last table the mean over all of them, and the spread of its errors."""
    found = []
    for last in tables[-1]:
        same = [row for rows in tables for row in rows if row.model == last.model]
        means: dict[str, Any] = {
            name: float(np.mean([getattr(row, name) for row in same]))
            for name in ("mae", "rmse", "mase", "seconds", "coverage", "width", "interval_score", "crps", "pinball")
        }
        spread: dict[str, Any] = {
            f"{name}_std": float(np.std([getattr(row, name) for row in same], ddof=1)) if len(same) > 1 else np.nan
            for name in ("mae", "rmse", "mase")
        }
        found.append(replace(last, **means, **spread))
    return tuple(sorted(found, key=lambda row: (not np.isfinite(getattr(row, by)), getattr(row, by))))


def verdict(rows: tuple[Row, ...], forecasts: int | None = None, targets: int = 1, over: str = "seeds") -> str:
    """One sentence that says who won, and where liquid lost says that first. Of several targets the mean MASE decides."""
    name, error = ("MAE", "mae") if targets == 1 else (f"mean MASE of {targets} targets", "mase")
    rows = tuple(row for row in rows if np.isfinite(getattr(row, error)))
    if not rows:
        return f"No model has a finite {name}: the test part says nothing about them."
    value = {row.model: float(getattr(row, error)) for row in rows}
    best = {kind: next((row for row in rows if row.kind == kind), None) for kind in ("liquid", "static", "trivial")}
    liquid, rest = best["liquid"], [row for row in rows if row.kind != "liquid"]
    if liquid is None or not rest:
        return f"{rows[0].label} has the lowest {name}, {value[rows[0].model]:.4g}{_few(forecasts)}."
    rival = rest[0]
    ours, theirs = value[liquid.model], value[rival.model]
    apart = abs(ours / theirs - 1) if theirs else 0.0 if ours == theirs else np.inf
    by = f"{apart:.1%} " if np.isfinite(apart) else ""
    if ours == theirs:
        first = f"{liquid.label} and {rival.label} have the same {name}, {ours:.4g}"
    elif ours < theirs:
        first = f"{liquid.label} has the lowest {name}, {ours:.4g}, {by}below {rival.label} ({theirs:.4g})"
    else:
        first = f"Liquid loses here: {rival.label} has the lowest {name}, {theirs:.4g}"
        first += f"; {liquid.label} is {by}above it ({ours:.4g})"
    naive = best["trivial"]
    against = f"; {naive.label}: {value[naive.model]:.4g}" if naive is not None and naive is not rival else ""
    return f"{first}{_doubt(liquid, rival, error, apart, over)}{_few(forecasts)}{against}."


def _doubt(liquid: Row, rival: Row, error: str, apart: float, over: str) -> str:
    """Why the difference may be none."""
    spread = np.nan_to_num([getattr(row, f"{error}_std") for row in (liquid, rival)]).max()
    if over == "seeds" and max(liquid.seeds, rival.seeds) == 1 and apart < 0.05:
        return "; with one seed a difference this small may be luck"
    if spread >= abs(getattr(liquid, error) - getattr(rival, error)) > 0:
        return f"; the difference is within the spread over {over} ({spread:.2g})"
    return ""


def _few(forecasts: int | None) -> str:
    return f"; {forecasts} forecasts are too few to tell" if forecasts is not None and forecasts < FEW_FORECASTS else ""


def _number(value: Any) -> Any:
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value
