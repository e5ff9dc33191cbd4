"""A sample depends on its own past alone: not on other rows of its batch, not on how its sequence is cut, not on what comes later."""

from __future__ import annotations

import torch

from tests.contract.common import MakeModel, close, data, same_bits


def check_rows_do_not_depend_on_their_batch(model: MakeModel) -> None:
    """Also where batch, time and state sizes are equal, so that an axis taken for another shows."""
    m = model()
    for batch in (1, 2, m.inputs, m.outputs, m.state_size, 33):
        x, dt, h = data(m, batch=batch, time=min(batch, 8))
        y, last = m(x, dt, None, h)
        for row in range(batch):
            one = slice(row, row + 1)
            alone, last_alone = m(x[one], dt[one], None, h[one])
            close(y[one], alone)
            close(last[one], last_alone)


def check_masked_rows_do_not_depend_on_their_batch(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, batch=m.state_size)
    mask = torch.rand(m.state_size, 7) > 0.4
    y, last = m(x, dt, mask, h)
    for row in range(m.state_size):
        one = slice(row, row + 1)
        alone, last_alone = m(x[one], dt[one], mask[one], h[one])
        close(y[one], alone)
        close(last[one], last_alone)


def check_permuting_the_batch_permutes_the_output(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m, batch=9)
    order = torch.randperm(9)
    y, last = m(x, dt, None, h)
    z, last_z = m(x[order], dt[order], None, h[order])
    close(z, y[order])
    close(last_z, last[order])


def check_streaming_equals_the_sequence(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for start in (None, h):
        y, last = m(x, dt, None, start)
        state = start
        for t in range(7):
            one, state = m.step(x[:, t], dt[:, t], state)
            assert same_bits(one, y[:, t]), t
        assert same_bits(state, last)


def check_chunks_equal_the_whole(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, last = m(x, dt, None, h)
    for cuts in ((3, 4), (0, 7), (1, 1, 5), (7, 0)):
        state, ys = h, []
        for chunk, gaps in zip(x.split(cuts, dim=1), dt.split(cuts, dim=1), strict=True):
            part, state = m(chunk, gaps, None, state)
            ys.append(part)
        assert same_bits(torch.cat(ys, dim=1), y)
        assert same_bits(state, last)


def check_gradients_flow_through_chunks(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    x.requires_grad_()
    m(x, dt, None, h)[0][:, -1].sum().backward()
    whole, x.grad = x.grad, None
    _, state = m(x[:, :3], dt[:, :3], None, h)
    m(x[:, 3:], dt[:, 3:], None, state)[0][:, -1].sum().backward()
    close(x.grad, whole)


def check_interleaved_streams_are_independent(model: MakeModel) -> None:
    m = model()
    streams = [data(m, batch=1, seed=seed) for seed in (5, 6)]
    alone = [m(x, dt, None, h)[0] for x, dt, h in streams]
    states = [h for _, _, h in streams]
    for t in range(7):
        for k, (x, dt, _) in enumerate(streams):
            y, states[k] = m.step(x[:, t], dt[:, t], states[k])
            assert same_bits(y, alone[k][:, t])


def check_no_look_ahead(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, _ = m(x, dt, None, h)
    for t in range(1, 7):
        x2, dt2, mask = x.clone(), dt.clone(), torch.ones(4, 7, dtype=torch.bool)
        x2[:, t:], dt2[:, t:] = -3.0, 0.2
        assert same_bits(m(x2, dt2, None, h)[0][:, :t], y[:, :t])
        mask[:, t:] = False
        assert same_bits(m(x, dt, mask, h)[0][:, :t], y[:, :t])


def check_input_gap_and_state_matter(model: MakeModel) -> None:
    """Against a model that is right because it does nothing."""
    m = model()
    x, dt, h = data(m, time=2)
    y, _ = m(x, dt, None, h)
    for arguments in [(x + 1, dt, None, h), (x, dt / 2, None, h), (x, dt, None, h + 0.5)]:
        z = m(*arguments)[0]
        assert (z - y).abs().amax(dim=(1, 2)).min() > 1e-6, "a row did not move"
