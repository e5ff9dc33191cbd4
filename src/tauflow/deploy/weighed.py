"""A network whose answers are weighed behind it: what a fitted classifier or regressor is, as an export sees it.

values    y = scale * network + shift
classes   log p = log softmax(scale * network + shift)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..network import Committee, Network


class Weighed(nn.Module):
    """scale, shift (outputs,); classes: whether the answers are log-probabilities."""

    def __init__(self, inner: Network | Committee, scale: Any, shift: Any, classes: bool) -> None:
        super().__init__()
        self.inner, self.classes = inner, classes
        self.inputs, self.outputs, self.static = inner.inputs, inner.outputs, inner.static
        self.register_buffer("scale", torch.as_tensor(np.asarray(scale), dtype=torch.float32))
        self.register_buffer("shift", torch.as_tensor(np.asarray(shift), dtype=torch.float32))
        self.scale: Tensor
        self.shift: Tensor

    def finish(self, y: Any) -> Any:
        """The answers (..., outputs) from those of the network."""
        z = np.asarray(y, np.float64) * self.scale.numpy() + self.shift.numpy()
        if not self.classes:
            return z
        z = z - z.max(axis=-1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))

    def stream(self, backend: str | None = None, **once: Any) -> Callable[[Any, float], Any]:
        """`y = stream(x, dt)`"""
        inner = self.inner.stream(backend, **once)
        return lambda x, dt: self.finish(inner(x, dt))
