"""Learning a `Model`: the simple answers, the members, then how much each counts.

    lines     learned in closed form; what they say of a sequence was learned without its fold, so it is honest
    members   each learned without a fold
    weights   of all, on the folds that members did not learn from

Members that start from the lines and learn what is left were tried: they stay near the lines, and the whole gains less than from
members that see the same and go ways of their own (docs/adr/0017-liquid-beside-simple-answers.md).
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
from .beside.blend import Blend, blend_classes, blend_values, even
from .beside.ridge import Line, learn_line, learn_scaling
from .beside.shapes import Shapes, learn_shapes
from .form import Form
from .members import Recipe, answers, learn_member, share_of_time
from .model import Model, beside_state, encode, features_of

LARGE = 2500  # sequences; beyond, shapes of so many features take too long


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
    folds, held = held, held[:members]
    features = features_of(form, found, "summaries" in beside and not form.every)
    lines, shapes, honest = _lines(form, found, features, targets, recipe, folds, beside, weights)
    once = beside_state(form, features)
    scaling = learn_scaling(once) if once.shape[1] else None
    data = encode(form, found, features, scaling)
    dtype = torch.int64 if classes else torch.float32
    wanted: Any = (
        torch.as_tensor(targets, dtype=dtype)
        if not form.every
        else [torch.as_tensor(one, dtype=dtype) for one in targets]
    )
    networks, histories = [], []
    for number in range(members):
        fold = held[number] if number < len(held) else np.zeros(0, np.int64)
        left = share_of_time(began, limit, members - number)
        network, history = learn_member(form, recipe, data, wanted, fold, number, progress, left)
        networks.append(network)
        histories.append(history)
    index = np.concatenate(held) if held else np.zeros(0, np.int64)
    said, truth = {name: part[index] for name, part in honest.items()}, _truth(targets, held)
    if held:
        alone = [answers(net, data.part(fold), form.every) for net, fold in zip(networks, held, strict=False)]
        said = {"network": np.concatenate([row for one in alone for row in one]), **said}
    names = ["network", *lines]
    blend = (
        _blend(said, truth, None if correct else weights, correct, classes)
        if held
        else even(names, recipe.outputs, classes)
    )
    model = Model(form, Committee(networks).eval(), lines, shapes, scaling, blend)
    whole = blend(said) if held else np.zeros((0, recipe.outputs))
    judged = _judged({**said, "all": whole}, truth, classes) if held else {}
    notes = (*(note for history in histories[:1] for note in history.notes), *_told(judged, blend.weights, len(index)))
    return Learned(model, tuple(histories), judged, whole, truth, notes)


def _lines(
    form: Form, found: Sequences, summarised: Array, targets: Any, recipe: Recipe, folds: list[Array], beside: tuple[str, ...],
    weights: Array | None,
) -> tuple[dict[str, Line], Shapes | None, dict[str, Array]]:  # fmt: skip
    """The simple answers, and what lines without its fold say of each sequence."""
    if form.every:
        return {}, None, {}
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
    lines, honest = {}, {}
    for name, block in features.items():
        lines[name], honest[name] = learn_line(block, y, count, folds, bend=name == "summaries")
    return lines, shapes, honest


def _blend(said: dict[str, Array], truth: Array, weights: Array | None, bias: bool, classes: bool) -> Blend:
    return blend_classes(said, truth.astype(np.int64), weights, bias) if classes else blend_values(said, truth)


def _truth(targets: Any, held: list[Array]) -> Array:
    """What was right for the held-out rows, in their order."""
    if not held:
        return np.zeros(0)
    index = np.concatenate(held)
    return np.concatenate([targets[int(k)] for k in index]) if isinstance(targets, list) else np.asarray(targets)[index]


def _judged(said: dict[str, Array], truth: Array, classes: bool) -> dict[str, float]:
    """How good each part is: of two classes the AUROC, of more the accuracy; of values the error in units of the targets' spread."""
    if classes:
        judge = metrics.auroc if said["all"].shape[1] == 2 and len(set(truth.tolist())) == 2 else metrics.accuracy
    else:
        judge = metrics.rmse
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
