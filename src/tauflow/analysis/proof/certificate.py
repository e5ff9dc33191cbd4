"""The answer of `certify`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from ...drawing import Colours, Drawn
from ...errors import TauflowError


class AnalysisError(TauflowError, ValueError):
    """A question that this certificate does not answer.

    >>> tauflow.analysis.at_speed(tauflow.CTRNN(2, 3), 2.0)
    Traceback (most recent call last):
        ...
    tauflow.analysis.proof.certificate.AnalysisError: at_speed is of a Network, got a CTRNN: multiply its dt by the speed
    """


class Forgets(Protocol):
    """What is known of a cell that forgets its start."""

    def bound(self, x_bound: float) -> float: ...

    def contraction(self, dt: float) -> float: ...


@dataclass(frozen=True)
class Certificate(Drawn):
    """`certified` says whether the state is bounded, `reason` why or why not.

    low, high (state,)   the interval that no state leaves, whatever the input; None where it depends on the input. Of a network it
                         is that of its core, of a committee that of the members' cores side by side
    q                    the gain of the recurrent weights; below 1 the network forgets its start. None for all but a CTRNN
    beside               of a network: what this certificate does not speak of, a sentence each
    """

    certified: bool
    reason: str
    low: Tensor | None = None
    high: Tensor | None = None
    q: float | None = None
    law: Forgets | None = None
    reach: Callable[[float, float], float] | None = (
        None  # (x_bound, h0) -> largest |h|, of what is put together of cells
    )
    beside: tuple[str, ...] = ()

    def frame(self) -> Any:
        """A line a state: the interval that it does not leave; no line where that depends on the input."""
        import pandas as pd

        if self.low is None or self.high is None:
            return pd.DataFrame({"low": [], "high": []})
        return pd.DataFrame({"low": self.low.numpy(force=True), "high": self.high.numpy(force=True)})

    def draw(self, figure: Any, colours: Colours) -> None:
        """The interval of each state; a sentence where there is none."""
        axes = figure.add_subplot()
        frame = self.frame()
        if len(frame):
            axes.hlines(range(len(frame)), frame["low"], frame["high"], color=colours["liquid1"], linewidth=2)
        else:
            axes.text(
                0.5,
                0.5,
                "no interval that holds for every input",
                ha="center",
                transform=axes.transAxes,
                color=colours["muted"],
            )
        axes.set_xlabel("state")
        axes.set_ylabel("neuron")
        axes.set_title("bounded" if self.certified else "not certified")

    def bound(self, x_bound: float, h0: float = 0.0) -> float:
        """The largest |h| for inputs within +-x_bound and a start within +-h0."""
        if self.low is not None and self.high is not None:
            return max(h0, self.low.abs().max().item(), self.high.abs().max().item())
        if not self.certified or (self.law is None and self.reach is None):
            raise AnalysisError(f"there is no bound: {self.reason}")
        if self.law is None and self.reach is not None:
            return self.reach(x_bound, h0)
        return max(h0, self.law.bound(x_bound)) if self.law is not None else h0

    def contraction(self, dt: float) -> float:
        """The factor by which two states come closer at least in one step of dt; above 1 they may part."""
        if self.law is None:
            raise AnalysisError(f"no contraction factor is known: {self.reason}")
        return self.law.contraction(dt)
