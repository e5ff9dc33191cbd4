"""A device is watched: readings come as lines, and an alarm is told the moment it begins.

    12.345,0.182     time in s and the lead in mV (a comma, a semicolon, a tab or spaces between)
    0.182            the lead alone, where the rate is told

What is no number is told about and left out; a reading that is late, twice there or not measured (NaN) is left out too. Where the rate
tells the time, what was left out took its time: the gap to the next reading is longer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import Network
from ...errors import TauflowError
from .alarm import INPUTS, OUTPUTS
from .events import PAUSE
from .front import Front
from .samples import RATE

BEGINS, ENDS = 0.5, 0.25  # of the probability
PARTS = re.compile(r"[,;\s]+")
SAID = 5  # bad lines are told one by one, then counted


class Alarm:
    """A network that hears sample after sample: `alarm(x, dt)` is True where an alarm begins."""

    def __init__(self, net: Network) -> None:
        if not isinstance(net, Network) or tuple(net.input_names) != INPUTS or tuple(net.target_names) != OUTPUTS:
            raise TauflowError("the file holds a model, but no alarm: make one by tauflow alarm --save alarm.tau")
        self.front, self.stream, self.on, self.p, self.since = Front(), net.stream(), False, 0.0, math.inf
        self.sample = np.zeros(len(INPUTS), dtype=np.float32)

    def probability(self, x: float, dt: float) -> float:
        """Of a ventricular beat just now, after a reading of x mV, dt seconds after the one before."""
        sample = self.sample
        sample[0], sample[1], sample[2], sample[3] = self.front(x, dt)
        return math.exp(self.stream(sample, dt).item(1))

    def __call__(self, x: float, dt: float) -> bool:
        self.p = p = self.probability(x, dt)
        self.since += dt
        if self.on:
            self.on = p >= ENDS
            return False
        self.on = p > BEGINS
        begins = self.on and self.since >= PAUSE
        if begins:
            self.since = 0.0
        return begins


@dataclass
class Heard:
    """What came so far."""

    samples: int = 0
    alarms: int = 0
    bad: int = 0
    seconds: float = 0.0

    def sentence(self) -> str:
        lines = "1 line" if self.bad == 1 else f"{self.bad} lines"
        bad = f", {lines} that could not be read" if self.bad else ""
        alarms = "1 alarm" if self.alarms == 1 else f"{self.alarms} alarms"
        return f"{self.samples:,} samples over {self.seconds:.1f} s, {alarms}{bad}"


@dataclass(frozen=True)
class Told:
    """An alarm: when it began, s, and the probability."""

    time: float
    p: float


def watch(
    alarm: Alarm, lines: Iterable[str], complain: Callable[[str], None], heard: Heard, rate: float | None = None
) -> Iterator[Told]:
    """An alarm as soon as the line is read that it begins with. rate: samples a second, of lines without a time."""
    last: float | None = None
    start: float | None = None
    left_out = 0  # readings since the last good one: where the rate tells the time, they took some
    for number, line in enumerate(lines, 1):
        try:
            read = _reading(line, number, rate, None if last is None else last + ((1 + left_out) / rate if rate else 0))
        except ValueError as wrong:
            heard.bad += 1
            left_out += 1
            if heard.bad <= SAID:
                complain(f"line {number}: {wrong}" + ("; further ones are only counted" if heard.bad == SAID else ""))
            continue
        if read is None:
            continue
        time, x = read
        if last is not None and time <= last:
            heard.bad += 1
            if heard.bad <= SAID:
                complain(f"line {number}: time {time:g} s does not come after {last:g} s: left out")
            continue
        begins = alarm(x, 1 / (rate or RATE) if last is None else time - last)
        start = time if start is None else start
        left_out = 0
        last, heard.samples, heard.seconds = time, heard.samples + 1, time - start
        if begins:
            heard.alarms += 1
            yield Told(time, alarm.p)


def _reading(line: str, number: int, rate: float | None, next_: float | None) -> tuple[float, float] | None:
    """(time in s, mV) of a line; None for a line that is empty, a comment, or a heading."""
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    parts: list[Any] = [part for part in PARTS.split(text) if part]
    try:
        values = [float(part) for part in parts[:2]]
    except ValueError:
        if number == 1:
            return None
        raise ValueError(f"{text[:40]!r} is no reading, expected {'mV' if rate else 'seconds,mV'}") from None
    if rate is None and len(values) < 2:
        raise ValueError(f"{text[:40]!r} has one number, expected seconds,mV; for values alone give --rate")
    x = values[-1] if len(values) == 1 else values[1]
    time = (next_ if next_ is not None else 0.0) if rate is not None else values[0]
    if not (math.isfinite(time) and math.isfinite(x)):
        raise ValueError(f"{text[:40]!r} is not measured: left out")
    return time, x
