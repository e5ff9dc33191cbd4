"""The networks that are compared, all taught in one way: so many updates a domain, AdamW, a cosine, no early end, nothing chosen.

    door_k    x -> scale -> dense(width)           core    GatedLTC(units), tau 1 to 30 periods of the domain
    out_k     mean and maximum over the pieces -> linear -> classes

A core of `units` reads two thirds as many numbers. Many networks as large as one in all, or one at half the numbers: by `units` alone.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ... import Door, Multi, Network, fit
from ...errors import TauflowError
from ...training import ArraySource, Batch, KindSource, answers
from .sets import Domain

TAU = (1.0, 30.0)  # periods
SLOW = 0.1  # of the rate, for a core that is taken elsewhere
# what of a core learns in a new domain
WAYS = ("frozen", "slow", "tau frozen", "free")


@dataclass(frozen=True)
class Settings:
    """updates: of each door; few: of a door in a domain never seen; longer: so many times as many where there are 'more updates'."""

    units: int = 48
    updates: int = 200
    few: int = 200
    longer: int = 2
    epochs: int = 10
    rate: float = 0.02
    decay: float = 0.01
    batch: int = 32


QUICK = Settings(units=12, updates=12, few=4, longer=2, epochs=2)


def numbers(module: nn.Module) -> int:
    """How many numbers a model has, whether they learn or not."""
    return sum(parameter.numel() for parameter in module.parameters())


def door(domain: Domain) -> Door:
    return Door(
        domain.inputs, domain.classes, pool={"name": "several", "kinds": ["mean", "max"]}, head="classes"
    )  # fmt: skip


def build(domains: Sequence[Domain], units: int, seed: int) -> Multi:
    """One core for these domains, untaught."""
    torch.manual_seed(seed)
    return Multi({one.name: door(one) for one in domains}, "gated_ltc", units, width=max(2 * units // 3, 1), tau=TAU)


def units_for(size: Callable[[int], int], most: int) -> int:
    """The most units with at most so many numbers; at least one."""
    units = 1
    while size(units + 1) <= most:
        units += 1
    return units


def source(batch: Batch, settings: Settings, seed: int) -> ArraySource:
    size = min(settings.batch, len(batch.x))
    return ArraySource(batch.x, batch.y, batch.dt, batch.mask, batch_size=size, seed=seed)


def learn(
    multi: Multi, parts: dict[str, Batch], settings: Settings, updates: int, seed: int, optimizer: Any = "adamw"
) -> float:
    """Teach it on these batches, domains in turn; the seconds of CPU that it took."""
    began, named = time.process_time(), isinstance(optimizer, str)
    batches = {name: source(batch, settings, seed) for name, batch in parts.items()}
    fit(
        multi,
        KindSource(batches, rounds=max(updates // settings.epochs, 1), seed=seed),
        epochs=settings.epochs,
        optimizer=optimizer,
        lr=settings.rate if named else None,
        weight_decay=settings.decay if named else None,
        schedule="cosine",
        seed=seed,
        progress=False,
    )
    return time.process_time() - began


def right(net: Network, domain: Domain) -> float:
    """The share of the test series that it names rightly, in per cent."""
    test = domain.test
    said, truth = answers(net, ArraySource(test.x, test.y, test.dt, test.mask, batch_size=512, shuffle=False))
    return 100 * float((said.argmax(axis=1) == truth).mean())


def some(batch: Batch, count: int, seed: int) -> Batch:
    """So many series, drawn at random, from each class in turn."""
    rng, y = np.random.default_rng([seed, count]), np.asarray(batch.y)
    left = [rng.permutation(np.flatnonzero(y == label)).tolist() for label in np.unique(y)]
    chosen: list[int] = []
    while len(chosen) < min(count, len(y)):
        for one in left:
            if one and len(chosen) < count:
                chosen.append(one.pop())
    return batch.rows(torch.tensor(chosen))


def take_to(core: nn.Module, domain: Domain, count: int, way: str, settings: Settings, seed: int) -> float:
    """A copy of a core in a domain that it never saw, a new door before and behind it, `count` series to learn from: per cent right."""
    if way not in WAYS:
        raise TauflowError(f"way is {way!r}, expected one of {', '.join(WAYS)}")
    torch.manual_seed(seed + 1)
    multi = Multi({domain.name: door(domain)}, copy.deepcopy(core).requires_grad_(way != "frozen"))
    if way == "tau frozen":
        for name, parameter in multi.core.named_parameters():
            parameter.requires_grad_(not name.endswith("log_tau"))
    optimizer: Any = "adamw"
    if way == "slow":
        inside = {id(parameter) for parameter in multi.core.parameters()}
        outside = [parameter for parameter in multi.parameters() if id(parameter) not in inside]
        groups = [
            {"params": outside, "lr": settings.rate},
            {"params": list(multi.core.parameters()), "lr": SLOW * settings.rate},
        ]
        optimizer = torch.optim.AdamW(groups, weight_decay=settings.decay)
    learn(multi, {domain.name: some(domain.learn, count, seed)}, settings, settings.few, seed, optimizer)
    return right(multi[domain.name], domain)
