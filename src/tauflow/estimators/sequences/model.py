"""The model of `Classifier` and `Regressor`: a committee of liquid networks, and simple answers that it is weighed against.

    network     members of a committee, each learned without its own fold (members.py)
    summaries   a ridge on the summaries of a sequence (summaries.py, ridge.py)
    shapes      a ridge on how often small patterns fit (shapes.py); never of a causal model, which can't wait for the whole

    classes     log p = log softmax(sum_k w_k z_k + b)        values        y = sum_k w_k y_k

What held-out sequences say decides on w (blend.py): where liquid adds nothing, it counts nothing, and `told` says so.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import metrics
from ...data.sequences import Array, Sequences
from ...errors import DataError
from ...losses import balanced
from ...network import Committee
from ...training import History
from .blend import blend_classes, blend_values
from .form import Form
from .members import Encoded, Recipe, answers, learn_member, share_of_time
from .ridge import Line, Scaling, learn_line, learn_scaling
from .shapes import Shapes, learn_shapes
from .summaries import summaries

BESIDE = ("summaries", "shapes")
LARGE = 2500  # sequences; beyond, shapes of so many features take too long


@dataclass(frozen=True, eq=False)
class Model:
    """What was learned. `lines` by name, `weights` of "network" and each line, `bias` (classes,) or zeros, `scaling` of what is given once."""

    form: Form
    committee: Committee
    lines: dict[str, Line]
    shapes: Shapes | None
    scaling: Scaling | None
    weights: dict[str, float]
    bias: Array
    classes: bool

    def parts(self, found: Sequences) -> dict[str, Array]:
        """What each says: (n, outputs) in rows, a row a sequence, or a row of each sample where every one has its answer."""
        self.form.check(found)
        data, features = encode(self.form, found, "summaries" in self.lines, self.scaling)
        said = {"network": np.concatenate(answers(self.committee, data, self.form.every))}
        if "summaries" in self.lines:
            said["summaries"] = self.lines["summaries"](features)
        if "shapes" in self.lines and self.shapes is not None:
            said["shapes"] = self.lines["shapes"](self.shapes.features(found))
        return said

    def __call__(self, found: Sequences) -> Array:
        """(rows, outputs): log-probabilities, or values in units of the targets' spread."""
        return self.together(self.parts(found))

    def together(self, said: dict[str, Array]) -> Array:
        """One answer of several."""
        total = sum(self.weights[name] * part for name, part in said.items() if self.weights[name]) + self.bias
        return log_softmax(total) if self.classes else np.asarray(total)


def encode(form: Form, found: Sequences, summarise: bool, scaling: Scaling | None) -> tuple[Encoded, Array]:
    """What the members read, and the features of a line on summaries: these and the static columns.

    A causal member sees the static columns alone beside its samples: a summary says what is still to come.
    """
    dts = form.gaps(found)
    static = np.zeros((len(found), 0)) if found.static is None else found.static
    features = np.concatenate([summaries(found, dts), static], axis=1) if summarise else static
    once = static if form.causal else features
    if once.shape[1]:
        once = learn_scaling(once)(once) if scaling is None else scaling(once)
    steps = [form.steps(one) for one in found.values]
    return Encoded(steps, [form.times(dt) for dt in dts], once if once.shape[1] else None), features


@dataclass(frozen=True, eq=False)
class Learned:
    """A model, how its members learned, and what held-out sequences said of each part."""

    model: Model
    histories: tuple[History, ...]
    validation: dict[str, float]
    held: Array  # (rows, outputs) what the whole says of held-out rows
    truth: Array  # (rows, ...) and what was right
    notes: tuple[str, ...]


def learn(
    form: Form,
    found: Sequences,
    targets: Any,
    recipe: Recipe,
    held: list[Array],
    members: int,
    beside: tuple[str, ...],
    weights: Array | None,
    correct: bool,
    progress: Any,
    limit: float | None,
) -> Learned:
    """targets: class numbers (n,) or values (n, columns), or a list of (time_i,), (time_i, columns). weights (classes,) of the loss;
    correct: whether classes are put back to how often they come."""
    began, classes = time.perf_counter(), recipe.head["name"] == "classes"
    summarise = "summaries" in beside and not form.every
    data, features = encode(form, found, summarise, None)
    static = None if found.static is None else learn_scaling(found.static)
    scaling = static if form.causal or not summarise else learn_scaling(features)
    wanted = [torch.as_tensor(one) for one in targets] if form.every else torch.as_tensor(targets)
    if not classes:
        wanted = [one.float() for one in wanted] if form.every else wanted.float()
    networks, histories = [], []
    for number in range(members):
        fold = held[number] if number < len(held) else np.zeros(0, np.int64)
        left = share_of_time(began, limit, members - number)
        network, history = learn_member(form, recipe, data, wanted, fold, number, progress, left)
        networks.append(network)
        histories.append(history)
    said: dict[str, Array] = {}
    if held:
        alone = [answers(net, data.part(fold), form.every) for net, fold in zip(networks, held, strict=False)]
        said["network"] = np.concatenate([row for one in alone for row in one])
    lines, shapes = _lines(form, found, features, targets, recipe, held, beside, weights, said)
    truth = _truth(targets, held)
    counted, bias = _weigh(said, ["network", *lines], truth, recipe, weights, correct, classes)
    model = Model(form, Committee(networks), lines, shapes, scaling, counted, bias, classes)
    model.committee.eval()
    whole = model.together(said) if held else np.zeros((0, recipe.outputs))
    judged = _judged({**said, "all": whole}, truth, classes) if held else {}
    notes = tuple(note for history in histories[:1] for note in history.notes)
    return Learned(
        model, tuple(histories), judged, whole, truth, (*notes, *_told(judged, counted, sum(map(len, held))))
    )


