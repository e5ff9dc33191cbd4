"""Losses: one number from outputs and targets, over the entries that count.

    loss = sum_i w_i l(output_i, target_i) / sum_i w_i      i over the unmasked entries; w = 1 without weights

    output, target (batch, time, features), or any other shape; what each loss expects stands in its docstring
    mask   (batch, time) bool, True = counts; any number of leading axes of the target, up to all of them
    weight (batch, time) >= 0, shaped like a mask

Masked entries are cut out before any arithmetic: NaN under the mask reaches neither the loss nor a gradient,
and padding changes no bit of the loss. A mask that leaves nothing is a LossError: the mean of nothing is NaN.
ShapeError and DtypeError say which shapes and types were expected, NonFiniteError that a target that counts is NaN.
Sources: Huber 1964; Koenker and Bassett 1978 (the quantile, or pinball, loss).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import DtypeError, NonFiniteError, ShapeError, TauflowError, TimeError


class LossError(TauflowError, ValueError):
    """A loss that does not exist, or that has nothing to average.

    >>> tauflow.losses.mse(torch.zeros(1, 3), torch.zeros(1, 3), mask=torch.zeros(1, 3, dtype=torch.bool))
    Traceback (most recent call last):
        ...
    tauflow.losses.LossError: no entry counts: the mask is False everywhere, or the batch is empty
    """


class Loss(Protocol):
    """(output, target, mask, weight) -> a scalar.

    >>> def relative(output, target, mask=None, weight=None):  # a Loss of your own
    ...     return tauflow.losses.mean_of(lambda y, z: (y / z - 1).abs(), output, target, mask, weight)
    >>> relative(torch.tensor([[9.0, 22.0]]), torch.tensor([[10.0, 20.0]]))
    tensor(0.1000)
    """

    def __call__(
        self, output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor: ...


def mse(output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """The mean squared error; output and target of the same shape.

    >>> output, target = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[1.0, 4.0, np.nan]])
    >>> tauflow.losses.mse(output, target, mask=torch.tensor([[True, True, False]]))  # (0 + 4) / 2
    tensor(2.)
    """
    _check_same_shape(output, target)
    return mean_of(lambda y, z: (y - z).square(), output, target, mask, weight)


def mae(output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """The mean absolute error; output and target of the same shape.

    >>> tauflow.losses.mae(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]), weight=torch.tensor([[3.0, 1.0]]))
    tensor(0.5000)
    """
    _check_same_shape(output, target)
    return mean_of(lambda y, z: (y - z).abs(), output, target, mask, weight)


def huber(output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """e^2 / 2 for errors up to 1, |e| - 1/2 beyond: less moved by outliers than mse. Same shapes.

    >>> error = torch.tensor([[0.5], [10.0]])
    >>> [tauflow.losses.huber(e, torch.zeros(1)).item() for e in error]  # 0.5^2 / 2 and 10 - 1/2
    [0.125, 9.5]
    """
    _check_same_shape(output, target)
    return mean_of(lambda y, z: F.huber_loss(y, z, reduction="none"), output, target, mask, weight)


def cross_entropy(output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """-log softmax(output)[target]; output (..., classes) before the softmax, target (...) class numbers.

    >>> output, target = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([0])  # three classes, the first is true
    >>> round(tauflow.losses.cross_entropy(output, target).item(), 3)
    0.24
    """
    return of_classes(output, target, mask, weight)


@dataclass(frozen=True)
class CrossEntropy:
    """The cross-entropy with what a sample of each class counts, (classes), and label smoothing.

    smoothing: this share of the target is spread over all classes, so no answer has to be certain (Szegedy et al. 2016).

    >>> loss = tauflow.losses.CrossEntropy(weight=(1.0, 9.0), smoothing=0.1)  # the second class is rare
    >>> print(loss)
    cross_entropy(weight=(1.0, 9.0), smoothing=0.1)
    >>> round(loss(torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])).item(), 3)  # log 2, whatever the weights
    0.693
    """

    weight: tuple[float, ...] | None = None
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise LossError(f"smoothing is {self.smoothing!r}, expected a share in [0, 1)")
        if self.weight is not None:
            vars(self)["weight"] = weight = tuple(map(float, self.weight))
            if not all(0 <= one < float("inf") for one in weight) or not sum(weight) > 0:
                raise LossError(f"weight is {weight}, expected a number >= 0 for every class, some > 0")

    def __str__(self) -> str:
        return f"cross_entropy(weight={self.weight}, smoothing={self.smoothing})"

    def __call__(
        self, output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        of_class = None if self.weight is None else output.new_tensor(self.weight)
        return of_classes(output, target, mask, weight, of_class, self.smoothing)


def of_classes(
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    of_class: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """The cross-entropy; of_class (classes): what a sample of each class counts.

    >>> output, target = torch.tensor([[4.0, 0.0], [4.0, 0.0]]), torch.tensor([0, 1])  # right, and wrong
    >>> rare = torch.tensor([1.0, 9.0])  # a sample of the second class counts nine times
    >>> [round(tauflow.losses.of_classes(output, target, None, None, counts).item(), 2) for counts in (None, rare)]
    [2.02, 3.62]
    """
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise DtypeError(f"target is {target.dtype}, expected class numbers: call target.long()")
    if output.shape[:-1] != target.shape:
        raise ShapeError(
            f"output has shape {tuple(output.shape)} and target {tuple(target.shape)}, "
            "expected (..., classes) and (...)"
        )
    classes = output.shape[-1]
    if of_class is not None:
        if len(of_class) != classes:
            raise LossError(f"weight has {len(of_class)} numbers, but there are {classes} classes")
        counts = of_class[target.clamp(0, classes - 1).long()]  # what is no class lies under the mask, or is refused
        if weight is not None:
            check_mask("weight", weight, target.shape)
            counts = counts * weight.reshape(*weight.shape, *[1] * (target.ndim - weight.ndim))
        weight = counts

    def entries(y: Tensor, z: Tensor) -> Tensor:
        if bool(((z < 0) | (z >= classes)).any()):
            raise LossError(f"target holds {z.min()} to {z.max()}, expected class numbers 0 to {classes - 1}")
        y, flat = y.reshape(-1, classes), z.reshape(-1).long()
        return F.cross_entropy(y, flat, reduction="none", label_smoothing=smoothing).reshape(z.shape)

    return mean_of(entries, output, target, mask, weight)


def balanced(targets: Tensor | Sequence[int], classes: int) -> tuple[float, ...]:
    """Weights by which all classes count the same: samples / (classes that come * samples of the class); 0 for one that doesn't.

    LossError where a target is no class number, DtypeError where they are not whole.

    >>> [round(weight, 3) for weight in tauflow.losses.balanced([0, 0, 0, 1], classes=2)]
    [0.667, 2.0]
    """
    numbers = torch.as_tensor(targets).flatten()
    if numbers.is_floating_point() or numbers.dtype == torch.bool:
        raise DtypeError(f"targets are {numbers.dtype}, expected class numbers: call targets.long()")
    if not len(numbers) or not bool(((numbers >= 0) & (numbers < classes)).all()):
        span = f"{int(numbers.min())} to {int(numbers.max())}" if len(numbers) else "none"
        raise LossError(f"targets are {span}, expected class numbers 0 to {classes - 1}")
    counts = torch.bincount(numbers, minlength=classes)
    present = int((counts > 0).sum())
    return tuple(len(numbers) / (present * count) if count else 0.0 for count in counts.tolist())


def quantile(levels: Sequence[float]) -> Quantile:
    """The loss of quantile forecasts at `levels`, say (0.1, 0.5, 0.9).

    >>> loss = tauflow.losses.quantile((0.1, 0.5, 0.9))
    >>> print(loss)
    quantile(0.1, 0.5, 0.9)
    """
    return Quantile(tuple(float(q) for q in levels))


@dataclass(frozen=True)
class Quantile:
    """The pinball loss of forecasts at rising `levels`: output (..., levels), target (...).

    q (z - y) where the target z lies above the forecast y, (1 - q) (y - z) below; least at the
    q-quantile of z.

    >>> loss = tauflow.losses.Quantile((0.1, 0.9))
    >>> output = torch.tensor([[1.0, 3.0]])  # one forecast: between 1 and 3 with 80 %
    >>> [round(loss(output, torch.tensor([truth])).item(), 2) for truth in (2.0, 5.0)]  # inside, outside
    [0.1, 1.1]
    """

    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in pairwise(self.levels))
        if not self.levels or not rising or not all(0 < q < 1 for q in self.levels):
            raise LossError(f"levels are {self.levels}, expected rising numbers between 0 and 1, like (0.1, 0.5, 0.9)")

    def __str__(self) -> str:
        return f"quantile({', '.join(map(str, self.levels))})"

    def __call__(
        self, output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor:
        if output.shape != (*target.shape, len(self.levels)):
            raise ShapeError(
                f"output has shape {tuple(output.shape)}, expected {(*target.shape, len(self.levels))}: "
                "the target's shape and one axis for the levels"
            )

        def entries(y: Tensor, z: Tensor) -> Tensor:
            q = y.new_tensor(self.levels)
            error = z.unsqueeze(-1) - y  # (..., levels)
            return torch.maximum(q * error, (q - 1) * error).mean(-1)

        return mean_of(entries, output, target, mask, weight)


def time_integrated(loss: Loss | str) -> TimeIntegrated:
    """The integral of `loss` over uneven time: time_integrated(mse)(output, target, dt, mask).

    >>> loss = tauflow.losses.time_integrated("mae")  # a TimeIntegrated
    >>> dt = torch.tensor([[1.0, 1.0, 8.0]])  # samples at 0, 1 and 9
    >>> loss(torch.ones(1, 3), torch.zeros(1, 3), dt)  # an error of 1 for 9 units of time
    tensor(9.)
    """
    return TimeIntegrated(get(loss) if isinstance(loss, str) else loss)


@dataclass(frozen=True)
class TimeIntegrated:
    """The integral of a loss over uneven time: L = 1/batch sum_b int l(y_b(t), target_b(t)) dt.

    From each sample's first real step to its last, by the trapezoid rule: an error counts for as long as it
    lasts, however densely it was measured. dt (batch, time) is the time since the previous real step; that of
    the first one lies outside. The rule's error falls with the square of dt.

    >>> loss = tauflow.losses.TimeIntegrated(tauflow.losses.mse)
    >>> print(loss)
    time_integrated(mse)
    >>> often, seldom = torch.tensor([[0.0, 1.0, 1.0]]), torch.tensor([[0.0, 2.0]])  # the same two units of time
    >>> [loss(torch.ones_like(dt), torch.zeros_like(dt), dt).item() for dt in (often, seldom)]
    [2.0, 2.0]
    """

    loss: Loss

    def __str__(self) -> str:
        return f"time_integrated({getattr(self.loss, '__name__', self.loss)})"

    def __call__(self, output: Tensor, target: Tensor, dt: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.weighted(output, target, trapezoid_weights(dt, mask), mask)

    def weighted(self, output: Tensor, target: Tensor, weight: Tensor, mask: Tensor | None = None) -> Tensor:
        """The integral with the rule's weights given, (batch, time): those of a part of longer sequences."""
        duration = (weight if mask is None else weight[mask]).sum()
        if not bool(duration > 0):
            raise LossError(
                "no time passes between the samples: an integral over time needs two real steps, dt > 0 apart"
            )
        return self.loss(output, target, mask, weight) * (duration / len(output))


