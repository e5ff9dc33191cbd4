"""Words and both: the equations as they stand, sparse gradients, streams and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from tauflow.network import Both, Network, Words


def network(core: object = "gated_ltc") -> Network:
    return Network(
        3, 2, core, 6, scale=None, encoder={"name": "words", "vocabulary": 9, "units": 4, "filters": 5},
        pool={"name": "several", "kinds": ("mean", "max")}, readout={"name": "both", "dropout": 0.5}, head="classes",
    ).eval()  # fmt: skip


def test_the_convolution_is_its_equation() -> None:
    words = Words(3, 9, 4, 5).eval()
    x = torch.tensor([[[0.0, 2, 3], [2, 3, 0]]])
    rows = words.table.weight
    one = torch.cat([torch.zeros(4), rows[2], rows[3]])
    u = words(x)
    torch.testing.assert_close(u[0, 0], torch.relu(words.convolution.weight @ one + words.convolution.bias))
    assert u.shape == (1, 2, 5) and words.embed(x).shape == (1, 2, 12)


def test_what_is_outside_stays_zero_and_only_rows_that_came_have_a_gradient() -> None:
    words = Words(2, 9, 4, 5)
    words(torch.tensor([[[0.0, 7], [7, 1]]])).square().sum().backward()
    gradient = words.table.weight.grad.coalesce()  # type: ignore[union-attr]
    assert gradient.is_sparse and sorted(gradient.indices()[0].tolist()) == [0, 1, 7]
    dense = gradient.to_dense()
    assert (dense[0] == 0).all() and (dense[7] != 0).any()


def test_numbers_that_are_no_tokens_are_refused() -> None:
    for wrong in (9.0, -1.0, 1.5):
        with pytest.raises(tauflow.TauflowError, match="expected whole numbers of tokens from 0 to 8"):
            Words(1, 9)(torch.tensor([[[wrong]]]))
    for part in (lambda: Words(1, 9, dropout=1.0), lambda: Both(2, 2, 2, dropout=-0.1)):
        with pytest.raises(tauflow.TauflowError, match="expected a share"):
            part()


def test_both_is_one_layer_on_state_and_input() -> None:
    both = Both(2, 1, 3, static=1).eval()
    h, u, s = torch.rand(4, 2), torch.rand(4, 3), torch.rand(4, 1)
    torch.testing.assert_close(both(h, u, s), torch.cat([h, u, s], 1) @ both.map.weight.T + both.map.bias)
    none = Both(2, 1, 3, dropout=0.999)
    assert torch.isclose(none(torch.ones(99, 2), torch.ones(99, 3), None), none.map.bias).float().mean() > 0.9


def test_a_stream_runs_on_the_kernels_and_says_the_same(tmp_path: Path) -> None:
    made = network()
    x = torch.randint(0, 9, (1, 7, 3)).float()
    with torch.no_grad():
        whole = made.prefixes(x)[0][0].numpy()
    stream = made.stream(backend="cpu")
    np.testing.assert_allclose(np.stack([stream(row) for row in x[0].numpy()]), whole, atol=1e-6)
    tauflow.save(made, tmp_path / "w.tau")
    again = tauflow.load(tmp_path / "w.tau")
    with torch.no_grad():
        assert (again(x)[0] == made(x)[0]).all()
