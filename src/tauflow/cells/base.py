"""What a cell is: a state h (batch, state), a step to the next sample, and an output read from the state.

A liquid cell is a **leak**, dh/dt = drive(x, h) - rate(x, h) * h with rate > 0: it derives from `LeakCell` and
writes `leak`.
A cell without such an equation (CfC, the static baselines) derives from `Cell` and writes `step`.
A new cell is one file in this folder; it is found by its class attribute `name`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from .. import solvers
from ..described import Described
from ..errors import ShapeError, TauflowError
from .made import Made

C = TypeVar("C", bound=nn.Module)


class CellError(TauflowError, ValueError):
    """A cell that does not exist, or an option that it does not have.

    >>> tauflow.cells.build("ctrnn", inputs=3, units=8, memory=5.0)
    Traceback (most recent call last):
        ...
    tauflow.cells.base.CellError: CTRNN has no option 'memory'; it has inputs, units, activation, tau, learn_tau, solver, substeps
    """


class Cell(Described, nn.Module, metaclass=Made):
    """One recurrent cell: x (batch, inputs), dt (batch,) since the previous sample, h (batch, state_size).

    `cells.build(cell.name, **cell.config())` makes its like.

    >>> cell = tauflow.cells.build("gru_decay", inputs=3, units=8)  # a Cell by its name
    >>> h = cell.step(torch.randn(4, 3), torch.rand(4), cell.initial_state(batch=4))
    >>> h.shape, cell.config()
    (torch.Size([4, 8]), {'inputs': 3, 'units': 8, 'tau': [1.0, 100.0]})
    """

    name: ClassVar[str] = ""  # what the registry, the command line and model files call it
    liquid: ClassVar[bool] = True  # False: a static network, here for comparison
    flow: ClassVar[bool] = False  # True: dt = 0 is the identity by the equation itself

    inputs: int
    state_size: int
    outputs: int

    @abstractmethod
    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        """The state after one sample: x (batch, inputs), dt (batch,), h (batch, state_size) -> (batch, state_size)."""

    def forward(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return self.step(x, dt, h)

    def take(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """(y, new state) of one sample: what runs a cell over time calls. It calls the module, so that its hooks act."""
        new: Tensor = self(x, dt, h)
        return self.output(new), new

    def output(self, h: Tensor) -> Tensor:
        """What the cell shows of its state, (batch, outputs); the state itself unless a cell says otherwise."""
        return h

    def initial_state(self, batch: int) -> Tensor:
        """Zeros, (batch, state_size), where the parameters live."""
        like = next(self.parameters(), torch.empty(0))  # a quantised cell has none
        return like.new_zeros(batch, self.state_size)

    def reset_parameters(self) -> None:
        """Draw new weights, all that the constructor drew; those of the layers inside unless a cell says otherwise."""
        for layer in self.children():
            if callable(reset := getattr(layer, "reset_parameters", None)):
                reset()

    def hull(self) -> tuple[Tensor, Tensor] | None:
        """(low, high), each (state_size,): an interval that no state leaves, for every input and every dt >= 0.

        A state that starts outside stays between its start and the interval. None where no such bound is known.
        """
        return None

    def same_as(self) -> type[Cell]:
        """The class whose step this cell takes with the same parameters, by which a kernel is chosen.

        It speaks for the class that wrote it, and for those derived from it that change none of its `written` methods.
        """
        return type(self)

    def time_constants(self) -> Tensor | None:
        """The learned time constant of each neuron, (units,), in units of dt; None for a cell that has none."""
        return None

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        """The gates of a step from h, by name, each (batch, units); empty for a cell that has none."""
        return {}

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor | None:
        """How flat each neuron's nonlinearity is in a step from h, (batch, units): 0 steepest, 1 where no change gets through."""
        return None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Masks that the state dict does not have, as that of an ncps cell, stay those of the cell's own wiring."""
        for name, mask in self._buffers.items():
            state_dict.setdefault(prefix + name, mask)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.config().items() if not isinstance(value, dict))


class LeakCell(Cell):
    """A cell given by dh/dt = drive - rate * h. Subclasses set `solver` and `substeps` and write `leak`.

    >>> class Smooth(tauflow.cells.LeakCell):  # a cell of your own: dh/dt = 2 x - 2 h
    ...     solver, substeps = "exponential", 1
    ...     def __init__(self, inputs, units):
    ...         super().__init__()
    ...         self.inputs = self.state_size = self.outputs = units
    ...     def leak(self, u, h):
    ...         return 2 * u, torch.full_like(h, 2.0)
    >>> y, state = tauflow.Recurrent(Smooth(1, 1))(torch.ones(1, 3, 1), dt=0.5)
    >>> [round(h, 3) for h in y.flatten().tolist()]
    [0.632, 0.865, 0.95]
    """

    flow = True
    solver: str
    substeps: int

    @abstractmethod
    def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """(drive, rate), each (batch, units), rate > 0; `u` is what `project` made of the input."""

    def project(self, x: Tensor) -> Tensor:
        """What the leak needs of the input, computed once a step; the input itself unless a cell says otherwise."""
        return x

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        leak = partial(self.leak, self.project(x))
        return solvers.integrate(self.solver, leak, h, column(dt), self.substeps)


def column(dt: Tensor) -> Tensor:
    """dt (batch,) as (batch, 1), to stand beside the states; any other shape would be spread over the rows in silence."""
    if dt.dim() != 1:
        raise ShapeError(
            f"dt has the shape {tuple(dt.shape)}, expected (batch,): the time of this one sample, a number a row"
        )
    return dt[:, None]


def check_sizes(inputs: int, units: int) -> None:
    """Refuse sizes that no network has."""
    for name, value in (("inputs", inputs), ("units", units)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise CellError(f"{name} is {value!r}, expected a whole number >= 1")


MOST_SUBSTEPS = 2**24  # as MOST in csrc/door.h; float32 holds each whole number up to it


def check_solver(solver: str, substeps: int) -> None:
    """Refuse a solver that does not exist when the cell is built, not when it runs."""
    solvers.get(solver)
    if isinstance(substeps, bool) or not isinstance(substeps, int) or not 1 <= substeps <= MOST_SUBSTEPS:
        raise CellError(f"substeps is {substeps!r}, expected a whole number from 1 to {MOST_SUBSTEPS}")


def check_tau(tau: Any) -> Any:
    """The same, or CellError: a positive number, or a pair (shortest, longest)."""
    low, high = (tau, tau) if isinstance(tau, (int, float)) else tau
    if not 0 < low <= high < float("inf"):
        raise CellError(f"tau is {tau!r}, expected a positive number or (shortest, longest) in units of dt")
    return tau


def spread_tau(tau: float | tuple[float, float] | list[float], units: int) -> Tensor:
    """Time constants (units,): all equal to a number, or spread evenly in the logarithm over (shortest, longest)."""
    check_tau(tau)
    low, high = (tau, tau) if isinstance(tau, (int, float)) else tau
    return torch.logspace(math.log10(low), math.log10(high), units)


def drawn(reset: Callable[[C], None]) -> Callable[[C], None]:
    """Of a method that draws weights: without gradients, and not at all where a cell has no numbers (torch's meta device).

    Arithmetic on meta loads torch's compiler, a second or more, each time that a program loads its first model.
    """

    @wraps(reset)
    def draw(self: C) -> None:
        if not any(parameter.is_meta for parameter in self.parameters()):
            with torch.no_grad():
                reset(self)

    return draw
