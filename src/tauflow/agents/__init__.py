"""Agents: policies that learn by reward or from an expert, in worlds that tell how long each action took."""

from __future__ import annotations

from .policy import evaluate, policy
from .ppo import PPO, Learned, LearningError, Point, ppo
from .world import WORLDS, Step, World, WorldError, make

__all__ = [
    "PPO",
    "WORLDS",
    "Learned",
    "LearningError",
    "Point",
    "Step",
    "World",
    "WorldError",
    "evaluate",
    "make",
    "policy",
    "ppo",
]
