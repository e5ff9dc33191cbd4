"""Ridge regression from sums, so that one pass over the windows serves many answers.

    minimise  sum (y - w . f)^2 + penalty n |w|^2     over columns f in units of their own deviation, the constant free
    from      G = sum f f^T,  m = sum f y,  n

Sums of parts of the windows add and subtract: all folds but one are the whole minus the fold. Torch keeps to its threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SMALLEST = 1e-6  # a penalty that all columns bear, so that equal ones can be solved for: the sums are of float32


@dataclass(frozen=True, eq=False)
class Sums:
    """gram (F, F), moment (F, Y), count; the first column is a one."""

    gram: Tensor
    moment: Tensor
    count: float

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.gram + other.gram, self.moment + other.moment, self.count + other.count)

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.gram - other.gram, self.moment - other.moment, self.count - other.count)

    def __mul__(self, weight: float) -> Sums:
        return Sums(self.gram * weight, self.moment * weight, self.count * weight)


def solve(sums: Sequence[Sums], columns: Tensor, penalties: Sequence[float]) -> Tensor:
    """w (len(sums), F, Y), zero outside `columns`: each of the sums with the penalty beside it."""
    size = torch.tensor([max(one.count, 1.0) for one in sums], dtype=torch.float64)
    gram = torch.stack([one.gram[columns][:, columns] for one in sums])
    shrink = (torch.tensor(penalties, dtype=torch.float64) + SMALLEST)[:, None].repeat(1, len(columns))
    shrink[:, columns == 0] = 1e-9
    gram.diagonal(dim1=1, dim2=2).add_(shrink * size[:, None])
    weights = torch.zeros(len(sums), *sums[0].moment.shape, dtype=torch.float64)
    moment = torch.stack([one.moment[columns] for one in sums])
    weights[:, columns] = torch.cholesky_solve(moment, torch.linalg.cholesky(gram))
    return weights
