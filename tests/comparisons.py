"""A made-up comparison with all that the real one has, for the tests of the page and of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MODELS = (  # model, kind, MAE, parameters, training seconds, microseconds a step
    ("cfc", "liquid", 187.4, 9_812, 21.3, 18.2),
    ("gated_ltc", "liquid", 193.0, 9_744, 14.8, 9.6),
    ("gru", "static", 199.7, 9_903, 6.1, 12.1),
    ("lstm", "static", 204.2, 9_856, 7.0, 12.9),
    ("ridge", "static", 226.9, 3_480, 0.4, None),
    ("ctrnn", "liquid", 231.5, 9_790, 10.2, 7.4),
    ("seasonal_naive", "trivial", 402.8, 0, 0.0, None),
    ("persistence", "trivial", 1_482.6, 0, 0.0, None),
)
SHOWN = ("cfc", "gru", "seasonal_naive")


@dataclass(frozen=True)
class FakeRow:
    model: str
    label: str
    kind: str
    mae: float
    mae_std: float
    rmse: float
    rmse_std: float
    mase: float
    mase_std: float
    seeds: int
    parameters: int
    seconds: float
    microseconds: float | None
    coverage: float = 0.9
    width: float = 3.0
    interval_score: float = 4.0
    crps: float = 1.0
    pinball: float = 0.5


@dataclass(frozen=True)
class FakeExample:
    id: str | None
    times: Array
    actual: Array
    origin: int
    forecasts: dict[str, Array]
    model: str
    moment: str
    bands: dict[str, tuple[Array, Array]]
    level: float = 90.0


@dataclass(frozen=True)
class FakePart:
    target: str
    rows: tuple[FakeRow, ...]
    by_horizon: dict[str, Array]
    examples: tuple[FakeExample, ...]
    by_id: dict[str, dict[str, float]]


@dataclass(frozen=True)
class FakeComparison:
    rows: tuple[FakeRow, ...]
    parts: tuple[FakePart, ...]
    target: str
    curves: dict[str, tuple[Array, Array]]
    time_constants: dict[str, Array]
    notes: tuple[str, ...]
    verdict: str
    h: int = 24
    step: str = "1 h"
    test_start: str = "2018-04-01 00:00"
    test_end: str = "2018-09-30 23:00"
    train_rows: int = 36_215
    forecasts: int = 4_012
    fingerprint: str = "0123456789abcdef"
    tried: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        def number(value: Any) -> Any:
            return value if not isinstance(value, float) or np.isfinite(value) else None

        return {"target": self.target, "rows": [{k: number(v) for k, v in vars(row).items()} for row in self.rows]}

    def to_frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])


def fake_comparison(seeds: int = 3, name: str = "volume", series: str | None = None) -> FakeComparison:
    """Traffic-like numbers; `name` stands wherever a name from the data can."""
    random = np.random.default_rng(0)
    rows = tuple(
        FakeRow(
            model,
            model.replace("_", " "),
            kind,
            mae,
            mae / 90 if seeds > 1 else np.nan,
            1.6 * mae,
            mae / 60 if seeds > 1 else np.nan,
            mae / 395,
            mae / 9e4 if seeds > 1 else np.nan,
            seeds if s > 1 else 1,
            size,
            s,
            us,
        )
        for model, kind, mae, size, s, us in MODELS
    )
    learned = [row for row in rows if row.seconds > 1]
    part = FakePart(
        name,
        rows,
        {row.model: row.mae * (0.7 + 0.5 * np.arange(1, 25) ** 0.5 / 5) for row in rows},
        tuple(
            _example(hour, rows, series, random, model, moment)
            for model in SHOWN
            for hour, moment in ((0, "best"), (500, "typical"), (1006, "worst"))
        ),
        {one: {row.model: row.mae * (1 + k / 10) for row in rows} for k, one in enumerate([series or "a"])},
    )
    return FakeComparison(
        rows=rows,
        parts=(part,),
        target=name,
        curves={row.model: (_curve(row.mae, random), 1.1 * _curve(row.mae, random)) for row in learned},
        time_constants={row.model: random.lognormal(2, 1.2, 32) for row in learned if row.kind == "liquid"},
        notes=(
            f"{name}: 7,629 duplicate timestamps: kept the last",
            "2,588 gaps longer than 1 h, the longest 306 days: left as gaps",
            "ctrnn stopped early after epoch 8 of 12 and kept the weights of epoch 5",
        ),
        verdict=f"cfc has the lowest MAE of {name}, 187.4, 6.2 % below gru (199.7); seasonal naive: 402.8.",
    )


def _curve(mae: float, random: np.random.Generator) -> Array:
    return mae / 900 + 0.5 * np.exp(-np.arange(12) / 2.5) + 0.01 * random.random(12)


def _example(
    hour: int, rows: tuple[FakeRow, ...], series: str | None, random: np.random.Generator, model: str, moment: str
) -> FakeExample:
    clock = np.delete(np.arange(hour, hour + 75), [20, 21, 22])  # a gap
    daily = 3_300 + 2_400 * np.sin((clock - 8) * 2 * np.pi / 24) + 700 * np.sin(clock * 4 * np.pi / 24)
    actual = daily + random.normal(0, 120, 72)
    actual[[10, 60]] = np.nan
    return FakeExample(
        id=series,
        times=np.datetime64("2018-04-09T00:00", "ns") + clock * np.timedelta64(1, "h"),
        actual=actual,
        origin=48,
        forecasts={row.model: daily[-24:] + random.normal(0, row.mae / 2, 24) for row in rows if row.model in SHOWN},
        model=model,
        moment=moment,
        bands={} if model == "gru" else {model: (daily[-24:] - 300, daily[-24:] + 300)},
    )
