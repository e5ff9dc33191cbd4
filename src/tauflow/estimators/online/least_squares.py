"""Recursive least squares with forgetting: a linear map that corrects a frozen answer, and forgets what is long ago.

    A <- keep A + mean_i w_i f_i f_i^T      B <- keep B + mean_i w_i f_i e_i^T      W = (A + prior G)^-1 B
    correction = W^T f,   keep = 1 - 1 / memory,   w_i = min(1, 3 s / |e_i - W^T f_i|)

    f (width)            what the frozen model's last layer sees          e (targets)  what its answer lacked
    W (width, targets)   zero at first: nothing is corrected              s            the usual size of what W still missed before
    G (width, width)     mean of f f^T on rows that the model knows       memory       rows after which a row counts 1/e

The prior pulls W towards zero with the weight of `PRIOR` rows of the kind that the model learned from, for ever. So nothing winds up where
the input stands still, and one solution of `width` equations a row is exact, with no inverse that drifts. A target that is unknown counts
as what W says of it. Sources: Haykin 2002, ch. 9 (forgetting); Huber 1964 (the weights w).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ...data.series import Array

PRIOR = 50.0  # rows
HUBER = 3.0
SMOOTH = 0.95  # of s, from row to row
RIDGE = 1e-3  # beside G, for what never varied


class ForgettingLeastSquares:
    """`learn(f, e)` once a row with all its pairs; `W` is the map at this moment."""

    def __init__(self, gram: Array, targets: int, memory: float) -> None:
        width = len(gram)
        self.keep = 1 - 1 / memory
        self.G = gram
        self.A, self.B = np.zeros((width, width)), np.zeros((width, targets))
        self.W: Array = np.zeros((width, targets))
        self.s = 0.0

    def learn(self, f: Array, e: Array) -> None:
        """f (pairs, width), e (pairs, targets) with NaN for unknown; pairs with nothing known don't count."""
        known = np.isfinite(e)
        seen = known.any(axis=1)
        if not seen.any():
            return
        f, e, known = f[seen].astype(float), e[seen], known[seen]
        said = f @ self.W
        wanted = np.where(known, e, said)
        miss = np.abs(wanted - said).sum(axis=1) / known.sum(axis=1)
        usual = self.s or float(np.median(miss))
        weight = np.minimum(1.0, HUBER * usual / np.maximum(miss, 1e-300))
        self.s = SMOOTH * usual + (1 - SMOOTH) * min(float(np.median(miss)), HUBER * usual)
        weighted = f * (weight / len(f))[:, None]
        self.A = self.keep * self.A + weighted.T @ f
        self.B = self.keep * self.B + weighted.T @ wanted
        self.W = np.linalg.solve(self.A + PRIOR * (self.G + RIDGE * np.eye(len(self.G))), self.B)

    def forget(self) -> None:
        """Back to the frozen weights: nothing was learned."""
        for part in (self.A, self.B, self.W):
            part[...] = 0
        self.s = 0.0

    def state(self) -> dict[str, Tensor]:
        """All that it is, as tensors."""
        found = {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in ("G", "A", "B", "W")}
        return {**found, "s": torch.tensor(self.s, dtype=torch.float64)}

    @classmethod
    def of(cls, state: Mapping[str, Tensor], memory: float) -> Self:
        """What `state` was taken of."""
        made = cls(state["G"].numpy(), state["B"].shape[1], memory)
        made.A, made.B, made.W = (state[name].numpy() for name in ("A", "B", "W"))
        made.s = float(state["s"])
        return made


def gram(f: Array) -> Array:
    """G of features (..., width)."""
    flat = f.reshape(-1, f.shape[-1]).astype(float)
    return np.asarray(flat.T @ flat / max(len(flat), 1))
