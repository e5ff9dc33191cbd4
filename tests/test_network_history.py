"""History: summaries are those of what was measured so far, chunks give what the whole gives, ranks come from whole records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import tauflow
from tauflow.network import History, Network
from tauflow.training import Batch


def records() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    x = 40 + torch.randn(30, 7, 2)
    x[torch.rand(x.shape) < 0.4] = torch.nan
    x[0, :, 1] = torch.nan
    mask = torch.arange(7) < torch.randint(2, 8, (30, 1))
    return x, torch.rand(30, 7) * mask, mask


def told(x: Tensor, dt: Tensor, mask: Tensor) -> Tensor:
    """(batch, time, 9, n)"""
    part = History(x.shape[2])
    return part.so_far(x, dt, mask, torch.zeros(len(x), part.memory))[1].unflatten(2, (9, x.shape[2]))


def test_every_prefix_is_summarised() -> None:
    x, dt, mask = records()
    found = told(x, dt, mask)
    for row in range(8):
        clock = dt[row].cumsum(dim=0)
        for t in range(int(mask[row].sum())):
            some = ~x[row, : t + 1, 0].isnan()
            v = x[row, : t + 1, 0][some]
            if not len(v):
                assert (found[row, t, [0, 1, 2, 3, 4, 6, 8], 0] == 0).all()
                continue
            since = clock[t] - clock[: t + 1][some][-1]
            spread = v.std(correction=0)
            wanted = [v[-1], v.mean(), v.min(), v.max(), v[0], spread, v[-1] - v[0], since, len(v)]
            torch.testing.assert_close(found[row, t, :, 0], torch.tensor(wanted), atol=2e-3, rtol=1e-4)


def test_chunks_give_what_the_whole_gives_and_a_masked_step_changes_nothing() -> None:
    x, dt, mask = records()
    part = History(2)
    part.measure((x, dt, mask))
    zero = torch.zeros(30, part.memory)
    whole, end = part(x, dt, mask, zero)
    first, kept = part(x[:, :3], dt[:, :3], mask[:, :3], zero)
    second, kept = part(x[:, 3:], dt[:, 3:], mask[:, 3:], kept)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(kept, end, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(part(x[:, :0], dt[:, :0], mask[:, :0], end)[1], end)
    short = part(x[:1, : int(mask[0].sum())], dt[:1, : int(mask[0].sum())], None, zero[:1])[1]
    torch.testing.assert_close(short, end[:1])
    n = 2
    scores, far = whole[..., 3 * n : 12 * n], whole[..., 12 * n :]
    assert torch.equal(far, scores.abs()) and (scores[0, :, 1:16:2] == 0).all()  # never measured


def test_ranks_are_those_of_whole_records() -> None:
    x, dt, mask = records()
    network = Network(2, 1, "cfc", 4, scale="ranks", missing="history")
    network.measure(Batch(x, None, dt, mask))
    ends = mask.sum(dim=1) - 1
    counts = told(network.scale(x), dt, mask)[torch.arange(30), ends, 8]
    knots = network.missing.ranks.knots[16:]
    assert knots[0, 0] >= counts[:, 0].min() and knots[0, -1] <= counts[:, 0].max() and knots[1, 0] >= 0


def test_a_network_with_history_learns_saves_and_streams(tmp_path: Path) -> None:
    x, dt, _ = records()
    network = Network(
        2, 2, "gated_ltc", 5, scale="ranks", missing="history", pool="several", readout="both", head="classes"
    )
    source = tauflow.training.ArraySource(x, (x[:, 0, 0] > 40).long(), dt + 0.1)
    tauflow.fit(network, source, epochs=2, progress=False)
    tauflow.save(network.eval(), tmp_path / "net.tau")
    again = tauflow.load(tmp_path / "net.tau")
    wanted = network.prefixes(x[:1], 0.5)[0][0].detach()
    torch.testing.assert_close(again.prefixes(x[:1], 0.5)[0][0].detach(), wanted)
    stream = again.stream()
    assert stream.backend == "reference"
    np.testing.assert_allclose(np.stack([stream(one.numpy(), 0.5) for one in x[0]]), wanted, atol=1e-4)
