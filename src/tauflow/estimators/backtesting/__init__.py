"""A forecaster tried at several cut-offs of the past: how good it would have been, and its bands with it."""

from __future__ import annotations

from .backtest import backtest
from .results import Backtest, Scores

__all__ = ["Backtest", "Scores", "backtest"]
