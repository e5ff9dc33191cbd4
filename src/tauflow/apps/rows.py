"""The row in which every application writes what it measured, in the schema of benchmarks/results."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import __version__


def row(
    task: str,
    model: str,
    kind: str,
    metric: str,
    values: Sequence[float],
    *,
    parameters: int = 0,
    seconds: float = 0.0,
    settings: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One measurement, a value a seed: mean and standard deviation (over the seeds, not of the mean).

    kind: liquid, static, or the word for what is no network of ours (law, baseline, ...). seconds: CPU, of one seed's training.
    """
    each = np.asarray(values, dtype=float)
    return {
        "task": task,
        "model": model,
        "kind": kind,
        "metric": metric,
        "mean": float(each.mean()),
        "std": float(each.std()),
        "seeds": len(each),
        "parameters": parameters,
        "seconds": float(seconds),
        "settings": settings or {},
        "commit": f"v{__version__}",
        "machine": f"{platform.machine()} {platform.system()}",
    }
