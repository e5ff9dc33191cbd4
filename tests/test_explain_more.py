"""Sentences, counterfactuals, the global ranking and the faithfulness of explanations, against closed forms and the model asked again."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import tauflow
from tauflow.errors import ShapeError
from tauflow.explain import ExplanationError, faithfulness, integrated_gradients, ranking, what_if, words
from tests.test_analysis_spectrum import drive, linear


def network(missing: str | None = None, pool: str | None = None, head: str = "values") -> tauflow.Network:
    torch.manual_seed(0)
    net = tauflow.Network(
        ["tilt", "antenna", "load"], 2, "gated_ltc", 6, missing=missing, pool=pool, head=head, period=2.0
    )
    net.scale.measure(3 + torch.randn(50, 3, generator=torch.Generator().manual_seed(1)))
    net.measured.fill_(True)
    return net


def test_a_sentence_names_the_time_and_the_inputs_that_hold_four_fifths() -> None:
    time = np.array([1.0, 2.0, 4.0, 8.0, 9.0])
    attribution = np.zeros((5, 3))
    attribution[3, 1], attribution[2, 0], attribution[0, 2] = 0.6, -0.25, 0.15
    said = words.sentence(time, 4, attribution, np.zeros(5), ("tilt", "antenna", "load"), 0.5, "s")
    assert said == "raised by 0.5; 80 % of the evidence came from the last 5 s: antenna, tilt"
    gaps = np.array([0, 0, 0, 0, -1.0])
    said = words.sentence(time, 4, np.zeros((5, 3)), gaps, ("tilt", "antenna", "load"), -1.0, "h")
    assert said == "lowered by 1; 80 % of the evidence came from the last sample: the gaps; the gaps had 100 % of it"
    assert "nothing" in words.sentence(time, 4, np.zeros((5, 3)), np.zeros(5), ("a", "b", "c"), 0.0, "")


@pytest.mark.parametrize("at", [-1, 3])
def test_the_time_of_the_evidence_ends_at_the_sample_that_is_asked(at: int) -> None:
    x, dt = drive(10, 3)
    found = integrated_gradients(network(), x.float(), dt.float(), at=at)
    assert found.at == at % 10
    assert words.since(found.time, found.at, np.abs(found.attribution).sum(axis=1)) <= found.time[found.at]
    assert found.words("s").count(" s") >= 1


def test_every_result_can_be_drawn_and_read_as_a_frame() -> None:
    net = network()
    x, dt = drive(20, 3)
    x, dt = x.float(), dt.float()
    rows = x.expand(4, -1, -1) + torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(0))
    results = [
        integrated_gradients(net, x, dt),
        what_if(net, x, dt),
        ranking(net, rows, torch.zeros(4, 20, 2), dt.expand(4, -1), rounds=2),
        faithfulness(net, x, dt),
    ]
    for result in results:
        assert result.svg().startswith("<svg") and "var(--" in result.svg()
        assert result.plot().axes and result.frame().shape[0] > 1
        assert "<svg" in result._repr_html_()


@pytest.mark.parametrize("missing", [None, "missing"])
@pytest.mark.parametrize("samples", [None, 1, 4])
def test_what_if_is_the_model_asked_again(missing: str | None, samples: int | None) -> None:
    net = network(missing)
    x, dt = drive(12, 3)
    found = what_if(net, x.float(), dt.float(), output=1, at=8, share=-0.2, samples=samples)
    still = net.double().eval()
    first = 9 - (9 if samples is None else samples)

    def answer(rows: torch.Tensor) -> float:
        with torch.no_grad():
            return float(still(rows[None], dt.float().double()[None])[0][0, 8, 1])

    base = x.float().double()
    assert found.answer == pytest.approx(answer(base), abs=1e-12)
    for j in range(3):
        other = base.clone()
        other[first:9, j] *= 0.8
        assert found.higher[j] == pytest.approx(answer(other) - answer(base), abs=1e-12)
        other = base.clone()
        other[first:9, j] = math.nan if missing else still.scale.mean[j]
        assert found.without[j] == pytest.approx(answer(other) - answer(base), abs=1e-12)
    assert found.words().startswith("without ")


def test_what_if_refuses_what_it_can_not_ask() -> None:
    x, dt = drive(5, 2)
    with pytest.raises(ExplanationError, match="can't be told that a value is missing"):
        what_if(linear(units=3), x, dt)
    for options, said in (
        ({"share": 0.0}, "share is 0"),
        ({"samples": 6}, "samples is 6"),
        ({"samples": 0}, "from 1 to 5"),
    ):
        with pytest.raises(ExplanationError, match=said):
            what_if(network(), torch.zeros(5, 3), dt, **options)


def test_the_ranking_finds_the_inputs_that_matter_and_only_those() -> None:
    """A model that is right by construction: h' = 4 x0 + x1 - h, y the state itself; input 2 is never read."""
    cell = linear(units=1, inputs=3).requires_grad_(False)
    cell.U.copy_(torch.tensor([[4.0, 1.0, 0.0]]))
    made = torch.Generator().manual_seed(0)
    x, dt = torch.randn(60, 15, 3, generator=made).double(), torch.rand(60, 15, generator=made).double()
    y = tauflow.Recurrent(cell)(x, dt)[0]
    found = ranking(cell, x, y, dt, loss=torch.nn.functional.mse_loss, rounds=5)
    assert found.names == ("x0", "x1", "x2") and found.loss == 0
    assert found.importance[0] > 5 * found.importance[1] > 0 and found.importance[2] == 0
    assert (found.spread[:2] > 0).all() and found.spread[2] == 0
    again = ranking(cell, x, y, dt, loss=torch.nn.functional.mse_loss, rounds=5)
    assert (again.importance == found.importance).all()