def _lines(
    form: Form, found: Sequences, summarised: Array, targets: Any, recipe: Recipe, held: list[Array],
    beside: tuple[str, ...], weights: Array | None, said: dict[str, Array],
) -> tuple[dict[str, Line], Shapes | None]:  # fmt: skip
    """The simple answers; what they say of held-out sequences goes into `said`."""
    if form.every:
        return {}, None
    labels = np.asarray(targets)
    y = 2.0 * np.eye(recipe.outputs)[labels] - 1 if recipe.head["name"] == "classes" else labels
    count = np.ones(len(y)) if weights is None else weights[labels]
    features: dict[str, Array] = {}
    shapes = None
    if "summaries" in beside:
        features["summaries"] = summarised
    if "shapes" in beside and not form.causal and len(found) <= LARGE:
        shapes = learn_shapes(found, recipe.seed)
        if shapes is not None:
            features["shapes"] = shapes.features(found)
    lines = {}
    for name, block in features.items():
        lines[name], honest = learn_line(block, y, count, held)
        if held:
            said[name] = honest[np.concatenate(held)]
    return lines, shapes


def _truth(targets: Any, held: list[Array]) -> Array:
    """What was right for the held-out rows, in their order."""
    if not held:
        return np.zeros(0)
    index = np.concatenate(held)
    return np.concatenate([targets[int(k)] for k in index]) if isinstance(targets, list) else np.asarray(targets)[index]


def _weigh(
    said: dict[str, Array],
    names: list[str],
    truth: Array,
    recipe: Recipe,
    weights: Array | None,
    correct: bool,
    classes: bool,
) -> tuple[dict[str, float], Array]:
    """w of each part, and b."""
    none = np.zeros(recipe.outputs)
    if not len(truth):
        scale = {"network": 1.0} if classes else {}
        return {name: scale.get(name, 2.0 if classes else 1.0) / len(names) for name in names}, none
    scores = [said[name] for name in names]
    if classes:
        w, bias = blend_classes(scores, truth.astype(np.int64), weights, correct)
    else:
        w, bias = blend_values(scores, truth), none
    return dict(zip(names, w.tolist(), strict=True)), bias


def _judged(said: dict[str, Array], truth: Array, classes: bool) -> dict[str, float]:
    """The accuracy of each part, or its root mean squared error in units of the targets' spread."""
    judge = metrics.accuracy if classes else metrics.rmse
    return {name: judge(part, truth) for name, part in said.items()}


def _told(judged: dict[str, float], counted: dict[str, float], n: int) -> list[str]:
    """What was found, in a sentence or two."""
    if not judged:
        return ["too few sequences to hold any out: the parts count the same, and probabilities are not calibrated"]
    told = ", ".join(f"{name} {value:.3g}" for name, value in judged.items())
    idle = [name for name, w in counted.items() if w == 0]
    rest = f"; {' and '.join(idle)} added nothing and {'is' if len(idle) == 1 else 'are'} left out" if idle else ""
    return (
        [f"on {n} held-out sequences: {told}{rest}"]
        if len(judged) > 2 or rest
        else [f"on {n} held-out sequences: {told}"]
    )


def class_weights(asked: Any, labels: Array, names: list[Any]) -> Array | None:
    """What a sample of each class counts in the loss, (classes,); None for all the same."""
    if asked is None:
        return None
    if asked in ("auto", "balanced"):
        return np.asarray(balanced(torch.as_tensor(labels), len(names)), dtype=np.float64)
    if not isinstance(asked, dict):
        raise DataError(f"class_weight is {asked!r}, expected 'auto', 'balanced', None, or a dict: {{label: weight}}")
    unknown = [label for label in asked if label not in names]
    if unknown or any(not 0 <= float(weight) < np.inf for weight in asked.values()):
        raise DataError(f"class_weight is {asked!r}, expected weights >= 0 of {names!r}")
    return np.array([float(asked.get(name, 1.0)) for name in names])


def log_softmax(z: Array) -> Array:
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))
