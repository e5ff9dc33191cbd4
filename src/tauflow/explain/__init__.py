"""Why a network answers as it does: which input moved it, when, and how much of it was the gaps."""

from __future__ import annotations

from .integrated import Explanation, IncompleteWarning, integrated_gradients
from .occlusion import Occlusion, occlusion
from .question import ExplanationError

__all__ = [
    "Explanation",
    "ExplanationError",
    "IncompleteWarning",
    "Occlusion",
    "integrated_gradients",
    "occlusion",
]
