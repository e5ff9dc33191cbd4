"""The wirings of ncps: made for a number of units, built for a number of inputs when a cell is. See tauflow.wirings."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ... import wirings
from ...errors import WiringError
from . import graph

Matrix = NDArray[np.int32]


class Wiring:
    """An empty wiring, to be filled with add_synapse and, once built, add_sensory_synapse; or to be derived from.

    >>> from tauflow.compat.ncps import LTC, Wiring
    >>> wiring = Wiring(units=3)
    >>> wiring.add_synapse(src=1, dest=0, polarity=-1)
    >>> wiring.set_output_dim(1)
    >>> wiring.build(input_dim=2)
    >>> wiring.add_sensory_synapse(src=0, dest=1, polarity=1)
    >>> LTC(2, wiring)(torch.randn(4, 20, 2))[0].shape
    torch.Size([4, 20, 1])
    """

    sensory_adjacency_matrix: Matrix | None
    input_dim: int | None
    output_dim: int | None

    def __init__(self, units: int) -> None:
        if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 1:
            raise WiringError(f"units is {units!r}, expected a whole number >= 1")
        self.units = int(units)
        self.adjacency_matrix: Matrix = np.zeros([self.units, self.units], dtype=np.int32)
        self.sensory_adjacency_matrix = self.input_dim = self.output_dim = None

    @property
    def num_layers(self) -> int:
        return 1

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        return list(range(self.units))

    def get_type_of_neuron(self, neuron_id: int) -> str:
        return "motor" if self.output_dim is not None and neuron_id < self.output_dim else "inter"

    def is_built(self) -> bool:
        return self.input_dim is not None

    def build(self, input_dim: int) -> None:
        """Fix the number of inputs; a second cell may share the wiring if it has as many."""
        if self.input_dim is None:
            self.set_input_dim(input_dim)
        elif self.input_dim != input_dim:
            raise WiringError(f"the wiring was built for {self.input_dim} inputs, but the cell has {input_dim}")

    def set_input_dim(self, input_dim: int) -> None:
        self.input_dim = input_dim
        self.sensory_adjacency_matrix = np.zeros([input_dim, self.units], dtype=np.int32)

    def set_output_dim(self, output_dim: int) -> None:
        self.output_dim = output_dim

    def add_synapse(self, src: int, dest: int, polarity: int) -> None:
        self._check(src, self.units, dest, polarity)
        self.adjacency_matrix[src, dest] = polarity

    def add_sensory_synapse(self, src: int, dest: int, polarity: int) -> None:
        if self.input_dim is None or self.sensory_adjacency_matrix is None:
            raise WiringError("a sensory synapse needs a wiring that is built: call wiring.build(inputs) first")
        self._check(src, self.input_dim, dest, polarity)
        self.sensory_adjacency_matrix[src, dest] = polarity

    def _check(self, source: int, sources: int, target: int, polarity: int) -> None:
        if not (0 <= source < sources and 0 <= target < self.units):
            raise WiringError(f"no synapse can lead from {source} of {sources} to neuron {target} of {self.units}")
        if polarity not in (-1, 1):
            raise WiringError(f"polarity is {polarity!r}, expected -1 or 1")

    def erev_initializer(self, shape: Any = None, dtype: Any = None) -> Matrix:
        return self.adjacency_matrix.copy()

    def sensory_erev_initializer(self, shape: Any = None, dtype: Any = None) -> Matrix:
        return np.array(self.sensory_adjacency_matrix)

    @property
    def synapse_count(self) -> int:
        return int(np.count_nonzero(self.adjacency_matrix))

    @property
    def sensory_synapse_count(self) -> int:
        return as_wiring(self).sensory_synapse_count

    def get_graph(self, include_sensory_neurons: bool = True) -> Any:
        """A networkx.DiGraph, its nodes `neuron_0` ... and `sensory_0` ..., with neuron_type and polarity as in ncps."""
        self._check_built()
        return graph.directed(self, include_sensory_neurons)

    def draw_graph(
        self,
        layout: str = "shell",
        neuron_colors: dict[str, str] | None = None,
        synapse_colors: dict[str, str] | str | None = None,
        draw_labels: bool = False,
    ) -> list[Any]:
        """Draw into the current axes; returned are the patches for plt.legend(handles=...)."""
        self._check_built()
        return graph.draw(self, layout, neuron_colors or {}, synapse_colors, draw_labels)

    def _check_built(self) -> None:
        if not self.is_built():
            raise WiringError(
                "the wiring does not know its number of inputs: call wiring.build(inputs), or make a cell"
            )

    def get_config(self) -> dict[str, Any]:
        sensory = self.sensory_adjacency_matrix
        return {
            "units": self.units,
            "adjacency_matrix": self.adjacency_matrix.tolist(),
            "sensory_adjacency_matrix": None if sensory is None else sensory.tolist(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Wiring:
        wiring = Wiring(config["units"])
        wiring.adjacency_matrix = np.array(config["adjacency_matrix"], dtype=np.int32)
        if config["sensory_adjacency_matrix"] is not None:
            wiring.sensory_adjacency_matrix = np.array(config["sensory_adjacency_matrix"], dtype=np.int32)
        wiring.input_dim, wiring.output_dim = config["input_dim"], config["output_dim"]
        return wiring


class Generated(Wiring):
    """A wiring that a function of tauflow.wirings makes; `config` are the arguments of the constructor."""

    def __init__(self, units: int, output_dim: int, config: dict[str, Any]) -> None:
        super().__init__(units)
        self.set_output_dim(output_dim)
        self._config = config
        self.generate(1)  # refuses impossible sizes now, not when a cell is built

    def generate(self, inputs: int) -> wirings.Wiring:
        """The wiring for this number of inputs."""
        raise NotImplementedError

    def build(self, input_dim: int) -> None:
        already = self.is_built()
        super().build(input_dim)
        if not already:
            wiring = self.generate(input_dim)
            self.adjacency_matrix = wiring.synapses.astype(np.int32)
            self.sensory_adjacency_matrix = wiring.sensory.astype(np.int32)

    def get_config(self) -> dict[str, Any]:
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in self._config.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)


class FullyConnected(Generated):
    """Everyone listens to everyone, as `tauflow.wirings.dense`.

    >>> from tauflow.compat.ncps import FullyConnected
    >>> wiring = FullyConnected(units=8, output_dim=2)
    >>> wiring.build(input_dim=3)
    >>> wiring.synapse_count, wiring.sensory_synapse_count
    (64, 24)
    """

    def __init__(
        self, units: int, output_dim: int | None = None, erev_init_seed: int = 1111, self_connections: bool = True
    ) -> None:
        outputs = units if output_dim is None else output_dim
        self.self_connections, self._seed = self_connections, erev_init_seed
        config = {"output_dim": outputs, "erev_init_seed": erev_init_seed, "self_connections": self_connections}
        super().__init__(units, outputs, {"units": units, **config})
        self.adjacency_matrix = self.generate(1).synapses.astype(np.int32)

    def generate(self, inputs: int) -> wirings.Wiring:
        return wirings.dense(inputs, self.units, self.output_dim, self.self_connections, self._seed)


class Random(Generated):
    """The share `sparsity_level` of all synapses is left out at random, as `tauflow.wirings.random`.

    >>> from tauflow.compat.ncps import Random
    >>> wiring = Random(units=8, output_dim=2, sparsity_level=0.75)
    >>> wiring.synapse_count  # a quarter of 64
    16
    """

    def __init__(
        self, units: int, output_dim: int | None = None, sparsity_level: float = 0.0, random_seed: int = 1111
    ) -> None:
        outputs = units if output_dim is None else output_dim
        self.sparsity_level, self._seed = sparsity_level, random_seed
        config = {"output_dim": outputs, "sparsity_level": sparsity_level, "random_seed": random_seed}
        super().__init__(units, outputs, {"units": units, **config})
        self.adjacency_matrix = self.generate(1).synapses.astype(np.int32)

    def generate(self, inputs: int) -> wirings.Wiring:
        return wirings.random(inputs, self.units, self.output_dim, self.sparsity_level, self._seed)


class Layered(Generated):
    """Inter, command and motor neurons, numbered from the motor neurons on."""

    _layers: tuple[tuple[int, ...], ...]
    _types: tuple[str, ...]

    def __init__(self, units: int, output_dim: int, config: dict[str, Any]) -> None:
        super().__init__(units, output_dim, config)
        wiring = self.generate(1)
        self._layers, self._types = wiring.layers, wiring.types

    @property
    def num_layers(self) -> int:
        return 3

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        if layer_id not in (0, 1, 2):
            raise WiringError(f"there is no layer {layer_id!r}, expected 0 (inter), 1 (command) or 2 (motor)")
        return list(self._layers[layer_id])

    def get_type_of_neuron(self, neuron_id: int) -> str:
        return self._types[neuron_id]


class NCP(Layered):
    """Sensory -> inter -> command (recurrent) -> motor, as `tauflow.wirings.ncp`.

    >>> from tauflow.compat.ncps import NCP
    >>> wiring = NCP(6, 4, 1, sensory_fanout=3, inter_fanout=2, recurrent_command_synapses=2, motor_fanin=3)
    >>> [len(wiring.get_neurons_of_layer(layer)) for layer in range(wiring.num_layers)], wiring.get_type_of_neuron(0)
    ([6, 4, 1], 'motor')
    """

    def __init__(
        self,
        inter_neurons: int,
        command_neurons: int,
        motor_neurons: int,
        sensory_fanout: int,
        inter_fanout: int,
        recurrent_command_synapses: int,
        motor_fanin: int,
        seed: int = 22222,
    ) -> None:
        config = {
            "inter_neurons": inter_neurons,
            "command_neurons": command_neurons,
            "motor_neurons": motor_neurons,
            "sensory_fanout": sensory_fanout,
            "inter_fanout": inter_fanout,
            "recurrent_command_synapses": recurrent_command_synapses,
            "motor_fanin": motor_fanin,
            "seed": seed,
        }
        super().__init__(inter_neurons + command_neurons + motor_neurons, motor_neurons, config)

    def generate(self, inputs: int) -> wirings.Wiring:
        return wirings.ncp(inputs, *self._config.values())

    @property
    def _inter_neurons(self) -> list[int]:
        return list(self._layers[0])

    @property
    def _command_neurons(self) -> list[int]:
        return list(self._layers[1])

    @property
    def _motor_neurons(self) -> list[int]:
        return list(self._layers[2])

    @property
    def _sensory_neurons(self) -> list[int]:
        self._check_built()
        return list(range(self.input_dim or 0))

    @property
    def _num_inter_neurons(self) -> int:
        return len(self._layers[0])

    @property
    def _num_command_neurons(self) -> int:
        return len(self._layers[1])

    @property
    def _num_motor_neurons(self) -> int:
        return len(self._layers[2])

    @property
    def _num_sensory_neurons(self) -> int:
        return len(self._sensory_neurons)


class AutoNCP(NCP):
    """An NCP from its size, with `sparsity_level` of the synapses left out.

    >>> from tauflow.compat.ncps import LTC, AutoNCP
    >>> wiring = AutoNCP(units=20, output_size=3)
    >>> [len(wiring.get_neurons_of_layer(layer)) for layer in range(wiring.num_layers)]  # inter, command, motor
    [11, 6, 3]
    >>> LTC(2, wiring).motor_size
    3
    """

    def __init__(self, units: int, output_size: int, sparsity_level: float = 0.5, seed: int = 22222) -> None:
        config = {"units": units, "output_size": output_size, "sparsity_level": sparsity_level, "seed": seed}
        Layered.__init__(self, units, output_size, config)  # from the same numbers as NCP, which auto_ncp works out

    def generate(self, inputs: int) -> wirings.Wiring:
        return wirings.auto_ncp(inputs, *self._config.values())


def as_wiring(wiring: Any) -> wirings.Wiring:
    """tauflow's wiring from a built one of this module, of ncps itself, or derived from either."""
    if isinstance(wiring, wirings.Wiring):
        return wiring
    if not wiring.is_built():
        raise WiringError(
            "the wiring does not know its number of inputs: pass input_size, or call wiring.build(inputs)"
        )
    if wiring.output_dim is None:
        raise WiringError("the wiring does not know its number of outputs: call wiring.set_output_dim(outputs)")
    return wirings.Wiring(
        wiring.adjacency_matrix,
        wiring.sensory_adjacency_matrix,
        int(wiring.output_dim),
        tuple(tuple(wiring.get_neurons_of_layer(layer)) for layer in range(wiring.num_layers)),
        tuple(wiring.get_type_of_neuron(neuron) for neuron in range(wiring.units)),
    )
