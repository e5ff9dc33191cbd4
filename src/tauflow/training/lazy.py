"""Lazy: Adam for tables of which a step uses a few rows, beside the chosen optimiser for the rest.

    m_r <- b1 m_r + (1 - b1) g_r        v_r <- b2 v_r + (1 - b2) g_r^2        of the rows r that have a gradient
    theta_r <- theta_r - lr * (m_r / (1 - b1^t)) / (sqrt(v_r / (1 - b2^t)) + eps)

A step costs what its rows cost, however long the table is: rows without a gradient keep their weights and their memory, where
Adam would move them all by their old momentum. Weight decay, which would touch every row, is none here.
Sources: Kingma and Ba 2015; the lazy form is that of torch.optim.SparseAdam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, SparseAdam

from .settings import SettingsError


class Lazy(Optimizer):
    """Before Adam or AdamW in the bases: sparse gradients are taken here, the others by them."""

    def step(self, closure: Any = None) -> Any:
        taken = [
            (parameter, parameter.grad, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and parameter.grad.is_sparse
        ]
        for parameter, gradient, group in taken:
            self._rows(parameter, gradient.coalesce(), group)
            parameter.grad = None  # hidden from the other optimiser
        value = super().step(closure)
        for parameter, gradient, _ in taken:
            parameter.grad = gradient
        return value

    @torch.no_grad()
    def _rows(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        memory = self.state[parameter]
        if not memory:  # named as Adam's
            memory.update(step=torch.tensor(0.0), exp_avg=torch.zeros_like(parameter))
            memory["exp_avg_sq"] = torch.zeros_like(parameter)
        memory["step"] += 1
        t, (b1, b2) = float(memory["step"]), group["betas"]
        rows, g = gradient.indices()[0], gradient.values()
        m = torch.lerp(memory["exp_avg"][rows], g, 1 - b1)
        v = torch.lerp(memory["exp_avg_sq"][rows], g.square(), 1 - b2)
        memory["exp_avg"][rows], memory["exp_avg_sq"][rows] = m, v
        parameter[rows] -= group["lr"] * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + group["eps"])


class LazyAdam(Lazy, Adam):
    """Adam, lazy for tables."""


class LazyAdamW(Lazy, AdamW):
    """AdamW, lazy for tables."""


LAZY: dict[str, Callable[..., Optimizer]] = {"adam": LazyAdam, "adamw": LazyAdamW, "sgd": SGD}
TAKES_SPARSE = (Lazy, SGD, SparseAdam, Adagrad)


def tables(model: nn.Module) -> dict[str, nn.Parameter]:
    """The learnable parameters whose gradients are sparse, by name."""
    found: dict[str, Any] = {
        f"{path}.weight" if path else "weight": module.weight
        for path, module in model.named_modules()
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and module.sparse
    }
    return {name: weight for name, weight in found.items() if weight.requires_grad}


def check_takes(optimizer: Optimizer, names: Iterable[str]) -> None:
    """Refuse an optimiser of the user's own that would fail at the first sparse gradient."""
    for name in names:
        if not isinstance(optimizer, TAKES_SPARSE):
            raise SettingsError(
                f"the gradient of {name} is sparse, which {type(optimizer).__name__} does not take: use optimizer='adam', "
                "'adamw' or 'sgd', which do, or torch's SGD"
            )
