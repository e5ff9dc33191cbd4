"""The cells inside Stable-Baselines3 and TorchRL: steps give what sequences give, also where episodes begin, and both learn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from tauflow.agents.adapted import core_of, over

CELLS = ["cfc", "gated_ltc", {"name": "ctrnn", "tau": (1.0, 5.0)}, "lstm"]


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_is_its_steps(cell: object) -> None:
    torch.manual_seed(0)
    core = core_of(cell, 3, 5)
    x, dt, first = torch.randn(4, 7, 3), 0.2 + torch.rand(4, 7), torch.rand(4, 7) < 0.3
    first[0] = False
    before = 0.3 * torch.randn(4, core.state_size)
    whole, end = over(core, x, dt, first, before)
    state = before
    for t in range(7):
        state = torch.where(first[:, t, None], core.initial_state(4), state)
        y, state = core.step(x[:, t], dt[:, t], state)
        torch.testing.assert_close(whole[:, t], y, atol=1e-6, rtol=0)
    torch.testing.assert_close(end, state, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["sb3", "torchrl"])
def test_a_missing_package_says_how_it_comes(name: str) -> None:
    hidden = "sys.modules.update(dict.fromkeys(['sb3_contrib', 'torchrl', 'tensordict', 'tensordict.nn']))"
    code = (
        f"import sys; {hidden}\nfrom tauflow.errors import MissingExtraError\ntry:\n    import tauflow.agents.{name}\n"
    )
    code += "except MissingExtraError as error:\n    print(error)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f'pip install "tauflow[{name}]"' in said


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("cell", ["cfc", "lstm"])
@pytest.mark.parametrize("tells_dt", [False, True])
def test_stable_baselines_steps_as_its_sequences(cell: str, tells_dt: bool) -> None:
    contrib = pytest.importorskip("sb3_contrib")
    gymnasium = pytest.importorskip("gymnasium")
    from sb3_contrib.common.recurrent.type_aliases import RNNStates

    from tauflow.agents.sb3 import TellTime, policy

    torch.manual_seed(0)
    env = TellTime(gymnasium.make("CartPole-v1"), 0.02) if tells_dt else gymnasium.make("CartPole-v1")
    kind = policy(cell, 6, tells_dt=tells_dt, period=0.02)
    model = contrib.RecurrentPPO(kind, env, n_steps=32, batch_size=16, n_epochs=1, seed=0, device="cpu")
    inside, n, steps = model.policy, 3, 9
    size = inside.lstm_actor.hidden_size
    assert size == (12 if cell == "lstm" else 6) and inside.lstm_actor.core.inputs == 4
    x = torch.rand(n, steps, 4 + tells_dt)
    starts = (torch.rand(n, steps) < 0.3).float()
    zeros = torch.zeros(1, n, size)
    states, values, logs, actions = RNNStates((zeros, zeros), (zeros, zeros)), [], [], []
    with torch.no_grad():
        for t in range(steps):
            action, value, log, states = inside(x[:, t], states, starts[:, t])
            actions.append(action), values.append(value[:, 0]), logs.append(log)
        value, log, _ = inside.evaluate_actions(
            x.flatten(0, 1),
            torch.stack(actions, 1).flatten(),
            RNNStates((zeros, zeros), (zeros, zeros)),
            starts.flatten(),
        )
    torch.testing.assert_close(value.reshape(n, steps), torch.stack(values, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(log.reshape(n, steps), torch.stack(logs, 1), atol=1e-5, rtol=0)
    before = [p.detach().clone() for p in inside.lstm_actor.parameters()]
    model.learn(64)
    assert any((a != b).any() for a, b in zip(before, inside.lstm_actor.parameters(), strict=True))
    action, _ = model.predict(env.reset(seed=0)[0], episode_start=np.ones(1, dtype=bool), deterministic=True)
    assert action in (0, 1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_what_is_told_of_time_reaches_the_cell() -> None:
    pytest.importorskip("sb3_contrib")
    gymnasium = pytest.importorskip("gymnasium")
    from tauflow.agents.sb3 import Memory, TellTime

    env = TellTime(gymnasium.make("CartPole-v1"), 0.02)
    assert env.reset(seed=0)[0][-1] == np.float32(0.02) and env.step(0)[0].shape == (5,)
    torch.manual_seed(0)
    memory = Memory("ctrnn", 5, 4, True, 0.02)
    x, state = torch.rand(1, 1, 5), torch.ones(1, 1, 4)
    ends = []
    for gap in (0.02, 0.06):
        x[..., -1] = gap
        y, _ = memory(x, torch.zeros(1, 1, dtype=torch.bool), (state, state))
        expected, _ = memory.core.step(x[:, 0, :4], gap / 0.02, state[0])
        torch.testing.assert_close(y[:, 0], expected)
        ends.append(y)
    assert (ends[0] != ends[1]).any()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cell", ["cfc", "lstm"])
def test_torchrl_steps_as_its_sequences(cell: str) -> None:
    pytest.importorskip("torchrl")
    from tensordict import TensorDict
    from torchrl.modules import set_recurrent_mode

    from tauflow.agents.torchrl import module

    torch.manual_seed(0)
    made = module(cell, 3, 5, dt_key="dt", period=0.5)
    n, steps = 4, 6
    seen, dt, first = torch.randn(n, steps, 3), 0.1 + torch.rand(n, steps, 1), torch.rand(n, steps, 1) < 0.3
    first[:, 0] = True
    data = TensorDict({"observation": seen, "dt": dt, "is_init": first}, batch_size=[n, steps])
    with set_recurrent_mode(True):
        whole = made(data.clone())
    state = torch.zeros(n, made.core.state_size)
    for t in range(steps):
        one = made(data[:, t].clone().set("recurrent_state", state))
        state = one["next", "recurrent_state"]
        torch.testing.assert_close(one["embed"], whole["embed"][:, t], atol=1e-6, rtol=0)
    torch.testing.assert_close(whole["next", "recurrent_state"][:, -1], state, atol=1e-6, rtol=0)
    faster = made(data[:, 0].clone().set("dt", 3 * dt[:, 0]))
    assert (faster["embed"] != whole["embed"][:, 0]).any()


@pytest.mark.filterwarnings("ignore")
def test_torchrl_walks_with_it() -> None:
    pytest.importorskip("torchrl")
    pytest.importorskip("gymnasium")
    from tensordict.nn import TensorDictModule, TensorDictSequential
    from torchrl.envs import GymEnv, InitTracker, TransformedEnv
    from torchrl.modules import set_recurrent_mode

    from tauflow.agents.torchrl import module

    torch.manual_seed(0)
    made = module("gated_ltc", 3, 5)
    env = TransformedEnv(GymEnv("Pendulum-v1"), InitTracker())
    env.append_transform(made.make_tensordict_primer())
    policy = TensorDictSequential(made, TensorDictModule(torch.nn.Linear(5, 1), in_keys=["embed"], out_keys=["action"]))
    walked = env.rollout(12, policy)
    with set_recurrent_mode(True):
        again = policy(walked.clone())
    torch.testing.assert_close(again["action"], walked["action"], atol=1e-5, rtol=0)
    again["action"].square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in made.parameters())
