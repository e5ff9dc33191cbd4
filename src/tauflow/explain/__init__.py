"""Why a network answers as it does: which input moved it, when, and how much of it was the gaps."""

from __future__ import annotations

from .answers import explain
from .faithful import Faithfulness, faithfulness
from .inside.currents import Currents, Flow, currents, flow
from .inside.neurons import Neurons, neurons
from .inside.prune import Pruned, prune
from .integrated import Explanation, IncompleteWarning, integrated_gradients
from .occlusion import Occlusion, occlusion
from .question import ExplanationError
from .ranking import Ranking, ranking
from .shares import Shares
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
    "Shares",
    "Story",
    "WhatIf",
    "currents",
    "explain",
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
