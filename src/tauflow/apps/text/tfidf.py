"""TF-IDF and logistic regression: the simple answer that stands beside every network here, and that often leads.

    z_c = sum_g w_cg v_g + b_c          g: tokens and pairs of tokens that came in two texts at least
    v = u / |u|,   u_g = (1 + log count_g) (1 + log((1 + n) / (1 + n_g)))          n texts, n_g of them with g

It is learned by scikit-learn, the extra `sklearn`, and answers without it. Source: Salton and Buckley 1988; Pedregosa et al. 2011.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...errors import MissingExtraError
from .reader import Array

PULLS = (1.0, 4.0, 16.0)  # scikit-learn's C: the larger, the less the weights are pulled to zero


@dataclass(frozen=True, eq=False)
class TfIdf:
    """grams[g] weighs weights[:, g] (classes, grams), rarity (grams,), bias (classes,)."""

    grams: tuple[str, ...]
    rarity: Array
    weights: Array
    bias: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {gram: k for k, gram in enumerate(self.grams)})

    def features(self, words: Sequence[str]) -> dict[int, float]:
        """v of the grams that are known."""
        known: dict[str, int] = self.numbers  # type: ignore[attr-defined]
        counts = Counter(known[gram] for gram in grams_of(words) if gram in known)
        raw = {g: (1 + np.log(count)) * self.rarity[g] for g, count in counts.items()}
        norm = float(np.sqrt(sum(value**2 for value in raw.values()))) or 1.0
        return {g: float(value / norm) for g, value in raw.items()}

    def scores(self, texts: Sequence[Sequence[str]]) -> Array:
        """z (texts, classes)."""
        found = np.tile(self.bias, (len(texts), 1))
        for row, words in enumerate(texts):
            v = self.features(words)
            if v:
                found[row] += self.weights[:, list(v)] @ np.array(list(v.values()))
        return found

    def shares(self, words: Sequence[str]) -> Array:
        """What each token added to z, (tokens, classes): a gram's part is divided evenly among its places and their tokens."""
        known: dict[str, int] = self.numbers  # type: ignore[attr-defined]
        v, found = self.features(words), np.zeros((len(words), len(self.bias)))
        places: dict[int, list[tuple[int, ...]]] = {}
        singles: list[tuple[str, tuple[int, ...]]] = [(word, (t,)) for t, word in enumerate(words)]
        pairs: list[tuple[str, tuple[int, ...]]] = [
            (f"{a} {b}", (t, t + 1)) for t, (a, b) in enumerate(pairwise(words))
        ]
        for gram, at in singles + pairs:
            if gram in known:
                places.setdefault(known[gram], []).append(at)
        for g, each in places.items():
            for at in each:
                for t in at:
                    found[t] += v[g] * self.weights[:, g] / (len(each) * len(at))
        return found


def grams_of(words: Sequence[str]) -> list[str]:
    """Tokens and pairs of neighbours."""
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


def learn_tfidf(
    texts: Sequence[Sequence[str]], labels: Array, classes: int, pulls: Sequence[float] = PULLS
) -> list[TfIdf]:
    """One a pull; labels are class numbers."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise MissingExtraError(
            'TF-IDF and logistic regression need scikit-learn: pip install "tauflow[sklearn]"'
        ) from None
    vectors = TfidfVectorizer(analyzer=grams_of, min_df=2, sublinear_tf=True)
    seen = vectors.fit_transform(texts)
    grams, rarity = tuple(vectors.get_feature_names_out().tolist()), np.asarray(vectors.idf_)
    made = []
    for pull in pulls:
        line = LogisticRegression(C=pull, max_iter=500).fit(seen, labels)
        weights, bias = np.asarray(line.coef_, dtype=np.float64), np.asarray(line.intercept_, dtype=np.float64)
        if classes == 2:
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        made.append(TfIdf(grams, rarity, weights, bias))
    return made


def strongest(lines: Sequence[TfIdf], held: Sequence[Sequence[str]], labels: Array) -> int:
    """Which of them labels most held texts rightly; the first of equals."""
    right = [float((line.scores(held).argmax(axis=1) == labels).mean()) for line in lines]
    return int(np.argmax(right))
