"""The Lyapunov spectrum: how fast small differences of the state grow or die, along a driven trajectory.

    J_t Q_(t-1) = Q_t R_t        lambda_i = sum_t log |R_t,ii| / sum_t dt_t        sum_i lambda_i = sum_t log |det J_t| / sum_t dt_t

    lambda (k,)   exponents per unit of time, largest first; 1/|lambda| is a memory, positive ones are chaos
    Q, R          of a QR decomposition; Q turns towards the directions of the exponents
    dt            the data's own gaps, however uneven: the sum is divided by time, not by a number of steps

Q needs time to turn, so what comes before `warm_up` memories, each 1/|lambda_1| long, does not count. The error is that of the mean of
ten blocks of equal time (Student's t, 95 %). A direction that one step shrinks below rounding, 1e-16, is shrunk by no less than that.
Sources: Benettin et al. 1980; Engelken et al. 2023, sections 2-3, for driven networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import jacrev

from ..drawing import Drawn
from .motion import Motion, Row
from .proof.certificate import AnalysisError

BLOCKS, STUDENT = 10, 2.262  # Student's t for nine degrees of freedom, 95 %
SMALLEST = 1e-300  # of |R_ii|: what a step has forgotten wholly
AT_ONCE = 2**21  # numbers of Jacobians in memory
APART, LOST = np.log(1e5), np.log(1e10)  # how far the columns of Q may come apart before QR; where their order is lost
ROWS = 400  # steps that are looked at together are at most so many of all

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spectrum(Drawn):
    """The answer: exponents (k,) per unit of time with their error (k,), half the width of a 95 % interval.

    time, warm_up   what was averaged over, and what came before it, in the unit of dt
    log_det         mean of log |det J| per unit of time, computed apart; the sum of all exponents
    settled         whether the warm-up that was asked for fitted into the first half of the row
    """

    picture, pixels = "motion.spectrum", (440, 260)

    exponents: Array
    error: Array
    time: float
    warm_up: float
    log_det: float
    settled: bool

    @property
    def memory(self) -> Array:
        """1 / |exponent|, in the unit of dt."""
        return 1 / np.maximum(np.abs(self.exponents), SMALLEST)

    def frame(self) -> Any:
        """A line an exponent."""
        import pandas as pd

        low, high = self.exponents - self.error, self.exponents + self.error
        return pd.DataFrame({"exponent": self.exponents, "low": low, "high": high, "memory": self.memory})


def spectrum(
    model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, count: int | None = None, warm_up: float = 10.0
) -> Spectrum:
    """The spectrum of a Network, Recurrent, Stack or cell along one row of data, x (time, inputs).

    count: only so many of the largest exponents. warm_up: in units of the slowest memory. Exponents are in 1 / the unit of dt.

    >>> cell = tauflow.CTRNN(1, 2, tau=(2.0, 4.0))
    >>> _ = cell.W.data.zero_()
    >>> found = tauflow.analysis.spectrum(cell, torch.zeros(200, 1))  # a Spectrum
    >>> found.exponents.round(4).tolist()
    [-0.25, -0.5]
    """
    motion = Motion(model)
    row = motion.read(x, dt, mask)
    return from_jacobians(_along(motion, row), row.gaps.numpy(), motion.state_size, count, warm_up)


def _along(motion: Motion, row: Row) -> Iterator[Array]:
    states = motion.states(row)
    before = torch.cat([motion.initial_state()[None], states[:-1]])
    many = max(32, AT_ONCE // motion.state_size**2)
    for block in zip(row.u.split(many), row.dt.split(many), before.split(many), strict=True):
        yield from motion.jacobians(*block).numpy()


def _counted(jacobians: Iterable[Array], log_det: list[Array]) -> Iterator[Array]:
    """The Jacobians as they come, log |det| of each put on the list."""
    for J in jacobians:
        log_det.append(np.linalg.slogdet(J)[1])
        yield J


def lyapunov(
    step: Callable[[Tensor], Tensor],
    jacobian: Callable[[Tensor], Tensor] | None,
    state: Tensor,
    dt: float,
    steps: int,
    *,
    count: int | None = None,
    warm_up: float = 10.0,
) -> Spectrum:
    """Of any map h -> step(h), which takes dt of time, from `state` (n,); jacobian None: by automatic differentiation.

    >>> half = lambda h: 0.5 * h
    >>> found = tauflow.analysis.lyapunov(half, None, torch.ones(1), dt=1.0, steps=50)
    >>> found.exponents.round(4).tolist()  # log(1 / 2)
    [-0.6931]
    """
    derivative = jacrev(step) if jacobian is None else jacobian

    def along() -> Iterator[Array]:
        h = state
        for _ in range(steps):
            yield derivative(h).detach().numpy()
            h = step(h).detach()

    return from_jacobians(along(), np.full(steps, dt), len(state), count, warm_up)


def from_jacobians(jacobians: Iterable[Array], gaps: Array, size: int, count: int | None, warm_up: float) -> Spectrum:
    """From the Jacobians (n, n) of all steps in their order and the gaps (time,) that they take."""
    count = size if count is None else count
    if not 1 <= count <= size:
        raise AnalysisError(f"count is {count}, expected 1 to {size}, the size of the state")
    if not warm_up >= 0:
        raise AnalysisError(f"warm_up is {warm_up}, expected a number >= 0 of memories")
    if len(gaps) < 2 * BLOCKS or not gaps.sum() > 0:
        raise AnalysisError(
            f"a spectrum needs {2 * BLOCKS} samples or more and time that passes, got {len(gaps)} samples and {gaps.sum():g} of time"
        )
    log_det = list[Array]()
    growth, lengths = _growth(_counted(jacobians, log_det), len(gaps), size, count)
    starts = np.cumsum(lengths) - lengths
    gaps, dets = np.add.reduceat(gaps, starts), np.add.reduceat(np.array(log_det), starts)
    half = len(gaps) // 2
    slowest = _per_time(growth[half:], gaps[half:]).max()
    wanted = warm_up / max(abs(slowest), SMALLEST)
    passed = np.cumsum(gaps)
    start = min(int(np.searchsorted(passed, wanted)) + 1 if warm_up else 0, half)
    growth, dets, later = growth[start:], dets[start:], gaps[start:]
    exponents = _per_time(growth, later)
    order = np.argsort(-exponents)
    time = float(later.sum())
    return Spectrum(
        exponents[order],
        _error(growth, later)[order],
        time,
        float(passed[start - 1]) if start else 0.0,
        float(dets.sum()) / time,
        bool(wanted <= passed[half]),
    )


def _growth(jacobians: Iterable[Array], steps: int, size: int, count: int) -> tuple[Array, NDArray[np.int64]]:
    """log |R_ii| (rows, count), and how many steps each row stands for (rows,): as many as keep the columns of Q well apart."""
    growth, lengths, held, together = list[Array](), list[int](), list[Array](), 1
    longest = max(1, steps // ROWS)
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(size, count)))[0]
    for number, J in enumerate(jacobians, start=1):
        held.append(J)
        if len(held) < together and number < steps:
            continue
        after, logs = _turned(held, Q)
        if len(held) > 1 and np.ptp(logs) > LOST:  # their order would be rounding: step by step then
            for one in held:
                Q, logs = _turned([one], Q)
                growth.append(logs)
            lengths += [1] * len(held)
        else:
            Q = after
            growth.append(logs)
            lengths.append(len(held))
        together = min(longest, max(1, int(APART / max(float(np.ptp(logs)) / lengths[-1], 1e-9))))
        held = []
    return np.array(growth), np.array(lengths, dtype=np.int64)


def _turned(held: list[Array], Q: Array) -> tuple[Array, Array]:
    """Q and log |R_ii| behind some steps."""
    for J in held:
        Q = J @ Q
    Q, R = np.linalg.qr(Q)
    return Q, np.log(np.maximum(np.abs(np.diagonal(R)), SMALLEST))


def _per_time(growth: Array, gaps: Array) -> Array:
    mean: Array = growth.sum(axis=0) / gaps.sum()
    return mean


def _error(growth: Array, gaps: Array) -> Array:
    """Of the mean, from blocks of about equal time."""
    ends = np.searchsorted(np.cumsum(gaps), gaps.sum() * np.arange(1, BLOCKS) / BLOCKS)
    cuts = zip(np.split(growth, ends), np.split(gaps, ends), strict=True)
    means = np.array([_per_time(part, time) for part, time in cuts if time.sum() > 0])
    if len(means) < 2:
        return np.full(growth.shape[1], np.inf)
    error: Array = STUDENT * means.std(axis=0, ddof=1) / np.sqrt(len(means))
    return error
