"""How wrong is a solver? The error of LTC's ways to cross a gap of one, with both initialisations.

    python -m benchmarks solvers [--networks 6] [--units 32]

Each network (dense, float64) reads 20 standard normal inputs with dt = 1. Truth: the classical Runge-Kutta step with 400 substeps,
which SciPy's Radau confirms on the first network. Error: mean |h - truth| / mean |truth| over steps and neurons, in per cent.
"""

from __future__ import annotations

import argparse
from functools import partial

import torch
from scipy.integrate import solve_ivp

from tauflow.cells.ltc import LTC
from tauflow.sequence import Recurrent

# solver, substeps, evaluations of the synapses a step
WAYS = (
    ("semi_implicit", 1, 1),
    ("semi_implicit", 6, 6),
    ("exponential", 1, 1),
    ("exponential", 2, 2),
    ("exponential", 6, 6),
    ("exponential_midpoint", 1, 2),
    ("exponential_midpoint", 2, 4),
    ("etd2rk", 1, 2),
)


def states(cell: LTC, solver: str, substeps: int, x: torch.Tensor) -> torch.Tensor:
    """Every state on the way, (time, units)."""
    cell.solver, cell.substeps = solver, substeps
    with torch.no_grad():
        y: torch.Tensor = Recurrent(cell, backend="reference")(x)[0]
    return y[0]


def scipy_states(cell: LTC, x: torch.Tensor) -> torch.Tensor:
    """The same by SciPy's implicit Radau, to 1e-10."""
    h, found = torch.zeros(1, cell.units, dtype=torch.float64), []
    with torch.no_grad():
        for sample in x[0]:
            leak = partial(cell.leak, cell.project(sample[None]))

            def slope(_: float, v: object, leak: object = leak) -> object:
                state = torch.as_tensor(v)[None]
                drive, rate = leak(state)  # type: ignore[operator]
                return (drive - rate * state)[0].numpy()

            h = torch.as_tensor(solve_ivp(slope, (0, 1), h[0].numpy(), "Radau", rtol=1e-10, atol=1e-12).y[:, -1])[None]
            found.append(h[0])
    return torch.stack(found)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--networks", type=int, default=6, help="how many of each initialisation (6)")
    parser.add_argument("--units", type=int, default=32, help="neurons of each (32)")


def run(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    errors: dict[tuple[str, str, int], list[float]] = {}
    for init in ("memory", "ncps"):
        for seed in range(options.networks):
            torch.manual_seed(seed)
            cell = LTC(8, options.units, init=init).double()
            x = torch.randn(1, 20, 8, dtype=torch.float64)
            truth = states(cell, "rk4", 400, x)
            if seed == 0:
                gap = (truth - scipy_states(cell, x)).abs().max().item()
                print(f"{init}: Runge-Kutta with 400 substeps and Radau differ by {gap:.1e} at most")
            for solver, substeps, _ in WAYS:
                error = (states(cell, solver, substeps, x) - truth).abs().mean() / truth.abs().mean()
                errors.setdefault((init, solver, substeps), []).append(100 * error.item())
    print(
        "\n| solver | substeps | evaluations | scaled by fan-in (tauflow) | unscaled (ncps) |\n| --- | --- | --- | --- | --- |"
    )
    for solver, substeps, evaluations in WAYS:
        cells = []
        for init in ("memory", "ncps"):
            found = errors[init, solver, substeps]
            cells.append(f"{sum(found) / len(found):.2f} % ({min(found):.2f}-{max(found):.2f})")
        print(f"| {solver} | {substeps} | {evaluations} | {cells[0]} | {cells[1]} |")
