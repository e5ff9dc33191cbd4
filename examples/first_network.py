"""A first network: the code of docs/tutorials/first-network.md."""

import torch
import tauflow
from tauflow.training import ArraySource

torch.manual_seed(0)
dt = 0.1 + 0.5 * torch.rand(200, 40)  # seconds, uneven
t = dt.cumsum(1)
speed, phase = 1 + torch.rand(200, 1), 6 * torch.rand(200, 1)
signal = (torch.exp(-t / 8) * torch.sin(speed * t + phase))[..., None]  # (rows, time, 1)


x = torch.cat([signal[:, :-1], dt[:, 1:, None]], dim=2)
y, gaps = signal[:, 1:], dt[:, :-1]
train, held_out = slice(0, 160), slice(160, 200)

net = tauflow.Network(["value", "time ahead"], ["next value"], "cfc", 24, readout="skip", period="auto")
history = tauflow.fit(
    net, ArraySource(x[train], y[train], gaps[train], batch_size=16), epochs=30, lr=0.01, progress=False
)
print(history.message)


with torch.no_grad():
    answer, _ = net.eval()(x[held_out], gaps[held_out])
error = (answer - y[held_out]).abs().mean().item()
nothing = (x[held_out, :, :1] - y[held_out]).abs().mean().item()
print("less than a third of the error of no change:", error < nothing / 3)


tauflow.save(net, "first.tau")
again = tauflow.load("first.tau")
with torch.no_grad():
    print("the same answers:", torch.equal(again(x[held_out], gaps[held_out])[0], answer))
