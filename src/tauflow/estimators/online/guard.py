"""The guard: whose answer counts, by the errors of the recent past, and never one much worse than the frozen model's.

    L_j <- keep L_j + |truth - answer_j|      j: the frozen model, and each that learns on       keep = 1 - 1 / recent
    weight_j ~ (L_j / min L)^-SHARP           answer = sum_j weight_j answer_j                   L_0 is the frozen model's

Every answer is judged as it was given, before its truth was known. Where the error of what was answered is above that of the frozen model
by more than `margin`, the frozen model answers alone, and what learned is told to go back (`tripped`).
Source: weights by past loss, Herbster and Warmuth 1998; here by its power, so that no rate has to be chosen for a unit.
"""

from __future__ import annotations

import numpy as np

from ...data.series import Array

SHARP = 24
WARM = 10.0  # rows before anything but the frozen model counts


class Guard:
    """Weights of the answers; the frozen model's is the first."""

    def __init__(self, answers: int, recent: float, margin: float) -> None:
        self.keep, self.margin = 1 - 1 / recent, margin
        self.rows, self.loss, self.given = 0.0, np.zeros(answers), 0.0
        self.off = False  # the frozen model answers alone

    def learn(self, error: Array, given: float) -> bool:
        """The mean error of each answer (answers,) and of what was answered, on one row; True on the row where it trips."""
        self.rows = self.keep * self.rows + 1
        self.loss = self.keep * self.loss + error
        self.given = self.keep * self.given + given
        was, self.off = self.off, self.rows >= WARM and self.given > (1 + self.margin) * float(self.loss[0])
        return self.off and not was

    @property
    def weights(self) -> Array:
        """(answers,), with sum 1."""
        if self.rows < WARM or self.off:
            return np.asarray(np.eye(len(self.loss))[0])
        loss = np.maximum(self.loss, 1e-12 * max(float(self.loss.max()), 1e-300))
        weight = (loss / loss.min()) ** -SHARP
        return np.asarray(weight / weight.sum())
