"""A forecaster as numbers and JSON, and back. Every field of the JSON is known and checked; nothing in it is ever executed.

The same checks stand before a file is written and after one is read, so what is saved is what can be loaded. What a file asks for
is compared with the numbers that it brings before anything of that size is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import numpy as np
import torch
from torch import Tensor, nn

from .. import cells
from ..data import Schema
from ..data.series import Array
from ..data.stride import Stride
from ..errors import ModelFileError
from ..files import schema
from ..models.blank import Content, check_size, counted, without_numbers
from ..models.state import State, capture, restore
from ..windows.calendar import Calendar
from ..windows.encoder import Encoder
from ..windows.scaling import Scale
from .bands import Bands, BandState
from .bands import capture as capture_bands
from .bands import restore as restored_bands
from .learned import STARTS, Blend, Way, built
from .linear import LinearBase
from .network import ForecastNet
from .predictors import Predictor, is_network, plain
from .settings import BASELINES, Settings

SMALLEST, LARGEST = 1e-300, 1e300  # of scales and centers: what is scaled, and scaled back, must be a number
MOST_ROWS = 1_000_000  # of a context or a horizon
MOST_NETWORKS = 64
LINEAR, BLEND = "linear.weights", "blend.weights"
OFFSET = re.compile(r"(UTC)?[+-]\d\d:\d\d")
SCALES = (
    "target.center",
    "target.scale",
    "target.error",
    "exogenous.center",
    "exogenous.scale",
    "static.center",
    "static.scale",
)


@dataclass(frozen=True)
class Config:
    """The JSON part of a forecaster's file."""

    settings: Settings
    options: dict[str, Any]
    table: Schema
    calendar: Calendar
    step: float
    stride: Stride
    horizon: int
    lags: tuple[float, ...]
    shown: Mapping[str, tuple[int, ...]]
    ranking: tuple[tuple[int, ...], ...]
    ids: tuple[str, ...]
    reach: int  # lags of the linear base; 0 = there is none
    ways: tuple[Way, ...]  # of the networks
    network: State | None
    bands: BandState | None

    def __post_init__(self) -> None:
        """The values, each against the others."""
        settings, table = self.settings, self.table
        horizon = 1 if settings.strategy == "recursive" else settings.h
        _check("horizon", self.horizon, f"{horizon}, which settings.h means", self.horizon == horizon)
        _check("settings.context", settings.context, f"at most {MOST_ROWS:,} rows", settings.context <= MOST_ROWS)
        _check("settings.h", settings.h, f"at most {MOST_ROWS:,} steps", settings.h <= MOST_ROWS)
        _check("step", self.step, "a length of time", 0 < self.step < 2**63)
        _check("lags", self.lags, "lengths of time that rise", _rise(self.lags))
        lags = list(range(len(self.lags) + 1))
        ranked = len(self.ranking) == len(table.targets) and all(sorted(order) == lags for order in self.ranking)
        _check("ranking", self.ranking, f"each of the lags {lags} once, for each target", ranked)
        linear = settings.cell == "ridge" or is_network(settings)
        reach = (0 < self.reach <= MOST_ROWS) if linear else self.reach == 0
        _check("reach", self.reach, "lags of a linear base, 0 without", reach)
        ways = bool(self.ways) == is_network(settings) and len(self.ways) <= MOST_NETWORKS
        _check("ways", len(self.ways), f"one to {MOST_NETWORKS} networks, none for a baseline", ways)
        first = all(way.cell == settings.cell for way in self.ways[:1])
        _check("ways", [way.cell for way in self.ways], "the cell of the settings first", first)
        known = all(way.start in STARTS and way.cell not in BASELINES and 0 <= way.seed < 2**31 for way in self.ways)
        _check("ways", [way.start for way in self.ways], f"cells on one of the starts {', '.join(STARTS)}", known)
        _check("ids", self.ids, "one or more, all different", 0 < len(set(self.ids)) == len(self.ids))
        names = [name for name in (table.id, table.time, *table.values) if name is not None]
        _check("table", names, "columns of different names, a target among them", len(set(names)) == len(names) > 1)
        _check("table.targets", table.targets, "one or more", len(table.targets) > 0)
        shown = all(
            name in table.categories
            and all(0 <= code < len(table.categories[name]) for code in codes)
            and len(set(codes)) == len(codes)
            for name, codes in self.shown.items()
        )
        _check("shown", dict(self.shown), "numbers of categories of the table, each once", shown)
        codes = all(name in names and len(set(words)) == len(words) for name, words in table.categories.items())
        _check("table.categories", list(table.categories), "columns of the table, words all different", codes)
        for place, zone in (("table.zone", table.zone), ("calendar.zone", self.calendar.zone)):
            known = zone is None or OFFSET.fullmatch(zone) is not None or zone in _zones()
            _check(place, zone, "the name of a zone, such as Europe/Berlin", known)
        _check(
            "network", self.network, "null for a model without", (self.network is None) == (settings.cell in BASELINES)
        )


