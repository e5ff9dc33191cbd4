"""How much a training step computes, to turn a time into a rate.

LTC     forward evaluations of a synapse, B T (n inner + sensory) with n evaluations a step: a sigmoid each
others  multiplications and additions of the matrix products, 2 B T weights forward and twice that backward
"""

from __future__ import annotations

from typing import Any

from tauflow import wirings

from .shapes import Shape

EVALUATIONS = {"ltc": 2, "ltc6": 6}  # of each inner synapse a step: midpoint, six unfolds
GATES = {"ctrnn": 1, "gated_ltc": 1, "rnn": 1, "gruode": 3, "gru": 3, "lstm": 4}
BACKBONE = 128  # units of a CfC's one hidden layer, ours and ncps's by default


def rate(name: str, shape: dict[str, Any]) -> str:
    """A second of CPU time's work; nothing for a wired CfC, whose blocks depend on the wiring."""
    kind, _, model = name.partition(".")
    sizes, seconds = Shape(*shape["sizes"]), shape["models"][name]["cpu_ms"] / 1e3
    rows = sizes.batch * sizes.time
    if model.startswith("ltc"):
        evaluations = 6 if kind in ("drop-in", "ncps") else EVALUATIONS[model]
        return f"{rows * synapses(sizes, evaluations) / seconds / 1e6:,.0f} M synapses/s"
    if model == "cfc":
        weights = BACKBONE * (sizes.inputs + sizes.units) + 4 * sizes.units * BACKBONE
    elif model in GATES:
        weights = GATES[model] * sizes.units * (sizes.inputs + sizes.units)
    else:
        return ""
    return f"{6 * rows * weights / seconds / 1e9:.1f} GFLOP/s"


def synapses(sizes: Shape, evaluations: int) -> int:
    """Evaluations of one sample's step; the sensory ones are done once."""
    if sizes.outputs:
        wiring = wirings.auto_ncp(sizes.inputs, sizes.units, sizes.outputs)
        return evaluations * wiring.synapse_count + wiring.sensory_synapse_count
    return evaluations * sizes.units**2 + sizes.inputs * sizes.units
