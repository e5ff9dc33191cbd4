"""The model of `Classifier` and `Regressor`: a committee of liquid networks, and simple answers that it is weighed against.

    network     members that read the sequence and, beside their state, its summaries and static columns  (members.py)
    summaries   a line on the summaries of a sequence (beside/summaries.py, beside/ridge.py)
    shapes      a line on how often small patterns fit (beside/shapes.py); never of a causal model, which can't wait for the whole

    classes     log p = log softmax(sum_k w_k z_k + b)        values        y = sum_k w_k y_k             (beside/blend.py)

What held-out sequences say decides on w: where liquid adds nothing, it counts nothing, and a note says so. Each member was learned
without a fold of its own (learning.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...data.sequences import Array, Sequences
from ...network import Committee
from .beside.blend import Blend
from .beside.ridge import Line, Scaling
from .beside.shapes import Shapes
from .beside.summaries import summaries
from .form import Form
from .members import Encoded, answers

BESIDE = ("summaries", "shapes")


@dataclass(frozen=True, eq=False)
class Model:
    """`scaling` of what stands beside the state of members, None where nothing does."""

    form: Form
    committee: Committee
    lines: dict[str, Line]
    shapes: Shapes | None
    scaling: Scaling | None
    blend: Blend

    def parts(self, found: Sequences) -> dict[str, Array]:
        """What each says: (n, outputs) in rows, a row a sequence, or a row of each sample where every one has its answer."""
        self.form.check(found)
        features = features_of(self.form, found, "summaries" in self.lines)
        data = encode(self.form, found, features, self.scaling)
        said = {"network": np.concatenate(answers(self.committee, data, self.form.every))}
        if "summaries" in self.lines:
            said["summaries"] = self.lines["summaries"](features)
        if "shapes" in self.lines and self.shapes is not None:
            said["shapes"] = self.lines["shapes"](self.shapes.features(found))
        return said

    def __call__(self, found: Sequences) -> Array:
        """(rows, outputs): log-probabilities, or values in units of the targets' spread."""
        return self.blend(self.parts(found))


def features_of(form: Form, found: Sequences, summarise: bool) -> Array:
    """The features of the line on summaries, these and the static columns: (n, features)."""
    static = np.zeros((len(found), 0)) if found.static is None else found.static
    return np.concatenate([summaries(found, form.gaps(found)), static], axis=1) if summarise else static


def beside_state(form: Form, features: Array) -> Array:
    """What stands beside the state: the features; of a causal model the static columns alone, a summary says what is still to come."""
    return features[:, features.shape[1] - form.static :] if form.causal else features


def encode(form: Form, found: Sequences, features: Array, scaling: Scaling | None) -> Encoded:
    """What the members read."""
    static = None if scaling is None else scaling(beside_state(form, features))
    gaps = form.gaps(found)
    steps = [form.steps(one, dt) for one, dt in zip(found.values, gaps, strict=True)]
    return Encoded(steps, [form.times(dt) for dt in gaps], static)
