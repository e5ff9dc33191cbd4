"""From a leak to the next state: the ways to move h over a gap dt.

    dh/dt = drive(h) - rate(h) * h,   rate > 0           (x is held over the gap)

With drive and rate frozen at a state, the equation has the closed solution h + (1 - exp(-dt rate)) (drive/rate - h):
the exponential step. A step of the form lerp(h, drive/rate, a) with a in [0, 1] keeps h between itself and drive/rate
for every dt >= 0: that is the state bound of `exponential`, `exponential_midpoint` and `semi_implicit`.

| solver | weight or formula | evaluations | order | bound |
| --- | --- | --- | --- | --- |
| exponential | a = 1 - exp(-dt rate) | 1 | 1 | every dt |
| exponential_midpoint | the same, frozen at the state of dt/2 | 2 | 2 | every dt |
| semi_implicit | a = dt rate / (1 + dt rate), Hasani et al. 2021 (fused solver) | 1 | 1 | every dt |
| etd2rk | Cox and Matthews 2002, eq. 22, rate frozen in the linear part | 2 | 2 | no |
| euler | h + dt (drive - rate h) | 1 | 1 | dt rate <= 1, else StepSizeError |
| rk4 | the classical Runge-Kutta step | 4 | 4 | stable for dt rate < 2.78, else StepSizeError |

Shapes: h (batch, units), dt (batch, 1); time in the unit of tau.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .errors import StepSizeError, TauflowError, TimeError
from .validate import is_true

Leak = Callable[[Tensor], tuple[Tensor, Tensor]]  # h -> (drive, rate), all (batch, units)
Solver = Callable[[Leak, Tensor, Tensor], Tensor]  # (leak, h, dt) -> the state after dt

# exp(-80) is below the rounding of every number type here, so longer steps change nothing and can't overflow.
LONGEST_DECAY = 80.0


class SolverError(TauflowError, ValueError):
    """A solver that does not exist, or less than one step of it.

    >>> tauflow.CTRNN(1, 2, solver="rk45")
    Traceback (most recent call last):
        ...
    tauflow.solvers.SolverError: no solver is called 'rk45'; there are exponential, exponential_midpoint, ...
    """


def decay_weight(dt: Tensor, rate: Tensor) -> Tensor:
    """1 - exp(-dt rate): how far the state moves towards drive/rate within dt.

    dt (batch, 1), rate (batch, units) -> (batch, units), within [0, 1].

    >>> [round(a, 3) for a in tauflow.solvers.decay_weight(torch.tensor([0.0, 1.0, 1e9]), torch.tensor(1.0)).tolist()]
    [0.0, 0.632, 1.0]
    """
    z = (dt * rate).clamp(max=LONGEST_DECAY)
    if torch._C._get_tracing_state() is not None:  # the older of torch's two ONNX exporters has no expm1
        t = torch.tanh(z / 2)
        return 2 * t / (1 + t)
    return -torch.expm1(-z)


def exponential(leak: Leak, h: Tensor, dt: Tensor) -> Tensor:
    """Exponential Euler: exact while drive and rate stand still.

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> round(tauflow.solvers.exponential(leak, torch.ones(1, 1), torch.tensor([[0.5]])).item(), 3)
    0.368
    """
    drive, rate = leak(h)
    return torch.lerp(h, drive / rate, decay_weight(dt, rate))


def exponential_midpoint(leak: Leak, h: Tensor, dt: Tensor) -> Tensor:
    """An exponential step whose drive and rate are taken in the middle of the gap.

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> round(tauflow.solvers.exponential_midpoint(leak, torch.ones(1, 1), torch.tensor([[0.5]])).item(), 3)
    0.448
    """
    drive, rate = leak(exponential(leak, h, dt / 2))
    return torch.lerp(h, drive / rate, decay_weight(dt, rate))


def semi_implicit(leak: Leak, h: Tensor, dt: Tensor) -> Tensor:
    """The fused step (h + dt drive) / (1 + dt rate): Euler, implicit in the decay.

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> round(tauflow.solvers.semi_implicit(leak, torch.ones(1, 1), torch.tensor([[0.5]])).item(), 3)
    0.5
    """
    drive, rate = leak(h)
    r = (dt * rate).clamp(max=1e30)
    return torch.lerp(h, drive / rate, r / (1 + r))


def etd2rk(leak: Leak, h: Tensor, dt: Tensor) -> Tensor:
    """Exponential time differencing, second order: an exponential step corrected by the change of the rest.

    L = rate(h),  N(v) = drive(v) - (rate(v) - L) v,  a = exponential step,  h' = a + dt phi2(dt L) (N(a) - N(h)).

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> round(tauflow.solvers.etd2rk(leak, torch.ones(1, 1), torch.tensor([[0.5]])).item(), 3)
    0.411
    """
    drive, rate = leak(h)
    a = torch.lerp(h, drive / rate, decay_weight(dt, rate))
    drive_a, rate_a = leak(a)
    change = drive_a - (rate_a - rate) * a - drive
    return a + _correction(dt, rate) * change


def _correction(dt: Tensor, rate: Tensor) -> Tensor:
    """dt phi2(dt rate), where phi2(z) = (exp(-z) - 1 + z) / z^2: by its series where the difference would cancel."""
    z = (dt * rate).clamp(max=torch.finfo(dt.dtype).max)
    small = z < 0.05
    near = torch.where(small, z, torch.zeros_like(z))  # each branch sees its own z only: an overflow in the one that is
    far = torch.where(small, torch.ones_like(z), z)  # not taken would be NaN in the gradient
    series = 0.5 - near * (1 / 6 - near * (1 / 24 - near * (1 / 120 - near * (1 / 720 - near / 5040))))
    return torch.where(small, dt * series, (1 + torch.expm1(-far) / far) / rate)


def euler(leak: Leak, h: Tensor, dt: Tensor) -> Tensor:
    """Explicit Euler, for comparison: raises where dt rate > 1, past which it leaves the state bound.

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> tauflow.solvers.euler(leak, torch.ones(1, 1), torch.tensor([[0.5]])).item()
    0.0
    >>> tauflow.solvers.euler(leak, torch.ones(1, 1), torch.tensor([[2.0]]))
    Traceback (most recent call last):
        ...
    tauflow.errors.StepSizeError: euler was given a step of 4 time constants, its limit is 1: use 4 times as many substeps ...
    """
    drive, rate = leak(h)
    _refuse_long_steps("euler", dt * rate, 1.0)
    return h + dt * (drive - rate * h)


def rk4(leak: Leak, h: Tensor, dt: Tensor) -> Tensor:
    """The classical fourth-order step: raises where dt rate > 2.78, past which it is unstable.

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> round(tauflow.solvers.rk4(leak, torch.ones(1, 1), torch.tensor([[0.5]])).item(), 3)
    0.435
    """

    def slope(v: Tensor) -> Tensor:
        drive, rate = leak(v)
        _refuse_long_steps("rk4", dt * rate, 2.78)
        return drive - rate * v

    k1 = slope(h)
    k2 = slope(h + dt / 2 * k1)
    k3 = slope(h + dt / 2 * k2)
    k4 = slope(h + dt * k3)
    return h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _refuse_long_steps(name: str, r: Tensor, limit: float) -> None:
    worst = r.detach().max() if r.numel() else r.new_zeros(())
    if is_true(~(worst <= limit)):
        raise StepSizeError(
            f"{name} was given a step of {worst.item():.3g} time constants, its limit is {limit:g}: use "
            f"{worst.item() / limit:.3g} times as many substeps or more, or solver='exponential'"
        )


# Their steps are convex combinations of h and drive/rate, so the state keeps to the hull of its equation.
BOUNDED = ("exponential", "exponential_midpoint", "semi_implicit")

SOLVERS: dict[str, Solver] = {
    "exponential": exponential,
    "exponential_midpoint": exponential_midpoint,
    "semi_implicit": semi_implicit,
    "etd2rk": etd2rk,
    "euler": euler,
    "rk4": rk4,
}


def integrate(name: str, leak: Leak, h: Tensor, dt: Tensor, substeps: int = 1) -> Tensor:
    """The state after dt >= 0, with the solver called `name` in `substeps` equal steps.

    Raises SolverError (no such solver, less than one substep), TimeError (dt negative or NaN) and what the solver raises.

    >>> leak = lambda h: (0 * h, 1 + h)  # dh/dt = -(1 + h) h, which falls from 1 to 0.435 within 0.5
    >>> h, dt = torch.ones(1, 1), torch.tensor([[0.5]])
    >>> [round(tauflow.solvers.integrate("exponential", leak, h, dt, substeps=n).item(), 3) for n in (1, 8, 64)]
    [0.368, 0.429, 0.434]
    """
    solver = get(name)
    if substeps < 1:
        raise SolverError(f"substeps is {substeps!r}, expected a whole number >= 1")
    if is_true(~(dt >= 0).all()):
        raise TimeError(f"dt is {dt.detach()[~(dt >= 0)][0].item()}, expected a time since the previous sample, >= 0")
    for _ in range(substeps):
        h = solver(leak, h, dt / substeps)
    return h


def get(name: str) -> Solver:
    """The solver called `name`.

    >>> tauflow.solvers.get("rk4") is tauflow.solvers.rk4
    True
    """
    if name not in SOLVERS:
        raise SolverError(f"no solver is called {name!r}; there are {', '.join(SOLVERS)}")
    return SOLVERS[name]
