"""Understand a network: the code of docs/tutorials/understand.md."""

import torch
import tauflow
from tauflow import analysis, explain
from tauflow.training import ArraySource

torch.manual_seed(0)
x = torch.randn(160, 30, 3)
dt = 0.5 + torch.rand(160, 30)
y = torch.zeros(160, 30, 1)
y[:, 5:, 0] = x[:, :-5, 1]
net = tauflow.Network(["a", "b", "c"], ["answer"], "cfc", 24, scale=None)
source = ArraySource(x[:140], y[:140], dt[:140], batch_size=20)
history = tauflow.fit(net, source, epochs=40, lr=0.01, progress=False)
net.eval()
print("learned:", history.train[-1] < 0.5)


found = explain.integrated_gradients(net, x[150], dt[150], baseline=x[140:148])
print({name: round(share, 2) for name, share in found.shares().items()})
print(found.words())


card = analysis.stability(net, x[150], dt[150], unit="s")
for what, line in card.lines:
    print(f"{what}: {line}")


record = net.trace(x[150:151], dt[150:151])
print(tuple(record.states.shape), "rows, samples, neurons")
