"""Where batches come from, and how a batch becomes a loss.

    Source       batches of any kind, the same ones whenever the same epoch is asked for
    ArraySource  batches of tensors that lie in memory
    Objective    (model, batch) -> the loss of that batch, a scalar to make small
    supervised   the objective of a model with known targets; it can also cut long sequences (truncated BPTT)

    x (batch, time, inputs)   y (batch, time, outputs), or one target a sample
    dt (batch, time) time since the previous real step   mask (batch, time) True = real

Source: Williams and Peng 1990 (truncated backpropagation through time).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .. import losses
from ..errors import ShapeError
from ..losses import Loss, TimeIntegrated
from .settings import SettingsError, check_counts, check_seed

Objective = Callable[[nn.Module, Any], Tensor]


class Source(Protocol):
    """Batches, the same ones for the same epoch: randomness comes from the source's seed and the epoch.

    It may also have a method `fingerprint() -> Mapping[str, Any]`, all that its batches depend on, by which a checkpoint
    knows it again; of one without it the batches of the first epoch are read for that.
    """

    def __len__(self) -> int:
        """Batches an epoch."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of one epoch, counted from 0."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences side by side; None where there is nothing to say."""

    x: Tensor
    y: Tensor | None = None
    dt: Tensor | None = None
    mask: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, index: Tensor | slice) -> Batch:
        """Some of the samples."""
        return Batch(self.x[index], *(None if part is None else part[index] for part in (self.y, self.dt, self.mask)))

    def steps(self, begin: int, end: int) -> Batch:
        """A part of the time axis, of everything."""
        parts = (None if part is None else part[:, begin:end] for part in (self.y, self.dt, self.mask))
        return Batch(self.x[:, begin:end], *parts)


class ArraySource:
    """Batches cut from tensors, samples first; shuffled anew every epoch unless shuffle=False."""

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
    ) -> None:
        for name, tensor in (("y", y), ("dt", dt), ("mask", mask)):
            if tensor is not None and len(tensor) != len(x):
                raise ShapeError(f"{name} has {len(tensor)} samples, but x has {len(x)}")
        if len(x) == 0:
            raise ShapeError(f"x has shape {tuple(x.shape)}, expected at least one sample")
        check_counts(batch_size=batch_size)
        check_seed(seed)
        self.data = Batch(x, y, dt, mask)
        self.batch_size, self.seed, self.shuffle = batch_size, seed, shuffle

    def __len__(self) -> int:
        return -(-len(self.data) // self.batch_size)

    def fingerprint(self) -> dict[str, Any]:
        """All that a resumed run needs to find the same."""
        return {**vars(self.data), "batch_size": self.batch_size, "seed": self.seed, "shuffle": self.shuffle}

    def batches(self, epoch: int) -> Iterator[Batch]:
        order = torch.arange(len(self.data))
        if self.shuffle:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            order = torch.randperm(len(self.data), generator=generator)
        for chosen in order.split(self.batch_size):
            yield self.data.rows(chosen.to(self.data.x.device))


def supervised(loss: Loss | TimeIntegrated | str) -> Supervised:
    """The objective loss(model(x, dt, mask), y): supervised("mse"), supervised(time_integrated("mae"))."""
    return Supervised(losses.get(loss) if isinstance(loss, str) else loss)


@dataclass(frozen=True)
class Supervised:
    """An objective for models of the contract (x, dt, mask, state) -> (output, state).

    The mask goes to the loss where the output has a time axis, (batch, time, ...). An output for the whole
    sample, (batch, outputs), has nothing masked.
    """

    loss: Loss | TimeIntegrated

    def __str__(self) -> str:
        return f"supervised({getattr(self.loss, '__qualname__', self.loss)})"

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        output, _ = model(batch.x, dt=batch.dt, mask=batch.mask)
        if isinstance(self.loss, TimeIntegrated):
            return self.loss(output, _target(batch), _gaps(batch), batch.mask)
        return self.loss(output, _target(batch), batch.mask if output.ndim > 2 else None)

    def truncated(self, model: nn.Module, batch: Batch, steps: int) -> Iterator[Tensor]:
        """One loss for every `steps` steps of time; the state is carried over, the gradient stops at the cut.

        The next chunk is computed when the next loss is asked for, so with the weights as they are by then. A
        chunk in which all is masked moves no state and has no loss. An integral over time is the mean of what
        its chunks give.
        """
        target = _target(batch)
        if target.shape[:2] != batch.x.shape[:2]:
            raise ShapeError(
                f"y has shape {tuple(target.shape)}, but truncated training needs a target at every step, "
                f"{tuple(batch.x.shape[:2])} first: leave truncate=None to train on one target a sample"
            )
        measure = _measure(self.loss, batch)
        cuts = [(begin, begin + steps) for begin in range(0, batch.x.shape[1], steps)]
        cuts = [(begin, end) for begin, end in cuts if bool((measure[:, begin:end] > 0).any())]
        if not cuts:
            raise losses.LossError("no entry counts: the mask is False everywhere, or no time passes in the batch")
        state = None
        for begin, end in cuts:
            part = batch.steps(begin, end)
            output, state = model(part.x, dt=part.dt, mask=part.mask, state=state)
            if isinstance(self.loss, TimeIntegrated):
                yield self.loss.weighted(output, _target(part), measure[:, begin:end], part.mask) * len(cuts)
            else:
                yield self.loss(output, _target(part), part.mask)
            state = state.detach()


def _measure(loss: Loss | TimeIntegrated, batch: Batch) -> Tensor:
    """How much each step counts, (batch, time): its share of time in an integral, else 1; 0 where masked."""
    if isinstance(loss, TimeIntegrated):
        return losses.trapezoid_weights(_gaps(batch), batch.mask)
    ones = batch.x.new_ones(batch.x.shape[:2])
    return ones if batch.mask is None else ones * batch.mask


def _target(batch: Batch) -> Tensor:
    if batch.y is None:
        raise SettingsError("the batch has no y: supervised training needs targets")
    return batch.y


def _gaps(batch: Batch) -> Tensor:
    return batch.x.new_ones(batch.x.shape[:2]) if batch.dt is None else batch.dt
