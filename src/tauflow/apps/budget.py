"""An end for a training whose minutes of processor time are up; the epoch under way is still closed."""

from __future__ import annotations

import math
import time

from ..training import Callback, Epoch


class Deadline(Callback):
    """`fit(..., callbacks=[Deadline(minutes)])`; None: no end."""

    def __init__(self, minutes: float | None) -> None:
        self.end = math.inf if minutes is None else time.process_time() + 60 * minutes

    def on_epoch(self, epoch: Epoch) -> bool:
        return time.process_time() > self.end
