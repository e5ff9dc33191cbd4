"""Metrics of answers (accuracy, AUROC, MAE, ...) and of bands around forecasts (coverage, width, interval score, CRPS)."""

from __future__ import annotations

from .answers import (
    METRICS,
    MetricError,
    accuracy,
    auprc,
    auroc,
    bias,
    brier,
    coverage,
    f1,
    get,
    log_loss,
    macro_f1,
    mae,
    r2,
    rmse,
)
from .bands import covered, crps, crps_normal, interval_score, pinball, width

__all__ = [
    "METRICS",
    "MetricError",
    "accuracy",
    "auprc",
    "auroc",
    "bias",
    "brier",
    "coverage",
    "covered",
    "crps",
    "crps_normal",
    "f1",
    "get",
    "interval_score",
    "log_loss",
    "macro_f1",
    "mae",
    "pinball",
    "r2",
    "rmse",
    "width",
]
