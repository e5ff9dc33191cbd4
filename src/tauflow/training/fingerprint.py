"""What a run is made of, as JSON: two runs with the same fingerprint end alike, and a checkpoint is for one of them.

    data, validation data    every number of it, the size of the batches, their seed and order
    model                    every module's class and options, every parameter's shape, whether it learns, who shares it
    objective, validate or metric      the name, the byte code, the options and what it closed over
    the rest                 epochs, clip, ... as they were given; the optimiser and its groups

Long values stand as digests. Not in it: initial weights, which the file brings; callbacks, which see the model and change nothing;
globals that an objective or a source of your own uses.
A source says itself what it holds, in a method `fingerprint() -> Mapping[str, Any]`; of one without it count the class, the
public attributes, and all that its batches of the first epoch hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from ..files.digest import digest
from .settings import name_of
from .sources import Source

Settings = dict[str, Any]
INTERNAL = set(vars(nn.Module()))
MOST_TEXT = 200_000  # bytes of a file's header for the model; one of more modules stands as one digest


def fingerprint(
    model: nn.Module,
    optimizer: Optimizer,
    train: Source,
    validation: Source | None,
    objectives: Mapping[str, Callable[..., Any]],
    **rest: Any,
) -> Settings:
    """Settings by name; each name says what differs where it differs."""
    names = {id(thing): name for name, thing in _things(model)}
    settings = {
        **rest,
        "optimizer": type(optimizer).__name__,
        **_groups(optimizer, names),
        "steps": len(train),
        **_source("data", train),
        **({"validation data: source": None} if validation is None else _source("validation data", validation)),
        **_short_enough(dict(_model(model, names))),
    }
    for key, objective in objectives.items():
        settings |= {key: name_of(objective), f"content of {key}": digest(objective, names)}
    plain: Settings = json.loads(json.dumps(settings, default=str))
    return plain


def _things(model: nn.Module) -> Iterator[tuple[str, object]]:
    """What stands for itself in an attribute or an objective: weights are the file's, and differ between starts."""
    yield from model.named_parameters()
    yield from model.named_buffers()
    for path, module in model.named_modules():
        yield f"module {path}", module


def _source(what: str, source: Source) -> Settings:
    said = getattr(source, "fingerprint", None)
    if said is not None:
        parts = dict(said())
    else:
        public = {name: value for name, value in getattr(source, "__dict__", {}).items() if not name.startswith("_")}
        parts = {**public, "batches": [digest(batch) for batch in source.batches(0)]}
    found = {f"{what}: {name}": _plain(value, {}) for name, value in parts.items()}
    return {f"{what}: source": type(source).__qualname__, **found}


def _groups(optimizer: Optimizer, names: Mapping[int, str]) -> Settings:
    found: Settings = {}
    for number, group in enumerate(optimizer.param_groups):
        of = f"of group {number}"
        found |= {f"{key} {of}": value for key, value in group.items() if key != "params"}
        found[f"parameters {of}"] = digest([names.get(id(p), "not the model's") for p in group["params"]])
    return found


def _model(model: nn.Module, names: Mapping[int, str]) -> Iterator[tuple[str, Any]]:
    """(name, value) of all that makes the model what it is, but its numbers."""
    for path, module in model.named_modules(remove_duplicate=False):
        at = f"model.{path}" if path else "model"
        yield at, f"{type(module).__module__}.{type(module).__qualname__}"
        yield f"{at} is", names[id(module)]
        yield f"{at} hooks", digest([list(found.values()) for found in _hooks(module)], names)
        options = {**getattr(module, "arguments", {}), **{k: v for k, v in vars(module).items() if k not in INTERNAL}}
        for name, value in options.items():
            if name != "arguments" and not isinstance(value, nn.Module):
                yield f"{at}.{name}", _plain(value, names)
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            yield (
                f"{at}.{name}",
                None if tensor is None else _about(module, name, tensor, f"{path}.{name}" if path else name, names),
            )


def _about(module: nn.Module, name: str, tensor: Tensor, full: str, names: Mapping[int, str]) -> str:
    """What a tensor of the model is; of one that no file brings, its numbers too."""
    text = f"{tensor.dtype} {tuple(tensor.shape)}"
    if names.get(id(tensor), full) != full:
        text += f", the same as {names[id(tensor)]}"
    if isinstance(tensor, nn.Parameter) and not tensor.requires_grad:
        text += ", frozen"
    if name in module._non_persistent_buffers_set:
        text += f", {digest(tensor)}"
    return text


def _hooks(module: nn.Module) -> Iterator[Mapping[int, Any]]:
    for name in sorted(INTERNAL):
        if name.endswith("_hooks"):
            yield vars(module)[name]


def _plain(value: Any, names: Mapping[int, str]) -> Any:
    """The value where it is short, else its digest."""
    if isinstance(value, (list, tuple)) and all(isinstance(item, (bool, int, float, str)) for item in value):
        value = list(value)
    elif not (value is None or isinstance(value, (bool, int, float, str))):
        return digest(value, names)
    return value if len(str(value)) < 80 else digest(value)


def _short_enough(model: Settings) -> Settings:
    return (
        model
        if sum(len(name) + len(str(value)) for name, value in model.items()) < MOST_TEXT
        else {"model": digest(model)}
    )
