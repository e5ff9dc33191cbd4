"""A readout that is solved, not taught: ridge logistic regression on what it reads, by Newton's method.

    w = argmin  sum log(1 + exp(-s (w . z + b))) + 1/2 sum penalty_j w_j^2         s = 1 or -1, b is free

The core keeps the time constants and weights that it was drawn with: what such a core remembers is read in the best way there is, and
nothing of it can be learned by heart. Source: Jaeger 2001, The echo state approach (a fixed core, a linear readout that is solved).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ... import Network
from ...errors import DataError
from ...network import Pool

STEPS, AT_ONCE = 30, 256


@torch.no_grad()
def read(network: Network, x: Tensor, dt: Tensor, mask: Tensor) -> Tensor:
    """What the readout is to see of these records, (n, width), float64: last, mean, largest of the states; the last that the core is fed.

    What came so far is in that last, so its mean and largest are left out.
    """
    seen, of_input = [], Pool(network.core.inputs, ("last",))
    of_states = Pool(network.core.outputs, network.pool.kinds)
    for some in zip(x.split(AT_ONCE), dt.split(AT_ONCE), mask.split(AT_ONCE), strict=True):
        rows, gaps, real = some[0], some[1] / network.period, some[2]
        u, _ = network.encode(rows, gaps, real, rows.new_zeros(len(rows), network.sizes[0]))
        y, _ = network.core(u, gaps, real)
        both = [
            part(z, real, part.first_memory(len(rows)), False)[0][:, 0] for part, z in ((of_states, y), (of_input, u))
        ]
        seen.append(torch.cat(both, dim=1))
    return torch.cat(seen).double()


def ridge(z: Tensor, y: Tensor, penalty: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (width,) and b of the log-odds that y (n,) is 1; a column with an infinite penalty gets no weight."""
    if len(y.unique()) < 2:
        raise DataError("all records that are learned from have the same outcome: there is nothing to tell apart")
    used = torch.isfinite(penalty)
    a = torch.cat([z[:, used], z.new_ones(len(z), 1)], dim=1)
    cost = torch.cat([penalty[used].to(a), a.new_zeros(1)])
    w, target = a.new_zeros(a.shape[1]), y.to(a)
    w[-1] = torch.logit(target.mean())
    for _ in range(STEPS):
        p = torch.sigmoid(a @ w)
        slope = a.T @ (p - target) + cost * w
        step = torch.linalg.solve(a.T @ (a * (p * (1 - p))[:, None]) + torch.diag(cost), slope)
        w = w - step
        if float(step.abs().max()) < 1e-8:
            break
    else:
        raise DataError(f"the readout did not settle in {STEPS} steps, expected finite numbers and penalties > 0")
    whole = z.new_zeros(z.shape[1])
    whole[used] = w[:-1]
    return whole, w[-1]


@torch.no_grad()
def solve(network: Network, z: Tensor, y: Tensor, penalty: Tensor) -> None:
    """Give a network of two classes the readout that `ridge` finds; z: what `read` says; what it leaves out has no weight."""
    w, b = ridge(z, y, penalty)
    network.readout.map.weight.zero_()
    network.readout.map.weight[:, : len(w)] = torch.stack([-w, w]) / 2
    network.readout.map.bias.copy_(torch.stack([-b, b]) / 2)


@torch.no_grad()
def shares(network: Network, one: Tensor, usual: Tensor) -> Tensor:
    """What each input, and last the states, add to the log-odds beyond the usual, (inputs + 1,); one, usual (width,): of `read`.

    The readout is a straight line, so they add up exactly.
    """
    weight = (network.readout.map.weight[1] - network.readout.map.weight[0]).double()[: len(one)]
    parts, states = weight * (one - usual), len(network.pool.kinds) * network.core.outputs
    of_inputs = parts[states:].unflatten(0, (-1, network.inputs)).sum(dim=0)
    return torch.cat([of_inputs, parts[:states].sum()[None]])
