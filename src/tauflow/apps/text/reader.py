"""Texts with labels: a column of a table, a file of lines, or the film reviews that are shipped.

    table    CSV, TSV or Parquet with a header, one row a text
    lines    any other file: a label, a blank, the text; `__label__x` means x, as fastText writes it

An empty text, a missing label or column and a single class are refused by the row that shows it.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets import movie_snippets
from ...errors import DataError

Array = NDArray[Any]
MOST_LABELS, FEWEST = 50, 5  # labels; texts of each label
TABLES = (".csv", ".tsv", ".txt.csv", ".parquet")


@dataclass(frozen=True, eq=False)
class Texts:
    """texts[i] has the label labels[i]; `labels` is None of texts that are to be labelled."""

    name: str
    texts: list[str]
    labels: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, index: Array) -> Texts:
        labels = None if self.labels is None else [self.labels[k] for k in index]
        return Texts(self.name, [self.texts[k] for k in index], labels)


def read_texts(
    path: str | os.PathLike[str], text: str | None = None, label: str | None = None, labelled: bool = True
) -> Texts:
    """The texts of a file; text and label name columns of a table. labelled=False reads texts alone."""
    plain = os.fspath(path).removesuffix(".gz").lower()
    name = os.path.basename(plain)
    if plain.endswith(TABLES):
        texts, labels = _of_table(path, plain, text, label, labelled)
        first = 2  # the row of a spreadsheet: the header is row 1
    else:
        texts, labels = _of_lines(path, labelled)
        first = 1
    if not texts:
        raise DataError(f"{name} holds no text")
    empty = [k for k, one in enumerate(texts) if not one.strip()]
    if empty:
        raise DataError(
            f"{len(empty)} of {len(texts)} texts are empty, the first in row {empty[0] + first}; leave such rows out of the file"
        )
    if labels is None:
        return Texts(name, texts)
    lacking = [k for k, one in enumerate(labels) if not one]
    if lacking:
        raise DataError(
            f"{len(lacking)} texts have no label, the first in row {lacking[0] + first}; leave them out, or label them"
        )
    return Texts(name, texts, labels)


def shipped() -> Texts:
    """Sentences of film reviews, positive or negative by the mean of twenty people's votes (Hutto and Gilbert 2014)."""
    frame = movie_snippets()
    frame = frame[frame["score"] != 0]
    labels = np.where(frame["score"] > 0, "positive", "negative").tolist()
    return Texts("film reviews", frame["text"].tolist(), labels)


def check_labels(found: Texts) -> list[str]:
    """The classes, sorted; DataError where they can't be learned."""
    labels = found.labels or []
    names, counts = np.unique(np.array(labels, dtype=object).astype(str), return_counts=True)
    if len(names) < 2:
        raise DataError(
            f"all {len(labels)} labels of {found.name} are {str(names[0])!r}, expected two or more different ones"
        )
    if len(names) > MOST_LABELS:
        raise DataError(
            f"{found.name} has {len(names)} different labels, expected at most {MOST_LABELS}; is the label column a text or a number?"
        )
    few = names[counts < FEWEST]
    if len(few):
        raise DataError(
            f"{str(few[0])!r} is the label of {counts[names == few[0]][0]} texts, expected at least {FEWEST} of each label"
        )
    return [str(name) for name in names]


def divided(found: Texts, parts: tuple[float, ...], seed: int = 0) -> list[Texts]:
    """Parts of these sizes, together 1, each label in each part as often as in the whole."""
    labels = np.array(found.labels)
    rng = np.random.default_rng(seed)
    where: list[list[int]] = [[] for _ in parts]
    for one in np.unique(labels):
        index = rng.permutation(np.flatnonzero(labels == one))
        ends = np.rint(np.cumsum(parts) * len(index)).astype(int)
        for place, some in zip(where, np.split(index, ends[:-1]), strict=True):
            place.extend(some.tolist())
    return [found.part(np.sort(np.array(place, dtype=int))) for place in where]


def _of_table(
    path: Any, plain: str, text: str | None, label: str | None, labelled: bool
) -> tuple[list[str], list[str] | None]:
    import pandas as pd

    if plain.endswith(".parquet"):
        frame = pd.read_parquet(path)
    else:
        frame = pd.read_csv(path, sep="\t" if plain.endswith(".tsv") else ",", dtype=str, keep_default_na=False)
    text = "text" if text is None else text
    label = "label" if label is None else label
    for name, what in ((text, "--text"), (label, "--label"))[: 1 + labelled]:
        if name not in frame.columns:
            known = [str(one) for one in frame.columns]
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise DataError(f"there is no column {name!r}; {hint}{what} takes one of {', '.join(known)}")
    texts = [str(one) for one in frame[text]]
    return texts, [str(one).strip() for one in frame[label]] if labelled else None


def _of_lines(path: Any, labelled: bool) -> tuple[list[str], list[str] | None]:
    opened = gzip.open if os.fspath(path).lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        data = file.read()
    if b"\0" in data:
        raise DataError(f"{os.fspath(path)} is no text: it holds bytes of zero")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = data.decode("latin-1").splitlines()
    lines = [line for line in lines if line.strip()]
    if not labelled:
        return lines, None
    cut = [line.split(None, 1) for line in lines]
    return [part[1] if len(part) > 1 else "" for part in cut], [part[0].removeprefix("__label__") for part in cut]
