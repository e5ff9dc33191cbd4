"""Which token moved the answer: TF-IDF's part exactly, the networks' by integrated gradients on the rows of their tokens.

    a_t = s ((1 - w) tfidf_t + w mean_k ig_k,t)        of the label's score against the mean of all labels' scores

The path begins at a text of rows that are zero, as long as this one; a token stands in as many windows as it has neighbours, and its part
is the sum over these. Source: Sundararajan, Taly and Yan 2017, section 6.3 (the same for text).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ...errors import DataError
from ...explain import integrated_gradients
from ...network import Committee, Network, Words
from .reader import Array
from .tfidf import TfIdf
from .tokens import WINDOW

if TYPE_CHECKING:
    from .classifier import Weights


@dataclass(frozen=True, eq=False)
class Told:
    """words (n,), parts (n,): positive where a token speaks for `label`; p: the probability of every class."""

    text: str
    words: tuple[str, ...]
    parts: Array
    label: str
    p: dict[str, float]

    def strongest(self, count: int = 5) -> list[tuple[str, float]]:
        """The tokens that moved the most, either way."""
        order = np.argsort(-np.abs(self.parts))[:count]
        return [(self.words[k], float(self.parts[k])) for k in order]


def told_by(
    text: str, words: Sequence[str], window: Array, committee: Committee, line: TfIdf, weights: Weights, code: int,
    classes: Sequence[str], p: Array, causal: bool,
) -> Told:  # fmt: skip
    """The parts of all tokens."""
    if not words:
        raise DataError(f"{text!r} has no token, so there is nothing to explain")
    shares = line.shares(words)
    parts = (1 - weights.share) * (shares[:, code] - shares.mean(axis=1))
    if weights.share > 0:
        each = [gradients(one, window, code, causal) for one in committee.networks()]
        parts = parts + weights.share * np.mean(each, axis=0)
    probabilities = {name: float(one) for name, one in zip(classes, p, strict=True)}
    return Told(text, tuple(words), weights.sure * parts, classes[code], probabilities)


def gradients(network: Network, window: Array, code: int, causal: bool) -> Array:
    """Integrated gradients of log p of a class, less the mean over all classes, a number a token (time,)."""
    encoder = network.encoder
    if not isinstance(encoder, Words):
        raise DataError(f"the network reads {type(encoder).__name__}, expected Words")
    with torch.no_grad():
        rows = encoder.embed(torch.as_tensor(window))
    behind = Network(
        rows.shape[1], network.outputs, network.core, scale=None, encoder=nn.Sequential(encoder.convolution, nn.ReLU()),
        pool=network.pool, readout=network.readout, head=_Centred(network.outputs),
    ).eval()  # fmt: skip
    found = integrated_gradients(behind, rows, output=code, baseline=torch.zeros_like(rows), baseline_dt=1.0)
    by_slot = found.attribution.reshape(len(rows), WINDOW, -1).sum(axis=2)  # (time, slot)
    before = WINDOW - 1 if causal else WINDOW // 2
    parts = np.zeros(len(rows))
    for slot in range(WINDOW):
        for t in range(len(rows)):
            token = t + slot - before
            if 0 <= token < len(rows):
                parts[token] += by_slot[t, slot]
    return parts


class _Centred(nn.Module):
    """Scores less their mean: what speaks for a class against the others."""

    names = ("",)

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.inputs = self.outputs = self.columns = classes

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        return a - a.mean(dim=-1, keepdim=True)
