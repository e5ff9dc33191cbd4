"""A market: returns beside the random walk, volatility beside HAR, prices beside the line that repeats the last one."""

from __future__ import annotations

from .nets import QUICK, Effort
from .prices import Prices, read_prices, shipped
from .study import Study, study

__all__ = ["QUICK", "Effort", "Prices", "Study", "read_prices", "shipped", "study"]
