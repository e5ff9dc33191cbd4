"""What a frozen model answers, and what its last layer sees: a correction that is linear in that is a change of the readout.

features = [hidden layer of the network, if it is one | query | answer | 1]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...data.series import Array
from ..network import ForecastNet, tensors


@torch.no_grad()
def seen(predictor: Any, batch: dict[str, Array]) -> tuple[Array, Array]:
    """(answer (B, h, targets), features (B, h, width)), both scaled."""
    query = batch["query"]
    if isinstance(predictor, ForecastNet):
        given = tensors(batch)
        y, _ = predictor.recurrent(given.x, given.dt, given.mask)
        hidden = predictor.hidden(y[:, -1], given.query)
        answer = (predictor.answer(hidden) + predictor.skip(given.query)).double().numpy()
        parts = [hidden.numpy(), query, answer]
    else:
        answer = np.asarray(predictor.predict(batch), float)
        parts = [query, answer]
    one = np.ones((*query.shape[:2], 1))
    return answer, np.concatenate([*parts, one], axis=2).astype(np.float32)
