"""One core for all domains beside a network each, and a core in domains that it never saw beside one that never learned.

together   on all domains: one core; one core, half of that; a network each as large; one each, as large as the one core in all; and both
           with more updates, since the one core is moved by every domain's
carried    the domains with the most learning series are held back; a core taught on the others, one untaught, and one that learns
           from nothing get new doors on 10, 30 and 100 of their series
tau        how long a neuron of the one core remembers, by its rate at every piece of the test series, in each domain's own unit
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ... import Multi
from ...errors import DataError, TauflowError
from . import nets
from .judged import EACH, HALF, LEARNED, LONG, MORE, ONE, RANDOM, SCRATCH, SMALL, Carried, Judged, Result
from .nets import Settings
from .sets import Domain

Array = NDArray[Any]
Told = Callable[[str], None]
COUNTS = (10, 30, 100)
SHARE = 3 / 7  # of the domains is held back
# what is carried: name -> (whether the core is the taught one, how much of it learns)
ARMS: dict[str, tuple[bool, str]] = {
    LEARNED: (True, "frozen"),
    RANDOM: (False, "frozen"),
    SCRATCH: (False, "free"),
    "learned, then slowly on": (True, "slow"),
    "learned, tau alone frozen": (True, "tau frozen"),
    "learned, then free": (True, "free"),
}


def study(
    domains: Sequence[Domain],
    seeds: Sequence[int],
    settings: Settings | None = None,
    told: Told = print,
    minutes: float | None = None,
    counts: Sequence[int] = COUNTS,
) -> tuple[Judged, Multi]:
    """All that there is to say of these domains, and the one core of the first seed. minutes: of CPU; whole seeds until they are up."""
    if len(domains) < 2:
        raise DataError("there is 1 domain: one core for many needs 2 at least")
    settings, began = settings or Settings(), time.process_time()
    judged, kept = Judged([(one.name, one.about, one.unit) for one in domains]), None
    planned = plans(domains, settings)
    for seed in seeds:
        if minutes is not None and kept is not None and time.process_time() - began > 60 * minutes:
            told(f"the {minutes:g} minutes are up: seed {seed} and those after it were left out")
            break
        made = {name: approach(judged, name, plan, domains, seed, settings, told) for name, plan in planned.items()}
        if kept is None:
            kept = one = made[ONE]
            judged.tau = {domain.name: tau_of(one, domain) for domain in domains}
            judged.gaps = {domain.name: float(one[domain.name].period) for domain in domains}
        carry(judged, domains, seed, settings, told, counts)
    if kept is None:
        raise TauflowError("seeds is empty, expected at least one")
    return judged, kept


@dataclass(frozen=True)
class Plan:
    """One approach: so many units, one core or one a domain, so many updates of each door."""

    units: int
    shared: bool
    updates: int


def plans(domains: Sequence[Domain], settings: Settings) -> dict[str, Plan]:
    """What is compared; as many numbers in all, or half of them, by the units."""

    def one(units: int) -> int:
        return nets.numbers(nets.build(domains, units, 0))

    def each(units: int) -> int:
        return sum(nets.numbers(nets.build([domain], units, 0)) for domain in domains)

    whole, updates = one(settings.units), settings.updates
    return {
        ONE: Plan(settings.units, True, updates),
        HALF: Plan(nets.units_for(one, whole // 2), True, updates),
        EACH: Plan(settings.units, False, updates),
        SMALL: Plan(nets.units_for(each, whole), False, updates),
        MORE: Plan(settings.units, True, settings.longer * updates),
        LONG: Plan(settings.units, False, settings.longer * updates),
    }


def approach(
    judged: Judged, name: str, plan: Plan, domains: Sequence[Domain], seed: int, settings: Settings, told: Told
) -> Multi:
    """Teach and judge one of them; its first Multi."""
    right, seconds, made = dict[str, float](), 0.0, list[Multi]()
    for some in [domains] if plan.shared else [[domain] for domain in domains]:
        multi = nets.build(some, plan.units, seed)
        seconds += nets.learn(multi, {domain.name: domain.learn for domain in some}, settings, plan.updates, seed)
        right |= {domain.name: nets.right(multi[domain.name], domain) for domain in some}
        made.append(multi)
    count = sum(nets.numbers(multi) for multi in made)
    judged.results.append(Result(name, seed, right, count, seconds, plan.units))
    mean = np.mean(list(right.values()))
    told(f"{name}, seed {seed}: {mean:.1f} % right, {count:,} numbers, {seconds:.0f} s of CPU")
    return made[0]


def held_back(domains: Sequence[Domain]) -> list[Domain]:
    """The domains with the most series to learn from, in their order."""
    count = max(1, round(SHARE * len(domains)))
    most = sorted(domains, key=lambda one: -len(one.learn.x))[:count]
    return [one for one in domains if one in most]


def carry(
    judged: Judged, domains: Sequence[Domain], seed: int, settings: Settings, told: Told, counts: Sequence[int]
) -> None:
    """Every arm in every domain that is held back."""
    unseen = held_back(domains)
    seen = [one for one in domains if one not in unseen]
    taught, untaught = (nets.build(seen, settings.units, seed) for _ in range(2))
    nets.learn(taught, {domain.name: domain.learn for domain in seen}, settings, settings.updates, seed)
    judged.seen = [domain.name for domain in seen]
    for name, (learned, way) in ARMS.items():
        core = (taught if learned else untaught).core
        for domain in unseen:
            for count in counts:
                right = nets.take_to(core, domain, count, way, settings, seed)
                judged.carried.append(Carried(name, seed, domain.name, min(count, len(domain.learn.x)), count, right))
        told(f"{name}, seed {seed}: " + ", ".join(f"{judged.reached(name, n, seed):.1f} % of {n}" for n in counts))


def tau_of(multi: Multi, domain: Domain, rows: int = 64) -> Array:
    """The time constant of each neuron (units,), the median over pieces and series, in the domain's unit of time."""
    test = domain.test.rows(slice(0, rows))
    record = multi[domain.name].trace(test.x, test.dt, test.mask)
    tau = record.tau
    assert isinstance(tau, Tensor)  # noqa: S101 (for the types: a GatedLTC has time constants)
    real = np.ones(tau.shape[:2], bool) if test.mask is None else test.mask.numpy()
    found: Array = np.median(tau.numpy()[real], axis=0)
    return found
