"""The head that answers queries from a summary of the context, as the forecaster's own network has it.

y(query) = anchor(query) + O silu(P s + Q query) + V query
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from ....windows.encoder import Encoder
from ...network import anchor_columns


class Answering(nn.Module):
    """A body x (B, context, inputs), mask (B, context) -> s (B, width), and the head."""

    def __init__(self, body: nn.Module, width: int, encoder: Encoder, hidden: int = 64) -> None:
        super().__init__()
        targets = len(encoder.schema.targets)
        self.body, self.norm, self.columns = body, nn.LayerNorm(width), anchor_columns(encoder)
        self.state = nn.Linear(width, hidden)
        self.query = nn.Linear(encoder.queries, hidden, bias=False)
        self.answer = nn.Linear(hidden, targets)
        self.skip = nn.Linear(encoder.queries, targets, bias=False)
        nn.init.zeros_(self.skip.weight)
        self.answer.weight.data.mul_(0.1)

    def forward(self, x: Tensor, mask: Tensor, query: Tensor) -> Tensor:
        hidden = self.state(self.norm(self.body(x, mask)))[:, None, :] + self.query(query)
        answer: Tensor = query[:, :, self.columns] + self.answer(F.silu(hidden)) + self.skip(query)
        return answer
