"""A policy that is a Network: what is seen and the last action in, what to do and what it is worth out.

    answers   one a discrete action (its logit), or the mean of each continuous one in [-1, 1]; then the value of the state

So a trained policy streams, saves, explains and exports as every network does. The spread of continuous actions, a number each, is
needed for learning alone and stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import TauflowError
from ..network import Network
from .streams import side_by_side
from .world import World

Array = NDArray[Any]
FIRST_SPREAD = -0.5  # of continuous actions, its logarithm


class LearningError(TauflowError, ValueError):
    """Settings, or a policy, with which nothing can be learned.

    >>> tauflow.agents.ppo(tauflow.agents.make("CartPole-v1", n=4), steps=100)
    Traceback (most recent call last):
        ...
    tauflow.agents.policy.LearningError: steps is 100, but one update takes 512: 4 copies x 128
    """


def policy(
    world: World, core: Any = "cfc", units: Any = 32, hidden: int = 128, parameters: int | None = None, **parts: Any
) -> Network:
    """A network for this world, its dt in the world's time and its period that of a frame.

    parameters: as large as so many allow, instead of `units`. hidden: units of the readout, which sees state and input.

    >>> world = tauflow.agents.make("CartPole-v1", n=3)
    >>> net = tauflow.agents.policy(world, "cfc", units=8)
    >>> net.input_names[-1], net.target_names
    ('last push right', ['push left', 'push right', 'value'])
    """
    inputs, outputs = names(world)
    readout = {"name": "skip", "units": hidden, "activation": "tanh"}
    parts = {"readout": readout, "period": world.period, **parts}
    if parameters is None:
        net = Network(inputs, outputs, core, units, **parts)
    else:
        net = Network.of_size(parameters, inputs, outputs, core, **parts)
    net.scale.width.copy_(torch.tensor([*world.seen_spread, *(1.0 for _ in world.actions)]))
    net.measured.fill_(True)
    start(net)
    return net


def names(world: World) -> tuple[list[str], list[str]]:
    """What a policy for this world is told, and what it answers."""
    inputs = [*world.seen_names, *(f"last {name}" for name in world.actions)]
    return inputs, [*world.actions, "value"]


def check(net: Network, world: World) -> None:
    """LearningError where a policy does not fit the world."""
    inputs, outputs = (len(each) for each in names(world))
    if (net.inputs, net.outputs) != (inputs, outputs):
        raise LearningError(
            f"the policy has {net.inputs} inputs and {net.outputs} outputs, expected {inputs} (seen, last action) and {outputs} "
            "(actions, value): make it with agents.policy(world, ...), which imitate teaches too"
        )


@torch.no_grad()
def start(net: Network) -> None:
    """Actions nearly alike at first, the value free: the last layer small for the one and usual for the other.

    One half of the hidden units is for actions, the other for the value: the rest of the last layer is zero, and stays so, see `apart`.
    """
    layers = getattr(net.readout, "layers", None)
    if layers is None:
        return
    for layer in layers[:-1]:
        nn.init.orthogonal_(layer.weight, 2**0.5)
        nn.init.zeros_(layer.bias)
    last = layers[-1]
    half = last.weight.shape[1] // 2
    nn.init.zeros_(last.weight)
    nn.init.orthogonal_(last.weight[:-1, :half], 0.01)
    nn.init.orthogonal_(last.weight[-1:, half:], 1.0)
    nn.init.zeros_(last.bias)


def apart(net: Network) -> Callable[[], None]:
    """Call it before each step of an optimiser: what is zero in the last layer of a policy stays zero.

    So the value, whose errors are much the larger, shares the core with the actions and nothing else.
    """
    layers = getattr(net.readout, "layers", None)
    if layers is None:
        return lambda: None
    weight = layers[-1].weight
    free = (weight.detach() != 0).to(weight)

    def keep() -> None:
        weight.grad.mul_(free)

    return keep


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


def evaluate(
    net: Network,
    world: World,
    episodes: int = 100,
    *,
    tell_dt: bool = True,
    watch: Callable[[World, Array, Array], Any] | None = None,
) -> Array:
    """The returns (episodes,) of whole episodes without chance: the first ones of every copy, since short ones are over first.

    watch: called after each step of the policy with the world, which has not moved yet, the states (n, state) and the actions.

    >>> world = tauflow.agents.make("CartPole-v1", n=4)
    >>> tauflow.agents.evaluate(tauflow.agents.policy(world, units=8), world, episodes=6).shape
    (6,)
    """
    check(net, world)
    rows, each = side_by_side(net, world.n), -(-episodes // world.n)
    seen, last = world.reset(), np.zeros((world.n, len(world.actions)), np.float32)
    gap = np.full(world.n, world.period, np.float32)
    total, returns = np.zeros(world.n), [list[float]() for _ in range(world.n)]
    while any(len(one) < each for one in returns):
        answers = rows(np.concatenate([seen, last], axis=1), gap if tell_dt else world.period)[:, :-1]
        action = best(answers, world.continuous)
        if watch is not None:
            watch(world, rows.state, action)
        step = world.step(action)
        total += step.reward
        seen, last, gap = step.seen, told(action, world), step.dt
        if step.over.any():
            for k in np.flatnonzero(step.over):
                returns[k].append(float(total[k]))
            total[step.over], last[step.over], gap[step.over] = 0.0, 0.0, world.period
            rows.reset(step.over)
    return np.array([one[k] for k in range(each) for one in returns])[:episodes]
