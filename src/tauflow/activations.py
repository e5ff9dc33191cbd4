"""The nonlinearities sigma of the cells, with what the theory needs to know of them: range and steepest slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import TauflowError


class ActivationError(TauflowError, ValueError):
    """An activation that does not exist or does not fit the equation."""


@dataclass(frozen=True)
class Activation:
    """sigma, its range [low, high] and its Lipschitz constant (the steepest slope)."""

    name: str
    function: Callable[[Tensor], Tensor]
    low: float
    high: float
    lipschitz: float

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x)

    @property
    def bounded(self) -> bool:
        return self.low > -inf and self.high < inf


def lecun_tanh(x: Tensor) -> Tensor:
    """1.7159 tanh(0.666 x), LeCun et al. 1998, as in ncps."""
    return 1.7159 * torch.tanh(0.666 * x)


def identity(x: Tensor) -> Tensor:
    """x, for a linear drive."""
    return x


_ALL = (
    Activation("tanh", torch.tanh, -1.0, 1.0, 1.0),
    Activation("sigmoid", torch.sigmoid, 0.0, 1.0, 0.25),
    Activation("relu", torch.relu, 0.0, inf, 1.0),
    Activation("softplus", F.softplus, 0.0, inf, 1.0),
    Activation("softsign", F.softsign, -1.0, 1.0, 1.0),
    Activation("lecun_tanh", lecun_tanh, -1.7159, 1.7159, 1.7159 * 0.666),
    Activation("gelu", F.gelu, -0.17, inf, 1.13),
    Activation("silu", F.silu, -0.279, inf, 1.1),
    Activation("identity", identity, -inf, inf, 1.0),
)
ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _ALL}


def flatness(sigma: Activation, z: Tensor) -> Tensor:
    """1 - |slope of sigma at z| / its steepest slope: 0 where sigma passes a change on, 1 where it passes none."""
    with torch.inference_mode(False), torch.enable_grad():
        at = z.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(sigma(at).sum(), at)
    return (1 - slope.abs() / sigma.lipschitz).clamp(min=0)


def activation(name: str) -> Activation:
    """The activation called `name`."""
    if name not in ACTIVATIONS:
        raise ActivationError(f"no activation is called {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
