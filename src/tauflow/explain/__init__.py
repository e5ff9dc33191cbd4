"""Why a network answers as it does: which input moved it, when, and how much of it was the gaps."""

from __future__ import annotations

from .currents import Currents, Flow, currents, flow
from .faithful import Faithfulness, faithfulness
from .integrated import Explanation, IncompleteWarning, integrated_gradients
from .neurons import Neurons, neurons
from .occlusion import Occlusion, occlusion
from .prune import Pruned, prune
from .question import ExplanationError
from .ranking import Ranking, ranking
from .story import Story, story
from .what_if import WhatIf, what_if

__all__ = [
    "Currents",
    "Explanation",
    "ExplanationError",
    "Faithfulness",
    "Flow",
    "IncompleteWarning",
    "Neurons",
    "Occlusion",
    "Pruned",
    "Ranking",
    "Story",
    "WhatIf",
    "currents",
    "faithfulness",
    "flow",
    "integrated_gradients",
    "neurons",
    "occlusion",
    "prune",
    "ranking",
    "story",
    "what_if",
]
