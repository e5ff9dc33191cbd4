"""All weights learn on: a copy of the network takes steps on the last rows, by backpropagation through their contexts.

    every `EVERY` rows:   STEPS steps of AdamW on the forecasts of the last `memory` rows, as far as their truths are known

Time is cut at the context, as in training, so this is truncated backpropagation through time. The optimiser begins anew each time, so
the weights are all that there is to keep. Of a blend it is the first network that learns; what the copy answers is blended as before.
Where the guard trips, the copy goes back to the frozen weights.
"""

from __future__ import annotations

import copy

import numpy as np
import torch

from ...data import Table
from ...data.series import Array
from ...windows.encoder import Encoder
from ...windows.windows import windows
from ..learned import Blend
from ..network import WindowObjective, tensors
from ..tables import before
from .features import start_of
from .settings import OnlineSettings

EVERY, STEPS, MOST = 10, 4, 256


class DeepLearner:
    """`answer(batch)` by the copy; `learn(table, now)` once a row, of which every tenth moves the weights."""

    def __init__(self, frozen: Blend, settings: OnlineSettings, context: int, loss: str) -> None:
        self.frozen, self.network = frozen.network, copy.deepcopy(frozen.network)
        networks = [self.network if one is frozen.network else one for one in frozen.networks]
        self.blend = Blend(frozen.base, networks, frozen.ways, frozen.weights)  # type: ignore[arg-type]  # a ModuleList's own
        self.settings, self.context, self.objective = settings, context, WindowObjective(loss)
        self.rows = 0

    def answer(self, batch: dict[str, Array]) -> Array:
        """(B, h, targets), scaled."""
        return self.blend.predict(batch)

    def learn(self, table: Table, encoder: Encoder, now: float) -> None:
        """A row has come at the native time `now`; the table may hold later ones, which are not looked at."""
        self.rows += 1
        if self.rows % (EVERY * len(encoder.targets)):
            return
        known = before(table, np.nextafter(now, np.inf) if isinstance(now, float) else now + 1)
        start = now - (self.settings.memory + encoder.h) * encoder.stride.mean
        found = windows(known, encoder, self.context, start=start, reach=self.blend.reach)
        if len(found) == 0:
            return
        window = found.batch(np.arange(max(0, len(found) - MOST), len(found)))
        batch = tensors(window, start_of(self.blend, window))
        learned = list(self.network.parameters())
        optimizer = torch.optim.AdamW(learned, self.settings.lr, weight_decay=0.0)
        with torch.enable_grad():
            for _ in range(STEPS):
                loss = self.objective(self.network, batch)
                if not torch.isfinite(loss):
                    self.forget()
                    return
                optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(learned, 1.0)
                optimizer.step()
        self.network.zero_grad()

    def forget(self) -> None:
        """Back to the frozen weights."""
        self.network.load_state_dict(self.frozen.state_dict())
