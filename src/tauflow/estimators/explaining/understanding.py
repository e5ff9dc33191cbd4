"""All that is to be said of a saved model on a table: why an answer, why stable, at which speed, and what the synapses carried.

What a model can't be asked is None, and `notes` say why. The model is read and never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from ...analysis import Eigenvalues, SpeedTable, Stability, eigenvalues, speed_table, stability
from ...errors import TauflowError
from ...explain import Flow, Shares, explain, flow
from ...network import Network
from ...sequence import Recurrent, copy_of
from ..forecaster import Forecaster
from ..looking import Looked, looked_at
from ..sequences.base import SequenceEstimator

T = TypeVar("T")
READING = ("duplicates", "zone", "dayfirst", "decimal", "delimiter")


@dataclass(frozen=True, eq=False)
class Understanding:
    """answer: the shares of one answer, where it was asked for; the others of the network that remembers."""

    kind: str
    answer: Shares | None
    card: Stability | None
    speeds: SpeedTable | None
    wiring: Flow | None
    cloud: Eigenvalues | None
    notes: tuple[str, ...]
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        tables = {"speeds": self.speeds, "wiring": self.wiring, "eigenvalues": self.cloud}
        return {
            "model": self.kind,
            "answer": None if self.answer is None else self.answer.to_dict(),
            "stability": None if self.card is None else self.card.to_dict(),
            **{
                name: None if one is None else _finite(one.frame().to_dict(orient="list"))
                for name, one in tables.items()
            },
            "notes": list(self.notes),
        }


def understand(
    model: Any,
    data: Any,
    columns: Mapping[str, Any] | None = None,
    *,
    answer: bool = True,
    row: int = -1,
    series: str | None = None,
    unit: str = "s",
    rows: int = 1000,
    truth: str | None = None,
    seed: int = 0,
    whole: bool = True,
    **asked: Any,
) -> Understanding:
    """Of a Network, Recurrent, Stack, cell, Forecaster, Classifier or Regressor on a table; see `looked_at` and `explain.explain`.

    answer: whether one answer is explained, that at `row`; asked: step= and target= of a Forecaster, target= of the others. whole:
    stability, speed and wiring too.
    """
    notes: list[str] = []
    estimator = isinstance(model, Forecaster | SequenceEstimator)
    if estimator and truth is not None:
        raise TauflowError(f"truth was given, but a {type(model).__name__} knows its target: leave it out")
    try:
        seen = looked_at(model, data, columns, series=series, unit=unit, rows=rows, row=row, truth=truth)
    except TauflowError as error:
        if not (estimator and answer):
            raise
        notes.append(f"stability: {error}")
        seen = None
    why = _answer(model, data, columns or {}, seen, row, series, asked, seed) if answer else None
    if seen is None or not whole:
        return Understanding(_kind(model), why, None, None, None, None, tuple(notes), 0)
    network = _network(seen)
    run = (seen.x, seen.dt, seen.mask)
    card = _tried("stability", notes, lambda: stability(network, *run, unit=seen.unit, seed=seed))
    speeds = wiring = cloud = None
    if seen.x is not None and isinstance(network, Network):
        if network.static == 0:
            speeds = _tried("speed", notes, lambda: speed_table(network, *run, seed=seed))
        wiring = _tried(
            "wiring",
            notes,
            lambda: flow(network, *run, static=None if network.static == 0 else torch.zeros(network.static)),
        )
        cloud = _tried("eigenvalues", notes, lambda: eigenvalues(network, *run))
    return Understanding(
        _kind(model), why, card, speeds, wiring, cloud, tuple(notes), 0 if seen.x is None else len(seen.x)
    )


def _answer(
    model: Any, data: Any, columns: Mapping[str, Any], seen: Looked | None, row: int, series: str | None, asked: Mapping[str, Any],
    seed: int,
) -> Shares:  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    if "step" in given and not isinstance(model, Forecaster):
        raise TauflowError(f"step was given, but a {type(model).__name__} answers at its row: leave it out")
    if isinstance(model, Forecaster):
        reading = {name: value for name, value in columns.items() if value not in (None, ())}
        return explain(model, data, row=row, series=series, seed=seed, **reading, **given)
    if isinstance(model, SequenceEstimator):
        reading = {name: value for name, value in columns.items() if name in READING and value is not None}
        return explain(model, data, row=row, seed=seed, target=_label(model, given.get("target")), **reading)
    if seen is None or seen.x is None:
        raise TauflowError("an answer is to be explained, but there is no table: give one")
    output = _output(model, given.get("target"))
    return explain(model, seen.x, seen.dt, seen.mask, y=seen.y, unit=seen.unit, output=output)


def _output(model: Any, name: str | None) -> int:
    names = list(getattr(model, "output_names", []))
    if name is None:
        return 0
    if name not in names:
        raise TauflowError(f"target is {name!r}, expected an output of the network: {', '.join(names[:8])}")
    return names.index(name)


def _label(model: SequenceEstimator, name: Any) -> Any:
    """A class by what it is called in words, or the number of a column."""
    if name is None:
        return None
    if model.kind == "regressor":
        return int(name) if str(name).isdigit() else name
    return next((one for one in model.classes_.tolist() if str(one) == str(name)), name)  # type: ignore[attr-defined]


def _network(seen: Looked) -> nn.Module:
    """A bare Recurrent of a forecaster as a Network that answers its outputs, so that speed and wiring can be asked of it."""
    if not isinstance(seen.model, Recurrent) or not seen.names:
        return seen.model
    made = Network(list(seen.names), seen.model.outputs, copy_of(seen.model), scale=None)
    with torch.no_grad():
        made.readout.map.weight.copy_(torch.eye(seen.model.outputs))
        made.readout.map.bias.zero_()
    return made.eval()


def _tried(what: str, notes: list[str], function: Callable[[], T]) -> T | None:
    try:
        return function()
    except TauflowError as error:
        notes.append(f"{what}: {error}")
        return None


def _kind(model: Any) -> str:
    if isinstance(model, Forecaster):
        return f"{model.settings.cell}, a forecaster {model.settings.h} steps ahead"
    if isinstance(model, SequenceEstimator):
        return f"{model.cell}, a {model.kind}"
    core: Any = getattr(model, "core", model)
    cell = getattr(getattr(core, "cell", None), "name", None) or type(core).__name__
    units = getattr(core, "state_size", 0)
    return f"{cell}, {units} neurons"


def _finite(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [None if isinstance(one, float) and one - one != 0 else one for one in values]
        for name, values in columns.items()
    }
