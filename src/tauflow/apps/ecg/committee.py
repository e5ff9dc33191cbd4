"""What tells a ventricular beat from its sequence of beats: a committee of liquid networks, and what stands beside it.

liquid      GatedLTC of 32 over beats, a dense layer of 48 in front, time constants from 0.5 to 20 s; three members
lstm, gru   the same network with that cell, dt as one more input; three members
logistic    logistic regression on the same 78 numbers of one beat       boosting    gradient boosting on them
rr ratio    RR over the mean of the last ten, below what was best on the learning patients
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import Committee, Network, fit
from ...errors import DataError
from ..budget import Deadline
from ..extras import sklearn
from .beats import WIDTH, Beats, Chunks, flat

Array = NDArray[Any]
MEMBERS, EPOCHS, RATE = 3, 20, 0.005
CORES: dict[str, dict[str, Any]] = {
    "liquid": {"core": "gated_ltc", "tau": (0.5, 20.0)},
    "lstm": {"core": "lstm", "waves": "gap"},
    "gru": {"core": "gru", "waves": "gap"},
}
ALONE = ("logistic", "boosting", "rr ratio")
MODELS = (*CORES, *ALONE)


@dataclass(frozen=True, eq=False)
class Learned:
    """A model of beats: `answer(p)` gives the probability of each beat of a patient; threshold: from where it is said aloud."""

    name: str
    answer: Callable[[Beats], Array]
    parameters: int
    seconds: float
    threshold: float = 0.5
    committee: Committee | None = None


def network(name: str) -> Network:
    """An untrained member."""
    return Network(
        2 * WIDTH + 2, 2, units=32, encoder={"name": "dense", "units": 48},
        readout={"name": "skip", "units": 32, "dropout": 0.2}, head="classes", **CORES[name],
    )  # fmt: skip


def learn(
    name: str,
    patients: list[Beats],
    seed: int = 0,
    *,
    epochs: int = EPOCHS,
    members: int = MEMBERS,
    minutes: float | None = None,
) -> Learned:
    """One model from these patients; the same seed gives the same numbers."""
    if name not in MODELS:
        raise DataError(f"no model is called {name!r}, expected some of {', '.join(MODELS)}")
    if not any(p.y.any() for p in patients):
        raise DataError("no patient that is learned from has a ventricular beat: more records are needed")
    if all(p.y.all() for p in patients):
        raise DataError("every event is ventricular: to learn beats, annotate normal ones too (or learn an alarm)")
    began = time.process_time()
    answer, parameters, threshold, made = (
        _networks(name, patients, seed, epochs, members, minutes) if name in CORES else TABLE[name](patients, seed)
    )
    return Learned(name, answer, parameters, time.process_time() - began, threshold, made)


Made = tuple[Callable[[Beats], Array], int, float, Committee | None]


def _networks(name: str, patients: list[Beats], seed: int, epochs: int, members: int, minutes: float | None) -> Made:
    made, each = [], None if minutes is None else minutes / members
    for member in range(members):
        own = 100 * seed + member
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(own)
            one = network(name)
        fit(
            one,
            Chunks(patients, own),
            epochs=epochs,
            lr=RATE,
            schedule="cosine",
            seed=own,
            progress=False,
            callbacks=[Deadline(each)],
        )
        made.append(one)
    whole = Committee(made).eval()
    return lambda p: asked(whole, p), sum(q.numel() for q in whole.parameters()), 0.5, whole


@torch.no_grad()
def asked(committee: Committee, patient: Beats) -> Array:
    """The probability of each beat, the record as one sequence."""
    log_p, _ = committee(torch.from_numpy(patient.x)[None], torch.from_numpy(patient.rr)[None])
    return np.asarray(log_p[0, :, 1].exp().numpy())


def _logistic(patients: list[Beats], seed: int) -> Made:
    linear, scaling, pipeline = sklearn("linear_model", "preprocessing", "pipeline")
    model = pipeline.make_pipeline(scaling.StandardScaler(), linear.LogisticRegression(C=0.1, max_iter=500))
    model.fit(*flat(patients))
    return lambda p: np.asarray(model.predict_proba(p.x)[:, 1]), 2 * WIDTH + 3, 0.5, None


def _boosting(patients: list[Beats], seed: int) -> Made:
    (ensemble,) = sklearn("ensemble")
    model = ensemble.HistGradientBoostingClassifier(max_iter=200, learning_rate=0.05, random_state=seed)
    model.fit(*flat(patients))
    return lambda p: np.asarray(model.predict_proba(p.x)[:, 1]), 0, 0.5, None


def _rr_ratio(patients: list[Beats], seed: int) -> Made:
    x, y = flat(patients)
    early = -x[:, 2 * WIDTH]  # 1 - RR over the mean
    levels = np.quantile(early, np.linspace(0.5, 0.999, 200))
    hits = np.array([[(early >= one)[y].sum(), (early >= one).sum()] for one in levels])
    best = float(levels[int((2 * hits[:, 0] / (hits[:, 1] + y.sum())).argmax())])
    return lambda p: np.asarray(1 / (1 + np.exp(-20 * (-p.x[:, 2 * WIDTH] - best)))), 1, 0.5, None


TABLE: dict[str, Callable[[list[Beats], int], Made]] = {
    "logistic": _logistic, "boosting": _boosting, "rr ratio": _rr_ratio,
}  # fmt: skip
