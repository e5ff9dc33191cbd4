"""Gradients over time against automatic differentiation written out, and against leaks whose decay is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import tauflow
from tauflow import CTRNN, Network, Recurrent, Stack
from tauflow.errors import TrainingError
from tauflow.training import ArraySource, Batch, SettingsError, WatchGradients, gradient_health, supervised

TIME = 60


def leak(tau: float, weight: float = 0.0, activation: str = "identity") -> CTRNN:
    """One neuron that hears its input and itself."""
    cell = CTRNN(1, 1, activation=activation, tau=tau)
    with torch.no_grad():
        cell.W.fill_(weight), cell.U.fill_(1.0), cell.b.zero_()
    return cell


def last_step(model, batch):
    """A loss at the end alone."""
    y, _ = model(batch.x, batch.dt, batch.mask)
    return (y[:, -1] - 1).square().mean()


def data(rows: int = 4) -> Batch:
    g = torch.Generator().manual_seed(0)
    return Batch(
        torch.randn(rows, TIME, 1, generator=g), torch.zeros(rows, TIME, 1), 0.2 + torch.rand(rows, TIME, generator=g)
    )


def test_the_gradient_of_a_linear_leak_decays_as_its_time_constant():
    batch = data()
    found = gradient_health(Recurrent(leak(5.0)), batch, last_step)
    after = batch.dt.double().flip(1).cumsum(1).flip(1)  # from before each sample to the end
    factor = torch.exp(-(after[:, 1:]) / 5.0)
    weights = 2 * (Recurrent(leak(5.0))(batch.x, batch.dt)[0][:, -1] - 1).double() / 4  # dL/dh_T, row by row
    expected = (factor * weights).square().mean(0).sqrt().detach().numpy()
    np.testing.assert_allclose(found.gradient[:-1], expected, rtol=1e-5)
    np.testing.assert_allclose(found.ago[0], batch.dt[:, 1:].mean(0).sum(), rtol=1e-5)


def test_the_horizon_is_where_a_hundredth_is_left():
    """exp(-t/5) = 1/100 after 23 of time."""
    batch = Batch(torch.randn(2, 200, 1), torch.zeros(2, 200, 1), torch.full((2, 200), 0.25))
    found = gradient_health(Recurrent(leak(5.0)), batch, last_step)
    assert found.horizon == pytest.approx(5 * np.log(100), abs=0.3)
    assert found.slowest == pytest.approx(5.0) and found.length == pytest.approx(199 * 0.25)
    slow = Network(1, 1, leak(5.0), period=60.0, scale=None)
    minutes = gradient_health(slow, Batch(batch.x, batch.y, 60 * batch.dt), last_step)
    assert minutes.horizon == pytest.approx(60 * found.horizon, rel=1e-4) and minutes.slowest == pytest.approx(300)


@pytest.mark.parametrize("kind", ["network", "stack", "recurrent", "pooled", "inside"])
def test_it_is_what_autograd_gives_where_a_state_is_nudged(kind):
    torch.manual_seed(0)
    x, dt = torch.randn(3, 7, 2).double(), torch.rand(3, 7).double() + 0.1

    class Inside(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent, self.out = Recurrent(tauflow.GatedLTC(2, 4)), torch.nn.Linear(4, 1)

        def forward(self, x, dt=None, mask=None):
            return self.out(self.recurrent(x, dt, mask)[0]), None

    model = {
        "network": lambda: Network(2, 1, "gated_ltc", 4, period=0.5),
        "stack": lambda: Stack(tauflow.GatedLTC(2, 4), CTRNN(4, 1)),
        "recurrent": lambda: Recurrent(CTRNN(2, 1)),
        "pooled": lambda: Network(2, 1, "ltc", 4, pool="mean"),
        "inside": Inside,
    }[kind]().double()

    def loss(net, batch):
        return net(batch.x, batch.dt, None)[0].square().sum()

    found = gradient_health(model, Batch(x, None, dt), loss)
    core = model.core if isinstance(model, Network) else getattr(model, "recurrent", model)
    at, size = 3, 1e-5
    slopes = torch.zeros(3, core.state_size).double()
    for column in range(core.state_size):
        for side in (1, -1):

            class Nudged(torch.nn.Module):
                def __init__(self, inner):
                    super().__init__()
                    self.inner = inner
                    self.inputs, self.outputs, self.state_size = inner.inputs, inner.outputs, inner.state_size
                    self.initial_state = inner.initial_state

                def forward(self, x, dt, mask=None, state=None, column=column, side=side):
                    y, h = self.inner(x[:, : at + 1], dt[:, : at + 1], None, state)
                    h = h.clone()
                    h[:, column] += side * size
                    z, h2 = self.inner(x[:, at + 1 :], dt[:, at + 1 :], None, h)
                    cell = (self.inner if isinstance(self.inner, Recurrent) else self.inner.layers[-1]).cell
                    y = torch.cat([y[:, :-1], cell.output(h[:, h.shape[1] - cell.state_size :])[:, None]], dim=1)
                    return torch.cat([y, z], dim=1), h2

            copy = tauflow.sequence.copy_of(model)
            nudged = Nudged(core)
            if isinstance(model, Network):
                copy.core = nudged
            elif kind == "inside":
                copy.recurrent = nudged
            else:
                copy = nudged
            rows = [SimpleNamespace(x=x[k : k + 1], dt=dt[k : k + 1]) for k in range(3)]
            slopes[:, column] += side * torch.stack([loss(copy, row) for row in rows]).detach() / (2 * size)
    assert found.gradient[at] == pytest.approx(float(slopes.norm(dim=1).square().mean().sqrt()), rel=1e-5)


def test_causes_are_told_apart():
    batch = Batch(torch.randn(4, TIME, 1), torch.zeros(4, TIME, 1), torch.ones(4, TIME))
    short = gradient_health(Recurrent(leak(0.5)), batch, last_step)
    assert short.vanished > 0.9 and not short.healthy
    assert (
        "vanishes" in short.sentence
        and "tau='auto'" in short.sentence
        and "slowest time constant is 0.5" in short.sentence
    )
    flat = leak(1.0, 5.0, "tanh")
    loud = gradient_health(Recurrent(flat), Batch(50 * batch.x, batch.y, batch.dt), last_step)
    assert "saturated" in loud.sentence and loud.saturation > 0.9
    wild = gradient_health(Recurrent(leak(1.0, 2.0)), batch, last_step)
    assert wild.exploded > 0.5 and "explodes" in wild.sentence and "clip=1.0" in wild.sentence
    well = gradient_health(Recurrent(leak(100.0)), batch, last_step)
    assert well.healthy and "healthy" in well.sentence and well.vanished == 0
    every = gradient_health(Recurrent(leak(0.5)), batch, supervised("mse"))
    assert every.vanished < 0.1  # a loss at every step needs no long way


def test_a_callback_watches_and_changes_nothing():
    torch.manual_seed(0)
    batch = data(16)

    def make():
        return Network(1, 1, "gated_ltc", 4)

    nets = []
    for watched in (False, True):
        torch.manual_seed(0)
        net, source = make(), ArraySource(batch.x, batch.y, batch.dt, batch_size=8)
        watch = WatchGradients(source, every=2)
        tauflow.fit(net, source, epochs=4, progress=False, callbacks=[watch] if watched else [])
        nets.append(net)
    assert [each.epoch for each in watch.found] == [2, 4]
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(SettingsError, match="every is 0"):
        WatchGradients(source, every=0)
    with pytest.raises(SettingsError, match="no Recurrent or Stack"):
        gradient_health(torch.nn.Linear(1, 1), batch, supervised("mse"))


def test_the_guard_says_what_the_gradients_say():
    cell = leak(1.0, 3.0)
    x = torch.randn(4, 80, 1)
    with pytest.raises(TrainingError, match=r"The gradients over time: the gradient (explodes|is not finite)"):
        tauflow.fit(
            Recurrent(cell),
            ArraySource(x, 0 * x),
            objective=supervised("mse"),
            epochs=3,
            lr=1.0,
            clip=None,
            progress=False,
        )


@pytest.mark.parametrize("inside", [False, True])
def test_fit_says_which_gaps_are_too_long_for_a_step(inside):
    torch.manual_seed(0)
    x = torch.randn(8, 50, 2)
    dt = torch.where(torch.rand(8, 50) < 0.1, 20.0, 0.01)
    source = ArraySource(x, x[..., :1], dt)
    model = Network(2, 1, "gated_ltc", 8, tau=(1.0, 5.0)) if inside else Recurrent(CTRNN(2, 1, tau=5.0))
    history = tauflow.fit(model, source, epochs=1, progress=False, objective=None if inside else supervised("mse"))
    notes = [note for note in history.notes if "longest that one step" in note]
    assert len(notes) == 1 and "substeps=" in notes[0]
    share = float(notes[0].split(" %")[0])
    assert share == pytest.approx(100 * float((dt == 20).double().mean()), abs=0.6)
    short = tauflow.fit(
        model,
        ArraySource(x, x[..., :1], 0 * dt + 1e-3),
        epochs=1,
        progress=False,
        objective=None if inside else supervised("mse"),
    )
    assert not [note for note in short.notes if "longest that one step" in note]
