"""The story of a run: the numbers of its parts, on one time axis."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tauflow.errors import ShapeError
from tauflow.explain import ExplanationError, integrated_gradients, story
from tests.test_analysis_spectrum import drive, linear
from tests.test_explain_more import network


@pytest.mark.parametrize("at", [-1, 6])
def test_the_bands_hold_the_numbers_of_their_parts(at: int) -> None:
    net = network()
    x, dt = drive(12, 3)
    x, dt = x.float(), dt.float()
    mask = torch.ones(12, dtype=torch.bool)
    mask[2] = False
    told = story(net, x, dt, mask, output=1, at=at, y=np.arange(12.0), unit="s")
    why = integrated_gradients(net, x, dt, mask, output=1, at=at)
    np.testing.assert_array_equal(told.why.attribution, why.attribution)
    with torch.no_grad():
        answers, _ = net.eval()(x[None], dt[None], mask[None])
    np.testing.assert_allclose(told.answer, answers[0, mask, 1].numpy(), atol=1e-5)
    record = net.trace(x[None], dt[None], mask[None])
    np.testing.assert_allclose(told.tau, record.tau[0, mask].numpy(), rtol=1e-4)
    assert told.truth.tolist() == [0, 1, *range(3, 12)]
    assert told.answer[told.why.at] == pytest.approx(told.why.answer)
    frame = told.frame()
    assert len(frame) == 11 and {"tilt", "gap", "answer", "truth", "tau0"} <= set(frame)
    assert told.words().startswith(f"{told.output} is ") and " s" in told.words()


def test_the_picture_names_inputs_output_and_the_axis() -> None:
    x, dt = drive(12, 3)
    svg = story(network(), x.float(), dt.float(), unit="min").svg()
    for said in ("tilt", "antenna", "load", "gap", "time, min", "what moved it"):
        assert said in svg
    assert "mathdefault" not in svg


def test_what_has_no_story_is_refused() -> None:
    x, dt = drive(5, 2)
    with pytest.raises(ExplanationError, match="wrap it in a Network"):
        story(linear(), x, dt)
    with pytest.raises(ShapeError, match="one value a sample"):
        story(network(), torch.zeros(5, 3), dt.float(), y=np.zeros(4))
