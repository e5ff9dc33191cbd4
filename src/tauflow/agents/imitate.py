"""Imitation: a policy learns what an expert does, then from the expert's word on what it did itself (DAgger).

    round 0        the expert acts, with noise; the policy learns what it did            (behaviour cloning)
    round 1, ...   the policy acts, the expert says what it would have done; both are learned from, old rounds and new
    loss = mean huber((a - a*) / width) + w mean huber((z - z*) / width),    action = clip(base(seen) + a, -1, 1)
    huber(e) = e^2 / (2 d) where |e| < d = 0.3, |e| - d / 2 beyond: a moment that nobody could foresee does not rule the others

a* is the expert's action less `base`, a simple law that may see no more than the policy does and carries what is easy; its action is
an input too. z* is what the expert knows and the policy has to find out (`auxiliary`), a mass that it carries, say. The expert knows
the world as it is, while samples reach the policy late, unevenly or not at all (`link.Trouble`). One optimiser lives through all
rounds, its rate falls along one cosine. Sources: Ross, Gordon and Bagnell 2011, DAgger; Silver et al. 2018, Residual Policy Learning.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..network import Network
from ..training import Batch
from .link import Carry, Trouble, usual
from .policy import LearningError
from .walk import Advice, Auxiliary, Base, Expert, Walked, walk
from .world import World

HUBER = 0.3  # widths


@dataclass(frozen=True)
class Round:
    """One round of learning: samples so far, the loss at its end, CPU seconds since the start."""

    samples: int
    loss: float
    seconds: float


@dataclass
class Imitated:
    """policy: the network. rounds: what each round came to. whole: whether all were done, or the time was up before."""

    policy: Network
    rounds: list[Round] = field(default_factory=list)
    whole: bool = True

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(one) for one in self.rounds])


def pupil(
    world: World,
    core: Any = "cfc",
    units: Any = 32,
    *,
    auxiliary: Sequence[str] = (),
    base: bool = False,
    stamped: bool = False,
    **parts: Any,
) -> Network:
    """A network to teach: sees the world, with `stamped` the age of what it sees, the last action and, with `base`, that law's action;
    answers actions and `auxiliary`.

    Scales are learned from the expert's first round; the period is that of an action. `parts` as of `Network`.

    >>> world = tauflow.agents.make("Pendulum-v1", n=4)
    >>> net = tauflow.agents.pupil(world, units=8, stamped=True)
    >>> net.input_names[-2:], net.target_names
    (['age', 'last torque / 2 Nm'], ['torque / 2 Nm'])
    """
    inputs = [*world.seen_names, *(["age"] if stamped else []), *(f"last {name}" for name in world.actions)]
    inputs += [f"base {name}" for name in world.actions] if base else []
    return Network(
        inputs, [*world.actions, *auxiliary], core, units, **{"period": world.period * world.nominal, **parts}
    )


def imitate(
    policy: Network,
    world: World,
    expert: Expert,
    rounds: int = 3,
    *,
    base: Base | None = None,
    auxiliary: Auxiliary | None = None,
    weight: float = 1.0,
    mix: Sequence[Trouble] | None = None,
    stamped: bool = False,
    carry: Carry | None = None,
    advice: Advice | None = None,
    steps: int = 300,
    epochs: tuple[int, int] = (40, 20),
    length: int = 50,
    batch: int = 12,
    lr: float = 5e-3,
    noise: tuple[float, float] = (0.05, 0.02),
    seed: int = 0,
    minutes: float | None = None,
    progress: Callable[[Round], None] | None = None,
) -> Imitated:
    """Teach a policy what an expert does, then, for so many rounds, what it should have done where it went itself.

    policy     a network, as `pupil` makes it: in: what is seen, the last action, that of `base` if there is one;
               out: the actions, then `auxiliary`; one more answer, such as the value of `agents.policy`, is left alone
    expert     world -> its actions (n, actions) in [-1, 1], or whole numbers (n,); it may know everything
    base       seen (n, inputs) -> a simple law's actions, which the policy's answer is added to
    auxiliary  name -> world -> (n,), what the policy has to find out, learned with `weight`
    mix        the troubles that the copies are trained in, dealt out in turn; unless given those of `usual(world)`; (Trouble(),): none
    stamped    samples bear the time at which they were taken: their age is seen, by `base` too, as the last of what is seen
    carry      a model of the world that carries late samples on to now for `base`, as in `walk`
    advice     what the policy should have done, from what `base` sees; unless given, what the expert does
    steps      of each copy a round; epochs: over all rounds' data, in the first round and in each later one
    length     of the pieces that gradients go through; batch: copies in one update
    noise      on the actions of the expert in the first round, of the policy in the others
    minutes    of CPU time, after which no round begins and the last one ends
    Raises LearningError where the policy doesn't fit the world.

    >>> world = tauflow.agents.make("CartPole-v1", n=4)
    >>> lean = lambda world: (world.observe()[:, 2] > 0).astype(int)  # towards where the pole falls
    >>> found = tauflow.imitate(tauflow.agents.pupil(world, units=4), world, lean, rounds=1, steps=30, epochs=(2, 1))  # Imitated
    >>> [type(done).__name__ for done in found.rounds]  # the expert acted, then the policy
    ['Round', 'Round']
    """
    _check(policy, world, rounds, base, auxiliary or {}, weight, stamped)
    torch.manual_seed(seed)
    rng, began = np.random.default_rng(seed), time.process_time()
    learned, data = Imitated(policy), list[list[Tensor]]()
    optimiser = torch.optim.Adam(policy.parameters(), lr=lr)
    pieces = math.ceil(steps / length)
    every = [
        e * pieces * math.ceil(world.n * (r + 1) / batch) for r, e in enumerate([epochs[0], *[epochs[1]] * rounds])
    ]
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(sum(every), 1), eta_min=lr / 50)

    def out_of_time() -> bool:
        return minutes is not None and time.process_time() - began > 60 * minutes

    for number in range(rounds + 1):
        walked = walk(
            world, steps, policy if number else expert, expert, base=base, auxiliary=auxiliary,
            mix=usual(world) if mix is None else mix, stamped=stamped, carry=carry, advice=advice,
            noise=noise[min(number, 1)], seed=int(rng.integers(2**31)),
        )  # fmt: skip
        data.append(
            [torch.from_numpy(np.ascontiguousarray(getattr(walked, name))) for name in Walked.__dataclass_fields__][:5]
        )
        x, dt, mask, first, y = (torch.cat(parts) for parts in zip(*data, strict=True))
        if not bool(policy.measured):
            spare = y.new_zeros(*y.shape[:2], policy.outputs - y.shape[2])
            policy.measure(Batch(x, torch.cat([y, spare], dim=2), dt, mask))
        policy.train()
        for _ in range(epochs[min(number, 1)]):
            losses = []
            for rows in torch.from_numpy(rng.permutation(len(x))).split(batch):
                state = policy.initial_state(len(rows))
                for part in torch.arange(steps).split(length):
                    at = (rows[:, None], part[None])
                    answer, state = policy(x[at], dt[at], mask[at], state.detach(), first=first[at])
                    value = _loss(policy, answer, y[at], mask[at], world, weight)
                    optimiser.zero_grad()
                    value.backward()
                    nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
                    optimiser.step()
                    rate.step()
                    losses.append(float(value.detach()))
            if out_of_time():
                break
        policy.eval()
        learned.rounds.append(Round(int(mask.sum()), float(np.mean(losses)), time.process_time() - began))
        if progress is not None:
            progress(learned.rounds[-1])
        if out_of_time():
            learned.whole = number == rounds
            break
    return learned


def _loss(net: Network, answer: Tensor, y: Tensor, mask: Tensor, world: World, weight: float) -> Tensor:
    """The loss of the equation above over samples that arrived; of whole numbers the cross-entropy in the first term's place."""
    k, columns = len(world.actions), y.shape[-1]
    width = net.head.scale.width[:columns] if hasattr(net.head, "scale") else torch.ones(columns)
    off = F.smooth_l1_loss(answer[..., :columns] / width, y / width, reduction="none", beta=HUBER)[mask]
    logits, named = answer[..., :k][mask], y[..., :k][mask]
    first = off[:, :k].mean() if world.continuous else F.cross_entropy(logits, named.argmax(dim=-1))
    return first + weight * off[:, k:].mean() if columns > k else first


def _check(
    net: Network, world: World, rounds: int, base: Any, auxiliary: Mapping[str, Any], weight: float, stamped: bool
) -> None:
    if rounds < 0:
        raise LearningError(f"rounds is {rounds}, expected 0 (the expert alone) or more")
    if weight < 0:
        raise LearningError(f"weight is {weight}, expected 0 or more")
    if base is not None and not world.continuous:
        raise LearningError(
            "base is a law that actions are added to, but this world's actions are whole numbers: leave it out"
        )
    inputs = len(world.shown) + stamped + len(world.actions) * (1 if base is None else 2)
    outputs = len(world.actions) + len(auxiliary)
    if net.inputs != inputs or net.outputs not in (outputs, outputs + 1):
        raise LearningError(
            f"the policy has {net.inputs} inputs and {net.outputs} outputs, expected {inputs} (seen{', its age' if stamped else ''}, last "
            f"action{'' if base is None else ', base'}) and {outputs} (actions, auxiliary): make it with agents.pupil(world, ...)"
        )
