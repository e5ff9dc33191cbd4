"""TextClassifier: texts in, labels out. Networks and TF-IDF answer together, each as much as held texts say.

    log p = log softmax(s ((1 - w) z_tfidf + w mean_k log p_k))        w in [0, 1], s > 0: the least log loss on held texts

Networks that start from TF-IDF's answer and learn the rest stay near it; ones that go their own way add more (docs/adr/0017).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch

from ...errors import DataError, NotFittedError, TauflowError
from ...network import Committee
from . import members as networks
from .explaining import Told, told_by
from .members import Recipe
from .reader import Array, Texts, check_labels, divided
from .tfidf import PULLS, learn_tfidf, strongest
from .tokens import WINDOW, learn_vocabulary, tokens

SHARES = np.linspace(0, 1, 21)
SURENESS = np.geomspace(0.25, 4, 33)


@dataclass(frozen=True)
class Weights:
    """How much the networks count against TF-IDF, and how sure the whole may be."""

    share: float
    sure: float

    def __call__(self, line: Array, network: Array) -> Array:
        """log p of scores (texts, classes)."""
        return log_softmax(self.sure * ((1 - self.share) * log_softmax(line) + self.share * network))


class TextClassifier:
    """`TextClassifier().fit(texts, labels)`, `.predict(texts)`, `.explain(text)`, `.stream()`, `.save("m.tau")`.

    members    networks that answer together            recipe   how each is built and learns; see `Recipe`
    vectors    a file of word vectors (GloVe) to begin with; unless given, vectors are learned from the texts alone
    """

    def __init__(
        self, members: int = 3, recipe: Recipe | None = None, vectors: str | None = None, seed: int = 0
    ) -> None:
        self.members, self.recipe, self.vectors, self.seed = members, recipe or Recipe(), vectors, seed
        self.committee: Committee | None = None
        self.notes: list[str] = []

    def fit(self, learn: Texts, held: Texts | None = None) -> Self:
        """held: the texts that choose the epoch and the weights; unless given, a tenth of `learn`. TF-IDF learns from them too, at last."""
        self.classes = check_labels(learn)
        if held is None:
            learn, held = divided(learn, (0.9, 0.1), self.seed)
        self.notes = []
        words, chosen = [tokens(one) for one in learn.texts], [tokens(one) for one in held.texts]
        codes, held_codes = self.codes(learn), self.codes(held)
        lines = learn_tfidf(words, codes, len(self.classes))
        pull = strongest(lines, chosen, held_codes)
        self.vocabulary = learn_vocabulary(words)
        recipe = self.recipe
        longest = max(map(len, words))
        if longest > networks.LONG and not recipe.causal:
            recipe = replace(recipe, causal=True)
            self.notes.append(
                f"a text has {longest:,} tokens: the networks read from the past alone and learn in pieces of {networks.PIECE}"
            )
        if self.vectors is not None:
            recipe = replace(recipe, width=networks.width_of_vectors(self.vectors))
        self.recipe = recipe
        began = time.process_time()
        xs, hs = ([self.vocabulary.windows(one, recipe.causal) for one in part] for part in (words, chosen))
        made = []
        for k in range(self.members):
            seed = 1000 * self.seed + k
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = networks.build(self.vocabulary, self.classes, recipe)
            if self.vectors is not None:
                found = networks.read_vectors(self.vectors, self.vocabulary, network)
                self.notes += (
                    [f"{found:,} of {len(self.vocabulary.words):,} words begin with a vector"] if k == 0 else []
                )
            made.append(networks.learn_member(network, xs, codes, hs, held_codes, recipe, seed))
        self.committee = Committee(made).eval()
        self.seconds = (time.process_time() - began) / self.members
        self.weights = weigh(lines[pull].scores(chosen), self._networks(hs), held_codes)
        every = np.concatenate(
            [codes, held_codes]
        )  # what was held has chosen, and is learned from now: TF-IDF alone costs nothing twice
        (self.line,) = learn_tfidf([*words, *chosen], every, len(self.classes), [PULLS[pull]])
        return self

    def codes(self, texts: Texts) -> Array:
        """The class numbers of labels."""
        number = {name: k for k, name in enumerate(self.classes)}
        if unknown := sorted(set(texts.labels or ()) - set(number)):
            raise DataError(
                f"{texts.name} has the label {unknown[0]!r}, which was not learned: {', '.join(self.classes)} were"
            )
        return np.array([number[one] for one in texts.labels or ()])

    def parts(self, texts: Sequence[str]) -> dict[str, Array]:
        """log p (texts, classes) of TF-IDF, of the first network, of all networks, and of all together."""
        self._fitted()
        words = [tokens(one) for one in texts]
        windows = [self.vocabulary.windows(one, self.recipe.causal) for one in words]
        each = self._each(windows)
        line, together = self.line.scores(words), log_mean(each)
        return {
            "TF-IDF + logistic": log_softmax(line), "network": each[0], f"{len(each)} networks": together,
            "TF-IDF + networks": self.weights(line, together),
        }  # fmt: skip

    def predict_proba(self, texts: Sequence[str]) -> Array:
        """(texts, classes)."""
        return np.exp(self.parts(texts)["TF-IDF + networks"])

    def predict(self, texts: Sequence[str]) -> list[str]:
        return [self.classes[k] for k in self.predict_proba(texts).argmax(axis=1)]

    def frame(self, texts: Sequence[str]) -> Any:
        """A row a text: its label, the probability of every class, the text."""
        import pandas as pd

        p = self.predict_proba(texts)
        labels = [self.classes[k] for k in p.argmax(axis=1)]
        columns = {f"p({name})": p[:, k] for k, name in enumerate(self.classes)}
        return pd.DataFrame({"label": labels, **columns, "text": list(texts)})

    def stream(self) -> TextStream:
        """Token by token: `stream(" word")` -> probabilities (classes,) of the text so far. Needs recipe.causal."""
        self._fitted()
        if not self.recipe.causal:
            raise TauflowError(
                "these networks read a text both ways, so they have no answer for its beginning: fit with causal=True (--causal)"
            )
        return TextStream(self)

    def prefixes(self, text: str) -> Array:
        """The probabilities after every token, (tokens, classes)."""
        stream = self.stream()
        return np.array([stream(word) for word in tokens(text)]).reshape(-1, len(self.classes))

    def explain(self, text: str, label: str | None = None) -> Told:
        """What each token added to the score of `label` (the most probable one unless given)."""
        committee = self._fitted()
        p = self.predict_proba([text])[0]
        if label is not None and label not in self.classes:
            raise TauflowError(f"label is {label!r}, expected one of {', '.join(self.classes)}")
        code = int(p.argmax()) if label is None else self.classes.index(label)
        words = tokens(text)
        window = self.vocabulary.windows(words, self.recipe.causal)
        return told_by(
            text, words, window, committee, self.line, self.weights, code, self.classes, p, self.recipe.causal
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """One model file: numbers and JSON; nothing in it is executed."""
        from .storage import write

        self._fitted()
        write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TextClassifier:
        """The classifier that `save` wrote; ModelFileError for anything else."""
        from .storage import read

        return read(path)

    def _fitted(self) -> Committee:
        if self.committee is None:
            raise NotFittedError("this TextClassifier was not fitted: call fit(texts), or TextClassifier.load(path)")
        return self.committee

    def _each(self, windows: Sequence[Array]) -> Array:
        """log p (members, texts, classes)."""
        return np.stack([networks.answers(one, windows) for one in self._fitted().networks()])

    def _networks(self, windows: Sequence[Array]) -> Array:
        return log_mean(self._each(windows))


class TextStream:
    """Reads a text token by token; probabilities of what was read so far."""

    def __init__(self, model: TextClassifier) -> None:
        self.model, self.words = model, list[str]()
        self.streams = [one.stream() for one in model._fitted().networks()]

    def __call__(self, word: str) -> Array:
        self.words.append(word)
        window = self.model.vocabulary.windows(self.words[-WINDOW:], causal=True)[-1]
        said = np.stack([np.asarray(one(window), dtype=np.float64).reshape(-1) for one in self.streams])
        line = self.model.line.scores([self.words])
        found: Array = np.exp(self.model.weights(line, log_mean(said[:, None])))[0]
        return found

    def read(self, text: str) -> Iterator[tuple[str, Array]]:
        """Every token of a text and what is thought after it."""
        for word in tokens(text):
            yield word, self(word)


def weigh(line: Array, network: Array, codes: Array) -> Weights:
    """The weights with the least log loss on held texts."""
    rows = np.arange(len(codes))
    return min(
        (Weights(float(share), float(sure)) for share in SHARES for sure in SURENESS),
        key=lambda one: float(-one(line, network)[rows, codes].mean()),
    )


def log_softmax(z: Array) -> Array:
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))


def log_mean(each: Array) -> Array:
    """log of the mean probability over the first axis."""
    top = each.max(axis=0)
    return np.asarray(top + np.log(np.exp(each - top).mean(axis=0)))
