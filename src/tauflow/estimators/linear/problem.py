"""One target's regression: the windows in parts of time, and the sums of every step over each part.

The parts are the folds of the training windows, in order of time, and behind them the validation windows. Columns are measured in units of
their deviation over the folds, and what is solved comes back in plain units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...data.series import Array
from ...windows.scaling import TARGET_CLIP
from .equations import Sums
from .features import Layout, features


@dataclass(frozen=True, eq=False)
class Part:
    """Some windows: shared (n, S) scaled, own (n, h, Q) plain, last (n,), anchor and y (n, h) with NaN; `weight` each."""

    shared: Tensor
    own: Array
    last: Array
    anchor: Array
    y: Array
    weight: float


class Problem:
    """`sums(step)` of every part; `plain(weights, step)` are weights for columns as they come."""

    def __init__(
        self, layout: Layout, batches: Sequence[dict[str, Array]], target: int, anchor: int, weights: Sequence[float]
    ) -> None:
        seen = [features(layout, batch, target) for batch in batches]
        folds = np.concatenate([one.shared for one in seen[:-1]])
        self.center, self.scale = _measure(folds)
        self.center[0], self.scale[0] = 0.0, 1.0
        self.layout, self.anchor = layout, anchor
        self.parts = [
            Part(
                shared=torch.from_numpy(((one.shared - self.center) / self.scale).astype(np.float32)),
                own=one.own,
                last=one.last,
                anchor=batch["query"][:, :, anchor],
                y=batch["target"][:, :, target].clip(-TARGET_CLIP, TARGET_CLIP),
                weight=weight,
            )
            for one, batch, weight in zip(seen, batches, weights, strict=True)
        ]
        self._whole: dict[int, Tensor] = {}  # per part, the sums of its shared columns over all its windows

    def known(self) -> Array:
        """(h,) how often each step's target is known in the folds."""
        return np.asarray(sum(np.isfinite(part.y).sum(axis=0) for part in self.parts[:-1]))

    def columns(self, groups: Sequence[str], lags: int) -> Tensor:
        """The numbers of the columns of some groups, of the lags only the first ones."""
        found = [
            np.arange(*where.indices(self.layout.width)) for where in (self.layout.groups[name] for name in groups)
        ]
        return torch.from_numpy(
            np.concatenate(
                [cut[: lags - 1] if name == "lags" else cut for name, cut in zip(groups, found, strict=True)]
            )
        )

    def measured(self, step: int) -> tuple[Array, Array]:
        """Center and scale of all columns at a step."""
        center, scale = _measure(np.concatenate([part.own[:, step] for part in self.parts[:-1]]))
        return np.concatenate([self.center, center]), np.concatenate([self.scale, scale])

    def sums(self, step: int) -> list[Sums]:
        """Of each part; the moments are those of y minus the last value, and of y minus the anchor."""
        center, scale = self.measured(step)
        shared = self.layout.shared
        found = []
        for number, part in enumerate(self.parts):
            known = np.isfinite(part.y[:, step])
            whole = bool(known.all())
            rows = torch.from_numpy(np.nonzero(known)[0])
            left = part.shared if whole else part.shared[rows]
            own = torch.from_numpy(((part.own[known, step] - center[shared:]) / scale[shared:]).astype(np.float32))
            gram = torch.empty(self.layout.width, self.layout.width, dtype=torch.float64)
            gram[:shared, :shared] = self._shared(number, known)
            gram[:shared, shared:] = left.T @ own
            gram[shared:, :shared] = gram[:shared, shared:].T
            gram[shared:, shared:] = own.T @ own
            y = part.y[known, step]
            wanted = torch.from_numpy(
                np.stack([y - part.last[known], y - part.anchor[known, step]], axis=1).astype(np.float32)
            )
            moment = torch.cat([left.T @ wanted, own.T @ wanted]).double()
            found.append(Sums(gram, moment, float(len(rows))) * part.weight)
        return found

    def _shared(self, number: int, known: Array) -> Tensor:
        """The sums of the shared columns over the known windows: all of them, less the few that are missing."""
        shared = self.parts[number].shared
        if known.mean() < 0.5:
            some = shared[torch.from_numpy(np.nonzero(known)[0])]
            return some.T @ some
        if number not in self._whole:
            self._whole[number] = (shared.T @ shared).double()
        if known.all():
            return self._whole[number]
        rest = shared[torch.from_numpy(np.nonzero(~known)[0])]
        return self._whole[number] - rest.T @ rest

    def plain(self, weights: Tensor, step: int) -> Array:
        """(..., F, Y) weights for columns in plain units that give the target minus its last value."""
        center, scale = self.measured(step)
        plain = weights.numpy() / scale[:, None]
        plain[..., 0, :] -= (plain[..., 1:, :] * center[1:, None]).sum(axis=-2)
        plain[..., self.layout.shared + self.anchor, 1] += 1.0
        return plain

    def answers(self, part: int, step: int, plain: Array) -> Array:
        """(n, ...) answers of plain weights (..., F) to the windows of a part."""
        one, shared = self.parts[part], self.layout.shared
        flat = plain.reshape(-1, plain.shape[-1])
        scaled = flat[:, :shared] * self.scale
        offset = (flat[:, 1:shared] * self.center[1:]).sum(axis=1)
        left = one.shared @ torch.from_numpy(scaled.T.astype(np.float32))
        right = torch.from_numpy(one.own[:, step]) @ torch.from_numpy(flat[:, shared:].T.astype(np.float32))
        out = one.last[:, None] + offset + (left + right).numpy()
        return np.asarray(out.reshape(len(one.last), *plain.shape[:-1]))


def _measure(columns: Array) -> tuple[Array, Array]:
    """(mean, deviation) of columns (n, F); a deviation of 1 for a constant one."""
    scale = columns.std(axis=0, dtype=np.float64)
    return columns.mean(axis=0, dtype=np.float64), np.where(scale > 1e-4, scale, 1.0)
