"""Tokens of a text, and the numbers that a network reads instead.

    words, numbers, endings such as n't and 's, and every other sign by itself; all in small letters

    number 0   outside the text          number 1   a token that the vocabulary does not know          2, 3, ...   the others

A sample of the network is a token with its neighbours: the one before and the one after it, or the two before it where nothing of the
future may be seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .reader import Array

PATTERN = re.compile(r"n't\b|[^\W\d_]+?(?=n't\b)|'[^\W\d_]+|[^\W\d_]+|\d+|[^\w\s]|_")
WINDOW = 3
UNKNOWN, FIRST = 1, 2


def tokens(text: str) -> list[str]:
    """In the order of the text."""
    return PATTERN.findall(text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that have a number of their own."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {word: FIRST + k for k, word in enumerate(self.words)})

    @property
    def size(self) -> int:
        return FIRST + len(self.words)

    def of(self, words: Iterable[str]) -> list[int]:
        known: dict[str, int] = self.numbers  # type: ignore[attr-defined]
        return [known.get(word, UNKNOWN) for word in words]

    def windows(self, words: Sequence[str], causal: bool) -> Array:
        """(time, WINDOW) as float32; a text without a token is one unknown token."""
        found = self.of(words) or [UNKNOWN]
        before = WINDOW - 1 if causal else WINDOW // 2
        padded = np.array([0] * before + found + [0] * (WINDOW - 1 - before), dtype=np.float32)
        return np.lib.stride_tricks.sliding_window_view(padded, WINDOW).copy()


def learn_vocabulary(texts: Iterable[Sequence[str]], least: int = 2, most: int = 30_000) -> Vocabulary:
    """The tokens that come in at least so many texts, the most frequent first."""
    counts = Counter(word for words in texts for word in sorted(set(words)))
    return Vocabulary(tuple(word for word, count in counts.most_common(most) if count >= least))