def trapezoid_weights(dt: Tensor, mask: Tensor | None = None) -> Tensor:
    """(batch, time): half the gap to the previous real step and half that to the next; 0 where masked.

    >>> tauflow.losses.trapezoid_weights(torch.tensor([[1.0, 1.0, 8.0]]))
    tensor([[0.5000, 4.5000, 4.0000]])
    """
    if dt.ndim != 2:
        raise ShapeError(f"dt has shape {tuple(dt.shape)}, expected (batch, time)")
    if mask is None:
        mask = torch.ones_like(dt, dtype=torch.bool)
    check_mask("mask", mask, dt.shape)
    gap = dt[mask]  # (real,), row after row
    if bool((~((gap >= 0) & (gap < float("inf")))).any()):
        raise TimeError("dt holds a negative, NaN or infinite gap, expected finite times since the previous real step")
    row = mask.nonzero()[:, 0]
    half = torch.zeros_like(gap)
    half[1:] = torch.where(row[1:] == row[:-1], gap[1:], 0) / 2  # no gap leads from one row to the next
    after = torch.cat([half[1:], half.new_zeros(min(1, len(half)))])
    return torch.zeros_like(dt).masked_scatter(mask, half + after)


LOSSES: dict[str, Loss] = {
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "cross_entropy": cross_entropy,
    "quantile": quantile((0.1, 0.5, 0.9)),
}


