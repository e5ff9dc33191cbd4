"""A small interpreter of NIR graphs in NumPy; an export takes its source along.

A sample x is held over its gap, which is crossed in `substeps` steps. In each the nodes run in the order of the edges, a node that leaks
(LI) showing the state it had before; the answer is read from the states after the gap. LI takes its exact step, LIF Euler's, and a spike
lasts one step.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def run(graph: Any, x: Any, dt: Any, substeps: int = 1) -> Any:
    """Answers (n, outputs) to x (n, inputs) and gaps dt (n,), the state zero at first."""
    nodes = graph.nodes
    kinds = {name: type(node).__name__ for name, node in nodes.items()}
    before = {name: [a for a, b in graph.edges if b == name] for name in nodes}
    order = in_order(before, [name for name, kind in kinds.items() if kind == "LI"])
    states = {name: 0.0 * np.asarray(nodes[name].tau, float) for name, kind in kinds.items() if kind in ("LI", "LIF")}

    def through(sample: Any, step: float) -> dict[str, Any]:
        values: dict[str, Any] = {name: state for name, state in states.items() if kinds[name] == "LI"}
        for name in order:
            read = sample if kinds[name] == "Input" else sum(values[one] for one in before[name])
            node = nodes[name]
            match kinds[name]:
                case "Input" | "Output":
                    values[name] = read
                case "Linear":
                    values[name] = node.weight @ read
                case "Affine":
                    values[name] = node.weight @ read + node.bias
                case "Threshold":
                    values[name] = 1.0 * (read > node.threshold)
                case "LIF":
                    v = states[name] + step / node.tau * (node.v_leak - states[name] + node.r * read)
                    values[name] = 1.0 * (v > node.v_threshold)
                    if step > 0:
                        states[name] = np.where(v > node.v_threshold, node.v_reset, v)
                case other:
                    raise ValueError(f"the node {name!r} is of the kind {other}, which this interpreter does not know")
        if step > 0:
            for name, kind in kinds.items():
                if kind == "LI":
                    node, current = nodes[name], sum(values[one] for one in before[name])
                    aim = node.v_leak + node.r * current
                    states[name] = states[name] - np.expm1(-step / node.tau) * (aim - states[name])
        return values

    answers = []
    (output,) = (name for name, kind in kinds.items() if kind == "Output")
    for sample, gap in zip(np.asarray(x, float), np.asarray(dt, float), strict=True):
        for _ in range(substeps):
            through(sample, gap / substeps)
        answers.append(through(sample, 0.0)[output])
    return np.array(answers)


def in_order(before: dict[str, list[str]], known: list[str]) -> list[str]:
    """The nodes but those known, each after what it reads."""
    order, open_ = list(known), [name for name in before if name not in known]
    while open_:
        ready = [name for name in open_ if all(one in order for one in before[name])]
        if not ready:
            raise ValueError(f"the nodes {', '.join(open_)} read each other with no leak between")
        order += ready
        open_ = [name for name in open_ if name not in ready]
    return order[len(known) :]
