"""A graph packed for the C++ core: `pack(graph)` gives the program that streams share, or says why it can't.

graph    input, steps, cells in a chain, steps        (ops/graph.py)
program  the same, its weights laid out for a sample at a time; see csrc/program.h
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _core
from ..cells import Cell
from ..errors import BackendError
from . import packing
from .graph import Graph, Op

KINDS = {
    "standardize": 0, "affine": 1, "carry": 2, "waves": 3, "dense": 4, "convolve": 5, "lookup": 6, "pool": 7, "slice": 8,
    "add": 9, "average": 10, "quantiles": 11, "positive": 12, "log_softmax": 13, "squash": 14,
}  # fmt: skip
"""As StepKind in csrc/tauflow.h."""
SIGMAS = ("tanh", "sigmoid", "relu", "lecun_tanh", "identity", "softplus", "softsign", "gelu", "silu")
POOLS = ("last", "mean", "max", "attention")
AVERAGES = ("mean", "log", "normal")


@dataclass(frozen=True, eq=False)
class Packed:
    """A program, where a number of the state stands in it, and the state before the first sample."""

    program: _core.Program
    order: NDArray[np.int64]
    first: NDArray[Any]
    before: int  # numbers of the state that steps before the chain remember
    behind: int  # and steps behind it


def why_not(graph: Graph) -> str | None:
    """Why the core can't run this graph, in a sentence; None when it can."""
    cells = [number for number, op in enumerate(graph.ops) if op.kind == "cell"]
    if cells != list(range(cells[0], cells[0] + len(cells))) if cells else True:
        return "the core runs one chain of cells, each reading the one before it"
    for op in graph.ops:
        if op.kind == "cell":
            reason = packing.why_not(op.options["cell"])
        else:
            reason = (
                None if op.options.get("sigma", "tanh") in SIGMAS else f"it has no activation {op.options['sigma']!r}"
            )
        if reason is not None:
            return reason
    return None


def pack(graph: Graph, dtype: torch.dtype) -> Packed:
    """The graph as a program of the core; BackendError says why where it can't."""
    reason = why_not(graph)
    if reason is not None:
        raise BackendError(f"the kernels can't run this network: {reason}")
    knows_missing = any(op.kind == "carry" for op in graph.ops)
    given = 0 if graph.static is None else graph.ops[graph.static].outputs
    program = _core.Program(dtype == torch.float64, graph.ops[0].outputs, given, graph.period, knows_missing)
    chain = packing.Chain(dtype)
    number: dict[int, int] = {}  # of a value in the graph: which it is in the program, where a chain makes one
    memory: list[list[float]] = [[], []]  # what is remembered first, before and behind the chain
    made, cells = 0, [number for number, op in enumerate(graph.ops) if op.kind == "cell"]
    for k, op in enumerate(graph.ops):
        if op.kind == "cell":
            chain.add(op.options["cell"], op.options["holds"])
            if k == cells[-1]:
                program.chain(number[graph.ops[cells[0]].sources[0]], chain.network)
                number[k], made = made, made + 1
            continue
        if op.kind not in ("input", "static"):
            _add(program, op, [number[source] for source in op.sources], dtype)
            memory[k > cells[-1]] += first_memory(op)
        number[k], made = made, made + 1
    before, behind = len(memory[0]), len(memory[1])
    of_chain = np.concatenate(chain.order) + before
    order = np.concatenate([np.arange(before), of_chain, np.arange(behind) + before + len(of_chain)])
    first_chain = chain.first()
    first = np.concatenate([np.array(memory[0]), first_chain, np.array(memory[1])]).astype(first_chain.dtype)
    return Packed(program, order.astype(np.int64), first, before, behind)


def first_memory(op: Op) -> list[float]:
    """What a step remembers before the first sample."""
    low = -1e30  # as LOW in network/parts/pools.py
    if op.kind == "pool" and op.options["how"] == "max":
        return [low] * op.memory
    if op.kind == "pool" and op.options["how"] == "attention":
        return [low] + [0.0] * (op.memory - 1)
    return [0.0] * op.memory


def _add(program: _core.Program, op: Op, sources: Sequence[int], dtype: torch.dtype) -> None:
    """One step, its options in the order that csrc/steps.cpp reads them."""
    weights, options = _layout(op, dtype)
    held = [weight.to(dtype).contiguous() for weight in weights]
    a, b = [weight.data_ptr() for weight in held] + [0] * (2 - len(held))
    program.step(KINDS[op.kind], list(sources), op.outputs, op.memory, a, b, options)


def _layout(op: Op, dtype: torch.dtype) -> tuple[tuple[Tensor, ...], list[int]]:
    given = op.options
    match op.kind:
        case "waves":
            return op.weights, [len(op.weights[0]), len(given["columns"]), *given["columns"]]
        case "dense":
            return op.weights, [SIGMAS.index(given["sigma"])]
        case "convolve":
            filters, channels, *kernel = op.weights[0].shape
            sizes = [*given["shape"][1:], *kernel, *given["stride"], *given["padding"]]
            return op.weights, [SIGMAS.index(given["sigma"]), filters, channels, *sizes]
        case "lookup":
            return op.weights, [len(op.weights[0])]
        case "pool":
            return op.weights, [POOLS.index(given["how"])]
        case "slice":
            return (), [given["first"]]
        case "average":
            return (), [AVERAGES.index(given["how"]), given["columns"]]
        case "quantiles":
            return (), [given["columns"], given["middle"]]
        case "positive":
            return (torch.tensor(given["least"], dtype=dtype),), [given["first"]]
    return op.weights, []


def of_cells(inputs: int, cells: Sequence[Cell], holds: Sequence[bool]) -> Graph:
    """The graph of a chain of cells alone."""
    graph, value = Graph(inputs), 0
    for cell, hold in zip(cells, holds, strict=True):
        value = graph.cell(value, cell, hold)
    return graph
