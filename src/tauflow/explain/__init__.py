"""Why a network answers as it does: which input moved it, when, and how much of it was the gaps."""

from __future__ import annotations

from .faithful import Faithfulness, faithfulness
from .integrated import Explanation, IncompleteWarning, integrated_gradients
from .occlusion import Occlusion, occlusion
from .question import ExplanationError
from .ranking import Ranking, ranking
from .what_if import WhatIf, what_if

__all__ = [
    "Explanation",
    "ExplanationError",
    "Faithfulness",
    "IncompleteWarning",
    "Occlusion",
    "Ranking",
    "WhatIf",
    "faithfulness",
    "integrated_gradients",
    "occlusion",
    "ranking",
    "what_if",
]
