"""A made-up comparison with all that the real one has, for the tests of the page and of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MODELS = (
    ("cfc", "CfC", "liquid", 187.4, 5_904, 21.3, 18.2),
    ("gated_ltc", "GatedLTC", "liquid", 193.0, 4_120, 14.8, 9.6),
    ("gru", "GRU", "static", 199.7, 6_744, 6.1, 12.1),
    ("lstm", "LSTM", "static", 204.2, 8_216, 7.0, 12.9),
    ("ridge", "ridge", "static", 226.9, 3_480, 0.4, None),
    ("ctrnn", "CTRNN", "liquid", 231.5, 3_032, 10.2, 7.4),
    ("seasonal_naive", "seasonal naive", "trivial", 402.8, 0, 0.0, None),
    ("persistence", "persistence", "trivial", 1_482.6, 0, 0.0, None),
)


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


@dataclass(frozen=True)
class FakeExample:
    id: str | None
    times: Array
    actual: Array
    origin: int
    forecasts: dict[str, Array]


@dataclass(frozen=True)
class FakeComparison:
    rows: tuple[FakeRow, ...]
    target: str
    by_horizon: dict[str, Array]
    curves: dict[str, tuple[Array, Array]]
    time_constants: dict[str, Array]
    examples: tuple[FakeExample, ...]
    notes: tuple[str, ...]
    verdict: str
    h: int = 24
    step: str = "1 h"
    test_start: str = "2018-04-01 00:00"
    test_end: str = "2018-09-30 23:00"
    train_rows: int = 36_215
    forecasts: int = 4_012
    made: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"target": self.target, "rows": [vars(row) for row in self.rows]}

    def to_frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])


def fake_comparison(seeds: int = 3, name: str = "volume", id: str | None = None) -> FakeComparison:
    """Traffic-like numbers; `name` stands wherever a name from the data can."""
    random = np.random.default_rng(0)
    rows = tuple(
        FakeRow(m, label, kind, mae, mae / 90, 1.6 * mae, mae / 60, mae / 395, mae / 9e4, seeds, size, s, us)
        for m, label, kind, mae, size, s, us in MODELS
    )
    learned = [row for row in rows if row.seconds > 1]
    return FakeComparison(
        rows=rows,
        target=name,
        by_horizon={row.model: row.mae * (0.7 + 0.5 * np.arange(1, 25) ** 0.5 / 5) for row in rows},
        curves={row.model: (_curve(row.mae, random), 1.1 * _curve(row.mae, random)) for row in learned},
        time_constants={row.model: random.lognormal(2, 1.2, 32) for row in learned if row.kind == "liquid"},
        examples=tuple(_example(hour, rows, id, random) for hour in (0, 500, 1006, 1513)),
        notes=(
            f"{name}: 7,629 duplicate timestamps: kept the last",
            "2,588 gaps longer than 1 h, the longest 306 days: left as gaps",
            "ctrnn stopped early after epoch 8 of 12 and kept the weights of epoch 5",
        ),
        verdict=f"CfC forecasts {name} best: MAE 187.4, 6.2 % below GRU, the best static model; ridge is 17.4 % behind GRU.",
    )


def _curve(mae: float, random: np.random.Generator) -> Array:
    return mae / 900 + 0.5 * np.exp(-np.arange(12) / 2.5) + 0.01 * random.random(12)


def _example(hour: int, rows: tuple[FakeRow, ...], id: str | None, random: np.random.Generator) -> FakeExample:
    clock = np.delete(np.arange(hour, hour + 75), [20, 21, 22])  # a gap
    daily = 3_300 + 2_400 * np.sin((clock - 8) * 2 * np.pi / 24) + 700 * np.sin(clock * 4 * np.pi / 24)
    actual = daily + random.normal(0, 120, 72)
    actual[[10, 60]] = np.nan
    return FakeExample(
        id=id,
        times=np.datetime64("2018-04-09T00:00", "ns") + clock * np.timedelta64(1, "h"),
        actual=actual,
        origin=48,
        forecasts={row.model: daily[-24:] + random.normal(0, row.mae / 2, 24) for row in rows},
    )
