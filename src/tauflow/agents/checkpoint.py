"""A checkpoint of learning by reward: all that the rest of a run depends on; resumed, it ends bit for bit like one never stopped.

    weights.*   the policy        optimizer.*   Adam's moments      walk.*   the copies of the world, their streams, the last actions
    spread      of continuous actions           curve                (points, 4)      torch     the random numbers to come

Of an environment that can't be asked for its state, the walk holds what was done in the episode under way, see gym.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import files
from ..errors import ModelFileError
from ..files import schema
from .policy import LearningError
from .rollout import Rollout

GROW = ("curve", "walk.returns", "walk.world.acted.")  # tensors that are longer in some files than in others


@dataclass(frozen=True)
class Config:
    """The JSON of a checkpoint: the settings of the run."""

    settings: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One run's place on the disk."""

    path: Path
    net: Any
    log_spread: Tensor | None
    optimiser: torch.optim.Optimizer
    rollout: Rollout
    settings: dict[str, Any]

    def tensors(self, curve: Tensor) -> dict[str, Tensor]:
        found = {f"weights.{name}": value.detach().clone() for name, value in self.net.state_dict().items()}
        for number, memory in self.optimiser.state_dict()["state"].items():
            found |= {f"optimizer.{number}.{name}": value.clone() for name, value in memory.items()}
        found |= {f"walk.{name}": torch.from_numpy(value) for name, value in self.rollout.kept().items()}
        found |= {} if self.log_spread is None else {"spread": self.log_spread.detach().clone()}
        return {**found, "curve": curve, "torch": torch.get_rng_state()}

    def save(self, curve: Tensor) -> None:
        """Replace the file, whole or not at all."""
        config = schema.dump(Config(self.settings))
        files.write(self.path, self.tensors(curve), config, kind="learning", finite=False)

    def load(self) -> Tensor:
        """Put everything where the file says; the curve so far, (points, 4). All of it is checked first."""
        file = files.read(self.path, kind="learning", finite=False)
        old, new = schema.read(Config, file.config).settings, asdict(Config(self.settings))["settings"]
        changed = [
            f"{key} was {old.get(key)!r}, now {new.get(key)!r}"
            for key in {**new, **old}
            if old.get(key) != new.get(key)
        ]
        if changed:
            raise LearningError(
                f"{self.path} was written by a run with other settings: {'; '.join(changed[:3])}. Use the old ones to go on with that "
                "run, or another file to start a new one"
            )
        _warm(self.optimiser)
        found = file.tensors
        _check_alike(self.path, found, self.tensors(torch.zeros(0, 4, dtype=torch.float64)))
        self.net.load_state_dict(_under(found, "weights."))
        if self.log_spread is not None:
            self.log_spread.data.copy_(found["spread"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(found, "optimizer.").items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = value
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.rollout.go_on({name: value.numpy() for name, value in _under(found, "walk.").items()})
        torch.set_rng_state(found["torch"].clone())
        return found["curve"]


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def _warm(optimiser: torch.optim.Optimizer) -> None:
    """A step that moves nothing, since Adam has no memory before its first."""
    rates = [group["lr"] for group in optimiser.param_groups]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate


def _check_alike(path: Path, found: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> None:
    """The same names, number types and shapes; of what grows the shapes but for the length."""
    for name in [*like, *found]:
        a, b = found.get(name), like.get(name)
        skip = int(name.startswith(GROW))
        if a is None or b is None or a.dtype != b.dtype or a.shape[skip:] != b.shape[skip:] or a.ndim != b.ndim:
            here, there = ("missing" if t is None else f"{t.dtype} {tuple(t.shape)}" for t in (a, b))
            raise ModelFileError(f"{path}: {name} is {here}, expected {there}; take another file to start anew")
