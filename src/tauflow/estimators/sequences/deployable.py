"""What of a saved model can leave Python: `read("walker.tau")` gives what `tauflow.deploy.export` takes, or says why there is nothing.

A classifier or regressor that is causal and that its members alone decide is a committee with a map behind it; it says the log-probability
of each class, or values in the units of its targets.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ... import files, models
from ...deploy import ExportError
from ...deploy.weighed import Weighed
from ...sequence import copy_of
from .base import SequenceEstimator
from .classifier import Classifier
from .regressor import Regressor

FORECASTER = (
    "a forecaster can't be exported: it answers questions about times of a table, with the calendar, lags and start values of that table, "
    "which its file reads in Python. Serve it (tauflow serve), or train a tauflow.Network on the same columns and export that"
)


def read(path: str | os.PathLike[str]) -> Any:
    """The model in a file, as an export takes it; ExportError names what can't be exported."""
    kind = files.read(path).kind
    if kind == "classifier":
        return deployable(Classifier.load(path))
    if kind == "regressor":
        return deployable(Regressor.load(path))
    if kind == "forecaster":
        raise ExportError(FORECASTER)
    return models.load(path)


def deployable(fitted: SequenceEstimator) -> Weighed:
    """A fitted classifier or regressor as a network with a map behind it."""
    name = type(fitted).__name__
    fitted._check_is_fitted()
    model = fitted.model_
    form, weights = model.form, model.blend.weights
    beside = [f"{part} ({weight:.2g})" for part, weight in weights.items() if weight and part != "network"]
    reasons = {
        "it reads the whole sequence before it answers: fit it with causal=True": not form.causal,
        f"beside the network count {', '.join(beside)}, which no export has: fit it with beside=()": bool(beside),
        f"its steps are patches of {form.patch} samples: fit it with patch=1": form.patch > 1,
        "it reads means over windows of the past beside each row, which no export has": bool(form.windows),
        "it is given static columns, which it scales in Python": form.static > 0,
    }
    for reason, holds in reasons.items():
        if holds:
            raise ExportError(f"this {name} can't be exported: {reason}")
    scale, shift = np.full(model.committee.outputs, weights["network"]), model.blend.bias
    if isinstance(fitted, Regressor):
        scale, shift = scale * fitted.width_, shift * fitted.width_ + fitted.mean_
    committee = copy_of(model.committee).float()  # fitted ones are in float64
    return Weighed(committee, scale, shift, model.blend.classes)
