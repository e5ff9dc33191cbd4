"""Cores with a window, against what their equations say of one window at a time."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tauflow.network import Transformer, WindowMLP
from tauflow.network.parts.windowed import positions

STEPS, TIME = 6, 15


def windows(x: torch.Tensor, dt: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """After each sample the last STEPS of [x, log(1 + dt)], zeros where there was none yet; and which are real."""
    z = torch.cat([x, torch.log1p(dt)[..., None]], dim=2)
    found = []
    for t in range(TIME):
        some = z[:, max(0, t - STEPS + 1) : t + 1]
        empty = STEPS - some.shape[1]
        found.append((F.pad(some, (0, 0, empty, 0)), torch.arange(STEPS) >= empty))
    return found


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_transformer_is_torchs_encoder_on_each_window(layers: int) -> None:
    core = Transformer(3, 8, STEPS, layers).double().eval()
    with torch.no_grad():
        for parameter in core.parameters():  # as after training: no bias is zero, no norm is one
            parameter.add_(0.3 * torch.randn_like(parameter))
    x, dt = torch.randn(4, TIME, 3).double(), 2 * torch.rand(4, TIME).double()
    y, _ = core(x, dt)
    age = torch.arange(STEPS - 1, -1, -1).double()
    for t, (window, real) in enumerate(windows(x, dt)):
        u = core.entry(window) + positions(age, 8)
        expected = core.encoder(u, src_key_padding_mask=~real.expand(4, -1))[:, -1]
        torch.testing.assert_close(y[:, t], expected)


def test_dropout_of_a_transformer_is_torchs() -> None:
    core = Transformer(2, 8, 1, 1, dropout=0.5).train()  # a window of one sample: the same draws in the same order
    x, dt = torch.randn(3, 1, 2), torch.ones(3, 1)
    torch.manual_seed(3)
    y, _ = core(x, dt)
    torch.manual_seed(3)
    u = core.entry(torch.cat([x, torch.log1p(dt)[..., None]], dim=2)) + positions(torch.zeros(1), 8)
    torch.testing.assert_close(y, core.encoder(u, src_key_padding_mask=torch.zeros(3, 1, dtype=torch.bool)))


def test_a_window_mlp_is_its_two_layers_on_each_window() -> None:
    core = WindowMLP(3, 8, STEPS).double()
    x, dt = torch.randn(4, TIME, 3).double(), 2 * torch.rand(4, TIME).double()
    y, _ = core(x, dt)
    for t, (window, _) in enumerate(windows(x, dt)):
        torch.testing.assert_close(y[:, t], F.silu(core.last(F.silu(core.hidden(window.transpose(1, 2).flatten(1))))))
