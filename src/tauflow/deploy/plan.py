"""What an export writes down: a network's steps with plain numbers, and where in the state each of them keeps what it remembers.

    graph   the steps of a network, its cells whole                                     (ops/graph.py)
    plan    the same, each cell as what its kernel reads: a wired CfC is a CfC a layer, an LTC has an affine map before and behind it

The numbers are those that streams pack, so an export can't know another network than `stream()` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import validate
from ..cells import Cell
from ..cells.ltc import LTC
from ..cells.rnn import LSTM, DecayGRU, StaticCell
from ..cells.wired_cfc import LayeredCfC, WiredCfC
from ..errors import TauflowError
from ..network import Committee, Network
from ..ops import cpu, door, packing, program
from ..ops.graph import Graph, Op
from ..sequence import Bidirectional, Recurrent, Stack, copy_of
from .weighed import Weighed

Array = NDArray[Any]

GATES = ("rnn", "gru", "gru_decay", "lstm")  # as packing.GATES
CELLS = ("ctrnn", "gated_ltc", "ltc", "cfc", "gruode", *GATES)


class ExportError(TauflowError, ValueError):
    """A network, a target or a name that can't be exported so.

    >>> tauflow.deploy.export(tauflow.Network(2, 1, units=4), "fortran", "device")
    Traceback (most recent call last):
        ...
    tauflow.deploy.plan.ExportError: there is no target 'fortran'; there are c, numpy, onnx, nir
    """


@dataclass(frozen=True, eq=False)
class Step:
    """One step: a kind of ops.graph.KINDS ("pick" for slices), or of CELLS, whose value is its new state."""

    kind: str
    sources: tuple[int, ...]
    outputs: int
    arrays: dict[str, Array] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    place: Array = field(default_factory=lambda: np.zeros(0, np.int64))  # where its numbers stand in the state
    holds: bool = False  # of a cell: whether a gap of zero leaves the state as it is, which its equation does not say


@dataclass(frozen=True, eq=False)
class Plan:
    """Value 0 is the sample, value k what step k makes; the last one is the answer."""

    dtype: np.dtype[Any]
    inputs: int
    static: int
    period: float
    knows_missing: bool
    steps: list[Step]
    first: Array  # the state before the first sample

    @property
    def outputs(self) -> int:
        return self.steps[-1].outputs

    def width(self, step: Step) -> int:
        """How many numbers a step reads."""
        return sum(self.steps[source].outputs for source in step.sources)


@torch.no_grad()
def plan(model: Any) -> Plan:
    """The plan of a network; ExportError says by name what can't be written down.

    >>> plan = tauflow.deploy.plan(tauflow.Network(2, 1, units=4))  # a Plan
    >>> [(step.kind, step.outputs) for step in plan.steps]
    [('input', 2), ('standardize', 2), ('cfc', 4), ('dense', 1), ('affine', 1)]
    """
    if isinstance(model, Cell):
        model = Recurrent(model)
    if not isinstance(model, (Network, Recurrent, Stack, Committee, Weighed)):
        raise ExportError(_refusal(model))
    model = copy_of(model).eval()
    for name, parameter in model.named_parameters():
        if not validate.is_true(torch.isfinite(parameter).all()):
            raise ExportError(f"{name} holds NaN or infinity, expected finite weights: load or train them again")
    graph = _graph(model)
    for op in graph.ops:
        sigma, reason = op.options.get("sigma", "tanh"), None
        if op.kind == "cell":
            reason = packing.why_not(op.options["cell"])
        elif sigma not in program.SIGMAS:
            reason = f"it has no activation {sigma!r}"
        if reason is not None:
            raise ExportError(f"this network can't be exported: {reason}")
    return _Planner(graph, validate.parameter_dtype(model)).whole()


def check_name(name: str) -> str:
    """A name that files, Python and C all take."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name):
        raise ExportError(f"name is {name!r}, expected lower case letters, digits and _, beginning with a letter")
    return name


