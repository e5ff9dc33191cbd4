"""A session: one stream of the model with a state of its own, spoken to in lines of JSON or in binary frames. No network here.

    {"x": [...], "dt": 0.02}     ->  {"y": [...]}                     a sample, and the time since the one before
    {"snapshot": true}           ->  {"snapshot": {...}}              all that the session remembers, to keep where you like
    {"restore": {...}}           ->  {"restored": steps}              go on from a snapshot, here or on another server of this model
    {"reset": true}              ->  {"reset": true}                  back to before the first sample
    {"static": [...]}            ->  {"static": n}                    of a network that is told something once: before the first sample
    what can't be done           ->  {"error": "what came, what was expected"}, and the session is where it was

    binary: numbers of the network's type, little-endian, one sample after the other: dt, x  ->  y   one after the other

A session lives as long as its connection and has no name, so there is none to guess: who wants to go on later keeps a snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import TauflowError
from .. import words
from ..errors import RefusedError
from ..numbers import Array, narrow, numbers

if TYPE_CHECKING:
    from .network import Served

MISTAKES = (TauflowError, TypeError, ValueError, OverflowError)  # what a stream raises about what it was given


class Session:
    """`line(text)` answers a message; `binary(data)` the samples of a frame, all of them or none."""

    __slots__ = ("answered", "form", "model", "shown", "steps", "stream", "took", "watched")

    def __init__(self, model: Served) -> None:
        self.model = model
        self.stream: Any = model.open()  # None until a network that needs it is told its static numbers
        self.form = model.form
        self.steps = 0  # since the first sample, or as a snapshot says
        self.answered = 0  # here
        self.took = 1  # steps that the last message was worth
        self.watched = 0  # how many live pages look on
        self.shown: tuple[Array, Array, float, Array] | None = (
            None  # to them: the state before the last sample, x, dt, y
        )

    def line(self, text: str) -> str:
        """The answer to one message; RefusedError says what is wrong with it."""
        self.took = 1
        message = words.read(text)
        if "x" not in message:
            return self._other(message)
        if len(message) != 2 or "dt" not in message:
            words.only(message, "x", "dt")
            raise RefusedError(
                '"dt" is missing: the time since the previous sample, in the unit that the model was trained in'
            )
        x, dt = message["x"], message["dt"]
        if type(dt) is not float and type(dt) is not int:
            raise RefusedError(f"dt is {dt!r:.40}, expected a number")
        if type(x) is not list:
            raise RefusedError(f"x is {x!r:.40}, expected a list of {self.model.inputs} numbers")
        before = self.stream.state if self.watched and self.stream is not None else None
        try:
            y = self._started(x, dt)
        except MISTAKES as error:
            y = self._with_unknown(x, dt, error)
        self.steps += 1
        if before is not None:
            self.show(before, x, dt, y)
        self.answered += 1
        answer = self.form % tuple(y.tolist())
        if "n" in answer:  # nan, inf: no JSON
            raise RefusedError(
                f"the answer is not finite: {answer[5:-1]}; the state moved on: reset, or look at the weights"
            )
        return answer

    def binary(self, data: bytes) -> bytes:
        """The answers to the samples of a frame; a frame with a sample that is refused moves nothing."""
        model = self.model
        wide = model.inputs + 1
        rows, rest = divmod(len(data), wide * model.dtype.itemsize)
        self.took = max(rows, 1)
        if rest or not rows:
            raise RefusedError(
                f"a frame has {len(data)} bytes, expected {wide} numbers a sample, dt and x, of {model.dtype.itemsize} bytes each"
            )
        samples = np.frombuffer(data, model.dtype)
        stream = self._ready()
        if rows == 1 and not self.watched:
            try:
                y = stream(samples[1:], samples.item(0))
            except MISTAKES as error:
                raise RefusedError(_said(error)) from None
            self.steps += 1
            self.answered += 1
            return y.tobytes()  # type: ignore[no-any-return]
        return self._several(stream, samples.reshape(rows, wide))

    def _several(self, stream: Any, samples: Array) -> bytes:
        state = before = stream.state
        answers = []
        for number, sample in enumerate(samples):
            if self.watched:
                before = stream.state
            try:
                answers.append(stream(sample[1:], float(sample[0])))
            except MISTAKES as error:
                stream.state = state
                raise RefusedError(
                    f"sample {number} of {len(samples)}: {_said(error)}; none of them was taken"
                ) from None
        self.steps += len(answers)
        self.answered += len(answers)
        if self.watched:
            self.show(before, samples[-1, 1:], samples[-1, 0], answers[-1])
        return b"".join(y.tobytes() for y in answers)

    def _ready(self) -> Any:
        if self.stream is None:
            raise RefusedError(f'this network is told {self.model.static} numbers once, first: {{"static": [...]}}')
        return self.stream

    def _started(self, x: Any, dt: float) -> Any:
        return (self.stream or self._ready())(x, dt)

    def _with_unknown(self, x: list[Any], dt: float, error: Exception) -> Any:
        """The answer to x with null in it, where the network takes such; else the refusal."""
        if self.stream is None:
            raise error
        taken = None
        if any(type(value) not in (int, float) for value in x):
            taken = numbers(x, "x", (self.model.inputs,), unknown=self.model.knows_missing)
        if taken is None:
            raise RefusedError(_said(error)) from None
        try:
            return self.stream(narrow(taken, self.model.dtype), dt)
        except MISTAKES as other:
            raise RefusedError(_said(other)) from None

    def show(self, before: Array, x: Any, dt: float, y: Array) -> None:
        """Keep what a live page wants to see of the last sample."""
        seen = np.array([np.nan if value is None else value for value in x], dtype=np.float64)
        self.shown = (before, seen, float(dt), y)

    def _other(self, message: dict[str, Any]) -> str:
        words.only(message, *DOINGS, "x", "dt")
        if len(message) != 1:
            raise RefusedError(f"{' and '.join(sorted(message))} came together, expected one of them")
        ((what, value),) = message.items()
        if what not in DOINGS:
            raise RefusedError('"dt" came without "x"')
        done: str = DOINGS[what](self, value)
        return done

    def _snapshot(self, value: Any) -> str:
        _true("snapshot", value)
        state = self._ready().state
        held = {"model": self.model.fingerprint, "steps": self.steps, "state": state.tolist()}
        return words.write({"snapshot": held})

    def _restore(self, value: Any) -> str:
        model = self.model
        if type(value) is not dict or set(value) != {"model", "steps", "state"}:
            raise RefusedError('restore holds no snapshot, expected what {"snapshot": true} gave: model, steps, state')
        if value["model"] != model.fingerprint:
            raise RefusedError(f"the snapshot is of the model {value['model']!r:.40}, but this is {model.fingerprint}")
        steps = value["steps"]
        if type(steps) is not int or not 0 <= steps < 2**53:
            raise RefusedError(f"steps is {steps!r:.40}, expected a whole number")
        stream = self._ready()
        state = narrow(numbers(value["state"], "state", (stream.state_size,)), model.dtype)
        before = stream.state
        try:
            stream.state = state
        except MISTAKES as error:
            stream.state = before
            raise RefusedError(_said(error)) from None
        self.steps = steps
        return words.write({"restored": steps})

    def _reset(self, value: Any) -> str:
        _true("reset", value)
        self._ready().reset()
        self.steps = 0
        return '{"reset":true}'

    def _static(self, value: Any) -> str:
        model = self.model
        if not model.static:
            raise RefusedError("this network is told nothing once: leave static out")
        if self.steps:
            raise RefusedError(f"static came after {self.steps} samples, expected before the first")
        self.stream = model.open(numbers(value, "static", (model.static,)))
        return words.write({"static": model.static})


def _true(name: str, value: Any) -> None:
    if value is not True:
        raise RefusedError(f"{name} is {value!r:.40}, expected true")


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]


DOINGS: dict[str, Any] = {
    "snapshot": Session._snapshot,
    "restore": Session._restore,
    "reset": Session._reset,
    "static": Session._static,
}
