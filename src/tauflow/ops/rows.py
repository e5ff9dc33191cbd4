"""Batched gradients: a backward pass that torch hands many gradients at once, each a row of a batch that it hides.

    torch.autograd.grad(..., is_grads_batched=True)      torch.autograd.functional.jacobian(..., vectorize=True)
    torch.vmap(lambda g: torch.autograd.grad(y, x, g))

A kernel reads addresses, and such a tensor has none: the rows are brought to light, answered one by one, and hidden
again. torch has two kinds of hiding; the older one is behind the first two calls.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import BackendError

Backward = Callable[[Tensor | None, Tensor | None], list[Tensor]]
hidden, hidden_as_of_old = torch._C._functorch.is_batchedtensor, torch._C._functorch.is_legacy_batchedtensor


def each(backward: Backward, y: Tensor | None, last: Tensor | None) -> list[Tensor]:
    """The gradients backward(y, last), row by row where there are rows."""
    given = [part for part in (y, last) if part is not None]
    if any(map(hidden, given)):
        level = max(map(torch._C._functorch.maybe_get_level, given))
        found = over(backward, [None if part is None else bring_to_light(part, level) for part in (y, last)])
        return [torch._C._functorch._add_batch_dim(gradients, 0, level) for gradients in found]
    if any(map(hidden_as_of_old, given)):
        level = torch._C._vmapmode_increment_nesting() - 1
        torch._C._vmapmode_decrement_nesting()
        found = over(
            backward, [None if part is None else torch._remove_batch_dim(part, level, 1, 0) for part in (y, last)]
        )
        return [torch._add_batch_dim(gradients, 0, level) for gradients in found]
    return backward(y, last)


def bring_to_light(part: Tensor, level: int) -> Tensor:
    """The rows of a tensor as its first axis; one row where it is the same for all."""
    if torch._C._functorch.maybe_get_level(part) != level:
        return part[None]
    return torch._C._functorch.get_unwrapped(part).movedim(torch._C._functorch.maybe_get_bdim(part), 0)


def over(backward: Backward, light: list[Tensor | None]) -> list[Tensor]:
    """Each gradient with the rows as its first axis."""
    if any(part is not None and hidden_as_of_old(part) for part in light):
        raise BackendError("the kernels have no gradients batched twice: use backend='reference'")
    count = max(len(part) for part in light if part is not None)
    rows = [[None if part is None else part[row if len(part) > 1 else 0] for part in light] for row in range(count)]
    return [torch.stack(gradients) for gradients in zip(*(each(backward, *row) for row in rows), strict=True)]
