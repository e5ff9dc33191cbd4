"""The files of a NIR export: both graphs, read back and run, with recorded samples, a program that replays them, and what they are."""

from __future__ import annotations

import inspect
import io
from typing import Any, NamedTuple

import numpy as np

from ..plan import Array, Plan
from ..record import Record
from ..target import Files, Measured, Target
from . import interpreter
from .equation import Equation, equation, solve
from .graph import LEVELS, bank, package
from .spiking import NEURONS, STEPS, twin, unit_of

TRIED = (8, 32, 128)  # thresholds, in the table of the README
FEW, FEW_SPIKING = 100, 8  # samples of a check

CHECK = '''"""Recorded samples through {name}.nir and {name}_spiking.nir: python {name}_check.py exits with 0 when the answers agree."""

import sys
from pathlib import Path
from typing import Any

import nir
import numpy as np


{source}

here = Path(__file__).parent
recorded = np.load(here / "{name}_check.npz")
wrong = 0
for file, limit, dt, substeps, expected in [
    ("{name}.nir", {limit:.2g}, recorded["dt"], 1, recorded["y"]),
    ("{name}_spiking.nir", {limit_spiking:.2g}, np.full({few}, {unit!r}), {steps}, recorded["spiking_y"]),
]:
    y = run(nir.read(here / file), recorded["x"][: len(dt)], dt, substeps)
    worst = abs(y - expected).max() / max(np.ptp(expected), abs(expected).max())
    print(f"{{file}}: worst error over {{len(y)}} samples: {{worst:.2g}} of the range")
    wrong += not worst <= limit
sys.exit(wrong)
'''

README = """# {name}

A CTRNN of {units} neurons for neuromorphic simulators, made by tauflow: {inputs} numbers in, {outputs} out, times as in its training.

- `{name}.nir`: exact nodes, sigma ({sigma}) as {levels} thresholds a neuron. Error against stream(), of the range, by thresholds:
  {table}.
- `{name}_spiking.nir`: {neurons} LIF neurons for each, the learned taus as filters of their spikes. It is made for simulation steps of
  {step:g}, the length of a spike. Error of the rates against the equation: worst {spiking_worst:.2g}, rms {spiking_rms:.2g} of the range.
- NIR holds the equation: a simulator takes many small steps where stream() takes one a sample; they agree where gaps are short against tau.
- Call: `graph = nir.read("{name}.nir")`, then your simulator; it must know Affine with its bias, LI and Threshold (or LIF with r).
- Test: `pip install nir numpy`, then `python {name}_check.py` replays recorded samples; it exits with 0 when they agree.
"""


class Error(NamedTuple):
    """Of the range: the worst one, and the root of the mean square."""

    worst: float
    rms: float


def error(y: Array, expected: Array) -> Error:
    reach = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-30)
    away = np.asarray(y, float) - expected
    return Error(float(np.abs(away).max()) / reach, float(np.sqrt(np.square(away).mean())) / reach)


def packed(graph: Any) -> bytes:
    """The graph as the bytes of a file."""
    file = io.BytesIO()
    package().write(file, graph)
    return file.getvalue()


def read(file: str | bytes) -> Any:
    """The graph of such bytes."""
    return package().read(io.BytesIO(file if isinstance(file, bytes) else file.encode()))


def nir_files(plan: Plan, name: str, record: Record) -> dict[str, str | bytes]:
    """NAME.nir, NAME_spiking.nir, NAME_check.npz, NAME_check.py and README.md."""
    eq = equation(plan)
    shown, spiking, arrays = record.first(300), twin(eq), io.BytesIO()
    banks = {levels: error(interpreter.run(bank(eq, levels), shown.x, shown.dt), shown.y) for levels in TRIED}
    spiking_y, rates = _spiking(eq, spiking, shown.x)
    few = record.first(FEW)
    np.savez_compressed(arrays, x=few.x, dt=few.dt, y=few.y, spiking_y=spiking_y)
    source = "\n\n\n".join(inspect.getsource(one).rstrip() for one in (interpreter.run, interpreter.in_order))
    fields = {
        "name": name, "inputs": plan.inputs, "outputs": plan.outputs, "units": len(eq.tau), "sigma": eq.sigma.name, "levels": LEVELS,
        "table": "; ".join(f"{levels}: worst {one.worst:.1e}, rms {one.rms:.1e}" for levels, one in banks.items()),
        "neurons": NEURONS, "step": unit_of(eq) / STEPS, "spiking_worst": rates.worst, "spiking_rms": rates.rms,
        "source": source, "limit": 2 * banks[LEVELS].worst, "limit_spiking": 2 * rates.worst, "few": FEW_SPIKING, "unit": unit_of(eq),
        "steps": STEPS,
    }  # fmt: skip
    return {
        f"{name}.nir": packed(bank(eq)), f"{name}_spiking.nir": packed(spiking), f"{name}_check.npz": arrays.getvalue(),
        f"{name}_check.py": CHECK.format(**fields), "README.md": README.format(**fields),
    }  # fmt: skip


def _spiking(eq: Equation, graph: Any, x: Array) -> tuple[Array, Error]:
    """The answers of the equation to a few samples a unit of time apart, crossed in the steps of the twin, and its error to them."""
    x, dt = x[:FEW_SPIKING], np.full(FEW_SPIKING, unit_of(eq))
    expected = solve(eq, x, dt, STEPS)
    return expected, error(interpreter.run(graph, x, dt, STEPS), expected)


def nir_measure(plan: Plan, name: str, files: Files, record: Record) -> Measured:
    """The graph with thresholds, read back and run by our interpreter, whose time says nothing of a simulator's."""
    y = interpreter.run(read(files[f"{name}.nir"]), record.x, record.dt)
    return Measured(len(files[f"{name}.nir"]), error(y, record.y).worst, None)


NIR = Target(
    "NIR graphs for neuromorphic simulators, of exact nodes and of spiking ones", nir_files, nir_measure, worst=0.05
)
