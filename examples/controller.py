"""A controller: the code of docs/tutorials/controller.md."""

import torch
import tauflow
from tauflow.training import ArraySource

torch.manual_seed(0)


def drive(act, rows=64, steps=100, noise=0.0):
    """Places, gaps and the expert's pushes along `act`'s way: place'' = push - 0.3 speed."""
    place, speed = torch.randn(rows), torch.randn(rows)
    seen, gaps, right = [], [], []
    for _ in range(steps):
        dt = 0.03 + 0.1 * torch.rand(rows)
        expert = (-2 * place - 2 * speed).clamp(-3, 3)
        seen.append(place), gaps.append(dt), right.append(expert)
        push = act(place, dt, expert).clamp(-3, 3) + noise * torch.randn(rows)
        speed = speed + dt * (push - 0.3 * speed)
        place = place + dt * speed
    return torch.stack(seen, 1)[..., None], torch.stack(gaps, 1), torch.stack(right, 1)[..., None]


def since(gaps):
    return torch.cat([gaps[:, :1], gaps[:, :-1]], dim=1)


x, gaps, y = drive(lambda place, dt, expert: expert, noise=2.0)  # noise shows how to come back
motor = {"name": "actions", "low": -3, "high": 3}
net = tauflow.Network(["place [m]"], ["push [N]"], "ctrnn", 24, period=0.08, readout="skip", head=motor)
tauflow.fit(net, ArraySource(x, y, since(gaps), batch_size=16), epochs=20, lr=0.01, clip=1.0, progress=False)


def closed_loop(rows=32):
    state, last = None, torch.full((rows,), 0.08)

    def act(place, dt, expert):
        nonlocal state, last
        with torch.no_grad():
            push, state = net.step(place[:, None], last, state)
        last = dt
        return push[:, 0]

    return drive(act, rows)[0][..., 0].abs()


net.eval()
torch.manual_seed(5)
left = drive(lambda place, dt, expert: torch.zeros_like(place), 32)[0][..., 0].abs()
torch.manual_seed(5)
held = closed_loop()
print("it holds the cart:", bool(held[:, 60:].mean() < 0.1), " left alone it is away:", bool(left[:, 60:].mean() > 1))
