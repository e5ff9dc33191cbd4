"""Training: one loop for every model and every objective, with a guard, early stopping and exact resume.

For example, with tensors x (batch, time, inputs), y (batch, time, outputs), dt (batch, time):

    train, held_out = ArraySource(x, y, dt), ArraySource(x2, y2, dt2)
    history = fit(model, train, objective=supervised("mse"), validation=held_out, patience=10)

A Network brings its loss and needs no objective: fit(network, train, validation=held_out, metric="mae").
"""

from __future__ import annotations

from .callbacks import Callback, Epoch, Step
from .health import GradientHealth, WatchGradients, gradient_health
from .history import History
from .judge import answers, evaluate
from .loop import fit
from .objectives import Objective, Supervised, supervised
from .optim import OPTIMIZERS, SCHEDULES
from .settings import SettingsError
from .sources import ArraySource, Batch, KindSource, LoaderSource, OfKind, SequenceSource, Source, split_groups

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "ArraySource",
    "Batch",
    "Callback",
    "Epoch",
    "GradientHealth",
    "History",
    "KindSource",
    "LoaderSource",
    "Objective",
    "OfKind",
    "SequenceSource",
    "SettingsError",
    "Source",
    "Step",
    "Supervised",
    "WatchGradients",
    "answers",
    "evaluate",
    "fit",
    "gradient_health",
    "split_groups",
    "supervised",
]
