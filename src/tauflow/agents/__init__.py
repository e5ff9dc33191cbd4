"""Agents: policies that learn by reward or from an expert, in worlds that tell how long each action took."""

from __future__ import annotations

from .imitate import Imitated, Round, imitate, pupil
from .link import Carry, Link, Trouble, usual
from .policy import LearningError, evaluate, policy
from .ppo import PPO, Learned, Point, ppo
from .walk import Advice, Auxiliary, Base, Expert, Walked, walk
from .world import WORLDS, Recall, Step, World, WorldError, make

__all__ = [
    "PPO",
    "WORLDS",
    "Advice",
    "Auxiliary",
    "Base",
    "Carry",
    "Expert",
    "Imitated",
    "Learned",
    "LearningError",
    "Link",
    "Point",
    "Recall",
    "Round",
    "Step",
    "Trouble",
    "Walked",
    "World",
    "WorldError",
    "evaluate",
    "imitate",
    "make",
    "policy",
    "ppo",
    "pupil",
    "usual",
    "walk",
]
