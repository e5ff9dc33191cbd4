"""Worlds, roll-outs and learning by reward: held to gymnasium, to torch's distributions, to the equations and to single streams."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal

import tauflow
from tauflow import agents
from tauflow.agents.policy import density, draw
from tauflow.agents.ppo import advantages
from tauflow.agents.rollout import Batch, Rollout
from tauflow.agents.world import Array, World


class Echo(World):
    """Do what you see: a task that is learned in a second."""

    names, spread, actions = ("sign",), (1.0,), ("no", "yes")
    limit, period, solved, reward_scale = 8, 0.5, 7.5, 0.1

    def fresh(self, which: Array) -> None:
        if not hasattr(self, "now"):
            self.now = np.zeros(self.n, dtype=np.int64)
        self.now[which] = self.rng.integers(0, 2, int(which.sum()))

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        right = action == self.now
        self.now = np.where(on, self.rng.integers(0, 2, self.n), self.now)
        return right.astype(float), np.zeros(self.n, dtype=bool)

    def observe(self) -> Array:
        return 2.0 * self.now[:, None] - 1


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_our_worlds_are_those_of_gymnasium(name: str) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    theirs, ours = gymnasium.make(name).unwrapped, agents.make(name, 1, 0)
    rng = np.random.default_rng(1)
    for _ in range(20):
        seen, _ = theirs.reset(seed=int(rng.integers(1000)))
        ours.reset()
        ours.q[0] = theirs.state
        np.testing.assert_allclose(ours._seen()[0], seen, atol=1e-6)
        for _ in range(60):
            action = rng.normal(size=(1, 1)) if ours.continuous else rng.integers(0, 2, 1)
            reward, ended = ours.frame(action, np.ones(1, dtype=bool))
            seen, expected, over, _, _ = theirs.step(2 * action[0].clip(-1, 1) if ours.continuous else int(action[0]))
            np.testing.assert_allclose(ours._seen()[0], seen, atol=2e-5)
            assert reward[0] == pytest.approx(float(expected), abs=1e-5) and bool(ended[0]) == over
            if over:
                break


def test_a_world_of_gymnasium_tells_time_ends_and_what_is_cut() -> None:
    pytest.importorskip("gymnasium")
    world = agents.make("Acrobot-v1", 3, 0, skip=(1, 4))
    assert world.seen_names[0] == "seen 0" and world.actions == ("action 0", "action 1", "action 2")
    world.reset()
    frames = 0.0
    for _ in range(400):
        step = world.step(np.array([0, 1, 2]))
        frames += step.dt[1]
        assert (step.dt <= 4 * world.period + 1e-6).all() and (step.dt > 0).all()
        if step.cut[1]:
            break
    assert frames == pytest.approx(world.limit * world.period)
    moved = agents.make("MountainCarContinuous-v0", 2, 0)
    assert (
        moved.continuous
        and moved.reset().shape == (2, 2)
        and moved.step(np.array([[2.0], [-1.0]])).reward.shape == (2,)
    )


def test_gaps_are_the_frames_that_an_action_was_held_and_hidden_things_are_hidden() -> None:
    world = agents.make("CartPole-v1", 64, 0, skip=(1, 4), hide=(1, 3))
    seen = world.reset()
    assert seen.shape == (64, 2) and world.seen_names == ["x [m]", "angle [rad]"]
    step = world.step(np.ones(64, dtype=int))
    assert set(np.round(step.dt / 0.02).astype(int)) == {1, 2, 3, 4}
    np.testing.assert_array_equal(step.reward, np.round(step.dt / 0.02))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"skip": (0, 2)}, "skip is"),
        ({"skip": (3, 2)}, "skip is"),
        ({"hide": (7,)}, "hide has 7"),
        ({"hide": (0, 1, 2, 3)}, "leaves nothing to see"),
    ],
)
def test_what_a_world_refuses(options: dict, said: str) -> None:
    with pytest.raises(agents.WorldError, match=said):
        agents.make("CartPole-v1", 2, 0, **options)


def test_a_name_that_is_no_world() -> None:
    pytest.importorskip("gymnasium")
    with pytest.raises(agents.WorldError, match="no world is called 'Nope-v7'"):
        agents.make("Nope-v7", 2)


def test_densities_and_entropies_are_those_of_torch() -> None:
    made = torch.Generator().manual_seed(0)
    answers, spread = torch.randn(3, 4, 5, generator=made), torch.randn(5, generator=made)
    action = torch.randint(5, (3, 4), generator=made)
    log_pi, entropy = density(answers, action, None)
    torch.testing.assert_close(log_pi, Categorical(logits=answers).log_prob(action))
    torch.testing.assert_close(entropy, Categorical(logits=answers).entropy())
    moved = torch.randn(3, 4, 5, generator=made)
    log_pi, entropy = density(answers, moved, spread)
    expected = Normal(answers, spread.exp())
    torch.testing.assert_close(log_pi, expected.log_prob(moved).sum(-1))
    torch.testing.assert_close(entropy, expected.entropy().sum(-1))


@pytest.mark.parametrize("continuous", [False, True])
def test_actions_are_drawn_as_their_density_says(continuous: bool) -> None:
    answers = np.tile(np.array([[0.3, -1.0, 0.8]], np.float32), (40_000, 1))
    spread = np.array([-0.5, 0.0, 0.3], np.float32) if continuous else None
    action, log_pi = draw(answers, spread, np.random.default_rng(0))
    told, _ = density(torch.tensor(answers), torch.tensor(action), None if spread is None else torch.tensor(spread))
    np.testing.assert_allclose(log_pi, told.numpy(), atol=1e-5)
    if continuous:
        np.testing.assert_allclose(action.mean(0), answers[0], atol=0.03)
        np.testing.assert_allclose(action.std(0), np.exp(spread), rtol=0.03)
    else:
        share = np.exp(answers[0]) / np.exp(answers[0]).sum()
        np.testing.assert_allclose(np.bincount(action) / len(action), share, atol=0.01)


def rolled(skip: tuple[int, int] = (1, 3), steps: int = 64) -> tuple[Batch, tauflow.Network, World]:
    world = agents.make("CartPole-v1", 5, 0, skip, (1, 3))
    torch.manual_seed(0)
    net = agents.policy(world, "gated_ltc", 8)
    walk = Rollout(world, net, np.random.default_rng(0), True)
    return walk.walk(net, None, steps, 16), net, world


def test_no_episode_sees_the_one_before() -> None:
    """Bit-equal: what the policy answered in each episode is what a fresh stream answers to that episode alone."""
    batch, net, _ = rolled()
    assert batch.first[1:].sum() > 5
    for copy in range(5):
        stream = net.stream()
        for t in range(len(batch.x)):
            if batch.first[t, copy]:
                stream = net.stream()
            answer = stream(batch.x[t, copy], float(batch.dt[t, copy]))
            assert answer[-1] == batch.value[t, copy]


def test_learning_sees_what_the_roll_out_saw() -> None:
    """At the same weights the ratio of probabilities is one, over pieces that hold ends of episodes too."""
    batch, net, _ = rolled()
    x, dt, first, action, then = (
        torch.from_numpy(getattr(batch, name)).transpose(0, 1) for name in ("x", "dt", "first", "action", "log_pi")
    )
    for k in range(4):
        part = slice(16 * k, 16 * k + 16)
        answers, _ = net(x[:, part], dt[:, part], None, torch.from_numpy(batch.states[k]), first=first[:, part])
        log_pi, _ = density(answers[..., :-1], action[:, part], None)
        torch.testing.assert_close(log_pi, then[:, part], atol=1e-5, rtol=0)


def test_the_first_thing_seen_of_an_episode_knows_no_last_action() -> None:
    batch, _, world = rolled()
    begins = batch.first
    assert (batch.x[begins][:, 2:] == 0).all() and (batch.dt[begins] == np.float32(world.period)).all()
    assert (np.abs(batch.x[~begins][:, 2:]).sum(axis=1) == 1).all()


def test_advantages_are_the_sum_of_the_equation() -> None:
    rng = np.random.default_rng(0)
    steps, n = 12, 3
    reward, value, took = rng.normal(size=(steps, n)), rng.normal(size=(steps, n)), rng.integers(1, 4, (steps, n))
    over = rng.random((steps, n)) < 0.2
    follows = np.where(over & (rng.random((steps, n)) < 0.5), rng.normal(size=(steps, n)), 0)
    beyond = rng.normal(size=n)
    empty = np.empty(0)
    batch = Batch(empty, empty, empty, empty, empty, value, reward, follows, over, took, empty, beyond)
    found = advantages(batch, 0.9, 0.7)
    for i in range(n):
        for t in range(steps):
            expected, weight = 0.0, 1.0
            for k in range(t, steps):
                after = follows[k, i] if over[k, i] else value[k + 1, i] if k + 1 < steps else beyond[i]
                discount = 0.9 ** took[k, i]
                expected += weight * (reward[k, i] + discount * after - value[k, i])
                weight *= 0.7 * discount
                if over[k, i]:
                    break
            assert found[t, i] == pytest.approx(expected)


def test_what_is_cut_goes_on_in_the_value_of_what_was_seen_last() -> None:
    world = Echo(4, 0)
    torch.manual_seed(0)
    net = agents.policy(world, "cfc", 4)
    batch = Rollout(world, net, np.random.default_rng(0), True).walk(net, None, 32, 32)
    assert (
        batch.over.sum() == 4 * 4 and (batch.follows[batch.over] != 0).all() and (batch.follows[~batch.over] == 0).all()
    )


def test_a_small_task_is_learned_and_a_seed_gives_the_same_numbers() -> None:
    learned = [agents.ppo(Echo(16, 0), core="gated_ltc", units=8, steps=20_480, seed=s) for s in (0, 0, 1)]
    assert learned[0].curve[0].mean < 5 < 6.5 < learned[0].curve[-1].mean
    assert [point.mean for point in learned[0].curve] == [point.mean for point in learned[1].curve]
    assert [point.mean for point in learned[0].curve] != [point.mean for point in learned[2].curve]
    returns = agents.evaluate(learned[0].policy, Echo(8, 9), 20)
    assert returns.shape == (20,) and returns.mean() > 7.5


def test_a_world_may_bring_settings_that_suit_it_and_those_given_go_before() -> None:
    class Short(Echo):
        learning = MappingProxyType({"steps": 32, "epochs": 1})

    def first(**given: Any) -> int:
        return agents.ppo(Short(16, 0), core="ctrnn", units=4, steps=2_048, **given).curve[0].steps

    assert first() == first(length=16) == 16 * 32
    assert first(settings=agents.PPO()) == 16 * 128


def test_a_policy_is_a_network_like_any_other(tmp_path) -> None:
    learned = agents.ppo(Echo(16, 0), core="ctrnn", units=8, steps=2_048)
    net = learned.policy
    assert net.input_names == ["sign", "last no", "last yes"] and net.output_names == ["no", "yes", "value"]
    tauflow.save(net, tmp_path / "policy.tau")
    again = tauflow.load(tmp_path / "policy.tau")
    sample = np.array([1.0, 0.0, 1.0], np.float32)
    assert (again.stream()(sample, 0.5) == net.stream()(sample, 0.5)).all()


def test_actions_and_value_share_the_core_and_nothing_else() -> None:
    world = Echo(16, 0)
    torch.manual_seed(0)
    net = agents.policy(world, "ctrnn", 8, hidden=12)
    last = net.readout.layers[-1].weight
    assert (last[:-1, 6:] == 0).all() and (last[-1, :6] == 0).all() and (last[:-1, :6] != 0).all()
    assert float(last[0, :6].detach().norm()) == pytest.approx(0.01) and float(
        last[-1].detach().norm()
    ) == pytest.approx(1)
    before = last.detach().clone()
    agents.ppo(world, net, steps=2_048)
    assert ((last == 0) == (before == 0)).all() and (last != before)[before != 0].all()


def test_what_learning_refuses() -> None:
    with pytest.raises(agents.LearningError, match="one update takes 2048"):
        agents.ppo(Echo(16, 0), steps=100)
    with pytest.raises(agents.LearningError, match="multiple of length"):
        agents.PPO(steps=100, length=32)
