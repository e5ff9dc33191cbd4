"""A checkpoint: all that the rest of a run depends on; resumed, it ends bit for bit like one never stopped.

    weights.*    the model as it is         optimizer.*  the optimiser's memory (Adam's moments, ...)
    best.*       weights of the best epoch  rng.*        the random numbers to come (dropout)
    history.*    one number an epoch        run          epoch and step reached, sums of the epoch under way

The order of the batches follows from the source's seed and the epoch, the learning rate from the progress:
neither needs saving. The settings are saved to refuse a run with others, which would be neither the old run
nor a new one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import files
from .history import Run, copy_weights, restore_weights
from .settings import SettingsError
from .sources import Source

Settings = dict[str, Any]
LISTS = ("train", "validation", "lr")
SCALARS = tuple(field.name for field in dataclasses.fields(Run) if field.name not in (*LISTS, "best"))


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """One run's place on the disk."""

    path: Path
    model: nn.Module
    optimizer: Optimizer
    settings: Settings

    def save(self, run: Run) -> None:
        """Replace the file, whole or not at all."""
        memory, scalars = _memory(self.optimizer)
        tensors = {
            **_named("weights", copy_weights(self.model)),
            **_named("best", run.best),
            **_named("optimizer", memory),
            **_named("rng", _random_state(self.model)),
            **_named("history", {name: torch.tensor(getattr(run, name), dtype=torch.float64) for name in LISTS}),
        }
        config = {
            "run": {name: getattr(run, name) for name in SCALARS},
            "optimizer": scalars,
            "settings": self.settings,
        }
        # Weights that have just become NaN are saved as they are: the guard finds them at the next step.
        files.write(self.path, tensors, config, kind="checkpoint", finite=False)

    def load(self) -> Run:
        """Put model, optimiser and random numbers where the file says, and tell where the run stands."""
        file = files.read(self.path, kind="checkpoint", finite=False)
        _check_settings(self.path, file.config["settings"], self.settings)
        restore_weights(self.model, _unnamed("weights", file.tensors))
        _restore_memory(self.optimizer, _unnamed("optimizer", file.tensors), file.config["optimizer"])
        _restore_random_state(_unnamed("rng", file.tensors))
        lists: dict[str, Any] = {k: values.tolist() for k, values in _unnamed("history", file.tensors).items()}
        like = self.model.state_dict()
        best = {name: value.to(like[name].device) for name, value in _unnamed("best", file.tensors).items()}
        return Run(**file.config["run"], **lists, best=best)


def fingerprint(
    model: nn.Module, optimizer: Optimizer, train: Source, validation: Source | None, **rest: Any
) -> Settings:
    """The settings as JSON: the run's, the optimiser's, the model's shapes, and a digest of the data."""
    groups = {
        f"{key} of group {number}": value
        for number, group in enumerate(optimizer.param_groups)
        for key, value in group.items()
        if key != "params"
    }
    settings = {
        **rest,
        "optimizer": type(optimizer).__name__,
        **groups,
        "steps": len(train),
        "data": _digest(train),
        "validation data": None if validation is None else _digest(validation),
        **{f"model.{name}": f"{value.dtype} {tuple(value.shape)}" for name, value in copy_weights(model).items()},
    }
    plain: Settings = json.loads(json.dumps(settings, default=str))
    return plain


def _check_settings(path: Path, old: Settings, new: Settings) -> None:
    changes = [
        f"{key} was {old.get(key)}, now {new.get(key)}" for key in {**new, **old} if old.get(key) != new.get(key)
    ]
    if changes:
        more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
        short = "; ".join(changes[:3]) + more
        raise SettingsError(
            f"{path} was written by a run with other settings: {short}. Use the old settings to go on with "
            "that run, or start a new one with resume=False or another checkpoint"
        )


def _digest(source: Source) -> str:
    """sha256 of the numbers in the first batch: tells other data, another batch size or another order."""
    digest = hashlib.sha256()
    for tensor in _tensors(next(iter(source.batches(0)), None)):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{plain.dtype}{tuple(plain.shape)}".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _tensors(batch: Any) -> Iterator[Tensor]:
    """The tensors in a batch, whatever it is made of."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, np.ndarray):
        yield torch.from_numpy(batch)
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from _tensors(value)
    elif isinstance(batch, (list, tuple)):
        for value in batch:
            yield from _tensors(value)
    elif dataclasses.is_dataclass(batch):
        for field in dataclasses.fields(batch):
            yield from _tensors(getattr(batch, field.name))


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _unnamed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = len(prefix) + 1
    return {name[start:]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def _memory(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """The optimiser's memory of each parameter, by number: its tensors, and the rest."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, dict[str, Any]] = {}
    for number, memory in optimizer.state_dict()["state"].items():
        for key, value in memory.items():
            if isinstance(value, Tensor):
                tensors[f"{number}.{key}"] = value
            elif value is None or isinstance(value, (bool, int, float, str)):
                scalars.setdefault(str(number), {})[key] = value
            else:
                kind = type(optimizer).__name__
                raise SettingsError(f"{kind} keeps a {type(value).__name__} called {key}, which no checkpoint can hold")
    return tensors, scalars


def _restore_memory(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], scalars: Mapping[str, Mapping[str, Any]]
) -> None:
    state: dict[int, dict[str, Any]] = {int(number): dict(values) for number, values in scalars.items()}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = tensor.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def cuda_devices(model: nn.Module) -> list[int]:
    """The graphics cards that hold parameters: each has a random generator of its own."""
    return sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})


def _random_state(model: nn.Module) -> dict[str, Tensor]:
    return {"cpu": torch.get_rng_state()} | {str(i): torch.cuda.get_rng_state(i) for i in cuda_devices(model)}


def _restore_random_state(states: Mapping[str, Tensor]) -> None:
    for name, state in states.items():
        if name == "cpu":
            torch.set_rng_state(state.clone())
        else:
            torch.cuda.set_rng_state(state.clone(), int(name))
