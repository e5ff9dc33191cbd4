"""A policy that is a Network: what is seen and the last action in, what to do and what it is worth out.

    answers   one a discrete action (its logit), or the mean of each continuous one in [-1, 1]; then the value of the state

So a trained policy streams, saves, explains and exports as every network does. The spread of continuous actions, a number each, is
needed for learning alone and stands beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..network import Network
from .world import World

Array = NDArray[Any]
FIRST_SPREAD = -0.5  # of continuous actions, its logarithm


def policy(world: World, core: Any = "cfc", units: Any = 32, hidden: int = 128, **parts: Any) -> Network:
    """A network for this world, its dt in the world's time and its period that of a frame."""
    inputs = [*world.seen_names, *(f"last {name}" for name in world.actions)]
    outputs = [*world.actions, "value"]
    readout = {"name": "skip", "units": hidden, "activation": "tanh"}
    net = Network(inputs, outputs, core, units, **{"readout": readout, "period": world.period, **parts})
    net.scale.width.copy_(torch.tensor([*world.seen_spread, *(1.0 for _ in world.actions)]))
    net.measured.fill_(True)
    start(net)
    return net


@torch.no_grad()
def start(net: Network) -> None:
    """Actions nearly alike at first, the value free: the last layer small for the one and usual for the other."""
    layers = getattr(net.readout, "layers", None)
    if layers is None:
        return
    for layer in layers[:-1]:
        nn.init.orthogonal_(layer.weight, 2**0.5)
        nn.init.zeros_(layer.bias)
    nn.init.orthogonal_(layers[-1].weight, 1.0)
    layers[-1].weight[:-1] *= 0.01
    nn.init.zeros_(layers[-1].bias)


def draw(answers: Array, log_spread: Array | None, rng: np.random.Generator) -> tuple[Array, Array]:
    """Actions drawn from answers (n, actions), and the logarithm of their density, (n,)."""
    if log_spread is not None:
        noise = rng.standard_normal(answers.shape).astype(np.float32)
        density = -0.5 * noise**2 - log_spread - 0.5 * np.log(2 * np.pi, dtype=np.float32)
        return answers + np.exp(log_spread) * noise, density.sum(axis=1)
    log_p = answers - answers.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    action = (rng.random((len(answers), 1)) > np.exp(log_p).cumsum(axis=1)).sum(axis=1).clip(max=answers.shape[1] - 1)
    return action, log_p[np.arange(len(answers)), action]


def best(answers: Array, continuous: bool) -> Array:
    """The action without chance: the mean, or the likeliest."""
    return answers if continuous else answers.argmax(axis=1)


def told(action: Array, world: World) -> Array:
    """The last action as the policy sees it, (n, actions): its values, or a one in its place."""
    if world.continuous:
        return np.clip(action, -1, 1).astype(np.float32)
    return np.eye(len(world.actions), dtype=np.float32)[action]


def density(answers: Tensor, action: Tensor, log_spread: Tensor | None) -> tuple[Tensor, Tensor]:
    """log pi(action) and the entropy, each (batch, time), of answers (batch, time, actions)."""
    if log_spread is not None:
        z = (action - answers) * (-log_spread).exp()
        constant = 0.5 * float(np.log(2 * np.pi))
        log_pi = (-0.5 * z.square() - log_spread - constant).sum(dim=-1)
        return log_pi, (log_spread + 0.5 + constant).sum().expand_as(log_pi)
    log_p = torch.log_softmax(answers, dim=-1)
    return log_p.gather(-1, action[..., None])[..., 0], -(log_p.exp() * log_p).sum(dim=-1)


@torch.no_grad()
def evaluate(
    net: Network, world: World, episodes: int = 100, chance: bool = False, seed: int = 0, tell_dt: bool = True
) -> Array:
    """The returns of whole episodes, (episodes,), the first of each copy alone unless more are asked for than there are copies."""
    rng = np.random.default_rng(seed)
    rows = net.eval().stream(rows=world.n)
    seen, last, gap = (
        world.reset(),
        np.zeros((world.n, len(world.actions)), np.float32),
        np.full(world.n, world.period, np.float32),
    )
    total = np.zeros(world.n)
    returns: list[float] = []
    spread = np.full(len(world.actions), FIRST_SPREAD, np.float32) if world.continuous else None
    while len(returns) < episodes:
        answers = rows(np.concatenate([seen, last], axis=1), gap if tell_dt else world.period)[:, :-1]
        action = draw(answers, spread, rng)[0] if chance else best(answers, world.continuous)
        step = world.step(action)
        total += step.reward
        seen, last, gap = step.seen, told(action, world), step.dt
        if step.over.any():
            returns += total[step.over].tolist()
            total[step.over], last[step.over], gap[step.over] = 0.0, 0.0, world.period
            rows.reset(step.over)
    return np.asarray(returns[:episodes])
