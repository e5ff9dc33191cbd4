"""Page-Hinkley: has the mean of a stream of errors risen?

    m <- running mean of u      P <- max(0, P + u - m - slack)      alarm when P > threshold, then all begins anew

u is the error over its usual size, so that slack and threshold have no unit: a rise of the errors by half of their usual size is told
after some 2 * threshold rows, and quiet streams are told of about never. Only a rise counts: a model that gets better needs no alarm.
Source: Page 1954; Gama et al. 2014, section 3.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

WARM = 30  # rows before the mean is believed


@dataclass
class PageHinkley:
    """`seen(u)` is True at the row where a rise is certain."""

    slack: float = 0.25
    threshold: float = 25.0
    count: int = 0
    mean: float = 0.0
    sum: float = 0.0

    def seen(self, u: float) -> bool:
        self.count += 1
        self.mean += (u - self.mean) / self.count
        if self.count <= WARM:
            return False
        self.sum = max(0.0, self.sum + u / max(self.mean, 1e-300) - 1 - self.slack)
        if self.sum <= self.threshold:
            return False
        self.count, self.mean, self.sum = 0, 0.0, 0.0
        return True
