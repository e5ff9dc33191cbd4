"""Wirings: who listens to whom in a network, and whether a synapse excites (+1) or inhibits (-1).

    synapses[i, j]  (units, units)   polarity of the synapse from neuron i to neuron j, 0 where there is none
    sensory[i, j]   (inputs, units)  polarity of the synapse from input i to neuron j

Neurons 0 .. outputs-1 are the motor neurons, whose states are the output. `layers` says in which order a
layered cell computes. Sources: Lechner et al. 2020, Neural Circuit Policies; `dense`, `random`, `ncp` and
`auto_ncp` draw the numbers of FullyConnected, Random, NCP and AutoNCP of ncps 1.0.1 for the same seed, so
they are equal. What can't be wired so is a WiringError, which says what to change.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .errors import WiringError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Polarity = NDArray[np.int8]
TYPES = ("sensory", "inter", "command", "motor")  # in the order in which a signal passes
MOSTLY_EXCITATORY = (-1, 1, 1)
HALF_EXCITATORY = (-1, 1)


@dataclass(frozen=True, eq=False, repr=False)
class Wiring:
    """The synapses of a network: a value that can't change. Without `layers` and `types` it is one layer.

    >>> wiring = tauflow.wirings.Wiring(synapses=[[0, 1], [-1, 0]], sensory=[[1, 0]], outputs=1)
    >>> wiring
    Wiring(inputs=1, units=2, outputs=1, synapses=2, sensory_synapses=1)
    >>> wiring.reachable()[0].tolist()  # can the input arrive at neuron 0, at neuron 1?
    [True, True]
    """

    synapses: Polarity
    sensory: Polarity
    outputs: int
    layers: tuple[tuple[int, ...], ...] = ()
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        synapses, sensory = _polarity(self.synapses, "synapses"), _polarity(self.sensory, "sensory")
        units = synapses.shape[1]
        if synapses.shape != (units, units) or sensory.shape[1] != units:
            raise WiringError(
                f"synapses has shape {synapses.shape} and sensory {sensory.shape}, "
                "expected (units, units) and (inputs, units)"
            )
        _check_counts(inputs=sensory.shape[0], units=units, outputs=self.outputs)
        if self.outputs > units:
            raise WiringError(
                f"{self.outputs} outputs were asked of {units} units: an output is a neuron, use more units"
            )
        layers = tuple(tuple(map(int, layer)) for layer in self.layers) or (tuple(range(units)),)
        if sorted(neuron for layer in layers for neuron in layer) != list(range(units)):
            raise WiringError(f"layers is {layers}, expected each neuron 0..{units - 1} in exactly one layer")
        types = tuple(self.types) or ("motor",) * self.outputs + ("inter",) * (units - self.outputs)
        if len(types) != units or not set(types) <= set(TYPES[1:]):
            raise WiringError(f"types is {types}, expected {', '.join(TYPES[1:])} for each of {units} neurons")
        outputs = int(self.outputs)
        checked = {"synapses": synapses, "sensory": sensory, "outputs": outputs, "layers": layers, "types": types}
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def inputs(self) -> int:
        return int(self.sensory.shape[0])

    @property
    def units(self) -> int:
        return int(self.synapses.shape[0])

    @property
    def synapse_count(self) -> int:
        """How many synapses lie between neurons."""
        return int(np.count_nonzero(self.synapses))

    @property
    def sensory_synapse_count(self) -> int:
        """How many synapses come from the inputs."""
        return int(np.count_nonzero(self.sensory))

    def type_of(self, neuron: int) -> str:
        """ "inter", "command" or "motor"."""
        if not 0 <= neuron < self.units:
            raise WiringError(f"there is no neuron {neuron}, the wiring has 0..{self.units - 1}")
        return self.types[neuron]

    def check_inputs(self, inputs: int) -> None:
        """Refuse a cell of another number of inputs."""
        if inputs != self.inputs:
            raise WiringError(f"the wiring is for {self.inputs} inputs, but the cell has {inputs}: make another wiring")

    def reachable(self) -> NDArray[np.bool_]:
        """(inputs + units, units): can a signal from this source (inputs first) arrive at this neuron?

        A neuron reaches itself, since it keeps its own state.
        """
        paths = (self.synapses != 0) | np.eye(self.units, dtype=bool)
        for _ in range(self.units.bit_length()):  # each squaring doubles the length of the paths
            paths = paths.astype(np.float32) @ paths.astype(np.float32) > 0
        sensory = (self.sensory != 0).astype(np.float32) @ paths.astype(np.float32) > 0
        return np.concatenate([sensory, paths])

    def _key(self) -> tuple[Any, ...]:
        matrices = self.synapses.shape, self.synapses.tobytes(), self.sensory.tobytes()
        return *matrices, self.outputs, self.layers, self.types

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Wiring) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[type[Wiring], tuple[Any, ...]]:
        # NumPy forgets that an array is read-only when it is pickled or copied; the constructor remembers.
        return Wiring, (self.synapses, self.sensory, self.outputs, self.layers, self.types)

    def __repr__(self) -> str:
        return (
            f"Wiring(inputs={self.inputs}, units={self.units}, outputs={self.outputs}, "
            f"synapses={self.synapse_count}, sensory_synapses={self.sensory_synapse_count})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists: what a model file holds."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "outputs": self.outputs,
            "synapses": self.synapses.tolist(),
            "sensory": self.sensory.tolist(),
            "layers": [list(layer) for layer in self.layers],
            "types": list(self.types),
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Wiring:
        """The wiring that `to_dict` wrote."""
        names = {"inputs", "units", "outputs", "synapses", "sensory", "layers", "types"}
        if not isinstance(values, dict) or set(values) != names:
            came = ", ".join(sorted(map(str, values))) if isinstance(values, dict) else type(values).__name__
            raise WiringError(f"a wiring needs exactly {', '.join(sorted(names))}, but {came} came")
        try:
            layers, types = tuple(map(tuple, values["layers"])), tuple(values["types"])
            wiring = Wiring(values["synapses"], values["sensory"], values["outputs"], layers, types)
        except (TypeError, ValueError) as error:
            raise WiringError(f"this is not a wiring: {error}") from error
        if (wiring.inputs, wiring.units) != (values["inputs"], values["units"]):
            raise WiringError(
                f"inputs and units are {values['inputs']} and {values['units']}, "
                f"but the synapses say {wiring.inputs} and {wiring.units}"
            )
        return wiring

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @staticmethod
    def from_json(text: str) -> Wiring:
        try:
            values = json.loads(text)
        except ValueError as error:
            raise WiringError(f"this is not the JSON of a wiring: {error}") from error
        return Wiring.from_dict(values)

    def plot(self) -> Figure:
        """As `draw`: what every result that has a picture calls it."""
        return self.draw()

    def _repr_html_(self) -> str:
        from .drawing.canvas import svg

        return f"<p>{html.escape(repr(self))}</p>{svg(self.draw())}"

    def draw(self, path: str | PathLike[str] | None = None) -> Figure:
        """A figure, one column for the inputs and each kind of neuron; also written to `path` if given."""
        from .drawing.wiring import draw_wiring  # matplotlib loads on first use

        figure = draw_wiring(self.synapses, self.sensory, self.types)
        if path is not None:
            figure.savefig(path)
        return figure


def dense(
    inputs: int, units: int, outputs: int | None = None, self_connections: bool = True, seed: int = 1111
) -> Wiring:
    """Everyone listens to everyone; two of three synapses excite.

    >>> tauflow.wirings.dense(inputs=2, units=8, outputs=1)
    Wiring(inputs=2, units=8, outputs=1, synapses=64, sensory_synapses=16)
    """
    _check_counts(inputs=inputs, units=units)
    rng = np.random.default_rng(seed)
    synapses = np.zeros((units, units), np.int8)
    there = np.ones((units, units), bool) if self_connections else ~np.eye(units, dtype=bool)
    synapses[there] = rng.choice(MOSTLY_EXCITATORY, size=int(there.sum()))
    sensory = rng.choice(MOSTLY_EXCITATORY, size=(inputs, units))
    return Wiring(synapses, sensory, units if outputs is None else outputs)


def random(inputs: int, units: int, outputs: int | None = None, sparsity: float = 0.5, seed: int = 1111) -> Wiring:
    """A share 1 - sparsity of all synapses, drawn at random.

    >>> tauflow.wirings.random(inputs=2, units=8, outputs=1, sparsity=0.75)  # a quarter of the synapses is left
    Wiring(inputs=2, units=8, outputs=1, synapses=16, sensory_synapses=4)
    """
    _check_counts(inputs=inputs, units=units)
    if not 0 <= sparsity < 1:
        raise WiringError(f"sparsity is {sparsity!r}, expected a share in [0, 1): 0.9 leaves a tenth of the synapses")
    rng = np.random.default_rng(seed)
    synapses, sensory = np.zeros(units * units, np.int8), np.zeros(inputs * units, np.int8)
    used = rng.choice(synapses.size, size=round(synapses.size * (1 - sparsity)), replace=False)
    synapses[used] = rng.choice(MOSTLY_EXCITATORY, size=used.size)
    used = rng.choice(sensory.size, size=round(sensory.size * (1 - sparsity)), replace=False)
    # ncps draws the polarity of a sensory synapse twice and keeps the second draw.
    sensory[used] = rng.choice(MOSTLY_EXCITATORY, size=2 * used.size)[1::2]
    return Wiring(synapses.reshape(units, units), sensory.reshape(inputs, units), units if outputs is None else outputs)


def ncp(
    inputs: int,
    inter: int,
    command: int,
    motor: int,
    sensory_fanout: int,
    inter_fanout: int,
    recurrent_command: int,
    motor_fanin: int,
    seed: int = 22222,
) -> Wiring:
    """Neural circuit policy: sensory -> inter -> command (recurrent) -> motor, half of the synapses excite.

    Each input feeds `sensory_fanout` inter neurons, each of those `inter_fanout` command neurons, and each
    motor neuron listens to `motor_fanin` command neurons. `recurrent_command` synapses are drawn with
    replacement, so some may coincide. A neuron that would be left out is connected in a second pass.

    >>> wiring = tauflow.wirings.ncp(
    ...     inputs=2, inter=6, command=4, motor=1, sensory_fanout=3, inter_fanout=2, recurrent_command=2, motor_fanin=3
    ... )
    >>> [len(layer) for layer in wiring.layers], wiring.type_of(0)
    ([6, 4, 1], 'motor')
    """
    _check_counts(inputs=inputs, inter=inter, command=command, motor=motor)
    for name, fan, kind, most in (
        ("sensory_fanout", sensory_fanout, "inter", inter),
        ("inter_fanout", inter_fanout, "command", command),
        ("motor_fanin", motor_fanin, "command", command),
        ("recurrent_command", recurrent_command, "command", None),
    ):
        if isinstance(fan, bool) or not isinstance(fan, (int, np.integer)) or fan < 0:
            raise WiringError(f"{name} is {fan!r}, expected a whole number >= 0")
        if most is not None and fan > most:
            raise WiringError(f"{name} is {fan}, but there are only {most} {kind} neurons: lower it to {most}")
    units = motor + command + inter
    motors, commands, inters = range(motor), range(motor, motor + command), range(motor + command, units)
    rng = np.random.RandomState(seed)
    synapses, sensory = np.zeros((units, units), np.int8), np.zeros((inputs, units), np.int8)
    _fan_out(rng, sensory, range(inputs), inters, sensory_fanout, most=inputs)
    _fan_out(rng, synapses, inters, commands, inter_fanout, most=command)
    for _ in range(recurrent_command):
        source, target = rng.choice(commands), rng.choice(commands)
        synapses[source, target] = rng.choice(HALF_EXCITATORY)
    # Seen from the motor neurons, a fan-in is a fan-out: the transposed view is filled.
    _fan_out(rng, synapses.T, motors, commands, motor_fanin, most=motor)
    types = ("motor",) * motor + ("command",) * command + ("inter",) * inter
    return Wiring(synapses, sensory, motor, (tuple(inters), tuple(commands), tuple(motors)), types)


def auto_ncp(inputs: int, units: int, outputs: int, sparsity: float = 0.5, seed: int = 22222) -> Wiring:
    """A neural circuit policy from its size: four tenths of the rest are command neurons.

    >>> wiring = tauflow.wirings.auto_ncp(inputs=2, units=20, outputs=3)
    >>> wiring
    Wiring(inputs=2, units=20, outputs=3, synapses=50, sensory_synapses=13)
    >>> tauflow.LTC(2, wiring).outputs  # what the motor neurons show
    3
    """
    _check_counts(inputs=inputs, units=units, outputs=outputs)
    if outputs >= units - 2:
        raise WiringError(f"{outputs} outputs were asked of {units} units: use {outputs + 3} units or more")
    if not 0.1 <= sparsity <= 1:
        raise WiringError(f"sparsity is {sparsity!r}, expected a share in [0.1, 1]: wirings.dense leaves none out")
    density = 1.0 - sparsity
    command = max(int(0.4 * (units - outputs)), 1)
    inter = units - outputs - command
    fan = max(int(command * density), 1)
    sensory_fanout, recurrent = max(int(inter * density), 1), max(int(command * density * 2), 1)
    return ncp(inputs, inter, command, outputs, sensory_fanout, fan, recurrent, fan, seed)


def _fan_out(
    rng: np.random.RandomState,
    matrix: Polarity,
    sources: Sequence[int],
    targets: Sequence[int],
    fan: int,
    most: int,
) -> None:
    """Connect each source to `fan` targets, then forgotten targets to the mean number of sources, 1..most."""
    forgotten = set(targets)
    for source in sources:
        for target in rng.choice(targets, size=fan, replace=False):
            forgotten.discard(int(target))
            matrix[source, target] = rng.choice(HALF_EXCITATORY)
    mean = min(max(int(len(sources) * fan / len(targets)), 1), most)
    for target in sorted(forgotten):
        for source in rng.choice(sources, size=mean, replace=False):
            matrix[source, target] = rng.choice(HALF_EXCITATORY)


def _check_counts(**counts: Any) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise WiringError(f"{name} is {value!r}, expected a whole number >= 1")


def _polarity(values: Any, name: str) -> Polarity:
    """`values` as a matrix of -1, 0, +1 that can't be written to."""
    try:
        matrix = np.asarray(values)
    except ValueError as error:
        raise WiringError(f"{name} is not a matrix: its rows have different lengths") from error
    whole = matrix.ndim == 2 and matrix.size > 0 and matrix.dtype.kind in "iu"
    if not (whole and np.isin(matrix, (-1, 0, 1)).all()):
        came = f"shape {matrix.shape} and type {matrix.dtype}"
        raise WiringError(f"{name} has {came}, expected a matrix of -1, 0 and 1")
    return np.frombuffer(matrix.astype(np.int8).tobytes(), np.int8).reshape(matrix.shape)
