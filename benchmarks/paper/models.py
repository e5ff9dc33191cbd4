"""The networks of the tables, each under a name; every one is a module `forward(x, dt, mask) -> (batch, time, outputs)`.

    liquid   ltc               our default: conductances scaled by fan-in, one exponential midpoint step
             ltc_six_fanin     the same start, six semi-implicit unfolds: the two differ by the solver alone
             ltc_three         the same start, three midpoint steps: as many evaluations as six unfolds
             ltc_six           the arithmetic and the start of ncps, six unfolds
             ltc_midpoint_ncps the start of ncps, one exponential midpoint step
             gated_ltc, ctrnn, gruode, cfc, mmrnn (CfC behind an LSTM's memory)
             cfc_wide          CfC with the backbone of its authors' best Walker2d run: 256 units, SiLU, dropout 0.1
             mmrnn_deep        mmRNN with the backbone of theirs: two layers of 128, dropout 0.2
             hybrid            a dense layer at every step, then a GatedLTC
    static   lstm, gru, rnn    torch's own, which see no time
             lstm+dt           an LSTM that gets log(1 + dt) as one more input
             lstm+dt+head      and a readout as deep as CfC's backbone: one hidden layer of 128; gru+dt+head, rnn+dt+head too
             lstm+dt+wide      and a readout as cfc_wide's backbone: 256 units, dropout 0.1
             lstm+dt+deep      and a readout as mmrnn_deep's backbone: two layers of 128, dropout 0.2
             gru_d             a GRU whose state decays over dt, and that gets log(1 + dt) too
             tcn, transformer  causal, with log(1 + dt) as one more input

    NAME+scale        ltc, gated_ltc, lstm, the same network between the scales of the training data, with dt as one more input
    NAME+skip         cfc, ltc, ltc_fast (tau from 0.1 to 3), gated_ltc, lstm, gru, transformer: a skip readout, scaled too
    NAME+four         ltc, gated_ltc, ctrnn, cfc, lstm, gru, transformer: a committee of four, scaled too
    NAME+skip+four    cfc, lstm: four skip networks, averaged
    NAME+waves        ltc, gated_ltc, cfc, lstm: dt as waves beside the input

All are `tauflow.Network`s. `mask` may be left out where sequences are padded at their end: all of these are causal, so padding moves
nothing before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from tauflow.cells import CfC
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.network import Committee, Network
from tauflow.training import Batch

from .cores import Timeless, Transformer

Make: TypeAlias = "Callable[[int, int, int], Table]"  # of inputs, outputs, units
BESIDE = {None: 0, "gap": 1, "waves": 11}  # inputs more, by what tells dt beside x
HEAD = 128  # units of the hidden layer of a deep readout, as CfC's backbone


class Table(nn.Module):
    """A network's answers without its state; `scaled` ones learn their scales by `measure`."""

    def __init__(self, network: Network | Committee, scaled: bool) -> None:
        super().__init__()
        self.network, self.scaled = network, scaled

    def measure(self, data: Batch) -> None:
        """Take the scales from these sequences; classes have none."""
        if self.scaled:
            assert data.y is not None
            self.network.measure(data if data.y.is_floating_point() and data.y.ndim == 3 else replace(data, y=None))

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        y: Tensor = self.network(x, dt, mask)[0]
        return y


def of(core: Any, members: int = 0, scale: str | None = None, waves: str | None = None, **parts: Any) -> Make:
    """A builder of networks on that core: a name, a name with options, or what makes one of (inputs, units)."""

    def make(inputs: int, outputs: int, units: int) -> Table:
        def network() -> Network:
            made = core(inputs + BESIDE[waves], units) if callable(core) else core
            return Network(inputs, outputs, made, units, scale=scale, waves=waves, **parts)

        return Table(Committee(network, members) if members else network(), scale is not None)

    return make


def cell(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, **options}


def deep(*units: int, dropout: float = 0.0) -> dict[str, Any]:
    return {"name": "deep", "units": units, "dropout": dropout}


def hybrid(inputs: int, outputs: int, units: int) -> Table:
    """A static encoder, one hidden layer at every step, before a liquid core."""
    encoder = nn.Sequential(nn.Linear(inputs, 2 * units), nn.SiLU(), nn.Linear(2 * units, units))
    return Table(Network(inputs, outputs, "gated_ltc", units, scale=None, encoder=encoder), scaled=False)


