"""The networks: tokens and their neighbours, a small convolution, a liquid core, mean and maximum over the text.

    u_t = words(k_t-1, k_t, k_t+1)      y = core(u), both ways unless it has to stream      log p = softmax(W [mean, max of y and u] + b)

Members differ by their seed and answer together. A tenth of the tokens that are learned from is hidden, anew each time. Texts longer
than LONG tokens are learned in pieces of PIECE tokens, the state carried from piece to piece and an answer asked for after every token
(truncated backpropagation through time), so memory does not grow with a text.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError
from ...network import Network, Words
from ...training import SequenceSource, fit
from .reader import Array
from .tokens import WINDOW, Vocabulary

LONG, PIECE = 400, 200
HIDDEN = 0.1  # of the tokens


@dataclass(frozen=True)
class Recipe:
    """How a member is built and learns; seconds: no member longer than that."""

    cell: str = "gated_ltc"
    units: int = 32
    width: int = 64  # numbers of a token
    filters: int = 64
    dropout: float = 0.4
    epochs: int | None = None
    batch: int = 32
    rate: float = 0.003
    decay: float = 0.1
    causal: bool = False
    seconds: float | None = None

    def rounds(self, texts: int) -> int:
        """About 1,100 updates, but no less than 5 rounds, no more than 20."""
        return self.epochs or int(np.clip(round(1100 * self.batch / texts), 5, 20))


def build(vocabulary: Vocabulary, classes: Sequence[str], recipe: Recipe) -> Network:
    """An untrained member."""
    words = {"name": "words", "vocabulary": vocabulary.size, "units": recipe.width, "filters": recipe.filters}
    core = {"name": recipe.cell, "tau": (1.0, 20.0), **({} if recipe.causal else {"bidirectional": True})}
    return Network(
        WINDOW, list(classes), core, recipe.units, scale=None, encoder={**words, "dropout": recipe.dropout},
        pool={"name": "several", "kinds": ("mean", "max")},
        readout={"name": "both", "dropout": recipe.dropout}, head="classes",
    )  # fmt: skip


class Prefixes(nn.Module):
    """A network that answers after every token, for training in pieces."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        """log p (batch, time, classes) and the state."""
        answer, h = self.network.prefixes(x, dt, mask, state)
        return answer, h

    def initial_state(self, batch: int) -> Tensor:
        return self.network.initial_state(batch)

    def loss(self, output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        return self.network.loss(output, target, mask, weight)


def learn_member(
    network: Network,
    windows: Sequence[Array],
    codes: Array,
    held: Sequence[Array],
    held_codes: Array,
    recipe: Recipe,
    seed: int,
) -> Network:
    """Learn from windows[i] (time_i, WINDOW) with the class numbers codes; the held ones choose the epoch."""
    long = max(map(len, windows)) > LONG
    if long and not recipe.causal:
        raise DataError(
            f"a text has {max(map(len, windows)):,} tokens, and such long ones are learned in pieces, from the past alone: causal=True"
        )
    sources = []
    for xs, y, seeded in ((windows, codes, seed), (held, held_codes, None)):
        ys: Any = [np.full(len(x), k) for x, k in zip(xs, y, strict=True)] if long else torch.as_tensor(y)
        learning = {"seed": seeded, "prepare": _hidden} if seeded is not None else {"shuffle": False}
        sources.append(SequenceSource(xs, ys, batch_size=recipe.batch if seeded is not None else 64, **learning))
    fit(
        Prefixes(network) if long else network, sources[0], validation=sources[1], truncate=PIECE if long else None,
        epochs=recipe.rounds(len(windows)), lr=recipe.rate, optimizer="adamw", weight_decay=recipe.decay, schedule="cosine",
        seed=seed, progress=False, time_budget=recipe.seconds,
    )  # fmt: skip
    return network.eval()


def _hidden(x: Tensor) -> Tensor:
    """Some tokens are unknown ones for once."""
    hide = (torch.rand(x.shape) < HIDDEN) & (x > 0)
    return torch.where(hide, 1.0, x)


@torch.no_grad()
def answers(network: Network, windows: Sequence[Array]) -> Array:
    """log p (texts, classes) as float64."""
    order = np.argsort([len(x) for x in windows], kind="stable")
    found = np.zeros((len(windows), network.outputs))
    for some in np.array_split(order, max(1, -(-len(order) // 64))):
        (batch,) = SequenceSource([windows[k] for k in some], batch_size=len(some), shuffle=False).batches(0)
        found[some] = network(batch.x, mask=batch.mask)[0].double().numpy()
    return found


def read_vectors(path: str | os.PathLike[str], vocabulary: Vocabulary, network: Network) -> int:
    """Put the rows of a file of word vectors (GloVe: a word and its numbers a line) into the table; how many were found."""
    words = network.encoder
    if not isinstance(words, Words):
        raise DataError(f"the network reads {type(words).__name__}, expected Words")
    width, found = words.table.embedding_dim, 0
    numbers = dict(zip(vocabulary.words, vocabulary.of(vocabulary.words), strict=True))
    with open(path, encoding="utf-8") as file:
        for line in file:
            word, *values = line.rstrip().split(" ")
            if word not in numbers:
                continue
            if len(values) != width:
                raise DataError(
                    f"{os.fspath(path)}: {word!r} has {len(values)} numbers, expected {width} as the first word"
                )
            with torch.no_grad():
                words.table.weight[numbers[word]] = torch.tensor([float(value) for value in values])
            found += 1
    if not found:
        raise DataError(
            f"{os.fspath(path)} has none of the {len(numbers):,} words of the texts: is it a file of word vectors?"
        )
    return found


def width_of_vectors(path: str | os.PathLike[str]) -> int:
    """How many numbers a word has in the file."""
    with open(path, encoding="utf-8") as file:
        return len(file.readline().rstrip().split(" ")) - 1
