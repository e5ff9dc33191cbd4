"""A simulated ward: a hidden severity that wanders, and measurements that depend on it, in what they say and in how often they come.

    ds = (m - s) dt / 12 h + .35 dW,  s(0) = m,  m ~ N(0, 1)         severity
    v = usual + slope s + person + noise                             what a variable shows, PLAN
    a variable is measured at rate (1 + .4 max(s, 0)) / every        the more severe, the more often
    P(died) = 1 / (1 + exp(2.6 - 1.6 s(48 h) - .4 (age - 64) / 16))

It makes the command run without data; nobody's figures on it say anything about a real ward.
"""

from __future__ import annotations

import numpy as np

from .stays import PLACE, VARIABLES, Stays

HOURS, TICK = 48.0, 0.25
# usual, slope of s, spread of people, noise, hours between measurements
PLAN = {
    "HR": (86.0, 9.0, 10.0, 6.0, 1.0), "MAP": (82.0, -6.0, 8.0, 6.0, 1.0), "RespRate": (18.0, 2.5, 3.0, 3.0, 2.0),
    "Temp": (36.9, 0.2, 0.3, 0.3, 3.0), "Urine": (110.0, -35.0, 40.0, 60.0, 1.5), "GCS": (12.5, -1.6, 1.5, 1.0, 4.0),
    "BUN": (22.0, 7.0, 8.0, 2.0, 14.0), "Creatinine": (1.1, 0.35, 0.4, 0.1, 14.0), "Lactate": (1.9, 0.9, 0.5, 0.4, 16.0),
    "WBC": (11.5, 1.5, 3.0, 1.0, 18.0), "Na": (139.0, 0.5, 3.0, 1.5, 14.0), "K": (4.1, 0.1, 0.3, 0.3, 12.0),
    "HCO3": (24.0, -2.0, 2.5, 1.0, 16.0), "Platelets": (210.0, -20.0, 70.0, 15.0, 20.0), "pH": (7.39, -0.03, 0.03, 0.03, 8.0),
    "FiO2": (0.5, 0.08, 0.1, 0.05, 6.0),
}  # fmt: skip


def simulate(count: int = 400, seed: int = 0) -> Stays:
    """Stays of 48 hours; the same seed gives the same ward."""
    rng = np.random.default_rng(seed)
    ticks = int(HOURS / TICK)
    middle = rng.normal(size=count)
    s = np.empty((count, ticks))
    s[:, 0] = middle
    for k in range(1, ticks):
        s[:, k] = s[:, k - 1] + (middle - s[:, k - 1]) * TICK / 12 + 0.35 * np.sqrt(TICK) * rng.normal(size=count)
    age = np.clip(rng.normal(64, 16, count), 18, 95).round()
    odds = -2.6 + 1.6 * s[:, -1] + 0.4 * (age - 64) / 16
    died = rng.random(count) < 1 / (1 + np.exp(-odds))
    x = np.full((count, ticks, len(VARIABLES)), np.nan, np.float32)
    for name, (usual, slope, person, noise, every) in PLAN.items():
        often = (1 + 0.4 * np.maximum(s, 0)) * TICK / every
        now = rng.random((count, ticks)) < often
        shown = usual + slope * s + person * rng.normal(size=(count, 1)) + noise * rng.normal(size=(count, ticks))
        x[..., PLACE[name]] = np.where(now, np.maximum(shown, 0.05), np.nan)
    x[:, 0, PLACE["HR"]] = np.where(np.isnan(x[:, 0, PLACE["HR"]]), 86, x[:, 0, PLACE["HR"]])
    some = np.asarray(np.isfinite(x).any(axis=2))
    times = (np.arange(ticks) * TICK).astype(np.float32)
    once = np.stack([age, rng.integers(0, 2, count), rng.normal(170, 10, count), rng.integers(1, 5, count)], axis=1)
    return Stays(
        tuple(f"s{k:04d}" for k in range(count)),
        tuple(x[k][some[k]] for k in range(count)),
        tuple(times[some[k]] for k in range(count)),
        once.astype(np.float32),
        died,
    )