waves = partial(of, waves="waves")
scaled = partial(of, scale="scale", waves="gap")
skip = partial(scaled, readout={"name": "skip", "units": HEAD})
torchs = {name: partial(Timeless, layer) for name, layer in (("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN))}

LIQUID: dict[str, Make] = {
    "ltc": of("ltc"),
    "ltc_six_fanin": of(cell("ltc", solver="semi_implicit", substeps=6)),
    "ltc_three": of(cell("ltc", substeps=3)),
    "ltc_six": of(cell("ltc", init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8)),
    "ltc_midpoint_ncps": of(cell("ltc", init="ncps")),
    "gated_ltc": of("gated_ltc"),
    "ctrnn": of("ctrnn"),
    "gruode": of("gruode"),
    "cfc": of("cfc"),
    "cfc_wide": of(cell("cfc", backbone_units=256, activation="silu", dropout=0.1)),
    "hybrid": hybrid,
    "mmrnn": of(lambda inputs, units: MixedMemory(CfC(inputs, units))),
    "mmrnn_deep": of(lambda inputs, units: MixedMemory(CfC(inputs, units, backbone_layers=2, dropout=0.2))),
    "cfc+skip": skip("cfc"),
    "ltc+skip": skip("ltc"),
    "ltc_fast+skip": skip(cell("ltc", tau=(0.1, 3.0))),
    "ltc+scale": scaled("ltc"),
    "gated_ltc+scale": scaled("gated_ltc"),
    "gated_ltc+skip": skip("gated_ltc"),
    "ltc+waves": waves("ltc"),
    "gated_ltc+waves": waves("gated_ltc"),
    "cfc+waves": waves("cfc"),
    "ltc+four": scaled("ltc", 4),
    "gated_ltc+four": scaled("gated_ltc", 4),
    "ctrnn+four": scaled("ctrnn", 4),
    "cfc+four": scaled("cfc", 4),
    "cfc+skip+four": skip("cfc", 4),
}
STATIC: dict[str, Make] = {
    "lstm": of(torchs["lstm"]),
    "lstm+dt": of("lstm"),
    "lstm+dt+head": of("lstm", readout=deep(HEAD)),
    "lstm+dt+wide": of("lstm", readout=deep(256, dropout=0.1)),
    "lstm+dt+deep": of("lstm", readout=deep(HEAD, HEAD, dropout=0.2)),
    "lstm+scale": scaled(torchs["lstm"]),
    "lstm+skip": skip(torchs["lstm"]),
    "lstm+waves": waves(torchs["lstm"]),
    "lstm+four": scaled(torchs["lstm"], 4),
    "lstm+skip+four": skip(torchs["lstm"], 4),
    "gru": of(torchs["gru"]),
    "gru+skip": skip(torchs["gru"]),
    "gru+four": scaled(torchs["gru"], 4),
    "gru_d": of("gru_decay"),
    "gru+dt+head": of("gru", readout=deep(HEAD)),
    "rnn": of(torchs["rnn"]),
    "rnn+dt+head": of("rnn", readout=deep(HEAD)),
    "tcn": of("tcn"),
    "transformer": of(Transformer),
    "transformer+skip": skip(partial(Transformer, mapped=True)),
    "transformer+four": scaled(Transformer, 4),
}
EVERY = (
    "ltc", "gated_ltc", "ctrnn", "cfc", "mmrnn", "gruode", "lstm", "lstm+dt+head", "gru", "gru+dt+head", "gru_d",
    "rnn", "rnn+dt+head", "tcn", "transformer",
)  # fmt: skip
"""What every task is trained with."""
TITLES = {
    "ltc": "LTC, one exponential midpoint step",
    "ltc_six_fanin": "LTC, six unfolds",
    "ltc_three": "LTC, three exponential midpoint steps",
    "ltc_six": "LTC, six unfolds, ncps's initialisation",
    "ltc_midpoint_ncps": "LTC, one midpoint step, ncps's initialisation",
    "gated_ltc": "GatedLTC",
    "ctrnn": "CT-RNN",
    "gruode": "GRU-ODE",
    "cfc": "CfC",
    "cfc_wide": "CfC, backbone of 256, dropout 0.1",
    "hybrid": "hybrid: dense encoder, GatedLTC core",
    "mmrnn": "CfC with mixed memory (mmRNN)",
    "mmrnn_deep": "mmRNN, two backbone layers, dropout 0.2",
    "cfc+skip": "CfC in a skip network",
    "ltc+skip": "LTC in a skip network",
    "ltc_fast+skip": "LTC, tau from 0.1 to 3, in a skip network",
    "ltc+scale": "LTC between scales",
    "gated_ltc+scale": "GatedLTC between scales",
    "gated_ltc+skip": "GatedLTC in a skip network",
    "ltc+waves": "LTC, dt as waves",
    "gated_ltc+waves": "GatedLTC, dt as waves",
    "cfc+waves": "CfC, dt as waves",
    "ltc+four": "four LTCs, averaged",
    "gated_ltc+four": "four GatedLTCs, averaged",
    "ctrnn+four": "four CT-RNNs, averaged",
    "cfc+four": "four CfCs, averaged",
    "lstm": "LSTM",
    "lstm+dt": "LSTM with dt",
    "lstm+dt+head": "LSTM with dt and a deep readout",
    "lstm+dt+wide": "LSTM with dt, a hidden layer of 256, dropout 0.1",
    "lstm+dt+deep": "LSTM with dt, two hidden layers, dropout 0.2",
    "lstm+scale": "LSTM between scales",
    "lstm+skip": "LSTM in a skip network",
    "lstm+waves": "LSTM, dt as waves",
    "lstm+four": "four LSTMs, averaged",
    "gru": "GRU",
    "gru+skip": "GRU in a skip network",
    "gru+four": "four GRUs, averaged",
    "cfc+skip+four": "four CfCs in skip networks, averaged",
    "lstm+skip+four": "four LSTMs in skip networks, averaged",
    "transformer+skip": "Transformer in a skip network",
    "transformer+four": "four Transformers, averaged",
    "gru_d": "GRU with decay over dt",
    "gru+dt+head": "GRU with dt and a deep readout",
    "rnn": "RNN",
    "rnn+dt+head": "RNN with dt and a deep readout",
    "tcn": "TCN",
    "transformer": "Transformer",
}


def build(name: str, inputs: int, outputs: int, units: int, seed: int) -> Table:
    """The network called `name`, its weights drawn from `seed`; torch's generator is left as it was."""
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(seed)
        return {**LIQUID, **STATIC}[name](inputs, outputs, units)


def kind(name: str) -> str:
    """liquid, static, or trivial for what is no network."""
    return "liquid" if name in LIQUID else "static" if name in STATIC else "trivial"


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
