"""A forecaster as numbers and JSON, and back. Every field of the JSON is known and checked; nothing in it is ever executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from ..data import Schema
from ..data.stride import Stride
from ..errors import ModelFileError
from ..windows.calendar import Calendar
from ..windows.encoder import Encoder
from ..windows.scaling import Scale
from .settings import Settings


class Config(BaseModel):
    """The JSON part of a forecaster's file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    settings: Settings
    options: dict[str, Any]
    table: Schema
    calendar: Calendar
    stride: Stride
    step: float
    horizon: int
    lags: tuple[float, ...]
    shown: dict[str, tuple[int, ...]]
    ranking: tuple[tuple[int, ...], ...]
    ids: tuple[str, ...]


def encode(
    settings: Settings, options: Mapping[str, Any], encoder: Encoder, predictor: Any
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, JSON config)."""
    ids = tuple(encoder.targets)
    config = Config(
        settings=settings, options=dict(options), table=encoder.schema, calendar=encoder.calendar, step=encoder.step,
        stride=encoder.stride, horizon=encoder.h, lags=encoder.lags, shown=dict(encoder.shown), ranking=encoder.ranking, ids=ids,
    )  # fmt: skip
    scales = [encoder.targets[name] for name in ids]
    tensors = {
        "target.center": _stack([scale.center for scale in scales]),
        "target.scale": _stack([scale.scale for scale in scales]),
        "target.error": _stack([encoder.error.get(name, np.full(len(encoder.ranking), np.nan)) for name in ids]),
        "exogenous.center": torch.from_numpy(encoder.exogenous.center),
        "exogenous.scale": torch.from_numpy(encoder.exogenous.scale),
        "static.center": torch.from_numpy(encoder.static.center),
        "static.scale": torch.from_numpy(encoder.static.scale),
    }
    tensors["target.error"] = tensors["target.error"].nan_to_num(nan=-1.0)  # a model file holds finite numbers only
    if isinstance(predictor, nn.Module):
        tensors |= {f"weights.{name}": value for name, value in predictor.state_dict().items()}
    elif getattr(predictor, "weights", None) is not None:
        tensors["weights.weights"] = torch.from_numpy(predictor.weights)
    return tensors, json.loads(config.model_dump_json())


def decode(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> tuple[Settings, dict[str, Any], Encoder, dict[str, Tensor]]:
    """(settings, the cell's options, encoder, weights) of a file; ModelFileError where they do not fit together."""
    try:
        read = TypeAdapter(Config).validate_json(json.dumps(config))
        arrays = {name: tensor.numpy() for name, tensor in tensors.items() if not name.startswith("weights.")}
        error = np.where(arrays["target.error"] < 0, np.nan, arrays["target.error"])
        targets = {
            name: Scale(arrays["target.center"][k], arrays["target.scale"][k]) for k, name in enumerate(read.ids)
        }
        encoder = Encoder(
            schema=read.table,
            step=read.step,
            stride=read.stride,
            h=read.horizon,
            calendar=read.calendar,
            lags=read.lags,
            shown=read.shown,
            targets=targets,
            exogenous=Scale(arrays["exogenous.center"], arrays["exogenous.scale"]),
            static=Scale(arrays["static.center"], arrays["static.scale"]),
            ranking=read.ranking,
            error={name: error[k] for k, name in enumerate(read.ids)},
        )
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise ModelFileError(
            f"the file's settings are not a forecaster's: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from None
    except (KeyError, IndexError) as missing:
        raise ModelFileError(
            f"the file lacks {missing}, expected a forecaster's scales: save the model again"
        ) from None
    weights = {name.removeprefix("weights."): tensor for name, tensor in tensors.items() if name.startswith("weights.")}
    return read.settings, read.options, encoder, weights


def fill(predictor: Any, weights: dict[str, Tensor]) -> None:
    """Put a file's weights into an empty predictor."""
    try:
        if isinstance(predictor, nn.Module):
            predictor.load_state_dict(weights)
            predictor.eval()
        elif hasattr(predictor, "weights"):
            predictor.weights = weights["weights"].numpy()
    except (RuntimeError, KeyError) as wrong:
        raise ModelFileError(f"the file's weights do not fit its settings: {wrong}") from None


def _stack(rows: list[Any]) -> Tensor:
    return torch.from_numpy(np.stack(rows).astype(np.float64))
