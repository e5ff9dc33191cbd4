"""Ranks: normal scores of what was measured, ties in the middle, NaN left alone; a network with them learns, saves, streams, is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from tauflow.explain import integrated_gradients
from tauflow.network import Committee, Network, Ranks
from tauflow.serve.models.network import Served
from tauflow.training import ArraySource


def measured(x: torch.Tensor) -> Ranks:
    scale = Ranks(x.shape[-1])
    scale.measure(x)
    return scale


def test_scores_are_normal_whatever_the_tails() -> None:
    torch.manual_seed(0)
    z = torch.randn(5000, 1)
    found = measured((3 * z).exp())((3 * z).exp())
    assert abs(float(found.mean())) < 0.01 and float(found.std()) == pytest.approx(1, abs=0.03)
    torch.testing.assert_close(found, z.clamp(-2.5, 2.5), atol=0.16, rtol=0)
    assert (found[z[:, 0].argsort()].diff(dim=0) >= 0).all() and found.abs().max() < 2.43


def test_ties_have_the_mean_and_columns_that_say_nothing_are_harmless() -> None:
    low, high = measured(torch.tensor([0.0, 1.0]).repeat_interleave(50)[:, None])(torch.tensor([[0.0], [1.0]]))[:, 0]
    assert float(low) == pytest.approx(-float(high), abs=1e-6) and high == pytest.approx(0.8, abs=0.03)
    x = torch.linspace(-0.5, 1.5, 2001)[:, None]
    assert (
        measured(torch.tensor([0.0, 1.0]).repeat_interleave(50)[:, None])(x).diff(dim=0).abs().max() < 0.01
    )  # no jump
    same = measured(torch.ones(9, 1))
    assert same(torch.tensor([[1.0], [2.0], [0.0]])).abs().max() < 1e-6
    never = measured(torch.full((4, 1), torch.nan))
    found = never(torch.tensor([[0.7], [9.0], [torch.nan]]))[:, 0]
    assert (
        float(found[0]) == pytest.approx(0.7, abs=0.02)
        and found[1] == pytest.approx(2.42, abs=0.01)
        and found[2].isnan()
    )


def test_a_gradient_passes_between_the_knots() -> None:
    scale, x = measured(torch.randn(400, 2)), torch.randn(3, 5, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(scale(x).sum(), x)
    inside = (x > scale.knots[:, 0]) & (x < scale.knots[:, -1])
    assert slope.shape == x.shape and (slope[inside] > 0).all() and (slope[~inside] == 0).all()


def network() -> Network:
    return Network(3, 2, "gated_ltc", 6, scale="ranks", missing="missing", pool="several", head="classes")


def test_a_network_with_ranks_learns_saves_and_streams(tmp_path: Path) -> None:
    torch.manual_seed(1)
    x = torch.randn(40, 6, 3).exp()
    x[torch.rand(x.shape) < 0.3] = torch.nan
    committee = Committee([network(), network()])
    tauflow.fit(committee, ArraySource(x, (x[:, 0, 0] > 1).long(), torch.rand(40, 6)), epochs=1, progress=False)
    committee.eval()
    assert not torch.equal(committee.networks()[0].scale.knots, Ranks(3).knots)
    tauflow.save(committee, tmp_path / "net.tau")
    again = tauflow.load(tmp_path / "net.tau")
    wanted = committee.prefixes(x[:1], 0.5)[0][0].detach()
    torch.testing.assert_close(again.prefixes(x[:1], 0.5)[0][0].detach(), wanted)
    stream = again.stream()
    assert "the scale is a Ranks, which can't be written as steps" in str(stream.why_not)
    np.testing.assert_allclose(np.stack([stream(one.numpy(), 0.5) for one in x[0]]), wanted, atol=1e-5)


def test_an_explanation_adds_up_from_the_middle_on_and_shows_readings() -> None:
    torch.manual_seed(2)
    x, made = torch.randn(300, 5, 3).exp(), network().eval()
    made.scale.measure(x.flatten(0, 1))
    made.measured.fill_(True)
    one = x[0].clone()
    one[2, 1] = torch.nan
    found = integrated_gradients(made, one, 0.5, output=1)
    assert found.complete and found.attribution[2, 1] == 0
    np.testing.assert_array_equal(found.x, one.double())
    with torch.no_grad():
        middle = torch.where(one.isnan(), one, made.scale.mean)
        answers = [float(made(part[None], 0.5)[0][0, 1]) for part in (one, middle)]
    assert found.answer == pytest.approx(answers[0], abs=1e-5) and found.base == pytest.approx(answers[1], abs=1e-5)


def test_knots_that_fall_are_refused(tmp_path: Path) -> None:
    wrong = network()
    wrong.scale.knots[1, 7] = 9.0
    with pytest.raises(tauflow.TauflowError, match=r"scale.knots at \[1, 7\] can't be right, expected quantiles"):
        tauflow.save(wrong, tmp_path / "net.tau")


def test_the_live_page_moves_inputs_where_readings_were() -> None:
    made = network()
    made.scale.measure(torch.randn(1000, 3) + torch.tensor([0.0, 50.0, 0.0]))
    low, high = Served(made, "net").ranges()[1]
    assert 47 < low < 49 < 51 < high < 53
