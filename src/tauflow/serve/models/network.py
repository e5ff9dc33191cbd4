"""A network as streams and windows. `Served(model, "walker")` says by name what can't be served.

A session costs a state: the weights are packed once, and every session's stream shares them.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from ... import validate
from ...cells import Cell
from ...errors import TauflowError
from ...network import Committee, Network, Ranks, Scale
from ...sequence import Bidirectional, Recurrent, Stack, copy_of
from ..errors import RefusedError, ServeError
from ..numbers import Array, narrow, numbers
from ..page.look import Look


class Served:
    """A Network, Committee, Recurrent, Stack or cell."""

    why_no_sessions: str | None = None

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self.network: Any = copy_of(_streamable(model)).eval()
        self.static = int(getattr(self.network, "static", 0))
        self.dtype = np.dtype(str(validate.parameter_dtype(self.network)).removeprefix("torch."))
        self._first = self._begin(None if not self.static else np.zeros(self.static))
        self.inputs, self.outputs = int(self._first.inputs), int(self._first.outputs)
        self.backend, self.why_not = self._first.backend, self._first.why_not
        members = self.network.networks() if isinstance(self.network, Committee) else [self.network]
        self.knows_missing = all(getattr(member, "missing", None) is not None for member in members)
        self.input_names = _names(members[0], "input_names", "x", self.inputs)
        self.output_names = _names(self.network, "output_names", "y", self.outputs)
        self.fingerprint = fingerprint(self.network)
        digits = "%.9g" if self.dtype == np.float32 else "%.17g"  # as many as bring every bit back
        self.form = '{"y":[' + ",".join([digits] * self.outputs) + "]}"

    @property
    def kind(self) -> str:
        return (
            f"{type(self.network).__name__} of {', '.join(dict.fromkeys(cell.name for cell in cells_in(self.network)))}"
        )

    def open(self, static: Array | None = None) -> Any:
        """A stream in its first state; None where the network has to be told its static numbers first."""
        if self.static:
            return None if static is None else self._begin(static)
        return self._first.another()

    def _begin(self, static: Array | None) -> Any:
        try:
            if static is None:
                return self.network.stream()
            return self.network.stream(static=narrow(static, self.dtype))
        except TauflowError as error:
            raise ServeError(f"{self.name} can't be served as a stream: {error}") from None

    @property
    def notes(self) -> list[str]:
        """What whoever starts the server should know."""
        if self.why_not is None:
            return []
        return [f"this network does not run on the kernels, so a step takes about a millisecond: {self.why_not}"]

    @cached_property
    def look(self) -> Look:
        """Inside, for the live page."""
        return Look(self.network)

    @property
    def period(self) -> float:
        """A usual gap, in the unit of dt."""
        return float(getattr(self.network, "period", 1.0))

    def ranges(self) -> list[tuple[float, float]]:
        """Between which values each input moves on the page: where most of its readings were, if the network has measured them."""
        member = self.network.networks()[0] if isinstance(self.network, Committee) else self.network
        scale = getattr(member, "scale", None)
        if isinstance(scale, Ranks):
            return [(float(low), float(high)) for low, high in scale.knots[:, [1, -2]]]
        if not isinstance(scale, Scale):
            return [(-1.0, 1.0)] * self.inputs
        mean, spread = (
            np.broadcast_to(part.double().numpy(force=True), (self.inputs,)) for part in (scale.mean, scale.width)
        )
        return [(float(m - 2 * s), float(m + 2 * s)) for m, s in zip(mean, spread, strict=True)]

    def about(self) -> dict[str, Any]:
        """What a client has to know."""
        return {
            "name": self.name,
            "kind": self.kind,
            "model": self.fingerprint,
            "inputs": self.input_names,
            "outputs": self.output_names,
            "static": self.static,
            "numbers": {"float32": "<f4", "float64": "<f8"}[self.dtype.name],
            "unknown": self.knows_missing,
            "state": int(self._first.state_size),
            "backend": self.backend,
        }

    def schema(self) -> dict[str, Any]:
        """What `predict` reads, as OpenAPI says it."""
        number = {"type": "number"}
        x = {
            "type": "array",
            "items": {"type": "array", "items": number},
            "description": f"samples of {self.inputs} numbers",
        }
        dt = {"description": "the time since the previous sample, a number for all or one each"}
        wanted: dict[str, Any] = {"x": x, "dt": dt}
        if self.static:
            wanted["static"] = {"type": "array", "items": number, "description": f"{self.static} numbers given once"}
        return {"type": "object", "properties": wanted, "required": list(wanted), "additionalProperties": False}

    def example(self) -> dict[str, Any]:
        given: dict[str, Any] = {"x": [[0.0] * self.inputs] * 2, "dt": 1.0}
        return {**given, "static": [0.0] * self.static} if self.static else given

    @torch.no_grad()
    def predict(self, message: dict[str, Any]) -> dict[str, Any]:
        """The answers for a window: {"x": [[...], ...], "dt": [...]} and static where the network has such."""
        x = numbers(message.get("x"), "x", (None, self.inputs), unknown=self.knows_missing)
        if not len(x):
            raise RefusedError("x has no samples, expected one or more")
        gaps = message.get("dt")
        if isinstance(gaps, (int, float)) and not isinstance(gaps, bool):
            gaps = [float(gaps)] * len(x)
        dt = numbers(gaps, "dt", (len(x),))
        given: dict[str, Any] = {}
        if self.static or "static" in message:
            if not self.static:
                raise RefusedError("this network is told nothing once: leave static out")
            told = numbers(message.get("static"), "static", (self.static,))
            given["static"] = torch.from_numpy(narrow(told, self.dtype))[None]
        try:
            y, _ = self.network(
                torch.from_numpy(narrow(x, self.dtype))[None], torch.from_numpy(narrow(dt, self.dtype))[None], **given
            )
        except TauflowError as error:
            raise RefusedError(str(error)) from None
        answer = y[0].double().numpy(force=True)
        if not np.isfinite(answer).all():
            raise RefusedError("the answer is not finite: the weights or the readings leave the range of numbers")
        return {"outputs": self.output_names, "y": answer.tolist()}


def cells_in(network: nn.Module) -> list[Cell]:
    return [module for module in network.modules() if isinstance(module, Cell) and module.name]


def fingerprint(network: nn.Module) -> str:
    """Sixteen letters that differ where any weight does."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        held = np.ascontiguousarray(value.numpy(force=True))
        digest.update(f"{name} {held.dtype} {held.shape}\n".encode())
        digest.update(held.tobytes())
    return digest.hexdigest()[:16]


def _streamable(model: Any) -> Any:
    if isinstance(model, Cell):
        model = Recurrent(model)
    if isinstance(model, Bidirectional):
        raise ServeError(
            "a Bidirectional reads the future, so it can't answer sample by sample: serve a Recurrent instead"
        )
    if not isinstance(model, (Network, Committee, Recurrent, Stack)):
        raise ServeError(
            f"a {type(model).__name__} can't be served, expected a Network, Committee, Recurrent, Stack, cell or Forecaster"
        )
    return model


def _names(network: Any, attribute: str, letter: str, count: int) -> list[str]:
    found = list(getattr(network, attribute, None) or [])
    return [str(name) for name in found] if len(found) == count else [f"{letter}{k}" for k in range(count)]
