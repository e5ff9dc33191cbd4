"""What was judged: a row of numbers for each row of the table, and which are flagged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ...data.series import Array
from ...drawing.canvas import Drawn


@dataclass(frozen=True, eq=False)
class Anomalies(Drawn):
    """`frame()`: id, time; of each target value, `-expected`, `-lo`, `-hi` (the band of 1 - alpha), `-p`, `-score`; `anomaly`."""

    data: pd.DataFrame
    targets: tuple[str, ...]
    alpha: float
    id: Array  # (rows,)
    time: Array  # (rows,)
    flagged: Array  # (rows, targets)
    notes: tuple[str, ...]

    picture: ClassVar[str] = "anomalies.course"
    pixels = (880, 300)

    def frame(self) -> pd.DataFrame:
        """All rows that were judged."""
        return self.data.copy()

    @property
    def found(self) -> pd.DataFrame:
        """The flagged rows, the least likely first."""
        rows = self.data[self.data["anomaly"]]
        scores = rows[[f"{target}-score" for target in self.targets]].max(axis=1)
        return rows.loc[scores.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)

    @property
    def sentence(self) -> str:
        """How many, in words."""
        count, rows = int(self.data["anomaly"].sum()), len(self.data)
        chance = self.alpha * rows * len(self.targets)
        said = (
            f"{count:,} of {rows:,} rows {'is an anomaly' if count == 1 else 'are anomalies'} at alpha {self.alpha:g}"
        )
        return f"{said}; among ordinary rows alone about {chance:,.1f} would be flagged by chance."

    def to_dict(self) -> dict[str, Any]:
        """The flagged rows as JSON values."""
        rows = [{name: _plain(value) for name, value in row.items()} for row in self.found.to_dict(orient="records")]
        return {
            "verdict": self.sentence,
            "alpha": self.alpha,
            "rows": len(self.data),
            "anomalies": rows,
            "notes": list(self.notes),
        }

    def save(self, path: str | os.PathLike[str], command: str = "") -> None:
        """Write the page, whole or not at all."""
        from ...report.anomalies import anomalies_page

        anomalies_page(self, path, command)


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value
