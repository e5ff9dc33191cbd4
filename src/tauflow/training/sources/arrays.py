"""Where batches come from.

Source          batches of any kind, the same ones whenever the same epoch is asked for
ArraySource     batches of tensors that lie in memory
SequenceSource  batches of sequences of unequal length (see sequences.py)
LoaderSource    batches of torch's DataLoader (see loader.py)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from ...errors import ShapeError
from ..settings import check_counts, check_seed
from .batch import Batch


class Source(Protocol):
    """Batches, the same ones for the same epoch: randomness comes from the source's seed and the epoch.

    It may also have a method `fingerprint() -> Mapping[str, Any]`, all that its batches depend on, by which a checkpoint
    knows it again; of one without it the batches of the first epoch are read for that.

    >>> class Ones:  # a Source of your own
    ...     def __len__(self):
    ...         return 2
    ...     def batches(self, epoch):
    ...         for _ in range(2):
    ...             yield tauflow.training.Batch(torch.ones(4, 5, 1), torch.ones(4, 5, 1))
    >>> tauflow.fit(tauflow.Network(1, 1, units=2), Ones(), epochs=1, progress=False).message
    'stopped at epoch 1: all epochs done'
    """

    def __len__(self) -> int:
        """Batches an epoch."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of one epoch, counted from 0."""


class ArraySource:
    """Batches cut from tensors, samples first; shuffled anew every epoch unless shuffle=False.

    x, y, dt, mask, weight, static, first   as in `Batch`; x may be a PackedSequence
    prepare   a function on the x of a batch, for what would take too much memory at once: frames of bytes into numbers

    >>> source = tauflow.training.ArraySource(torch.zeros(10, 5, 3), torch.zeros(10, 5, 1), batch_size=4, shuffle=False)
    >>> [len(batch.x) for batch in source.batches(epoch=0)]
    [4, 4, 2]
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor | None = None,
        dt: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        weight: Tensor | None = None,
        static: Tensor | None = None,
        first: Tensor | None = None,
        prepare: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.data = Batch(x, y, dt, mask, weight, static, first)
        for name, tensor in vars(self.data).items():
            if tensor is not None and not isinstance(tensor, Tensor):
                raise ShapeError(
                    f"{name} is a {type(tensor).__name__}, expected a tensor: torch.as_tensor({name}, dtype=torch.float32)"
                )
            if tensor is not None and len(tensor) != len(self.data):
                raise ShapeError(f"{name} has {len(tensor)} samples, but x has {len(self.data)}")
        if len(self.data) == 0:
            raise ShapeError(f"x has shape {tuple(self.data.x.shape)}, expected at least one sample")
        check_counts(batch_size=batch_size)
        check_seed(seed)
        self.batch_size, self.seed, self.shuffle, self.prepare = batch_size, seed, shuffle, prepare

    def __len__(self) -> int:
        return -(-len(self.data) // self.batch_size)

    def fingerprint(self) -> dict[str, Any]:
        """All that a resumed run needs to find the same."""
        order = {"batch_size": self.batch_size, "seed": self.seed, "shuffle": self.shuffle}
        return {**vars(self.data), **order, "prepare": self.prepare}

    def batches(self, epoch: int) -> Iterator[Batch]:
        order = torch.arange(len(self.data))
        if self.shuffle:
            order = torch.randperm(len(self.data), generator=generator(self.seed, epoch))
        for chosen in order.split(self.batch_size):
            yield prepared(self.data.rows(chosen.to(self.data.x.device)), self.prepare)


def generator(seed: int, epoch: int) -> torch.Generator:
    """Random numbers of one epoch."""
    return torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)


def prepared(batch: Batch, prepare: Callable[[Tensor], Tensor] | None) -> Batch:
    """The batch with the x that `prepare` makes of its x."""
    if prepare is None:
        return batch
    x = prepare(batch.x)
    if not isinstance(x, Tensor) or x.shape[:2] != batch.x.shape[:2]:
        came = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(
            f"prepare made {came} of x {tuple(batch.x.shape)}, expected a tensor with the same two first axes"
        )
    return Batch(**{**vars(batch), "x": x})
