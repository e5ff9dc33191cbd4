"""Training: one loop for every model and every objective, with a guard, early stopping and exact resume.

For example, with tensors x (batch, time, inputs), y (batch, time, outputs), dt (batch, time):

    train, held_out = ArraySource(x, y, dt), ArraySource(x2, y2, dt2)
    history = fit(model, train, objective=supervised("mse"), validation=held_out, patience=10)
"""

from __future__ import annotations

from .callbacks import Callback, Epoch, Step
from .history import History
from .loader import LoaderSource
from .loop import evaluate, fit
from .optim import OPTIMIZERS, SCHEDULES
from .settings import SettingsError
from .sources import ArraySource, Batch, Objective, Source, Supervised, supervised

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "ArraySource",
    "Batch",
    "Callback",
    "Epoch",
    "History",
    "LoaderSource",
    "Objective",
    "SettingsError",
    "Source",
    "Step",
    "Supervised",
    "evaluate",
    "fit",
    "supervised",
]
