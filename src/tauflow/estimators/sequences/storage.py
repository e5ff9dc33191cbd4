"""A fitted `Classifier` or `Regressor` as numbers and JSON, and back; nothing in the file is executed.

Every field of the JSON is known and checked, and what was read answers for a made-up sequence before it is given out, so numbers that do
not fit each other are found while the file is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from ... import files
from ...data.sequences import Array, Sequences
from ...data.series import Schema
from ...errors import ModelFileError, TauflowError
from ...files import schema, strictjson
from ...models.blank import Content, blank
from ...models.sound import check_sound
from ...models.state import State, capture, restore
from ...models.structure import describe
from ...network import Committee
from .beside.blend import Blend
from .beside.ridge import Bent, Line, Scaling
from .beside.shapes import KERNELS, Shapes
from .form import Form
from .model import BESIDE, Model

E = TypeVar("E", bound=Any)
BASES: dict[str, type[Scaling] | type[Bent]] = {"straight": Scaling, "bent": Bent}
PROBE = 64  # samples of the made-up sequence


@dataclass(frozen=True)
class Config:
    """The JSON of the file."""

    kind: Literal["classifier", "regressor"]
    parameters: dict[str, Any]
    form: Form
    structure: dict[str, Any]
    network: State
    lines: Mapping[str, Literal["straight", "bent"]]
    shapes: tuple[int, ...] | None  # length of the grid, dilations
    weights: Mapping[str, float]
    features: int
    feature_names: tuple[str, ...] | None
    table: Schema | None
    target: str | None
    classes: tuple[int | float | bool | str, ...] | None
    threshold: float | None
    several: bool  # columns of a regressor's y
    validation: Mapping[str, float]
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        if set(self.weights) != {"network", *self.lines} or not set(self.lines) <= set(BESIDE):
            raise ModelFileError(
                f"weights are of {', '.join(self.weights)}, expected network and the lines {', '.join(self.lines)}"
            )
        if any(not 0 <= w < 1e12 for w in self.weights.values()):
            raise ModelFileError(f"weights are {dict(self.weights)}, expected numbers >= 0")
        if (self.classes is None) != (self.kind == "regressor") or (self.shapes is None) != (
            "shapes" not in self.lines
        ):
            raise ModelFileError("classes and shapes do not belong to this kind of model")
        if self.classes is not None and (len(set(self.classes)) != len(self.classes) or len(self.classes) < 2):
            raise ModelFileError("classes are not two or more different labels")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ModelFileError(f"threshold is {self.threshold}, expected a probability")


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """See `Classifier.save`."""
    model: Model = estimator.model_
    structure = describe(model.committee)
    state, numbers = capture(model.committee, blank(structure))
    tensors = {f"committee.{name}": value for name, value in numbers.items()}
    tensors["bias"] = torch.as_tensor(model.blend.bias)
    for name, line in model.lines.items():
        tensors |= _numbers(f"line.{name}.basis", line.basis)
        tensors |= {f"line.{name}.{part}": torch.as_tensor(getattr(line, part)) for part in ("weights", "bias")}
    if model.shapes is not None:
        tensors |= _numbers("shapes", model.shapes)
    if model.scaling is not None:
        tensors |= _numbers("given", model.scaling)
    classifier = model.blend.classes
    if not classifier:
        tensors |= {"target.mean": torch.as_tensor(estimator.mean_), "target.width": torch.as_tensor(estimator.width_)}
    config = Config(
        kind=estimator.kind, parameters=_parameters(estimator), form=model.form, structure=structure, network=state,
        lines={name: "bent" if isinstance(line.basis, Bent) else "straight" for name, line in model.lines.items()},
        shapes=None if model.shapes is None else (model.shapes.length, *model.shapes.dilations),
        weights=model.blend.weights, features=estimator.n_features_in_,
        feature_names=tuple(estimator.feature_names_in_) if hasattr(estimator, "feature_names_in_") else None,
        table=estimator.schema_, target=estimator.target_,
        classes=tuple(estimator.classes_.tolist()) if classifier else None,
        threshold=estimator.threshold_ if classifier else None,
        several=False if classifier else estimator.many_,
        validation=estimator.validation_, notes=estimator.notes_,
    )  # fmt: skip
    files.write(path, tensors, schema.dump(config), kind=estimator.kind)


def load(cls: type[E], path: str | os.PathLike[str]) -> E:
    """See `Classifier.load`."""
    file = files.read(path, kind=cls.kind)
    try:
        config = schema.read(Config, file.config)
        estimator = cls(**_unpacked(config.parameters))
        model = _model(config, file.tensors)
        _restore(estimator, config, file.tensors)
        estimator.model_ = model
        _probe(model)
        loaded: E = estimator
        return loaded
    except Exception as wrong:  # a constructor may raise anything for what a file asks of it
        about = schema.first_line(wrong)
        known = isinstance(wrong, TauflowError)
        told = about if known else f"no model can be built from it: {about}"
        raise ModelFileError(f"{os.fspath(path)}: {told}") from None


def _model(config: Config, tensors: Mapping[str, Tensor]) -> Model:
    inner = {name.removeprefix("committee."): value for name, value in tensors.items() if name.startswith("committee.")}
    committee = blank(config.structure, Content.of(inner, len(config.network.tied)))
    if not isinstance(committee, Committee):
        raise ModelFileError(f"the file holds a {type(committee).__name__}, expected a Committee")
    restore(committee, config.network, inner)
    check_sound(committee)
    lines = {}
    for name, kind in config.lines.items():
        basis = _of(BASES[kind], f"line.{name}.basis", tensors)
        lines[name] = Line(basis, *(_array(tensors, f"line.{name}.{part}") for part in ("weights", "bias")))
    shapes = None
    if config.shapes is not None:
        length, *dilations = config.shapes
        parts = {name: _array(tensors, f"shapes.{name}") for name in ("channels", "biases", "mean", "width")}
        shapes = Shapes(length, tuple(dilations), **parts)
        if (
            not 9 <= length <= 1_000_000
            or any(not 1 <= one <= length for one in dilations)
            or shapes.biases.shape[1] != KERNELS
        ):
            raise ModelFileError(f"shapes are {config.shapes}, expected the length of a grid and dilations within it")
    scaling = _of(Scaling, "given", tensors) if "given.mean" in tensors else None
    classes = config.kind == "classifier"
    blend = Blend(dict(config.weights), _array(tensors, "bias"), classes)
    return Model(config.form, committee, lines, shapes, scaling, blend)


def _restore(estimator: Any, config: Config, tensors: Mapping[str, Tensor]) -> None:
    """What the estimator itself remembers."""
    estimator.n_features_in_ = config.features
    if config.feature_names is not None:
        estimator.feature_names_in_ = np.array(config.feature_names, dtype=object)
    estimator.schema_, estimator.target_ = config.table, config.target
    estimator.validation_, estimator.notes_, estimator.histories_ = dict(config.validation), config.notes, ()
    if config.classes is not None:
        words = any(isinstance(one, str) for one in config.classes)
        estimator.classes_ = np.array(config.classes, dtype=object if words else None)
        estimator.threshold_ = config.threshold
    else:
        estimator.mean_, estimator.width_ = (
            _array(tensors, "target.mean"),
            _positive(_array(tensors, "target.width"), "target.width"),
        )
        estimator.many_ = config.several


def _probe(model: Model) -> None:
    """ModelFileError where the parts do not fit each other: a sequence of zeros is answered."""
    form = model.form
    time = (np.arange(PROBE) * form.gap,) if form.uneven else None
    static = np.zeros((1, form.static)) if form.static else None
    answer = model(Sequences((np.zeros((PROBE, form.channels)),), time, static, kind=form.kind))
    if not np.isfinite(answer).all():
        raise ModelFileError("its numbers give no finite answer")


def _numbers(prefix: str, held: Any) -> dict[str, Tensor]:
    """The arrays of a dataclass as tensors."""
    found: dict[str, Tensor] = {}
    for name, value in vars(held).items():
        if isinstance(value, np.ndarray):
            found[f"{prefix}.{name}"] = torch.as_tensor(value)
        elif isinstance(value, Scaling):
            found |= _numbers(f"{prefix}.{name}", value)
    return found


def _of(kind: type[E], prefix: str, tensors: Mapping[str, Tensor]) -> E:
    """The dataclass of arrays that `_numbers` wrote."""
    parts: dict[str, Any] = {}
    for name in kind.__dataclass_fields__:
        nested = f"{prefix}.{name}.mean"
        parts[name] = (
            _of(Scaling, f"{prefix}.{name}", tensors) if nested in tensors else _array(tensors, f"{prefix}.{name}")
        )
        if name == "width":
            _positive(parts[name], f"{prefix}.{name}")
    made: E = kind(**parts)
    return made


def _array(tensors: Mapping[str, Tensor], name: str) -> Array:
    if name not in tensors:
        raise ModelFileError(f"the file has no {name}")
    array: Array = tensors[name].numpy()
    return array


def _positive(values: Array, name: str) -> Array:
    if not (values > 0).all():
        raise ModelFileError(f"{name} has numbers that are not > 0: nothing can be divided by them")
    return values


def _parameters(estimator: Any) -> dict[str, Any]:
    """The constructor's arguments as JSON; TauflowError names one that a file can't hold."""
    found: dict[str, Any] = {}
    for name, value in estimator.get_params().items():
        if name == "class_weight" and isinstance(value, dict):
            value = {"labels": [schema.dump(label) for label in value], "weights": [float(w) for w in value.values()]}
        found[name] = schema.dump(value)
        try:
            strictjson.check({name: found[name]})
        except ModelFileError as wrong:
            raise TauflowError(f"can't save {type(estimator).__name__} with {name}={value!r}: {wrong}") from None
    return found


def _unpacked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(parameters)
    asked = found.get("class_weight")
    if isinstance(asked, dict):
        found["class_weight"] = dict(zip(asked["labels"], asked["weights"], strict=True))
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
