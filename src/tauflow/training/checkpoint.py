"""A checkpoint: all that the rest of a run depends on; resumed, it ends bit for bit like one never stopped.

    weights.*    the model as it is         optimizer.*  the optimiser's memory (Adam's moments, ...)
    best.*       weights of the best epoch  rng.*        the random numbers to come (dropout)
    history.*    one number an epoch        run          epoch and step reached, sums of the epoch under way

The order of the batches follows from the source's seed and the epoch, the learning rate from the progress:
neither needs saving. The settings (see fingerprint.py) are saved to refuse a run with others, which would be
neither the old run nor a new one.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import files
from ..errors import ModelFileError
from ..files import schema
from .fingerprint import Settings
from .history import Place, Run, copy_weights, restore_weights
from .settings import SettingsError

LISTS = ("train", "validation", "lr")
PARTS = ("weights", "best", "optimizer", "rng", "history")
Scalar = bool | int | float | str | None
Tensors = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Config:
    """The JSON of a checkpoint."""

    run: Place
    optimizer: Mapping[str, Mapping[str, Scalar]]
    settings: dict[str, Any]


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
        place = Place(**{field.name: getattr(run, field.name) for field in dataclasses.fields(Place)})
        config = schema.dump(Config(place, scalars, self.settings))
        # Weights that have just become NaN are saved as they are: the guard finds them at the next step.
        files.write(self.path, tensors, config, kind="checkpoint", finite=False)

    def load(self) -> Run:
        """Put model, optimiser and random numbers where the file says, and tell where the run stands.

        All of the file is checked first: SettingsError for another run's, ModelFileError for one that is damaged by hand.
        """
        file = files.read(self.path, kind="checkpoint", finite=False)
        try:
            config = schema.read(Config, file.config)
            _check_settings(self.path, config.settings, self.settings)
            parts = {part: _unnamed(part, file.tensors) for part in PARTS}
            lists = _lists(parts["history"])
            run = Run(
                **vars(config.run), best=dict(parts["best"]), train=lists["train"], validation=lists["validation"],
                lr=lists["lr"], metric=self.settings.get("metric", "loss"), mode=self.settings.get("mode", "min"),
            )  # fmt: skip
            self._check(run, config, parts, len(file.tensors))
        except ModelFileError as wrong:
            raise ModelFileError(f"{self.path}: {wrong}; start anew with resume=False") from None
        own = self.model.state_dict()
        run.best = {name: value.to(own[name].device) for name, value in run.best.items()}
        _restore_memory(self.optimizer, parts["optimizer"], config.optimizer)
        restore_weights(self.model, parts["weights"])
        _restore_random_state(parts["rng"])
        return run

    def _check(self, run: Run, config: Config, parts: Mapping[str, Tensors], tensors: int) -> None:
        if sum(map(len, parts.values())) != tensors:
            raise ModelFileError(f"it has tensors of another kind than {', '.join(PARTS)}")
        own = copy_weights(self.model)
        for part in ("weights", "best"):
            _check_alike(part, parts[part], own)
        _check_alike("rng", parts["rng"], _random_state(self.model))
        _check_generator(parts["rng"]["cpu"])
        _check_place(run, self.settings)
        _check_memory(self.optimizer, parts["optimizer"], config.optimizer, run.updates)


def _check_settings(path: Path, old: Settings, new: Settings) -> None:
    changes = [
        f"{_plain(key)} was {_plain(old.get(key, 'nothing'))}, now {_plain(new.get(key, 'nothing'))}"
        for key in {**new, **old}
        if key not in old or key not in new or old[key] != new[key]
    ]
    if changes:
        more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
        short = "; ".join(change[:200] for change in changes[:3]) + more
        raise SettingsError(
            f"{path} was written by a run with other settings: {short}. Use the old settings to go on with "
            "that run, or start a new one with resume=False or another checkpoint"
        )


def _plain(value: object) -> str:
    """In one line, whatever a file holds."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _check_alike(part: str, found: Tensors, like: Tensors) -> None:
    """The same names, number types and shapes."""
    for name in [*like, *found]:
        here, there = (_about(tensors.get(name)) for tensors in (found, like))
        if here != there:
            raise ModelFileError(f"{part}.{name[:99]} is {here}, expected {there}")