def test_the_ranking_takes_the_loss_of_the_head_and_padding() -> None:
    net = network(pool="mean", head="classes")
    made = torch.Generator().manual_seed(0)
    x, dt = torch.randn(9, 15, 3, generator=made), torch.ones(9, 15)
    mask = torch.arange(15) < torch.randint(5, 15, (9, 1), generator=made)
    y = torch.randint(2, (9,), generator=made)
    found = ranking(net, x, y, dt, mask, rounds=2)
    with torch.no_grad():
        expected = float(net.eval().loss(net(x, dt, mask)[0], y))
    assert found.loss == pytest.approx(expected, rel=1e-5)


def test_what_the_ranking_refuses() -> None:
    net, x = network(), torch.zeros(3, 5, 3)
    with pytest.raises(ShapeError, match="two records"):
        ranking(net, x[:1], torch.zeros(1, 5, 2))
    with pytest.raises(ExplanationError, match="rounds is 0"):
        ranking(net, x, torch.zeros(3, 5, 2), rounds=0)
    with pytest.raises(ExplanationError, match="no loss of its own"):
        ranking(linear(units=3, inputs=3), x, torch.zeros(3, 5, 3))


def test_the_curves_of_a_linear_network_are_those_of_its_sorted_weights() -> None:
    """y = sum_k w_k x_k: deletion after k cells is 1 - (sum of the k largest w x) / y, and no order falls faster."""
    cell = linear(units=1).requires_grad_(False)
    x, dt = drive(16, 2)
    found = faithfulness(cell, x, dt, baseline=torch.zeros(2))
    parts = integrated_gradients(cell, x, dt, baseline=torch.zeros(2), baseline_dt=dt)
    sign = 1 if parts.change > 0 else -1
    worth = np.sort((sign * parts.attribution).ravel())[::-1].cumsum() / abs(parts.change)
    expected = 1 - np.r_[0, worth][np.rint(found.share * 32).astype(int)]
    np.testing.assert_allclose(found.deletion["integrated gradients"], expected, atol=1e-9)
    np.testing.assert_allclose(found.insertion["integrated gradients"], 1 - expected, atol=1e-9)
    areas = found.areas()
    assert areas["integrated gradients"][0] < areas["random order"][0]
    assert areas["integrated gradients"][1] > areas["random order"][1]
    assert areas["plain gradients"] == pytest.approx(areas["integrated gradients"])


@pytest.mark.parametrize("missing", [None, "missing"])
def test_the_curves_begin_and_end_at_the_data_and_at_the_baseline(missing: str | None) -> None:
    x, dt = drive(12, 3)
    x = x.float()
    if missing:
        x[3, 1] = math.nan
    found = faithfulness(network(missing), x, dt.float())
    for curves, first, last in ((found.deletion, 1, 0), (found.insertion, 0, 1)):
        for values in curves.values():
            assert values[0] == pytest.approx(first, abs=1e-9) and values[-1] == pytest.approx(last, abs=1e-9)
