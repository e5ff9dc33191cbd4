"""The alarm: a network on what the front makes of raw samples, without a detector of R peaks, that says how likely a ventricular beat has
just been.

    p_t = network(front(x_t, dt_t), dt_t)        taught to be 1 from 0.15 to 0.40 s after R of a ventricular beat, 0 elsewhere

    liquid      GatedLTC of 24, time constants from 1 to 200 periods of 1/180 s, readout 24
    lstm, gru   one layer of that cell, dt as one more input         tcn    causal convolutions over the last 61 samples
    front       no network: the front's first number, how early a beat came, as log-odds
    liquid + front, lstm + front ...    the mean of the log-odds of the two, half and half; nothing is chosen

All networks are of one size, see the front and are taught alike. A network is too sure of the patients it knows, so a threshold chosen on
them is far too high: it comes from patients that were held out, and is then built in: the answer is shifted so that an alarm begins at
p = 1/2, and ends at 1/4.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import Network, fit
from ...cells import GatedLTC
from ...errors import DataError
from ...sequence import Recurrent
from ..budget import Deadline
from .events import Counts, count, f1, onsets
from .front import NAMES
from .samples import RATE, Chunks, Samples, Variations

Array = NDArray[Any]
INPUTS, OUTPUTS = tuple(f"front: {name}" for name in NAMES), ("no alarm", "alarm")
BEGINS, ENDS = 0.0, -math.log(3)  # log-odds: p = 1/2, p = 1/4
LEVELS = np.linspace(-4.0, 4.0, 33)  # log-odds that a threshold may be
READOUT = {"name": "deep", "units": 24}
SLOPE, OFFSET = 4.0, -5.0  # log-odds of the front alone, from how early a beat came
NETWORKS = ("liquid", "lstm", "gru", "tcn")
TOGETHER = " + front"
MODELS = (*NETWORKS, "front", *(name + TOGETHER for name in NETWORKS))


@dataclass(frozen=True)
class Settings:
    """How long is taught: the usual, and what takes seconds."""

    epochs: int = 12
    lr: float = 0.02
    lr_static: float = 0.005


QUICK = Settings(epochs=1)


def network(name: str = "liquid") -> Network:
    """An untaught network; dt in seconds, p of `OUTPUTS`."""
    if name not in NETWORKS:
        raise DataError(f"no alarm is called {name!r}, expected some of {', '.join(NETWORKS)}")
    how: dict[str, Any] = {"scale": None, "readout": READOUT, "head": "classes", "period": 1 / RATE}
    made = Network(INPUTS, OUTPUTS, Recurrent(GatedLTC(len(INPUTS), 24, tau=(1.0, 200.0))), **how)
    if name == "liquid":
        return made
    waves = {} if name == "tcn" else {"waves": "gap"}
    return Network.of_size(sum(p.numel() for p in made.parameters()), INPUTS, OUTPUTS, name, **waves, **how)


def learn(
    name: str,
    patients: Sequence[Samples],
    seed: int = 0,
    settings: Settings | None = None,
    *,
    minutes: float | None = None,
    vary: Variations | None = None,
) -> Network:
    """A network from these patients; the same seed gives the same bits, unless its minutes are up."""
    how = settings or Settings()
    if not sum(len(p.at) for p in patients):
        raise DataError("no patient that is learned from has a ventricular beat: more records are needed")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = network(name)
    source = Chunks(patients, seed, vary)
    lr = how.lr if name == "liquid" else how.lr_static
    end = [Deadline(minutes)]
    fit(made, source, epochs=how.epochs, lr=lr, schedule="cosine", seed=seed, progress=False, callbacks=end)
    return made.eval()


@torch.no_grad()
def asked(net: Network | None, patient: Samples) -> Array:
    """Log-odds of the alarm at every sample of a record, read as one stream, (n,); without a network, how early the last beat came."""
    if net is None:
        return np.asarray(SLOPE * patient.u[:, 0] + OFFSET)
    log_p, _ = net(torch.from_numpy(patient.u)[None], torch.from_numpy(patient.dt)[None])
    return np.asarray((log_p[0, :, 1] - log_p[0, :, 0]).numpy())


def chosen(held: Sequence[tuple[Network | None, Samples]]) -> float:
    """The level of the best F1 over patients that the networks beside them never saw."""
    answers = [(patient, asked(net, patient)) for net, patient in held]
    found = [f1([judged_at(patient, odds, level) for patient, odds in answers]) for level in LEVELS.tolist()]
    return float(LEVELS[int(np.nanargmax(found))])


def judged_at(patient: Samples, odds: Array, level: float = BEGINS) -> Counts:
    """Alarms at this level beside the truth."""
    return count(patient.name, onsets(patient.times, odds, level, level + ENDS), patient.at, patient.hours)


@torch.no_grad()
def with_front(net: Network) -> Network:
    """The mean of the log-odds of a network and of the front, as one network: the front is the straight line of a skip readout."""
    how: dict[str, Any] = {"scale": None, "waves": net.waves, "head": "classes", "period": 1 / RATE}
    made = copy.deepcopy(Network(INPUTS, OUTPUTS, net.core, readout=READOUT | {"name": "skip"}, **how))
    (first, last), (opens, ends) = net.readout.layers, made.readout.layers
    opens.weight.zero_()[:, : net.core.outputs] = first.weight
    opens.bias.copy_(first.bias)
    ends.weight.copy_(last.weight / 2)
    ends.bias.copy_(last.bias / 2)
    made.readout.line.weight[1, 0] += SLOPE / 2
    ends.bias[1] += OFFSET / 2
    return made.eval()


@torch.no_grad()
def shifted(net: Network, level: float) -> Network:
    """The same network with this level built in: its alarm begins at p = 1/2."""
    net.readout.layers[-1].bias[1] -= level
    return net