def named(text: str) -> str:
    """A name made of any text, such as that of a file.

    >>> tauflow.deploy.named("Pump 7, hall-2")
    'pump_7_hall_2'
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:31]
    return name if re.match("[a-z]", name) else f"net_{name}"[:31].rstrip("_")


def _refusal(model: Any) -> str:
    kind = type(model).__name__
    if isinstance(model, Bidirectional):
        return "a Bidirectional reads the future, so it does not run sample by sample: export a Recurrent instead"
    if isinstance(model, nn.Module):
        return f"a {kind} of your own can't be exported: put it together as a tauflow.Network, Recurrent or Stack"
    return f"a {kind} can't be exported, expected a Network, Committee, Recurrent, Stack or cell"


def _graph(model: Network | Committee | Recurrent | Stack | Weighed) -> Graph:
    if isinstance(model, Committee):
        return _together(model)
    if isinstance(model, Weighed):
        return _weighed(model)
    if isinstance(model, Network):
        inner = [model, *(module for module in model.modules() if isinstance(module, Recurrent))]
    else:
        inner = [model, *(model._causal_layers() if isinstance(model, Stack) else [])]
    for module in inner:
        if (reason := door.wrapped(module)) is not None:
            raise ExportError(f"this network can't be exported: {reason}")
    if isinstance(model, Network):
        return model.lower()
    layers = [model] if isinstance(model, Recurrent) else model._causal_layers()
    holds = [not layer.cell.flow and layer.zero_dt == "hold" for layer in layers]
    return program.of_cells(layers[0].cell.inputs, [layer.cell for layer in layers], holds)


def _together(committee: Committee) -> Graph:
    """The members' steps one after the other, and the average of their answers."""
    graphs = [_graph(member) for member in committee.networks()]
    periods = {graph.period for graph in graphs}
    if len(periods) > 1:
        raise ExportError(f"the members of this committee have periods of {periods}, expected one for all of them")
    whole, answers = Graph(committee.inputs, committee.static, graphs[0].period), list[int]()
    for graph in graphs:
        number = {0: 0} if graph.static is None else {0: 0, graph.static: graph.static}
        for k, op in enumerate(graph.ops):
            if k not in number:
                sources = [number[source] for source in op.sources]
                number[k] = whole.add(op.kind, sources, op.outputs, op.weights, op.memory, **op.options)
        answers.append(number[len(graph.ops) - 1])
    columns = getattr(committee.head, "columns", committee.outputs)
    whole.add("average", answers, committee.outputs, how=getattr(committee.head, "averaging", "mean"), columns=columns)
    return whole


def _weighed(model: Weighed) -> Graph:
    """The network's steps and the map behind them."""
    graph = _graph(model.inner)
    last = graph.add("affine", len(graph.ops) - 1, model.outputs, (model.scale, model.shift))
    if model.classes:
        graph.add("log_softmax", last, model.outputs)
    return graph


