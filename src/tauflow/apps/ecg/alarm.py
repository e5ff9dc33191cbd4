"""The alarm: a network straight on raw samples, without a detector of R peaks, that says how likely a ventricular beat has just been.

    p_t = network(u_t, dt_t)        taught to be 1 from 0.10 to 0.35 s after R of a ventricular beat, 0 elsewhere

    liquid      two layers of GatedLTC, 24 and 32, time constants from 1 to 50 and to 600 periods of 1/90 s, readout 24
    lstm, gru   one layer of that cell, dt as one more input         tcn    causal convolutions over the last 61 samples

All of one size and taught alike. Made-up patients (heart.py) learn with the real ones: a few patients show a few kinds of ventricular
beats only. A network is too sure of the patients it knows, so a threshold chosen on them is far too high: it comes from patients that
were held out, and is then built in: the answer is shifted so that an alarm begins at p = 1/2, and ends at 1/4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import Network, fit
from ...cells import GatedLTC
from ...errors import DataError
from ...sequence import Stack
from ..budget import Deadline
from .events import Counts, count, f1, onsets
from .heart import simulate
from .samples import RATE, Chunks, Samples, Variations, samples

Array = NDArray[Any]
INPUT, OUTPUTS = "lead, scaled by its past", ("no alarm", "alarm")
BEGINS, ENDS = 0.0, -math.log(3)  # log-odds: p = 1/2, p = 1/4
LEVELS = np.linspace(-4.0, 4.0, 33)  # log-odds that a threshold may be
READOUT = {"name": "deep", "units": 24}
MODELS = ("liquid", "lstm", "gru", "tcn")
MADE_UP, MINUTES = 40, 1.5  # patients, and minutes of each


@dataclass(frozen=True)
class Settings:
    """How long is taught: the usual, and what takes seconds."""

    epochs: int = 10
    lr: float = 0.02
    lr_static: float = 0.005
    made_up: int = MADE_UP


QUICK = Settings(epochs=1, made_up=0)


def network(name: str = "liquid") -> Network:
    """An untaught network; dt in seconds, p of `OUTPUTS`."""
    if name not in MODELS:
        raise DataError(f"no alarm is called {name!r}, expected some of {', '.join(MODELS)}")
    how: dict[str, Any] = {"scale": None, "readout": READOUT, "head": "classes", "period": 1 / RATE}
    liquid = Stack(GatedLTC(1, 24, tau=(1.0, 50.0)), GatedLTC(24, 32, tau=(1.0, 600.0)))
    made = Network([INPUT], list(OUTPUTS), liquid, **how)
    if name == "liquid":
        return made
    waves = {} if name == "tcn" else {"waves": "gap"}
    return Network.of_size(sum(p.numel() for p in made.parameters()), [INPUT], list(OUTPUTS), name, **waves, **how)


def learn(
    name: str,
    patients: Sequence[Samples],
    seed: int = 0,
    settings: Settings | None = None,
    *,
    minutes: float | None = None,
    vary: Variations | None = None,
) -> Network:
    """A network from these patients and made-up ones; the same seed gives the same bits, unless its minutes are up."""
    how = settings or Settings()
    if not sum(len(p.at) for p in patients):
        raise DataError("no patient that is learned from has a ventricular beat: more records are needed")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = network(name)
    source = Chunks([*patients, *made_up(how.made_up)], seed, vary)
    lr = how.lr if name == "liquid" else how.lr_static
    end = [Deadline(minutes)]
    fit(made, source, epochs=how.epochs, lr=lr, schedule="cosine", seed=seed, progress=False, callbacks=end)
    return made.eval()


@cache
def made_up(count: int) -> tuple[Samples, ...]:
    """Simulated patients beside the real ones; numbers from 1000 on, which no trial asks for."""
    return tuple(samples(simulate(1000 + k, MINUTES, share=0.15)) for k in range(count))


@torch.no_grad()
def asked(net: Network, patient: Samples) -> Array:
    """Log-odds of the alarm at every sample of a record, read as one stream, (n,)."""
    log_p, _ = net(torch.from_numpy(patient.u)[None, :, None], torch.from_numpy(patient.dt)[None])
    return np.asarray((log_p[0, :, 1] - log_p[0, :, 0]).numpy())


def chosen(held: Sequence[tuple[Network, Samples]]) -> float:
    """The level of the best F1 over patients that the networks beside them never saw."""
    answers = [(patient, asked(net, patient)) for net, patient in held]
    found = [f1([judged_at(patient, odds, level) for patient, odds in answers]) for level in LEVELS.tolist()]
    return float(LEVELS[int(np.nanargmax(found))])


def judged_at(patient: Samples, odds: Array, level: float = BEGINS) -> Counts:
    """Alarms at this level beside the truth."""
    return count(patient.name, onsets(patient.times, odds, level, level + ENDS), patient.at, patient.hours)


@torch.no_grad()
def shifted(net: Network, level: float) -> Network:
    """The same network with this level built in: its alarm begins at p = 1/2."""
    net.readout.layers[-1].bias[1] -= level
    return net