def _about(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"{tensor.dtype} {tuple(tensor.shape)}"


def _check_generator(state: Tensor) -> None:
    try:
        torch.Generator().set_state(state.clone())
    except RuntimeError as wrong:
        raise ModelFileError(f"rng.cpu is no state of a random generator: {schema.first_line(wrong)}") from None


def _check_place(run: Run, settings: Settings) -> None:
    """Whether a run of these settings can stand there."""
    epochs, watched = settings["epochs"], run.watched()
    best = watched.index(min(watched)) if watched else None
    counts = (run.epoch, run.step, run.updates, run.samples, run.steps)
    judged = settings.get("validation data: source") is not None
    rules = {
        "its counts are not negative": min(counts) >= 0,
        f"it has {run.epoch} epochs of history": [len(run.train), len(run.lr)] == [run.epoch] * 2,
        "it is judged once an epoch": len(run.validation) == (run.epoch if judged else 0),
        "its numbers are finite": all(map(math.isfinite, (*run.train, *run.validation, *run.lr))),
        "its best epoch is the best": run.best_epoch == best,
        "it stands within its epochs": run.epoch <= epochs
        and run.epoch <= run.steps
        and run.step <= run.steps <= run.updates,
        "its epoch under way has samples": (run.step > 0) == (run.samples > 0) and (run.step > 0 or run.loss_sum == 0),
        "its norm and its time are not negative": run.first_norm >= 0 and run.seconds >= 0,
        "its guard knows the first norm": (run.first_norm > 0) <= (run.updates > 0),
        "it has a last loss": (run.last_loss is None) == (run.steps == 0),
        "it ended when it was done": (run.stopped == "finished") == (run.epoch == epochs),
        "it stopped in a way that there is": run.stopped in ("", "finished", "early"),
        "it stopped early by patience": run.stopped != "early" or settings.get("patience") is not None,
    }
    for rule, holds in rules.items():
        if not holds:
            raise ModelFileError(
                f"no run can stand where it says (epoch {run.epoch}, step {run.step}), expected that {rule}"
            )


def _lists(found: Tensors) -> dict[str, list[float]]:
    like = {
        name: found[name].new_zeros(found[name].numel(), dtype=torch.float64) if name in found else torch.zeros(0)
        for name in LISTS
    }
    _check_alike("history", found, like)
    return {name: found[name].tolist() for name in LISTS}


def _named(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _unnamed(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    start = len(prefix) + 1
    return {name[start:]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")}


def _memory(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, dict[str, Scalar]]]:
    """The optimiser's memory of each parameter, by number: its tensors, and the rest."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, dict[str, Scalar]] = {}
    for number, memory in optimizer.state_dict()["state"].items():
        scalars[str(number)] = {}  # who has a memory at all
        for key, value in memory.items():
            if isinstance(value, Tensor):
                tensors[f"{number}.{key}"] = value
            elif value is None or isinstance(value, (bool, int, float, str)):
                scalars[str(number)][key] = value
            else:
                kind = type(optimizer).__name__
                raise SettingsError(f"{kind} keeps a {type(value).__name__} called {key}, which no checkpoint can hold")
    return tensors, scalars


def _check_memory(
    optimizer: Optimizer, tensors: Tensors, scalars: Mapping[str, Mapping[str, Scalar]], updates: int
) -> None:
    """Compare with what this optimiser keeps after a step of a copy of its own, of each parameter that has a memory."""
    trial = copy.deepcopy(optimizer)
    for group in trial.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    trial.step()
    likes, plain = _memory(trial)
    _check_alike("optimizer", tensors, {n: like for n, like in likes.items() if n.partition(".")[0] in scalars})
    kept = {number: sorted(values) for number, values in plain.items() if number in scalars}
    if kept != {number: sorted(values) for number, values in scalars.items()} or (updates and plain and not scalars):
        raise ModelFileError(f"the optimiser's memory has other values than {type(optimizer).__name__} keeps")
    for name, tensor in tensors.items():
        if name.endswith(".step") and not (tensor.numel() == 1 and 0 <= tensor.item() < 2**53):
            raise ModelFileError(f"optimizer.{name} is {tensor.tolist()!r:.40}, expected a count of steps")


def _restore_memory(optimizer: Optimizer, tensors: Tensors, scalars: Mapping[str, Mapping[str, Scalar]]) -> None:
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


def _restore_random_state(states: Tensors) -> None:
    for name, state in states.items():
        if name == "cpu":
            torch.set_rng_state(state.clone())
        else:
            torch.cuda.set_rng_state(state.clone(), int(name))
