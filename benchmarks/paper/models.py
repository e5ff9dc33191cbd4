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
             tcn, transformer  causal, torch's own modules, with log(1 + dt) as one more input

    NAME+scale        ltc, gated_ltc, lstm, the same network between the scales of the training data: see ScaledNetwork
    NAME+skip         cfc, ltc, ltc_fast (tau from 0.1 to 3), gated_ltc, lstm, gru, transformer, scaled too: see SkipNetwork
    NAME+four         ltc, gated_ltc, ctrnn, cfc, lstm, gru, transformer: four of them, averaged, scaled too: see Committee
    NAME+skip+four    cfc, lstm: four skip networks, averaged
    NAME+waves        ltc, gated_ltc, cfc, lstm: dt as waves beside the input: see WavesNetwork

`mask` may be left out where sequences are padded at their end: all of these are causal, so padding moves nothing before it.
Sources: Bai et al. 2018 (TCN), Vaswani et al. 2017 (Transformer); those of the cells stand in tauflow.cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tauflow.cells import CTRNN, GRU, GRUODE, LSTM, LTC, RNN, Cell, CfC, DecayGRU, GatedLTC
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.sequence import Recurrent
from tauflow.training import Batch

TorchLayer: TypeAlias = type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]
HEAD = 128  # units of the hidden layer of a deep readout, as CfC's backbone


class CellNetwork(nn.Module):
    """A cell over time and a readout."""

    def __init__(self, cell: Cell, readout: nn.Module) -> None:
        super().__init__()
        self.recurrent, self.readout = Recurrent(cell), readout

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        y: Tensor = self.readout(self.recurrent(x, dt, mask)[0])
        return y


class Hybrid(nn.Module):
    """A static encoder, one hidden layer at every step, before a liquid core."""

    def __init__(self, inputs: int, outputs: int, units: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, 2 * units), nn.SiLU(), nn.Linear(2 * units, units))
        self.recurrent, self.readout = Recurrent(GatedLTC(units, units)), nn.Linear(units, outputs)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        y: Tensor = self.readout(self.recurrent(self.encoder(x), dt, mask)[0])
        return y


class TorchNetwork(nn.Module):
    """nn.LSTM, nn.GRU or nn.RNN and a readout; dt is not looked at."""

    def __init__(self, layer: nn.RNNBase, outputs: int) -> None:
        super().__init__()
        self.layer, self.readout = layer, nn.Linear(layer.hidden_size, outputs)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        y: Tensor = self.readout(self.layer(x)[0])
        return y


