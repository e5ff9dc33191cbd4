"""The update: optimisers, and the learning rate over the run.

    theta <- theta - lr * factor(progress) * direction(gradient)      theta: weights, biases, time constants
    progress = the part of the run that is done, 0 at its first batch, towards 1 at its last

A schedule is a function of the progress alone, so there is no state to save. Weight decay pulls weight
matrices (two axes or more) towards zero, never biases or time constants: those have no reason to be small, and
never a table with sparse gradients, of which it would touch every row (see lazy.py).
Sources: Kingma and Ba 2015 (Adam); Loshchilov and Hutter 2017 (cosine), 2019 (AdamW); Smith and Topin 2018
(one cycle).
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

import torch
from torch import nn
from torch.optim import Optimizer

from .lazy import LAZY, check_takes, tables
from .settings import SettingsError

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def constant(progress: float) -> float:
    return 1.0


def cosine(progress: float) -> float:
    """From 1 down to 0 along half a cosine."""
    return (1 + cos(pi * progress)) / 2


def one_cycle(progress: float) -> float:
    """A warm-up from 1/25 to 1 over the first 30 %, then down to 0 along half a cosine."""
    warm = 0.3
    return 0.04 + 0.96 * progress / warm if progress < warm else cosine((progress - warm) / (1 - warm))


SCHEDULES: dict[str | None, Callable[[float], float]] = {
    None: constant,
    "cosine": cosine,
    "one_cycle": one_cycle,
}


def schedule(name: str | None) -> Callable[[float], float]:
    """The schedule called `name`; None keeps the learning rate."""
    if name not in SCHEDULES:
        raise SettingsError(f"no schedule is called {name!r}; there are None, 'cosine', 'one_cycle'")
    return SCHEDULES[name]


def build(model: nn.Module, optimizer: str | Optimizer, lr: float | None, weight_decay: float | None) -> Optimizer:
    """The optimiser called `optimizer` over what is learnable in `model`, or the caller's own as it is."""
    if isinstance(optimizer, Optimizer):
        if lr is not None or weight_decay is not None:
            raise SettingsError("lr and weight_decay belong to the optimiser that was passed: set them there")
        if isinstance(optimizer, torch.optim.LBFGS):
            raise SettingsError(
                "LBFGS evaluates the loss many times a step: use 'adam', 'adamw', 'sgd' or one like them"
            )
        check_takes(optimizer, tables(model))
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise SettingsError(
            f"no optimiser is called {optimizer!r}; there are {', '.join(OPTIMIZERS)}, or pass torch's own"
        )
    lr, weight_decay = 0.01 if lr is None else lr, weight_decay or 0.0
    if not 0 < lr < float("inf") or not 0 <= weight_decay < float("inf"):
        raise SettingsError(f"lr is {lr} and weight_decay {weight_decay}, expected lr > 0 and weight_decay >= 0")
    learnable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not learnable:
        raise SettingsError("the model has nothing to learn: no parameter has requires_grad=True")
    sparse = {id(table) for table in tables(model).values()}
    matrices = [parameter for parameter in learnable if parameter.ndim > 1 and id(parameter) not in sparse]
    rest = [parameter for parameter in learnable if parameter.ndim < 2 or id(parameter) in sparse]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    return (LAZY if sparse else OPTIMIZERS)[optimizer]([group for group in groups if group["params"]], lr=lr)
