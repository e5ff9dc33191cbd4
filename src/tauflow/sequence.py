"""Cells over time: `Recurrent` runs one over a batch of sequences, `Stack` puts several on top of each other,
`Bidirectional` reads both ways.

    x (batch, time, inputs)    dt (batch, time) time since the previous real sample of that row
    y (batch, time, outputs)   mask (batch, time) True = real    state (batch, state)

A masked step and a gap of zero leave the state bit-identical. What stands under the mask, NaN included, changes
nothing. A row's numbers do not depend on the other rows of its batch. `x` may be a PackedSequence, `dt` too, and then y is
one; arrays and lists are taken where no digit is lost, and a state in parts, (h, c), is put side by side.
"""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from types import NoneType
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from . import ops, validate
from .cells import Cell
from .errors import ShapeError, StateOverflowError, TauflowError
from .ops import stream as streams
from .ops.record import Record, layers_of_run, stamps
from .validate import packed

Model = TypeVar("Model", bound=nn.Module)


class Recurrent(nn.Module):
    """`Recurrent(cell)(x, dt, mask, state) -> (y, state)`; `step` gives the same numbers one sample at a time.

    backend: "auto" for the fastest that can, or one of `ops.BACKENDS`, which then runs or raises.
    zero_dt: what a cell that jumps even at dt = 0 (CfC, the static cells) does there: "hold" the state, or "update" it.

    >>> network = tauflow.Recurrent(tauflow.CTRNN(inputs=3, units=8))
    >>> y, state = network(torch.randn(2, 20, 3), torch.rand(2, 20))  # two sequences of 20 samples, uneven in time
    >>> y.shape, state.shape
    (torch.Size([2, 20, 8]), torch.Size([2, 8]))
    >>> y, state = network.step(torch.randn(2, 3), 0.5, state)  # the next sample, half a unit of time later
    >>> y.shape
    torch.Size([2, 8])
    """

    def __init__(self, cell: Cell, backend: str = "auto", zero_dt: Literal["hold", "update"] = "hold") -> None:
        super().__init__()
        if not isinstance(cell, Cell):
            raise TauflowError(f"Recurrent needs a cell, got {type(cell).__name__}: try Recurrent(tauflow.CfC(8, 32))")
        if zero_dt not in ("hold", "update"):
            raise TauflowError(f"zero_dt is {zero_dt!r}, expected 'hold' or 'update'")
        self.cell, self.backend, self.zero_dt = cell, backend, zero_dt

    @property
    def inputs(self) -> int:
        return self.cell.inputs

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    @property
    def state_size(self) -> int:
        return self.cell.state_size

    def initial_state(self, batch: int) -> Tensor:
        """The state before the first sample, (batch, state)."""
        return self.cell.initial_state(batch)

    def forward(
        self,
        x: Any,
        dt: Any = None,
        mask: Any = None,
        state: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """Outputs (batch, time, outputs) and the last state (batch, state).

        Raises ShapeError, DtypeError, TimeError (negative, NaN or infinite dt), NonFiniteError (NaN in an unmasked x)
        and StateOverflowError (an unbounded state left its number type); each names the sample and the step.
        """
        if isinstance(x, PackedSequence):
            return packed.run(self.forward, x, dt, mask, state)
        x, mask = validate.as_input(x, self.cell.inputs, validate.parameter_dtype(self.cell), mask)
        dt = validate.as_gaps(dt, x, mask, self.state_size if state is None and self._stays_at_zero() else None)
        h = validate.as_state(state, self.initial_state(x.shape[0]))
        with wide(x):
            y, last = ops.run(self.cell, x, dt, self._keep(dt, mask), h, self.backend)
        refuse_overflow(y, last, self.cell)
        return y, last.clone() if last is h else last

    def step(self, x: Any, dt: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        """One sample: x (batch, inputs), dt (batch,) or a number -> y (batch, outputs) and the state (batch, state)."""
        return _one_step(self, x, dt, state)

    def trace(self, x: Any, dt: Any = None, mask: Any = None, state: Any = None) -> Record:
        """The record of a run: states, rates, time constants, gates and synapses at every sample; see `ops.record`."""
        return _traced(self, [self], x, dt, mask, state)

    def stream(self, backend: str | None = None) -> streams.Stream:
        """The network as it is now, run sample by sample: `y = stream(x, dt)`; see `ops.stream.Stream`.

        backend: that of the network unless given; "cpu" runs on the kernels or raises BackendError.
        """
        still = copy_of(self).eval()
        return streams.start(still, [still], backend)

    def _stays_at_zero(self) -> bool:
        """Whether a gap of zero leaves the state."""
        return self.cell.flow or self.zero_dt == "hold"

    def _keep(self, dt: Tensor, mask: Tensor | None) -> Tensor | None:
        """Which steps move the state, (batch, time); None for all."""
        if mask is not None and validate.is_true(mask.all()):
            mask = None
        if self.cell.flow or self.zero_dt == "update":
            return mask
        moves = dt.detach() > 0
        if mask is None and validate.is_true(moves.all()):
            return None
        return moves if mask is None else mask & moves


class Stack(nn.Module):
    """Layers on top of each other: layer 2 reads the outputs of layer 1 at the same sample.

        dh1/dt = -h1/tau1 + sigma(W1 h1 + U1 x + b1),   dh2/dt = -h2/tau2 + sigma(W2 h2 + U2 h1 + b2)

    `Stack(CTRNN(3, 16), CTRNN(16, 8))`. The state is the layers' states side by side; the output is the last layer's.

    >>> stack = tauflow.Stack(tauflow.CTRNN(3, 16), tauflow.CTRNN(16, 8))
    >>> y, state = stack(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> y.shape, state.shape
    (torch.Size([2, 20, 8]), torch.Size([2, 24]))
    """

    def __init__(self, *layers: Cell | Recurrent | Bidirectional) -> None:
        super().__init__()
        if not layers:
            raise TauflowError("Stack needs at least one layer: try Stack(tauflow.CTRNN(3, 16), tauflow.CTRNN(16, 8))")
        self.layers = nn.ModuleList(
            layer if isinstance(layer, (Recurrent, Bidirectional)) else Recurrent(layer) for layer in layers
        )
        for number, (below, above) in enumerate(pairwise(self._layers()), start=2):
            if above.inputs != below.outputs:
                raise ShapeError(
                    f"layer {number} takes {above.inputs} inputs, but layer {number - 1} gives {below.outputs}"
                )
        self.inputs, self.outputs = self._layers()[0].inputs, self._layers()[-1].outputs
        self.state_size = sum(layer.state_size for layer in self._layers())

    def _layers(self) -> list[Recurrent | Bidirectional]:
        return [layer for layer in self.layers if isinstance(layer, (Recurrent, Bidirectional))]

    def _causal_layers(self) -> list[Recurrent]:
        for number, layer in enumerate(self.layers, start=1):
            if isinstance(layer, Bidirectional):
                raise TauflowError(
                    f"layer {number} is Bidirectional and reads the future, so this Stack can't go sample by sample"
                )
        return [layer for layer in self.layers if isinstance(layer, Recurrent)]

    def _stays_at_zero(self) -> bool:
        return all(layer._stays_at_zero() for layer in self._layers())

    def initial_state(self, batch: int) -> Tensor:
        """The state before the first sample, (batch, state)."""
        return torch.cat([layer.initial_state(batch) for layer in self._layers()], dim=1)

    def forward(
        self,
        x: Any,
        dt: Any = None,
        mask: Any = None,
        state: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """As Recurrent, whose checks each layer makes."""
        if isinstance(x, PackedSequence):
            return packed.run(self.forward, x, dt, mask, state)
        dtype = validate.parameter_dtype(self)
        x = validate.as_sequence(x, dtype)
        if state is None and mask is None and not isinstance(dt, (int, float, NoneType)) and self._stays_at_zero():
            dt = validate.as_gaps(dt, validate.as_dtype(x, "x", dtype), None, self.state_size)
        h = validate.as_state(state, self.initial_state(x.shape[0]))
        states = []
        for layer, part in zip(
            self._layers(), h.split([layer.state_size for layer in self._layers()], dim=1), strict=True
        ):
            x, part = layer(x, dt, mask, part)
            states.append(part)
        return x, torch.cat(states, dim=1)

    def step(self, x: Any, dt: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        """One sample, as Recurrent.step."""
        self._causal_layers()
        return _one_step(self, x, dt, state)

    def trace(self, x: Any, dt: Any = None, mask: Any = None, state: Any = None) -> Record:
        """As Recurrent, layer by layer."""
        return _traced(self, self._causal_layers(), x, dt, mask, state)

    def stream(self, backend: str | None = None) -> streams.Stream:
        """As Recurrent; the state is the layers' states side by side."""
        self._causal_layers()
        still = copy_of(self).eval()
        return streams.start(still, still._causal_layers(), backend)


class Bidirectional(nn.Module):
    """One cell reads forward in time, another backward: y is both outputs side by side, state both states.

    Backward, the gap before a sample is the time to the real sample that follows it; before the last one, which has
    none, it is the first sample's dt. Not causal, so there is no `step`.

    >>> both = tauflow.Bidirectional(tauflow.CTRNN(3, 8), tauflow.CTRNN(3, 8))
    >>> y, state = both(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> y.shape, state.shape
    (torch.Size([2, 20, 16]), torch.Size([2, 16]))
    """

    def __init__(
        self, forward_cell: Cell | Recurrent, backward_cell: Cell | Recurrent, backend: str | None = None
    ) -> None:
        super().__init__()
        self.ahead, self.back = _one_way(forward_cell, backend), _one_way(backward_cell, backend)
        if self.ahead.inputs != self.back.inputs:
            raise ShapeError(f"the cells take {self.ahead.inputs} and {self.back.inputs} inputs, expected the same")
        self.inputs, self.outputs = self.ahead.inputs, self.ahead.outputs + self.back.outputs
        self.state_size = self.ahead.state_size + self.back.state_size

    def _stays_at_zero(self) -> bool:
        return self.ahead._stays_at_zero() and self.back._stays_at_zero()

    def initial_state(self, batch: int) -> Tensor:
        """Both states before the first sample, (batch, state)."""
        return torch.cat([self.ahead.initial_state(batch), self.back.initial_state(batch)], dim=1)

    def forward(
        self,
        x: Any,
        dt: Any = None,
        mask: Any = None,
        state: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """As Recurrent; the state is [forward at the last sample, backward at the first]."""
        if isinstance(x, PackedSequence):
            return packed.run(self.forward, x, dt, mask, state)
        x, mask = validate.as_input(x, self.inputs, validate.parameter_dtype(self), mask)
        dt = validate.as_gaps(dt, x, mask, self.state_size if state is None and self._stays_at_zero() else None)
        h = validate.as_state(state, self.initial_state(x.shape[0]))
        ahead, back = h.split([self.ahead.state_size, self.back.state_size], dim=1)
        y, ahead = self.ahead(x, dt, mask, ahead)
        mirrored = None if mask is None else mask.flip(1)
        z, back = self.back(x.flip(1), _reversed_gaps(dt, mask), mirrored, back)
        return torch.cat([y, z.flip(1)], dim=2), torch.cat([ahead, back], dim=1)

    def step(self, x: Any, dt: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        raise TauflowError("Bidirectional reads the future, so it has no step: stream a Recurrent instead")

    def stream(self, backend: str | None = None) -> streams.Stream:
        raise TauflowError("Bidirectional reads the future, so it can't stream: stream a Recurrent instead")


@torch.no_grad()
def _traced(network: Recurrent | Stack, layers: list[Recurrent], x: Any, dt: Any, mask: Any, state: Any) -> Record:
    """The record of a run in eval mode; what the last layer shows is the answer."""
    was = network.training
    network.eval()
    try:
        x, mask = validate.as_input(x, network.inputs, validate.parameter_dtype(network), mask)
        t = validate.as_gaps(dt, x, mask, network.state_size if state is None and network._stays_at_zero() else None)
        h = validate.as_state(state, network.initial_state(len(x)))
        with wide(x):
            found = layers_of_run(layers, x, t, mask, h)
            last = found[-1].states
            answer = layers[-1].cell.output(last.flatten(0, 1)).unflatten(0, last.shape[:2])
        refuse_overflow(answer, last.flatten(0, 1), network)
    finally:
        network.train(was)
    return Record(stamps(t, mask), answer, x, mask, found, tuple(f"y{i}" for i in range(network.outputs)))


def _one_way(cell: Cell | Recurrent, backend: str | None) -> Recurrent:
    if not isinstance(cell, Recurrent):
        return Recurrent(cell, "auto" if backend is None else backend)
    if backend is not None:
        raise TauflowError(f"backend={backend!r} came beside a Recurrent, which has its own: name it there")
    return cell


def _one_step(network: Recurrent | Stack, x: Any, dt: Any, state: Any) -> tuple[Tensor, Tensor]:
    x, dt = validate.as_one_sample(x, dt, validate.parameter_dtype(network))
    y, state = network.forward(x, dt, None, state)
    return y[:, 0], state


def copy_of(model: Model) -> Model:
    """A deep copy; weights that a hook computes (prune, the old weight_norm) are copied as values, for the hook to renew.

    >>> from tauflow.sequence import copy_of
    >>> cell = tauflow.CTRNN(3, 8)
    >>> same = copy_of(cell)
    >>> cell.reset_parameters()  # draws new weights, the copy keeps the old ones
    >>> bool(torch.equal(same.W, cell.W))
    False
    """
    computed = {
        id(value): value.detach().clone()
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, Tensor) and value.grad_fn is not None
    }
    return copy.deepcopy(model, dict[int, Any](computed))


def wide(x: Tensor) -> AbstractContextManager[Any]:
    """Autocast off: the state stays in the number type of the parameters.

    >>> from tauflow.sequence import wide
    >>> x = torch.ones(2, 2)
    >>> with torch.autocast("cpu"), wide(x):
    ...     (x @ x).dtype
    torch.float32
    """
    return nullcontext() if x.device.type == "meta" else torch.autocast(x.device.type, enabled=False)


def _reversed_gaps(dt: Tensor, mask: Tensor | None) -> Tensor:
    """Gaps (batch, time) of the sequence read backward: each real sample gets the dt of the real sample after it."""
    batch, time = dt.shape
    if time == 0:
        return dt
    backward = dt.flip(1)
    if mask is None:
        return torch.cat([dt[:, :1], backward[:, :-1]], dim=1)
    position = torch.arange(time, device=dt.device).expand(batch, time)
    real = mask.flip(1)
    count = real.long().cumsum(dim=1)
    # place[:, k] = where the k-th real sample stands in reversed order, k from 1 on; before = that of the last one before each sample
    place = torch.zeros_like(position).repeat(1, 2)[:, : time + 1].scatter(1, torch.where(real, count, 0), position)
    earlier = count - real.long()
    gaps = backward.gather(1, place.gather(1, earlier))
    first = torch.where(mask, position, time - 1).amin(dim=1, keepdim=True)  # where the first real sample stands
    return torch.where(earlier > 0, gaps, dt.gather(1, first))


def refuse_overflow(y: Tensor, h: Tensor, module: nn.Module) -> None:
    """StateOverflowError where y (batch, time, outputs) or h (batch, state) left its number type, with the cause.

    >>> from tauflow.sequence import refuse_overflow
    >>> y, cell = torch.full((1, 3, 1), np.inf), tauflow.CTRNN(1, 1, activation="relu")
    >>> refuse_overflow(y, torch.zeros(1, 1), cell)
    Traceback (most recent call last):
        ...
    tauflow.errors.StateOverflowError: the state of sample 0 left the range of torch.float32 at step 0: ...
    """
    if validate.is_true(torch.maximum(validate.largest(y), validate.largest(h)) < float("inf")):
        return
    if not validate.is_true(~torch.isfinite(y.detach()).all() | ~torch.isfinite(h.detach()).all()):
        return  # values can't be looked at here
    broken = validate.non_finite(module)
    if broken is not None:
        raise StateOverflowError(
            f"{broken} holds NaN or infinity, and so does what the network gives: load or train its weights again, with a "
            "smaller learning rate if it was training that did it"
        )
    bad = (~torch.isfinite(y)).any(dim=2).nonzero()
    row, step = (
        bad[bad[:, 1].argmin()].tolist()
        if len(bad)
        else (int((~torch.isfinite(h)).any(dim=1).nonzero()[0, 0]), y.shape[1] - 1)
    )
    raise StateOverflowError(
        f"the state of sample {row} left the range of {y.dtype} at step {step}: an unbounded activation whose "
        "recurrent weights are too large for its time constants (see tauflow.certify); try activation='tanh', or smaller weights"
    )
