"""Networks of every cell and every step, and samples for them with uneven gaps: what each export is held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tauflow import CTRNN, GRU, GRUODE, LSTM, LTC, RNN, CfC, Committee, GatedLTC, Network, Recurrent, Stack, WiredCfC
from tauflow.cells import DecayGRU, NcpsWiredCfC
from tauflow.wirings import auto_ncp

Array = NDArray[Any]

# Gaps go up to 100. A CfC whose time gate is made for gaps of 1 multiplies rounding by them: with tau = 1 the float32 stream itself is
# 1.7e-6 of its range away from the float64 one.
SLOW = (10.0, 100.0)


def _net(**parts: Any) -> Network:
    slow = {} if parts.get("core") in ("gruode", "gru") else {"tau": SLOW}
    return Network(4, 3, **{"units": 6, **slow, **parts})


MADE: dict[str, Callable[[], Any]] = {
    "ctrnn": lambda: Recurrent(CTRNN(4, 7)),
    "ctrnn euler": lambda: Recurrent(CTRNN(4, 7, "sigmoid", (80.0, 200.0), solver="euler", substeps=2)),
    "ctrnn semi": lambda: Recurrent(CTRNN(4, 7, "lecun_tanh", solver="semi_implicit", substeps=2)),
    "ctrnn relu": lambda: Recurrent(CTRNN(4, 5, "relu", (0.5, 1.0))),
    "gated_ltc": lambda: Recurrent(GatedLTC(4, 7)),
    "gated_ltc semi": lambda: Recurrent(GatedLTC(4, 7, "sigmoid", solver="semi_implicit", substeps=3)),
    "ltc": lambda: Recurrent(LTC(4, 6)),
    "ltc wired": lambda: Recurrent(LTC(4, auto_ncp(4, 19, 4))),
    "ltc ncps": lambda: Recurrent(LTC(4, auto_ncp(4, 12, 2), init="ncps", solver="semi_implicit", substeps=6)),
    "ltc exponential": lambda: Recurrent(LTC(4, 5, solver="exponential", substeps=2)),
    "cfc": lambda: Recurrent(CfC(4, 7, backbone_units=11, tau=SLOW)),
    "cfc no_gate": lambda: Recurrent(CfC(4, 7, "no_gate", backbone_layers=0, tau=SLOW)),
    "cfc pure": lambda: Recurrent(CfC(4, 7, "pure", backbone_layers=3, backbone_units=9, activation="relu")),
    "cfc zero updates": lambda: Recurrent(CfC(4, 7, backbone_units=5, tau=SLOW), zero_dt="update"),
    "wired_cfc": lambda: Recurrent(WiredCfC(4, auto_ncp(4, 19, 4), tau=SLOW)),
    "wired_cfc no_gate": lambda: Recurrent(WiredCfC(4, auto_ncp(4, 12, 2), "no_gate", tau=SLOW)),
    "wired_cfc_ncps": lambda: Recurrent(NcpsWiredCfC(4, auto_ncp(4, 12, 2), tau=SLOW)),
    "gruode": lambda: Recurrent(GRUODE(4, 7)),
    "gruode semi": lambda: Recurrent(GRUODE(4, 7, "semi_implicit", 2)),
    "rnn": lambda: Recurrent(RNN(4, 7)),
    "gru": lambda: Recurrent(GRU(4, 7)),
    "gru_decay": lambda: Recurrent(DecayGRU(4, 7)),
    "lstm": lambda: Recurrent(LSTM(4, 7)),
    "stack": lambda: Stack(CTRNN(4, 5), CfC(5, 6, backbone_units=8, tau=SLOW), LTC(6, 4)),
    "network": lambda: _net(period=0.3),
    "records with gaps": lambda: _net(
        missing="missing",
        waves={"name": "waves", "columns": [1]},
        encoder={"name": "dense", "units": [9, 5], "activation": "gelu"},
        readout="skip",
        head="quantiles",
    ),
    "classes of a sequence": lambda: _net(core="gated_ltc", pool="several", readout="skip", head="classes"),
    "attention": lambda: _net(core="ltc", pool="attention", readout="wide", static=2, head="normal", period=3.7),
    "largest": lambda: _net(core="ctrnn", pool="max", readout={"name": "deep", "units": [7, 6]}, head="student"),
    "controller": lambda: _net(core="wired_cfc", units=8, encoder={"name": "convolution", "kernel": 3}, head="actions"),
    "pictures": lambda: _net(core="gruode", encoder={"name": "images", "shape": [1, 2, 2]}),
    "sensors": lambda: _net(
        core="gru",
        encoder={
            "name": "sensors",
            "each": [
                {"inputs": 2, "name": "images", "shape": [1, 1, 2], "units": 3},
                {"inputs": 1},
                {"inputs": 1, "name": "dense"},
            ],
        },
    ),
    "tokens": lambda: Network(1, 2, "ctrnn", 4, scale=None, encoder={"name": "tokens", "vocabulary": 9, "units": 5}),
    "softplus": lambda: _net(encoder={"name": "dense", "units": 5, "activation": "softplus"}),
    "softsign": lambda: _net(encoder={"name": "dense", "units": 5, "activation": "softsign"}, pool="last", static=1),
    "committee of values": lambda: Committee(_net, 2),
    "committee of classes": lambda: Committee(lambda: _net(core="ctrnn", head="classes", pool="mean"), 3),
    "committee of normals": lambda: Committee(lambda: _net(core="gru", head="normal"), 2),
}


def make(kind: str, seed: int = 0) -> Any:
    """A network as after training: no line at zero, no two neurons alike."""
    torch.manual_seed(seed)
    made = MADE[kind]()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * (float(parameter.abs().mean()) or 1.0) * torch.randn_like(parameter))
    members = [module for module in made.modules() if isinstance(module, Network)]
    for member in members:
        if member.head.name not in ("classes", "actions"):
            member.head.measure(3 + 5 * torch.randn(50, member.head.columns))
        if member.scale is not None:
            member.scale.measure(1 + 2 * torch.randn(50, member.inputs))
    return made.eval()


def samples(network: Any, n: int, longest: float = 100.0, seed: int = 0) -> tuple[Array, Array, Array | None]:
    """x (n, inputs), dt (n,) from .01 to `longest`, some of them zero, and what is given once."""
    rng = np.random.default_rng(seed)
    dt = np.exp(rng.uniform(np.log(0.01), np.log(longest), n)).astype(np.float32)
    dt[rng.random(n) < 0.02] = 0
    inputs = network.inputs if hasattr(network, "inputs") else network.cell.inputs
    x = rng.normal(size=(n, inputs)).astype(np.float32)
    if getattr(network, "scale", None) is None and isinstance(network, Network):
        x = rng.integers(0, 9, size=(n, inputs)).astype(np.float32)
    if getattr(network, "missing", None) is not None:
        x[rng.random(x.shape) < 0.4] = np.nan
    static = getattr(network, "static", 0)
    return x, dt, rng.normal(size=static).astype(np.float32) if static else None


def streamed(network: Any, x: Array, dt: Array, given: Array | None) -> Array:
    """The answers of stream(), (n, outputs)."""
    stream = network.stream("cpu", **({} if given is None else {"static": given}))
    return np.stack([stream(one, float(gap)) for one, gap in zip(x, dt, strict=True)])


def worst(ys: Array, expected: Array) -> float:
    """The worst error in units of the range."""
    reach = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-30)
    return float(np.abs(ys - expected).max()) / reach
