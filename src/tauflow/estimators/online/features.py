"""What a frozen model answers, and what its last layer sees: a correction that is linear in that is a change of the readout.

features = [hidden layer of the network, if there is one | query | answer | 1]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...data.series import Array
from ..learned import Blend
from ..learned.starts import simple
from ..network import tensors


@torch.no_grad()
def seen(predictor: Any, batch: dict[str, Array]) -> tuple[Array, Array]:
    """(answer (B, h, targets), features (B, h, width)), both scaled."""
    query = batch["query"]
    answer = np.asarray(predictor.predict(batch), float)
    parts = [query, answer, np.ones((*query.shape[:2], 1))]
    if isinstance(predictor, Blend):
        network = predictor.network
        given = tensors(batch, start_of(predictor, batch))
        y, _ = network.recurrent(given.x, given.dt, given.mask)
        parts = [network.hidden(y[:, -1], given.query, given.start).numpy(), *parts]
    return answer, np.concatenate(parts, axis=2).astype(np.float32)


def start_of(blend: Blend, batch: dict[str, Array]) -> Array:
    """What the first network of a blend corrects, (B, h, targets)."""
    return np.asarray(simple(blend.base)[blend.ways[0].start].predict(batch), float)
