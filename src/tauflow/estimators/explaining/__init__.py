"""Why did an estimator answer so? Its windows or sequences as parts that are as they were, or as usual; `explain.shares` asks."""

from __future__ import annotations

from .forecasts import explained as forecast_explained
from .forecasts import ranked as forecast_ranked
from .sequences import explained as sequence_explained
from .sequences import ranked as sequence_ranked

__all__ = ["forecast_explained", "forecast_ranked", "sequence_explained", "sequence_ranked"]
