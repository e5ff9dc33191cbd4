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
    """An activation that does not exist or does not fit the equation.

    >>> tauflow.cells.build("gated_ltc", 1, 2, activation="tanh")
    Traceback (most recent call last):
        ...
    tauflow.activations.ActivationError: tanh can be negative, but the gate f must be >= 0: try sigmoid, softplus, relu
    """


@dataclass(frozen=True)
class Activation:
    """sigma, its range [low, high] and its Lipschitz constant (the steepest slope).

    >>> from tauflow import activations
    >>> halved = activations.Activation("halved", lambda x: x / 2, low=-np.inf, high=np.inf, lipschitz=0.5)
    >>> halved(torch.tensor(3.0)), halved.bounded
    (tensor(1.5000), False)
    """

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
    """1.7159 tanh(0.666 x), LeCun et al. 1998, as in ncps.

    >>> from tauflow import activations
    >>> [round(y, 3) for y in activations.lecun_tanh(torch.tensor([-100.0, 0.0, 1.0])).tolist()]
    [-1.716, 0.0, 0.999]
    """
    return 1.7159 * torch.tanh(0.666 * x)


def identity(x: Tensor) -> Tensor:
    """x, for a linear drive.

    >>> tauflow.CTRNN(2, 8, activation="identity").hull() is None  # a linear drive knows no bound
    True
    """
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
    """1 - |slope of sigma at z| / its steepest slope: 0 where sigma passes a change on, 1 where it passes none.

    >>> from tauflow import activations
    >>> tanh = activations.activation("tanh")
    >>> [round(flat, 3) for flat in activations.flatness(tanh, torch.tensor([0.0, 1.0, 10.0])).tolist()]
    [0.0, 0.58, 1.0]
    """
    with torch.inference_mode(False), torch.enable_grad():
        at = z.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(sigma(at).sum(), at)
    return (1 - slope.abs() / sigma.lipschitz).clamp(min=0)


def activation(name: str) -> Activation:
    """The activation called `name`.

    >>> from tauflow import activations
    >>> sigmoid = activations.activation("sigmoid")
    >>> sigmoid.low, sigmoid.high, sigmoid.lipschitz
    (0.0, 1.0, 0.25)
    """
    if name not in ACTIVATIONS:
        raise ActivationError(f"no activation is called {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
