"""Batch: sequences side by side, with all that may be known of them.

x (batch, time, inputs)    y (batch, time, outputs), or one target a sequence
dt (batch, time)           time since the previous real sample
mask (batch, time)         True = real
weight (batch,), (batch, time)     how much a sequence, or a sample, counts in the loss
static (batch, n)          what is known of a sequence as a whole
first (batch, time)        True where an episode begins: the state is reset there
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from ...validate import packed

OVER_TIME = ("x", "y", "dt", "mask", "first")  # sliced by `steps`; weight too, where it has a time axis


@dataclass(frozen=True, eq=False)
class Batch:
    """None where there is nothing to say. A PackedSequence is laid out as padded rows and their mask.

    >>> batch = tauflow.training.Batch(x=torch.zeros(2, 5, 3), y=torch.zeros(2, 5, 1), dt=torch.ones(2, 5))
    >>> batch.mask is None, tuple(batch.x.shape)
    (True, (2, 5, 3))
    """

    x: Tensor
    y: Tensor | None = None
    dt: Tensor | None = None
    mask: Tensor | None = None
    weight: Tensor | None = None
    static: Tensor | None = None
    first: Tensor | None = None

    def __post_init__(self) -> None:
        x: Any = self.x
        if isinstance(x, PackedSequence):
            # through vars(), because the dataclass is frozen
            rows, dt, mask = packed.unpack(x, self.dt, self.mask)
            vars(self).update(x=rows, dt=dt, mask=mask)
        for name in ("y", "weight", "first"):
            part: Any = getattr(self, name)
            if isinstance(part, PackedSequence):
                vars(self)[name] = pad_packed_sequence(part, batch_first=True)[0]

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, index: Tensor | slice) -> Batch:
        """Some of the sequences."""
        parts: dict[str, Any] = {name: None if part is None else part[index] for name, part in vars(self).items()}
        return Batch(**parts)

    def steps(self, begin: int, end: int) -> Batch:
        """A part of the time axis, of everything that has one."""
        parts = dict(vars(self))
        for name in OVER_TIME if self.weight is None or self.weight.ndim < 2 else (*OVER_TIME, "weight"):
            if parts[name] is not None:
                parts[name] = parts[name][:, begin:end]
        return Batch(**parts)
