"""A cell of your own: the code of docs/tutorials/own-cell.md."""

import torch
from torch import nn
from torch.nn import functional as F

import tauflow
from tauflow import cells
from tauflow.training import ArraySource


@cells.register
class Startled(cells.LeakCell):
    """dh/dt = tanh(W h + U x + b) - (1/tau + softplus(V x)) h."""

    name = "startled"

    def __init__(self, inputs: int, units: int, tau: float = 10.0, solver: str = "exponential", substeps: int = 1):
        super().__init__()
        self.inputs, self.state_size, self.outputs = inputs, units, units
        self.tau, self.solver, self.substeps = tau, solver, substeps
        self.W, self.U, self.V = nn.Linear(units, units, bias=False), nn.Linear(inputs, units), nn.Linear(inputs, units)

    def leak(self, u, h):
        """What drives the state, and the rate at which it is forgotten; both (batch, units)."""
        return torch.tanh(self.W(h) + self.U(u)), 1 / self.tau + F.softplus(self.V(u))


torch.manual_seed(0)
dt = 0.2 + torch.rand(96, 40)
t = dt.cumsum(1)
phase = 6 * torch.rand(96, 1)
wave = torch.sin(t + phase)
x, y = wave[..., None], torch.sin(t + phase - 1)[..., None]  # what it was a second ago
net = tauflow.Network(1, 1, "startled", 16, period="auto")
history = tauflow.fit(net, ArraySource(x, y, dt, batch_size=16), epochs=10, lr=0.02, progress=False)
print("it learns:", history.train[-1] < history.train[0])


cell = Startled(1, 4).double()
h, u = torch.randn(3, 4).double(), torch.randn(3, 1).double()
assert torch.equal(cell.step(u, torch.zeros(3).double(), h), h)
assert cell.step(u, torch.full((3,), 1e9).double(), h).isfinite().all()
stream, row = net.stream(), net.eval()
with torch.no_grad():
    last = [stream(one, gap) for one, gap in zip(x[0].numpy(), dt[0].tolist(), strict=True)][-1]
    print(
        "the stream says the same:",
        bool(abs(last - row(x[:1], dt[:1])[0][0, -1].numpy()).max() < 1e-5),
        "on",
        stream.backend,
    )


tauflow.save(net, "startled.tau")
print(type(tauflow.load("startled.tau").core.cell).__name__)
