"""The guard: what makes a loss or a gradient bad, and what the error says about it.

    bad loss      NaN or infinite
    bad gradient  its norm is NaN, infinite, or above RUNAWAY times the largest of the first FIRST updates

A gradient a million times larger than those of the untrained network belongs to no useful step, clipped or
not: its direction is that of an exploding product. Norm and clipping are over all parameters together:
g <- g * clip / |g| where |g| > clip (Pascanu, Mikolov and Bengio 2013).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..errors import TrainingError
from .history import Run
from .settings import SettingsError

RUNAWAY = 1e6
FIRST = 10


def check_loss(run: Run, model: nn.Module, loss: Tensor, lr: float) -> float:
    """The loss as a number, if it is one to learn from."""
    if loss.numel() != 1:
        raise SettingsError(
            f"the objective gave a tensor of shape {tuple(loss.shape)}, expected one number: take its mean"
        )
    if not loss.requires_grad:
        raise SettingsError(
            "the loss does not depend on any parameter: the objective must compute it from the model's output"
        )
    value = loss.detach().item()
    if not math.isfinite(value):
        raise failure(run, model, f"the loss is {value}", lr)
    return value


def clip_gradients(run: Run, model: nn.Module, parameters: list[nn.Parameter], clip: float | None, lr: float) -> float:
    """The norm of the gradient as it was; afterwards it is at most `clip`."""
    gradients = [numbers(parameter) for parameter in parameters if parameter.grad is not None]
    value = float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients])))
    if not math.isfinite(value):
        raise failure(run, model, f"the gradient's norm is {value}", lr)
    if run.updates >= FIRST and value > RUNAWAY * run.first_norm > 0:
        raise failure(run, model, f"the gradient's norm is {value:.3g}, at first it was up to {run.first_norm:.3g}", lr)
    if run.updates < FIRST:
        run.first_norm = max(run.first_norm, value)
    if clip is not None and value > clip:
        for gradient in gradients:
            gradient.mul_(clip / value)
    return value


def numbers(parameter: nn.Parameter) -> Tensor:
    """The numbers of a gradient, themselves and no copy; of a sparse one those of the rows that have one."""
    gradient = parameter.grad
    if gradient is not None and gradient.is_sparse:
        parameter.grad = gradient = gradient.coalesce()
        return gradient.values()
    return torch.empty(0) if gradient is None else gradient


def failure(run: Run, model: nn.Module, what: str, lr: float) -> TrainingError:
    """The error that says where it happened, which parameter had the largest gradient, and what to try."""
    loss = f", loss {run.last_loss:.6g} the step before" if run.last_loss is not None else ""
    return TrainingError(
        f"epoch {run.epoch + 1}, step {run.step + 1}: {what}{loss}; {_suspect(model)}; "
        f"{run.restores()} restored. Try a smaller lr (now {lr:g}), clip=1.0, a bounded activation "
        "such as tanh, or inputs and targets scaled to about 1"
    )


def told(error: TrainingError, why: str) -> TrainingError:
    """The error with what the gradients say of its cause; see health/gradients.py."""
    return TrainingError(f"{error}. The gradients over time: {why}" if why else str(error))


def _suspect(model: nn.Module) -> str:
    """The parameter that is not finite, or the one with the largest gradient."""
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return f"parameter {name} is not finite"
    sizes = {
        name: float(found.abs().max())
        for name, p in model.named_parameters()
        if p.grad is not None and (found := numbers(p)).numel()
    }
    if not sizes:
        return "no gradient was there yet"
    name = max(sizes, key=lambda name: math.inf if math.isnan(sizes[name]) else sizes[name])
    return f"the largest gradient is that of {name} ({sizes[name]:.3g})"