def encode(
    settings: Settings, options: Mapping[str, Any], encoder: Encoder, predictor: Any, bands: Bands | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, JSON config)."""
    ids = tuple(encoder.targets)
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
    network, reach = None, 0
    ways: tuple[Way, ...] = ()
    if isinstance(predictor, Blend):
        ways = predictor.ways
        like = without_numbers(lambda: _networks(settings, options, encoder, ways), _own(ways))
        network, weights = capture(predictor.networks, like)
        tensors |= {f"weights.{name}": value for name, value in _single(weights).items()}
        tensors[BLEND] = torch.from_numpy(predictor.weights)
    base = predictor.base if isinstance(predictor, Blend) else predictor
    if isinstance(base, LinearBase) and base.weights is not None:
        tensors[LINEAR], reach = torch.from_numpy(base.weights), base.reach
    about = None
    if bands is not None:
        about, of_bands = capture_bands(bands)
        tensors |= of_bands
    config = Config(
        settings=settings, options=schema.dump(options), table=encoder.schema, calendar=encoder.calendar,
        step=encoder.step, stride=encoder.stride, horizon=encoder.h, lags=encoder.lags, shown=dict(encoder.shown),
        ranking=encoder.ranking, ids=ids, reach=reach, ways=ways, network=network, bands=about,
    )  # fmt: skip
    _check_scales(config, tensors)
    return tensors, schema.dump(config)


def decode(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> tuple[Settings, dict[str, Any], Encoder, Predictor, Bands | None]:
    """(settings, the cell's options, encoder, predictor, bands) of a file; ModelFileError where they do not fit together."""
    if "ways" not in config and "network" in config:
        raise ModelFileError(
            "it was written before forecasters had a linear base and starts, and its weights mean something else now: fit the model anew"
        )
    try:
        read = schema.read(Config, _with_bands(config))
        scales = _check_scales(read, tensors)
        encoder = _encoder(read, scales)
        bands = None if read.bands is None else restored_bands(read.bands, tensors, read.settings, encoder)
        return read.settings, read.options, encoder, _predictor(read, encoder, tensors), bands
    except Exception as wrong:  # a cell's constructor may raise anything for what a file asks of it
        raise ModelFileError(schema.first_line(wrong)) from None


def _with_bands(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config; of a file that was written before there were bands, as that of a model without."""
    settings = config.get("settings")
    if "bands" in config or not isinstance(settings, dict) or "bands" in settings:
        return dict(config)
    return {**config, "bands": None, "settings": {**settings, "bands": None}}


def _encoder(read: Config, scales: Mapping[str, Array]) -> Encoder:
    error = np.where(scales["target.error"] < 0, np.nan, scales["target.error"])
    targets = {name: Scale(scales["target.center"][k], scales["target.scale"][k]) for k, name in enumerate(read.ids)}
    return Encoder(
        schema=read.table,
        step=read.step,
        stride=read.stride,
        h=read.horizon,
        calendar=read.calendar,
        lags=read.lags,
        shown=read.shown,
        targets=targets,
        exogenous=Scale(scales["exogenous.center"], scales["exogenous.scale"]),
        static=Scale(scales["static.center"], scales["static.scale"]),
        ranking=read.ranking,
        error={name: error[k] for k, name in enumerate(read.ids)},
    )


def _predictor(read: Config, encoder: Encoder, tensors: Mapping[str, Tensor]) -> Predictor:
    weights = {name: value for name, value in tensors.items() if name.startswith("weights.")}
    beside = [name for name in (LINEAR, BLEND) if name in tensors]
    predictor = None if is_network(read.settings) else plain(read.settings, encoder)
    expected = [LINEAR, BLEND] if predictor is None else [LINEAR] if isinstance(predictor, LinearBase) else []
    _check("its weights", beside, f"{expected}, what a {read.settings.cell} has", beside == expected)
    if predictor is not None:
        _check("its weights", sorted(weights)[:1], "none of a network", not weights)
        return _linear(read, encoder, tensors[LINEAR]) if isinstance(predictor, LinearBase) else predictor
    base = _linear(read, encoder, tensors[LINEAR])
    networks = _restored(read, encoder, {name.removeprefix("weights."): value for name, value in weights.items()})
    shares = _shares(tensors[BLEND], (len(STARTS) + len(read.ways), len(read.table.targets)))
    return Blend(base, [one for one in networks if isinstance(one, ForecastNet)], read.ways, shares)


def _restored(read: Config, encoder: Encoder, weights: Mapping[str, Tensor]) -> nn.ModuleList:
    """The networks, with what the file asks for compared with the numbers that it brings before anything of that size is built."""
    settings = read.settings
    if read.network is None:
        raise ModelFileError("network is null, expected the state of the networks")
    content = Content.of(weights, len(read.network.tied))
    for way in read.ways:
        own = read.options if way.cell == settings.cell else {}
        check_size(cells.get(way.cell), {"inputs": encoder.inputs, "units": settings.units, **own}, content.numbers)
    with counted(content):
        blank = without_numbers(lambda: _networks(settings, read.options, encoder, read.ways), _own(read.ways))
    restore(blank, read.network, _single(weights))
    return blank


def _shares(weights: Tensor, shape: tuple[int, int]) -> Array:
    """How much of each member, if they are parts of one for each target."""
    found = f"{weights.dtype} {tuple(weights.shape)}"
    _check(BLEND, found, f"torch.float64 {shape}", found == f"torch.float64 {shape}")
    parts = bool((weights >= 0).all() and ((weights.sum(dim=0) - 1).abs() < 1e-6).all())
    _check(BLEND, "otherwise", "parts of one for each target", parts)
    return weights.numpy()


def _networks(settings: Settings, options: Mapping[str, Any], encoder: Encoder, ways: Sequence[Way]) -> nn.ModuleList:
    return nn.ModuleList([built(settings, options, encoder, way) for way in ways])


def _own(ways: Sequence[Way]) -> bool:
    return any(not cells.get(way.cell).__module__.startswith("tauflow.") for way in ways)


def _single(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights of a network, all of which are float32, or whole numbers, or flags."""
    for name, value in weights.items():
        _check(name, value.dtype, "torch.float32", value.dtype == torch.float32 or not value.is_floating_point())
    return weights


def _linear(read: Config, encoder: Encoder, weights: Tensor) -> LinearBase:
    """The base of these weights, if they are of the shape that a base of this context, reach and table has."""
    base = LinearBase(encoder, read.settings.context, read.reach)
    expected = f"torch.float64 {(encoder.h, base.layout.width, len(read.table.targets))}"
    found = f"{weights.dtype} {tuple(weights.shape)}"
    _check(LINEAR, found, expected, found == expected)
    base.weights = weights.numpy().copy()  # the last bit of a product can depend on where in memory numbers begin
    return base


def _check_scales(read: Config, tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    """Centers and scales as arrays, if there is one for each id and column, and they are of a size to divide by."""
    table, found = read.table, {}
    each, rows = len(read.ids), {"target": len(table.targets), "exogenous": len(table.past) + len(table.future)}
    for name in SCALES:
        shape = (
            (each, rows["target"])
            if name.startswith("target")
            else (rows.get(name.partition(".")[0], len(table.static)),)
        )
        tensor = tensors.get(name)
        here = None if tensor is None else f"{tensor.dtype} {tuple(tensor.shape)}"
        _check(name, here, f"float64 {shape}", here == f"torch.float64 {shape}")
        values = tensors[name].numpy()
        low = SMALLEST if name.endswith("scale") else -LARGEST
        within = bool(((values >= low) & (values <= LARGEST)).all())
        _check(name, "beyond it", f"numbers from {low:g} to {LARGEST:g}", within)
        found[name] = values
    known = ("weights.",) if read.bands is None else ("weights.", "bands.")
    others = [name for name in tensors if name not in (*SCALES, LINEAR, BLEND) and not name.startswith(known)]
    _check("a tensor", others[:1], "none but scales and weights", not others)
    return found


def _check(name: str, found: object, expected: str, holds: bool) -> None:
    if not holds:
        text = str(found)[:80]
        raise ModelFileError(f"{name} is {text if text.isprintable() else repr(text)}, expected {expected}")


def _rise(lengths: tuple[float, ...]) -> bool:
    return all(0 < length < 2**63 for length in lengths) and list(lengths) == sorted(set(lengths))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _stack(rows: list[Any]) -> Tensor:
    return torch.from_numpy(np.stack(rows).astype(np.float64))
