"""The model of `Classifier` and `Regressor`: simple answers, and a committee of liquid networks that starts from them.

    summaries   a line on the summaries of a sequence (summaries.py, ridge.py)
    shapes      a line on how often small patterns fit (shapes.py); never of a causal model, which can't wait for the whole
    start       the lines, weighed and calibrated                                                        (blend.py)
    network     members that read the sequence and, beside their state, the start and the static columns  (members.py)

    classes     log p = log softmax(sum_k w_k z_k + b)        values        y = sum_k w_k y_k

What held-out sequences say decides on w: where liquid adds nothing, it counts nothing, and `told` says so. Each member was learned
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
    """`start` weighs the lines (None where members start from nothing), `blend` all parts; `scaling` of the static columns."""

    form: Form
    committee: Committee
    lines: dict[str, Line]
    shapes: Shapes | None
    scaling: Scaling | None
    start: Blend | None
    blend: Blend

    def parts(self, found: Sequences) -> dict[str, Array]:
        """What each says: (n, outputs) in rows, a row a sequence, or a row of each sample where every one has its answer."""
        self.form.check(found)
        said: dict[str, Array] = {}
        if "summaries" in self.lines:
            said["summaries"] = self.lines["summaries"](summaries_of(self.form, found))
        if "shapes" in self.lines and self.shapes is not None:
            said["shapes"] = self.lines["shapes"](self.shapes.features(found))
        data = encode(self.form, found, given_once(found, self.scaling, self.start, said))
        return {"network": np.concatenate(answers(self.committee, data, self.form.every)), **said}

    def __call__(self, found: Sequences) -> Array:
        """(rows, outputs): log-probabilities, or values in units of the targets' spread."""
        return self.blend(self.parts(found))


def summaries_of(form: Form, found: Sequences) -> Array:
    """The features of the line on summaries: these and the static columns."""
    features = summaries(found, form.gaps(found))
    return features if found.static is None else np.concatenate([features, found.static], axis=1)


def given_once(found: Sequences, scaling: Scaling | None, start: Blend | None, said: dict[str, Array]) -> Array | None:
    """What stands beside the state of a member: the static columns, then the start; (n, s) or None."""
    parts = [] if scaling is None or found.static is None else [scaling(found.static)]
    parts += [] if start is None else [start.total(said)]
    return np.concatenate(parts, axis=1) if parts else None


def encode(form: Form, found: Sequences, static: Array | None) -> Encoded:
    """What the members read."""
    return Encoded([form.steps(one) for one in found.values], [form.times(dt) for dt in form.gaps(found)], static)