def get(name: str) -> Loss:
    """The loss called `name`.

    >>> tauflow.losses.get("mse") is tauflow.losses.mse
    True
    >>> tauflow.losses.get("crossentropy")
    Traceback (most recent call last):
        ...
    tauflow.losses.LossError: no loss is called 'crossentropy'; did you mean 'cross_entropy'? There are ...
    """
    if name not in LOSSES:
        close = get_close_matches(name, LOSSES, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? There are" if close else "there are"
        raise LossError(f"no loss is called {name!r}; {hint} {', '.join(LOSSES)}")
    return LOSSES[name]


def mean_of(
    entries: Callable[[Tensor, Tensor], Tensor],
    output: Tensor,
    target: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
) -> Tensor:
    """The mean of entries(output, target), of the target's shape, over what the mask leaves.

    >>> y, z = torch.tensor([[1.0, 9.0]]), torch.zeros(1, 2)
    >>> tauflow.losses.mean_of(lambda y, z: (y - z).abs(), y, z, torch.tensor([[True, False]]), None)
    tensor(1.)
    """
    if mask is not None:
        if mask.dtype != torch.bool:
            raise DtypeError(f"mask is {mask.dtype}, expected torch.bool with True for the entries that count")
        check_mask("mask", mask, target.shape)
    if weight is not None:
        check_mask("weight", weight, target.shape)
        weight = weight.reshape(*weight.shape, *[1] * (target.ndim - weight.ndim)).expand(target.shape)
    if mask is not None:
        output, target = output[mask], target[mask]  # (counting, remaining axes)
        weight = None if weight is None else weight[mask]
    if target.numel() == 0:
        raise LossError("no entry counts: the mask is False everywhere, or the batch is empty")
    _check_targets(target)
    if output.dtype in (torch.float16, torch.bfloat16):
        output = output.float()  # a mean of many small numbers needs more than 11 bits
    values = entries(output, target)
    if weight is None:
        return values.mean()
    total = weight.sum()
    if not bool((weight >= 0).all() & (total > 0) & (total < float("inf"))):
        raise LossError(
            "the weights hold negative or non-finite numbers, or add up to 0: expected weights >= 0, some > 0"
        )
    return (values * weight).sum() / total


def _check_same_shape(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:
        hint = ": add its last axis with target[..., None]" if output.shape == (*target.shape, 1) else ""
        raise ShapeError(f"output has shape {tuple(output.shape)}, but target has {tuple(target.shape)}{hint}")


def check_mask(name: str, mask: Tensor, shape: torch.Size) -> None:
    """Refuse a mask, or weights, that are not of the first axes of a target: (batch,), (batch, time), ...

    >>> tauflow.losses.check_mask("mask", torch.ones(2, 5, dtype=torch.bool), torch.Size([2, 6, 1]))
    Traceback (most recent call last):
        ...
    tauflow.errors.ShapeError: mask has shape (2, 5), expected the first axes of (2, 6, 1)
    """
    if mask.shape != shape[: mask.ndim]:
        raise ShapeError(f"{name} has shape {tuple(mask.shape)}, expected the first axes of {tuple(shape)}")


def _check_targets(target: Tensor) -> None:
    if not target.is_floating_point():
        return
    bad = ~torch.isfinite(target)
    if bool(bad.any()):
        raise NonFiniteError(
            f"{int(bad.sum())} of {target.numel()} targets that count are NaN or infinite: "
            "mask them (mask=False), or fill them"
        )
