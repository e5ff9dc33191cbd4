"""How much a fit tries: what the words of `presets` mean.

fast       the better start, one rate, half the rounds; not learned anew
balanced   short runs choose start and rate, one run the rounds; then learned anew on all rows
best       networks from several starts, cells and seeds, of more rounds; validation takes the mean of the best
"""

from __future__ import annotations

from dataclasses import dataclass

RATES = (1e-2, 3e-3)


@dataclass(frozen=True)
class Way:
    """One network to learn: its cell ("" = the one asked for), its start ("" = what the short runs choose), how far from the seed."""

    cell: str = ""
    start: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """`trial` rounds for each start and rate (0 = no short runs); `rounds` times as many as asked for; the networks; learned anew?"""

    trial: int
    rounds: float
    ways: tuple[Way, ...]
    anew: bool


PLANS = {
    "fast": Plan(0, 0.5, (Way(),), False),
    "balanced": Plan(2, 1.0, (Way(),), True),
    "best": Plan(
        2, 2.0, (Way(), Way(start="seasonal"), Way("gated_ltc"), Way(seed=1), Way("gated_ltc", "seasonal", 1)), True
    ),
}
