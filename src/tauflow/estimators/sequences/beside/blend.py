"""Blend: how much each answer counts, and how sure the whole may be, learned from answers on held-out sequences.

    classes   log p = log softmax(sum_k w_k z_k + b),  w_k >= 0       z_k (n, classes): scores, or log-probabilities
    values    y = sum_k w_k y_k                        w_k >= 0, together 1

One network alone: w is the inverse of a temperature. The weights make the held-out loss small, with a pull worth one sample (towards
small weights, so that answers which are all right do not make it boundlessly sure; of values towards equal ones). b puts classes back
to how often they come after a loss that weighed them. Sources: Guo et al. 2017 (temperature), Wolpert 1992 (stacking).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from ....data.sequences import Array

LEAST = 0.05  # of the whole: what counts less is left out


@dataclass(frozen=True, eq=False)
class Blend:
    """`weights` of parts by name; bias (outputs,), zeros of values."""

    weights: dict[str, float]
    bias: Array
    classes: bool

    def total(self, said: Mapping[str, Array]) -> Array:
        """(n, outputs): scores of the classes, or values."""
        zero = np.zeros_like(self.bias)
        total: Array = sum((w * said[name] for name, w in self.weights.items() if w), zero) + self.bias
        return total

    def __call__(self, said: Mapping[str, Array]) -> Array:
        """(n, outputs): log-probabilities, or values."""
        return log_softmax(self.total(said)) if self.classes else self.total(said)


def log_softmax(z: Array) -> Array:
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))


def even(names: list[str], outputs: int, classes: bool) -> Blend:
    """All count the same: there is nothing to learn weights from. A line's scores of classes are half as far apart as a network's."""
    weights = {name: (2.0 if classes and name != "network" else 1.0) / len(names) for name in names}
    return Blend(weights, np.zeros(outputs), classes)


def blend_classes(said: Mapping[str, Array], labels: Array, weights: Array | None, bias: bool) -> Blend:
    """Of scores (n, classes) by name; weights (classes,) of the loss, bias: whether there is a b."""
    z = torch.from_numpy(np.stack(list(said.values())))  # (k, n, classes)
    z = z - z.mean(dim=2, keepdim=True)
    size = z.square().mean(dim=(1, 2)).sqrt().clamp(min=1e-12)
    z = z / size[:, None, None]
    target = torch.from_numpy(labels)
    count = None if weights is None else torch.from_numpy(weights)
    kept = list(range(len(z)))
    while True:
        w, b = _most_likely(z[kept], target, count, bias)
        if len(kept) == 1 or w.min() >= LEAST * w.sum():
            break
        kept.pop(int(w.argmin()))
    found = dict.fromkeys(said, 0.0)
    names = list(said)
    for k, value in zip(kept, w.tolist(), strict=True):
        found[names[k]] = value / float(size[k])
    return Blend(found, b.numpy(), True)


def _most_likely(
    z: torch.Tensor, target: torch.Tensor, count: torch.Tensor | None, bias: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """(w (k,), b (classes,)) with the least loss of scores z (k, n, classes)."""
    raw = torch.zeros(len(z), dtype=torch.float64, requires_grad=True)
    shift = torch.zeros(z.shape[2], dtype=torch.float64, requires_grad=bias)
    optimizer = torch.optim.LBFGS([raw, shift] if bias else [raw], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        w = F.softplus(raw)
        entropy = F.cross_entropy(w @ z.transpose(0, 1) + shift, target, count, reduction="sum")
        value = entropy + 0.5 * w.square().sum() + 0.5 * shift.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    return F.softplus(raw.detach()), shift.detach()


def blend_values(said: Mapping[str, Array], targets: Array) -> Blend:
    """Of answers (n, columns) by name, in units of the targets' spread."""
    error = np.stack([(targets - one).reshape(-1) for one in said.values()])  # (k, n * columns)
    together = error @ error.T
    together = together / max(
        float(np.diag(together).min()) / error.shape[1], 1e-30
    )  # in units of the best part's error
    kept = list(range(len(error)))
    while True:
        w = _sum_to_one(together[np.ix_(kept, kept)], 1 / len(error))
        if len(kept) == 1 or w.min() >= LEAST:
            break
        kept.pop(int(w.argmin()))
    found = np.zeros(len(error))
    found[kept] = w
    return Blend(dict(zip(said, found.tolist(), strict=True)), np.zeros(targets.shape[1]), False)


def _sum_to_one(together: Array, even: float) -> Array:
    """Weights w, together 1, that make w' together w + |w - even|^2 least."""
    k = len(together)
    system = np.zeros((k + 1, k + 1))
    system[:k, :k], system[:k, k], system[k, :k] = together + np.eye(k), 1, 1
    return np.asarray(np.linalg.solve(system, np.append(np.full(k, even), 1.0))[:k])