class ScaledNetwork(nn.Module):
    """A network between scales, which are those of the training data, see `measure`; it is told dt as one more input.

    u = ([x, dt] - x_mean) / x_width      y = y_mean + y_width network(u, dt)
    """

    x_mean: Tensor
    x_width: Tensor
    y_mean: Tensor
    y_width: Tensor

    def __init__(self, network: nn.Module, inputs: int, outputs: int) -> None:
        super().__init__()
        self.network = network
        for name, size in (("x", inputs + 1), ("y", outputs)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_width", torch.ones(size))

    def measure(self, data: Batch) -> None:
        """Take the scales from these sequences; classes have none."""
        assert data.y is not None
        for name, values in (("x", beside(data.x, data.dt)), ("y", data.y)):
            if values.is_floating_point() and values.ndim == 3:
                real = values.flatten(0, 1) if data.mask is None else values[data.mask]
                width = real.std(dim=0)
                getattr(self, f"{name}_mean").copy_(real.mean(dim=0))
                getattr(self, f"{name}_width").copy_(torch.where(width > 0, width, 1.0))

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        u = (beside(x, dt) - self.x_mean) / self.x_width
        y: Tensor = self.y_mean + self.y_width * self.network(u, dt, mask)
        return y


class SkipNetwork(nn.Module):
    """A layer over time, a deep readout that sees the input too, and a straight line around both, which begins at zero.

    y = readout([layer(u, dt), u]) + line(u)
    """

    def __init__(self, layer: Recurrent | nn.RNNBase | Transformer, inputs: int, units: int, outputs: int) -> None:
        super().__init__()
        self.layer, self.line = layer, nn.Linear(inputs, outputs)
        self.readout = nn.Sequential(nn.Linear(units + inputs, HEAD), nn.SiLU(), nn.Linear(HEAD, outputs))
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)

    def forward(self, u: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        made = self.layer(u) if isinstance(self.layer, nn.RNNBase) else self.layer(u, dt, mask)
        h = made if isinstance(made, Tensor) else made[0]
        y: Tensor = self.readout(torch.cat([h, u], dim=2)) + self.line(u)
        return y


class WavesNetwork(nn.Module):
    """A network that is told dt also as waves of it, as positions are told to a Transformer.

    u = [x, dt, cos(2 pi dt / p), sin(2 pi dt / p) for p in PERIODS]      y = network(u, dt)
    """

    PERIODS = (2.0, 4.0, 8.0, 16.0, 32.0)

    def __init__(self, make: Callable[[int, int, int], nn.Module], inputs: int, outputs: int, units: int) -> None:
        super().__init__()
        self.network = make(inputs + 1 + 2 * len(self.PERIODS), outputs, units)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        both = beside(x, dt)
        turns = 2 * math.pi * both[..., -1:] / x.new_tensor(self.PERIODS)
        y: Tensor = self.network(torch.cat([both, turns.cos(), turns.sin()], dim=2), dt, mask)
        return y


class Committee(nn.Module):
    """Networks of one kind that start differently: each learns from batches of its own, and the mean of their outputs is the answer.

    A batch goes to one of them, drawn at random, so all of them together take as many steps as one network would.
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        if self.training:
            y: Tensor = self.members[int(torch.randint(len(self.members), ()))](x, dt, mask)
            return y
        return torch.stack([member(x, dt, mask) for member in self.members]).mean(dim=0)


class TCN(nn.Module):
    """Four residual blocks of two causal convolutions, kernel 3, dilated by 1, 2, 4, 8: it sees 61 steps."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.entry, self.readout = nn.Conv1d(inputs + 1, width, 1), nn.Linear(width, outputs)
        self.blocks = nn.ModuleList(
            nn.ModuleList(nn.Conv1d(width, width, 3, dilation=dilation) for _ in range(2)) for dilation in (1, 2, 4, 8)
        )

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        z = self.entry(with_gap(x, dt).transpose(1, 2))  # (batch, width, time)
        for block in self.blocks:
            inner = z
            assert isinstance(block, nn.ModuleList)
            for convolution in block:
                assert isinstance(convolution, nn.Conv1d)
                past = 2 * convolution.dilation[0]
                inner = torch.relu(convolution(F.pad(inner, (past, 0))))
            z = z + inner
        y: Tensor = self.readout(z.transpose(1, 2))
        return y


class Transformer(nn.Module):
    """Two causal encoder layers, four heads, sines of the position added to the input."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.entry, self.readout, self.width = nn.Linear(inputs + 1, width), nn.Linear(width, outputs), width
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        later = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        y: Tensor = self.readout(
            self.encoder(self.entry(with_gap(x, dt)) + self.positions(x.shape[1]), mask=later, is_causal=True)
        )
        return y

    def positions(self, steps: int) -> Tensor:
        """Sines and cosines of the step's number, (steps, width)."""
        rates = torch.exp(torch.arange(0, self.width, 2) * (-math.log(10_000.0) / self.width))
        angles = torch.arange(steps)[:, None] * rates
        return torch.cat([angles.sin(), angles.cos()], dim=1)


def beside(x: Tensor, dt: Tensor | None) -> Tensor:
    """x with dt behind its last feature; dt is 1 unless given."""
    gap = x.new_ones(x.shape[:2]) if dt is None else dt
    return torch.cat([x, gap[..., None]], dim=2)


def with_gap(x: Tensor, dt: Tensor | None) -> Tensor:
    """x with log(1 + dt) behind its last feature; dt is 1 unless given."""
    both = beside(x, dt)
    return torch.cat([x, both[..., -1:].log1p()], dim=2)


def of(
    cell: Callable[[int, int], Cell], hidden: tuple[int, ...] = (), dropout: float = 0.0
) -> Callable[[int, int, int], nn.Module]:
    """A builder (inputs, outputs, units) of that cell and a readout, a linear one or behind hidden layers of these widths."""

    def make(inputs: int, outputs: int, units: int) -> nn.Module:
        built = cell(inputs, units)
        layers: list[nn.Module] = []
        for entering, width in pairwise((built.outputs, *hidden)):
            layers += [nn.Linear(entering, width), nn.SiLU(), *([nn.Dropout(dropout)] if dropout else [])]
        last = nn.Linear(hidden[-1] if hidden else built.outputs, outputs)
        return CellNetwork(built, nn.Sequential(*layers, last) if hidden else last)

    return make


def skip(cell: Callable[[int, int], Cell]) -> Callable[[int, int, int], nn.Module]:
    """A builder of that cell in a SkipNetwork, for `scaled`."""

    def make(inputs: int, outputs: int, units: int) -> nn.Module:
        built = cell(inputs, units)
        return SkipNetwork(Recurrent(built), inputs, built.outputs, outputs)

    return make


def torchs_skip(layer: TorchLayer) -> Callable[[int, int, int], nn.Module]:
    return lambda inputs, outputs, units: SkipNetwork(layer(inputs, units, batch_first=True), inputs, units, outputs)


def transformer_skip(inputs: int, outputs: int, units: int) -> nn.Module:
    return SkipNetwork(Transformer(inputs, units, units), inputs, units, outputs)


def scaled(network: Callable[[int, int, int], nn.Module]) -> Callable[[int, int, int], nn.Module]:
    return lambda inputs, outputs, units: ScaledNetwork(network(inputs + 1, outputs, units), inputs, outputs)


def four(network: Callable[[int, int, int], nn.Module]) -> Callable[[int, int, int], nn.Module]:
    return scaled(lambda inputs, outputs, units: Committee(network(inputs, outputs, units) for _ in range(4)))


def waves(network: Callable[[int, int, int], nn.Module]) -> Callable[[int, int, int], nn.Module]:
    return lambda inputs, outputs, units: WavesNetwork(network, inputs, outputs, units)


def torchs(layer: TorchLayer) -> Callable[[int, int, int], nn.Module]:
    return lambda inputs, outputs, units: TorchNetwork(layer(inputs, units, batch_first=True), outputs)


LIQUID: dict[str, Callable[[int, int, int], nn.Module]] = {
    "ltc": of(LTC),
    "ltc_six_fanin": of(lambda inputs, units: LTC(inputs, units, solver="semi_implicit", substeps=6)),
    "ltc_three": of(lambda inputs, units: LTC(inputs, units, substeps=3)),
    "ltc_six": of(
        lambda inputs, units: LTC(inputs, units, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8)
    ),
    "ltc_midpoint_ncps": of(lambda inputs, units: LTC(inputs, units, init="ncps")),
    "gated_ltc": of(GatedLTC),
    "ctrnn": of(CTRNN),
    "gruode": of(GRUODE),
    "cfc": of(CfC),
    "cfc_wide": of(lambda inputs, units: CfC(inputs, units, backbone_units=256, activation="silu", dropout=0.1)),
    "hybrid": Hybrid,
    "mmrnn": of(lambda inputs, units: MixedMemory(CfC(inputs, units))),
    "mmrnn_deep": of(lambda inputs, units: MixedMemory(CfC(inputs, units, backbone_layers=2, dropout=0.2))),
    "cfc+skip": scaled(skip(CfC)),
    "ltc+skip": scaled(skip(LTC)),
    "ltc_fast+skip": scaled(skip(lambda inputs, units: LTC(inputs, units, tau=(0.1, 3.0)))),
    "ltc+scale": scaled(of(LTC)),
    "gated_ltc+scale": scaled(of(GatedLTC)),
    "gated_ltc+skip": scaled(skip(GatedLTC)),
    "ltc+waves": waves(of(LTC)),
    "gated_ltc+waves": waves(of(GatedLTC)),
    "cfc+waves": waves(of(CfC)),
    "ltc+four": four(of(LTC)),
    "gated_ltc+four": four(of(GatedLTC)),
    "ctrnn+four": four(of(CTRNN)),
    "cfc+four": four(of(CfC)),
    "cfc+skip+four": four(skip(CfC)),
}
STATIC: dict[str, Callable[[int, int, int], nn.Module]] = {
    "lstm": torchs(nn.LSTM),
    "lstm+dt": of(LSTM),
    "lstm+dt+head": of(LSTM, (HEAD,)),
    "lstm+dt+wide": of(LSTM, (256,), dropout=0.1),
    "lstm+dt+deep": of(LSTM, (HEAD, HEAD), dropout=0.2),
    "lstm+scale": scaled(torchs(nn.LSTM)),
    "lstm+skip": scaled(torchs_skip(nn.LSTM)),
    "lstm+waves": waves(torchs(nn.LSTM)),
    "lstm+four": four(torchs(nn.LSTM)),
    "lstm+skip+four": four(torchs_skip(nn.LSTM)),
    "gru": torchs(nn.GRU),
    "gru+skip": scaled(torchs_skip(nn.GRU)),
    "gru+four": four(torchs(nn.GRU)),
    "gru_d": of(DecayGRU),
    "gru+dt+head": of(GRU, (HEAD,)),
    "rnn": torchs(nn.RNN),
    "rnn+dt+head": of(RNN, (HEAD,)),
    "tcn": TCN,
    "transformer": Transformer,
    "transformer+skip": scaled(transformer_skip),
    "transformer+four": four(Transformer),
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


def build(name: str, inputs: int, outputs: int, units: int, seed: int) -> nn.Module:
    """The network called `name`, its weights drawn from `seed`; torch's generator is left as it was."""
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(seed)
        return {**LIQUID, **STATIC}[name](inputs, outputs, units)


def kind(name: str) -> str:
    """liquid, static, or trivial for what is no network."""
    return "liquid" if name in LIQUID else "static" if name in STATIC else "trivial"


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
