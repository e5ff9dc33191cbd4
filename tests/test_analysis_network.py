"""Certificates of networks against random drives: no state leaves them, and what they do not speak of they name."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tauflow import CTRNN, GRU, LSTM, LTC, Bidirectional, CfC, Committee, GatedLTC, Network, Recurrent, Stack, certify
from tauflow.analysis import AnalysisError, Certificate
from tests.test_network import INPUTS, KINDS, Doubled, build, data


def relu(inputs: int, units: int, q: float) -> CTRNN:
    """A CTRNN with an unbounded activation and gain q."""
    cell = CTRNN(inputs, units, activation="relu")
    with torch.no_grad():
        nn.init.normal_(cell.W), nn.init.normal_(cell.b)
        cell.W.mul_(q / (cell.tau * cell.W.abs().sum(dim=1)).max())
    return cell


MODELS: dict[str, Callable[[], Any]] = {
    "recurrent": lambda: Recurrent(GatedLTC(INPUTS, 5)),
    "stack": lambda: Stack(CTRNN(INPUTS, 5), GRU(5, 4), LTC(4, 3)),
    "stack that needs a bound": lambda: Stack(relu(INPUTS, 4, 0.6), relu(4, 5, 0.9), CfC(5, 3)),
    "behind an LTC": lambda: Stack(LTC(INPUTS, 4), relu(4, 5, 0.5)),
    "both ways": lambda: Bidirectional(CTRNN(INPUTS, 4), relu(INPUTS, 3, 0.5)),
    "network": lambda: Network(INPUTS, 2, "cfc", 6),
    "network that needs a bound": lambda: Network(INPUTS, 2, relu(INPUTS, 6, 0.7)),
    "encoded": lambda: Network(INPUTS, 2, relu(4, 6, 0.7), encoder={"name": "dense", "units": [5, 4]}),
    "committee": lambda: Committee([Network(INPUTS, 2, relu(INPUTS, 4, 0.7)), Network(INPUTS, 2, "gruode", 3)]),
}


def drive(seed: int, size: float) -> tuple[Tensor, Tensor]:
    """Readings within +-size that jump, hold and vanish, and gaps of any length."""
    g = torch.Generator().manual_seed(seed)
    x = size * (2 * torch.rand(16, 25, INPUTS, generator=g, dtype=torch.float64) - 1)
    x[:4], x[4:8] = size * x[:4].sign(), x[4:8, :1]
    return x, 10 ** (8 * torch.rand(16, 25, generator=g, dtype=torch.float64) - 4)


def cores(model: Any, state: Tensor) -> Tensor:
    """The part of the state that a certificate speaks of."""
    if isinstance(model, Committee):
        each = state.split([member.state_size for member in model.members], dim=1)
        return torch.cat([cores(member, part) for member, part in zip(model.members, each, strict=True)], dim=1)
    return state.split(model.sizes, dim=1)[1] if isinstance(model, Network) else state


def redrawn(make: Callable[[], Any], seed: int, scale: float) -> Any:
    torch.manual_seed(seed)
    model = make().double().eval()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=scale)
        if isinstance(module, Network) and module.scale is not None:
            module.scale.mean.normal_(0, scale), module.scale.width.uniform_(0.1, 3)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_no_state_leaves_what_is_certified(name: str) -> None:
    @settings(max_examples=8)
    @given(seed=st.integers(0, 10**6), size=st.floats(0, 100), scale=st.floats(0.01, 3))
    def holds(seed: int, size: float, scale: float) -> None:
        model = redrawn(MODELS[name], seed, scale)
        found = certify(model)
        assert found.certified
        x, dt = drive(seed, size)
        bound, state = found.bound(size) * (1 + 1e-9), None
        with torch.no_grad():
            for begin in range(0, 25, 1 if "both" not in name else 25):
                end = begin + 1 if "both" not in name else 25
                _, state = model(x[:, begin:end], dt[:, begin:end], None, state)
                h = cores(model, state)
                assert h.abs().max() <= bound
                if found.low is not None and found.high is not None:
                    slack = 1e-12 * torch.maximum(found.low.abs(), found.high.abs())
                    low, high = (
                        found.low.clamp(max=0),
                        found.high.clamp(min=0),
                    )  # from a start outside it is between both
                    assert ((h >= low - slack) & (h <= high + slack)).all()

    holds()


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_gets_an_answer(kind: str) -> None:
    network = build(kind)
    found = certify(network)
    assert found.certified is (kind != "static")  # an LSTM counts without end
    if found.certified:
        assert found.low is not None and found.low.shape == (network.core.state_size,)
        with torch.no_grad():
            for _ in range(3):
                _, end = network(**data(network, masked=True))
                h = cores(network, end)
                assert ((h >= found.low.clamp(max=0) - 1e-5) & (h <= found.high.clamp(min=0) + 1e-5)).all()
    assert bool(found.beside) is (
        network.missing is not None or kind in ("classes of a sequence", "attention", "static")
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network(3, 1, LSTM(3, 4)), "not certified: no bound is known for the state of LSTM"),
        (lambda: Stack(CTRNN(3, 4), LSTM(4, 4)), r"state of LSTM \(layer 2\)"),
        (lambda: Network(3, 1, relu(3, 4, 1.5)), "q = 1.5 >= 1"),
        (lambda: Network(3, 1, "tcn", 4), "state of a TCN as core"),
        (lambda: Network(3, 1, CTRNN(3, 4, solver="rk4")), "the steps of rk4 are no convex combinations"),
        (lambda: Committee([Network(3, 1), Network(3, 1, LSTM(3, 4))]), r"state of LSTM \(member 2\)"),
    ],
)
def test_what_is_not_certified_says_why(make: Callable[[], Any], message: str) -> None:
    found = certify(make())
    assert not found.certified
    assert re.search(message, found.reason)
    with pytest.raises(AnalysisError, match="there is no bound"):
        found.bound(1.0)


def test_what_a_certificate_does_not_speak_of_is_named() -> None:
    network = Network(3, 1, missing="missing", encoder={"name": "dense", "units": 4}, pool="mean", head="normal")
    missing, pool = certify(network).beside
    assert "the time since they were known grows" in missing and "sums" in pool
    assert "Doubled is a module of your own" in certify(Network(3, 1, encoder=Doubled())).beside[0]
    both = certify(Committee([network, copy.deepcopy(network)]))
    assert both.beside[0].startswith("member 1: missing")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"missing": "missing", "core": relu(9, 4, 0.5)}, "through the missing, a Missing: it tells the time"),
        ({"waves": {"name": "waves", "periods": [2.0]}, "core": relu(6, 4, 0.5)}, "through the waves"),
        ({"encoder": Doubled(), "core": relu(6, 4, 0.5)}, "through the encoder, a Doubled: none is known"),
        (
            {"encoder": {"name": "convolution", "units": 3}, "core": relu(3, 4, 0.5)},
            "through the encoder, a Convolution",
        ),
    ],
)
def test_a_bound_that_is_not_known_is_not_given(parts: dict[str, Any], message: str) -> None:
    found = certify(Network(3, 1, **parts))
    assert found.certified and "for inputs within the bound" in found.reason
    with pytest.raises(AnalysisError, match=message):
        found.bound(1.0)


def test_a_cell_that_its_user_changed_is_not_certified_by_the_old_hull() -> None:
    class Louder(CTRNN):
        name = ""

        def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            drive, rate = super().leak(u, h)
            return 10 * drive, rate

    class Sure(Louder):
        def hull(self) -> tuple[Tensor, Tensor]:
            return -10 * self.tau.detach(), 10 * self.tau.detach()

    assert "Louder has a leak of its own, but no hull" in certify(Louder(3, 4)).reason
    assert certify(Network(3, 1, Louder(3, 4))).certified is False

    class Calm(CTRNN):
        name = ""

    assert certify(Calm(3, 4)).certified
    sure: Certificate = certify(Sure(3, 4))
    assert sure.certified and sure.law is None and sure.bound(1.0) > 9


def test_weights_that_are_no_numbers_certify_nothing() -> None:
    network = Network(3, 1)
    with torch.no_grad():
        network.core.cell.ff1.weight[0, 0] = torch.nan
    assert certify(network).reason == "not certified: core.cell.ff1.weight holds NaN or infinity"
    with pytest.raises(AnalysisError, match="got a Linear"):
        certify(nn.Linear(2, 2))


def linear(q: float) -> CTRNN:
    """One neuron that settles at x / (1 - q)."""
    cell = CTRNN(1, 1, activation="relu", tau=1.0)
    with torch.no_grad():
        cell.W.fill_(q), cell.U.fill_(1.0), cell.b.fill_(0.0)
    return cell


def scaled() -> Network:
    network = Network(1, 1, linear(0.5), encoder={"name": "dense", "units": 1, "activation": "relu"})
    with torch.no_grad():
        network.scale.mean.fill_(-3.0), network.scale.width.fill_(0.5)
        network.encoder.layers[0].weight.fill_(2.0), network.encoder.layers[0].bias.fill_(0.25)
    return network


def behind_an_ltc() -> Stack:
    ltc = LTC(1, 1)
    with torch.no_grad():
        ltc.output_w.fill_(20.0), ltc.output_b.fill_(3.0), ltc.vleak.fill_(1.0)
        ltc.erev.fill_(1.0), ltc.sensory_erev.fill_(1.0)  # all pull to 1
    return Stack(ltc, linear(0.5))


@pytest.mark.parametrize(
    ("make", "settles"),
    [
        (lambda: Recurrent(linear(0.5)), 2.0),
        (lambda: Stack(linear(0.5), linear(0.9), linear(0.2)), 1 / (0.5 * 0.1 * 0.8)),
        (scaled, (2 * (1 + 3) / 0.5 + 0.25) / 0.5),
        (behind_an_ltc, 23 / 0.5),
        (lambda: Bidirectional(linear(0.5), linear(0.75)), 4.0),
        (lambda: Committee([scaled(), Network(1, 1, linear(0.5))]), (2 * (1 + 3) / 0.5 + 0.25) / 0.5),
    ],
)
def test_the_bound_of_what_is_put_together_is_tight(make: Callable[[], Any], settles: float) -> None:
    model = make().double().eval()
    with torch.no_grad():
        _, state = model(torch.ones(1, 1000, 1).double(), 50.0)
    bound = certify(model).bound(1.0)
    assert bound == pytest.approx(settles, rel=1e-6)
    assert settles * (1 - 1e-6) <= cores(model, state).max() <= bound * (1 + 1e-9)
