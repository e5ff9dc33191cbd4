"""How a network fares while it learns and after: do gradients reach back in time, can its steps cross the gaps?"""

from __future__ import annotations

from .gradients import GradientHealth, WatchGradients, gradient_health
from .steps import about_steps

__all__ = ["GradientHealth", "WatchGradients", "about_steps", "gradient_health"]
