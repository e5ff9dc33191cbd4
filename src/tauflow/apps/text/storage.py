"""A TextClassifier as numbers and JSON, and back; nothing in the file is executed.

The words stand in the file as bytes, one a line. What was read is built anew by its recipe, and answers for a made-up text before it is
given out, so numbers that do not fit each other are found while the file is read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ... import files
from ...errors import ModelFileError, TauflowError
from ...network import Committee
from . import members
from .members import Recipe
from .tfidf import TfIdf
from .tokens import Vocabulary

if TYPE_CHECKING:
    from .classifier import TextClassifier

KIND = "text"
MOST_MEMBERS, MOST_SIZE = 64, 4096


@dataclass(frozen=True)
class Config:
    """The JSON of the file."""

    classes: list[str]
    members: int
    recipe: dict[str, Any]
    share: float
    sure: float


def write(model: TextClassifier, path: str | os.PathLike[str]) -> None:
    """See TextClassifier.save."""
    committee, line = model.committee, model.line
    if committee is None:
        raise TauflowError("there is nothing to save")
    tensors = {f"members.{name}": value for name, value in committee.members.state_dict().items()}
    tensors |= {"vocabulary": _bytes(model.vocabulary.words), "grams": _bytes(line.grams)}
    tensors |= {name: torch.as_tensor(getattr(line, name)) for name in ("rarity", "weights", "bias")}
    recipe = {**asdict(model.recipe), "seconds": None}
    config = Config(list(model.classes), len(committee.members), recipe, model.weights.share, model.weights.sure)
    files.write(path, tensors, asdict(config), kind=KIND)


def read(path: str | os.PathLike[str]) -> TextClassifier:
    """See TextClassifier.load."""
    file = files.read(path, kind=KIND)
    try:
        return _model(Config(**file.config), file.tensors)
    except Exception as wrong:  # numbers of a stranger may not fit in any way
        about = str(wrong).partition("\n")[0]
        told = about if isinstance(wrong, TauflowError) else f"no model can be built from it: {about}"
        raise ModelFileError(f"{os.fspath(path)}: {told}") from None


def _model(config: Config, tensors: dict[str, Tensor]) -> TextClassifier:
    from .classifier import TextClassifier, Weights

    known = {one.name for one in fields(Recipe)}
    if set(config.recipe) != known or not 1 <= config.members <= MOST_MEMBERS or len(config.classes) < 2:
        raise ModelFileError("its recipe, members or classes are not those of a text classifier")
    recipe = Recipe(**config.recipe)
    if not all(1 <= size <= MOST_SIZE for size in (recipe.units, recipe.width, recipe.filters)):
        raise ModelFileError(
            f"its sizes are {recipe.units}, {recipe.width} and {recipe.filters}, expected 1 to {MOST_SIZE}"
        )
    if not (0 <= config.share <= 1 and 0 < config.sure < 1e6):
        raise ModelFileError(f"its weights are {config.share} and {config.sure}, expected a share and a number > 0")
    model = TextClassifier(config.members, recipe)
    model.classes = [str(one) for one in config.classes]
    model.vocabulary = Vocabulary(_words(tensors["vocabulary"]))
    made = [members.build(model.vocabulary, model.classes, recipe) for _ in range(config.members)]
    model.committee = Committee(made).eval()
    inner = {name.removeprefix("members."): value for name, value in tensors.items() if name.startswith("members.")}
    model.committee.members.load_state_dict(inner)
    numbers = [tensors[name].double().numpy() for name in ("rarity", "weights", "bias")]
    model.line = TfIdf(_words(tensors["grams"]), *numbers)
    shape = (len(model.classes), len(model.line.grams))
    if model.line.weights.shape != shape or model.line.rarity.shape != shape[1:] or model.line.bias.shape != shape[:1]:
        raise ModelFileError("the sizes of its TF-IDF do not fit its words and classes")
    model.weights = Weights(config.share, config.sure)
    if not np.isfinite(model.predict_proba([" ".join([*model.vocabulary.words[:5], "?"])])).all():
        raise ModelFileError("its numbers give no finite answer")
    return model


def _bytes(words: Sequence[str]) -> Tensor:
    return (
        torch.frombuffer(bytearray("\n".join(words).encode()), dtype=torch.uint8)
        if words
        else torch.zeros(0, dtype=torch.uint8)
    )


def _words(data: Tensor) -> tuple[str, ...]:
    text = bytes(data.to(torch.uint8).numpy()).decode()
    return tuple(text.split("\n")) if text else ()