class _Planner:
    """Walks a graph once; `number` says which value of the plan a value of the graph is."""

    def __init__(self, graph: Graph, dtype: torch.dtype) -> None:
        self.graph, self.dtype = graph, dtype
        self.steps: list[Step] = []
        self.first: list[Array] = []
        self.number: list[int] = []

    def whole(self) -> Plan:
        at = 0
        for op in self.graph.ops:
            place = np.arange(at, at + op.memory)
            sources = tuple(self.number[source] for source in op.sources)
            if op.kind == "cell":
                value = self._cell(op, sources, place)
                self.first.append(self._numbers(op.options["cell"].initial_state(1)[0]))
            else:
                value = self._plain(op, sources, place)
                self.first.append(np.array(program.first_memory(op)))
            self.number.append(value)
            at += op.memory
        dtype = np.dtype(str(self.dtype).removeprefix("torch."))
        missing = any(op.kind == "carry" for op in self.graph.ops)
        static = 0 if self.graph.static is None else self.graph.ops[self.graph.static].outputs
        first = np.concatenate(self.first).astype(dtype)
        return Plan(dtype, self.graph.ops[0].outputs, static, self.graph.period, missing, self.steps, first)

    def _add(self, kind: str, sources: Sequence[int], outputs: int, **rest: Any) -> int:
        self.steps.append(Step(kind, tuple(sources), outputs, **rest))
        return len(self.steps) - 1

    def _numbers(self, tensor: Tensor) -> Array:
        return np.array(tensor.detach().to(self.dtype).numpy(force=True))

    def _plain(self, op: Op, sources: tuple[int, ...], place: Array) -> int:
        names = {"standardize": ("mean", "inverse"), "affine": ("w", "b"), "waves": ("periods",), "dense": ("W", "b"),
                 "convolve": ("W", "b"), "lookup": ("table",), "pool": ("score",), "squash": ("low", "high")}  # fmt: skip
        arrays = {name: self._numbers(w) for name, w in zip(names.get(op.kind, ()), op.weights, strict=False)}
        options = dict(op.options)
        if op.kind == "slice":
            which = range(options["first"], options["first"] + op.outputs)
            return self._add("pick", sources, op.outputs, arrays={"which": np.array(which)})
        if op.kind == "positive":
            arrays["least"] = np.array(options.pop("least"), self._numbers(torch.zeros(1)).dtype)
        if op.kind == "waves":
            arrays["columns"] = np.array(options.pop("columns"), np.int64)
        return self._add(op.kind, sources, op.outputs, arrays=arrays, options=options, place=place)

    def _cell(self, op: Op, sources: tuple[int, ...], place: Array) -> int:
        cell, holds = op.options["cell"], op.options["holds"]
        if isinstance(cell, StaticCell):
            return self._gates(cell, sources, place, holds)
        calls = cpu.read(cell)
        if isinstance(calls, str):
            raise ExportError(f"this network can't be exported: {calls}")
        if isinstance(cell, LayeredCfC):
            return self._layers(cell, calls, sources, place, holds)
        if isinstance(cell, LTC):
            sense = packing.affine(cell.input_w, cell.input_b, cell.inputs)
            sources = (self._affine(sources, *sense),)
        kind, arrays, options = self._equation(calls[0])
        value = self._add(kind, sources, cell.state_size, arrays=arrays, options=options, place=place, holds=holds)
        if not isinstance(cell, LTC):
            return value
        value = self._pick((value,), range(cell.outputs))
        return self._affine((value,), *packing.affine(cell.output_w, cell.output_b, cell.outputs))

    def _affine(self, sources: tuple[int, ...], w: list[float], b: list[float]) -> int:
        arrays = {"w": self._numbers(torch.tensor(w)), "b": self._numbers(torch.tensor(b))}
        return self._add("affine", sources, len(w), arrays=arrays)

    def _pick(self, sources: Sequence[int], which: Sequence[int]) -> int:
        return self._add("pick", sources, len(which), arrays={"which": np.array(which)})

    def _layers(self, cell: Any, calls: list[cpu.Call], sources: tuple[int, ...], place: Array, holds: bool) -> int:
        """A CfC a layer, each hearing the new state of the one below."""
        wired, made = isinstance(cell, WiredCfC), list[int]()
        at = 0
        for call, layer in zip(calls, cell.plan.layers, strict=True):
            own = place[list(layer)] if wired else place[at : at + len(layer)]
            kind, arrays, options = self._equation(call)
            step = self._add(kind, sources, len(layer), arrays=arrays, options=options, place=own, holds=holds)
            made.append(step)
            sources, at = (step,), at + len(layer)
        return self._pick(made, cell.order[: cell.outputs]) if wired else made[-1]

    def _gates(self, cell: StaticCell, sources: tuple[int, ...], place: Array, holds: bool) -> int:
        arrays: dict[str, Tensor] = dict(zip("UWbc", cell.weights(), strict=True))
        if isinstance(cell, DecayGRU):
            arrays["rate"] = 1 / cell.tau
        kind, found = GATES[packing.kind_of_gates(cell)], {name: self._numbers(one) for name, one in arrays.items()}
        value = self._add(kind, sources, cell.state_size, arrays=found, place=place, holds=holds)
        return self._pick((value,), range(cell.units)) if isinstance(cell, LSTM) else value

    def _equation(self, call: cpu.Call) -> tuple[str, dict[str, Array], dict[str, Any]]:
        """What the kernel reads, by the letters of the equation."""
        given = [np.array(weight.detach().numpy(force=True)) for weight in call.weights]
        if call.operator.name == "layer":
            sigma, solver, substeps = call.options
            arrays = dict(zip(("W", "U", "b", "rate", "A"), given, strict=True))
            options = {"sigma": cpu.ACTIVATIONS[sigma], "solver": cpu.SOLVERS[solver], "substeps": substeps}
            if given[4].size:
                return "gated_ltc", arrays, options
            del arrays["A"]
            return "ctrnn", arrays, options
        if call.operator.name == "gruode":
            solver, substeps = call.options
            return "gruode", dict(zip("WUb", given, strict=True)), {"solver": cpu.SOLVERS[solver], "substeps": substeps}
        if call.operator.name == "ltc":
            solver, substeps = call.options
            names = ("leak_current", "leak_conductance", "elastance")
            arrays = {**_synapses("sensory_", given[:5]), **_synapses("", given[5:10])}
            arrays |= dict(zip(names, given[10:], strict=True))
            return "ltc", arrays, {"solver": cpu.LTC_SOLVERS[solver], "substeps": substeps}
        layers, _, sigma, mode = call.options
        arrays = {f"{letter}{k}": given[2 * k + (letter == "b")] for k in range(layers) for letter in "Wb"}
        heads = cpu.CFC_HEADS[: 1 if cpu.CFC_MODES[mode] == "pure" else 4]
        for k, head in enumerate(heads):
            arrays[head], arrays[f"{head}_b"] = given[6 + 2 * k], given[7 + 2 * k]
        if cpu.CFC_MODES[mode] == "pure":
            arrays["w_tau"], arrays["A"] = np.abs(given[14][0]), given[15][0]
        return "cfc", arrays, {"mode": cpu.CFC_MODES[mode], "sigma": cpu.ACTIVATIONS[sigma], "layers": layers}


def _synapses(prefix: str, given: Sequence[Array]) -> dict[str, Array]:
    """Those that exist, by the neuron that they lead to: source, target, w, sigma, mu and pull = w erev of each."""
    w, sigma, mu, erev, exists = given
    targets, sources = np.nonzero(exists.T)
    one = {"w": w, "sigma": sigma, "mu": mu, "pull": w * erev}
    found = {prefix + name: matrix[sources, targets] for name, matrix in one.items()}
    return {prefix + "source": sources, prefix + "target": targets, **found}
