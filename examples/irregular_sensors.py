"""Irregular sensors: the code of docs/tutorials/irregular-sensors.md."""

import torch
import tauflow
from tauflow.training import ArraySource

torch.manual_seed(0)
dt = torch.where(torch.rand(240, 50) < 0.15, 3.0, 0.3) * (0.5 + torch.rand(240, 50))  # now and then a long silence
t = dt.cumsum(1)
speed, phase = 0.6 + 0.8 * torch.rand(240, 1), 6 * torch.rand(240, 1)
level, flow = torch.sin(speed * t + phase), torch.cos(speed * t + phase)
x = torch.stack([level, flow], dim=2) + 0.05 * torch.randn(240, 50, 2)
x[..., 1][torch.rand(240, 50) < 0.7] = torch.nan  # the flow is seldom measured
y = flow[..., None]  # what it is now, measured or not


def trained(gaps):
    torch.manual_seed(1)
    net = tauflow.Network(
        ["level", "flow"], ["flow now"], "gated_ltc", 24, missing="missing", period="auto", tau="auto"
    )
    tauflow.fit(net, ArraySource(x[:200], y[:200], gaps[:200], batch_size=20), epochs=25, lr=0.02, progress=False)
    with torch.no_grad():
        return net.eval()(x[200:], gaps[200:])[0]


told = trained(dt)
blind = trained(torch.ones_like(dt))  # the same rows, as if they were evenly spaced
errors = {name: (answer - y[200:]).abs().mean().item() for name, answer in {"told": told, "blind": blind}.items()}
print("knowing the gaps helps:", errors["told"] < errors["blind"])


net = tauflow.Recurrent(tauflow.GatedLTC(2, 8))
mask = torch.ones(1, 50, dtype=torch.bool)
mask[0, 20:30] = False
padded = x[:1].nan_to_num()
broken = padded.clone()
broken[0, 20:30] = torch.nan
assert torch.equal(net(padded, dt[:1], mask)[1], net(broken, dt[:1], mask)[1])
print("what is masked never matters")
