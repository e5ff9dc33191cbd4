"""A run of learning that was cut ends bit for bit like one that never was: in our worlds, and in gymnasium's, which tell no state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from tauflow import agents, files
from tauflow.agents.chance import place_of, put
from tauflow.agents.streams import BySteps

SMALL = agents.PPO(steps=32, length=16, epochs=2, minibatches=2)


class EnoughError(Exception):
    """Raised to cut a run."""


def learned(name: str, place: Path | None = None, cut: int | None = None, **options: object) -> agents.Learned:
    """Six updates of four copies; `cut`: the run breaks off after so many."""
    world = agents.make(name, 4, 3, skip=(1, 3))

    def stop(point: agents.Point) -> None:
        if cut is not None and point.steps >= cut * 4 * 32:
            raise EnoughError

    core = options.pop("core", "gated_ltc")
    return agents.ppo(
        world, core=core, units=6, steps=768, seed=5, checkpoint=place, progress=stop, settings=SMALL, **options
    )


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("CartPole-v1", "gated_ltc"),
        ("Pendulum-v1", "cfc"),
        ("RepeatPrevious", {"name": "window_mlp", "steps": 3}),
        ("Acrobot-v1", "ctrnn"),
        ("MountainCarContinuous-v0", "gru"),
    ],
)
def test_a_run_that_was_cut_ends_like_one_that_was_not(name: str, core: object, tmp_path: Path) -> None:
    if name not in agents.WORLDS:
        pytest.importorskip("gymnasium")
    whole, place = learned(name, core=core), tmp_path / "run.tau"
    with pytest.raises(EnoughError):
        learned(name, place, cut=2, core=core)
    torch.rand(7)
    with pytest.raises(EnoughError):
        learned(name, place, cut=5, core=core)
    again = learned(name, place, core=core)
    assert [p.steps for p in again.curve] == [p.steps for p in whole.curve] == [128 * k for k in range(1, 7)]
    for a, b in zip(whole.curve, again.curve, strict=True):
        assert a.episodes == b.episodes and (a.mean == b.mean or np.isnan([a.mean, b.mean]).all())
    for (what, a), b in zip(whole.policy.state_dict().items(), again.policy.state_dict().values(), strict=True):
        assert torch.equal(a, b), what
    if whole.log_spread is not None:
        assert torch.equal(whole.log_spread, again.log_spread)
    assert [p.seconds for p in again.curve] == sorted(p.seconds for p in again.curve)


def test_a_finished_run_is_not_done_again(tmp_path: Path) -> None:
    first = learned("CartPole-v1", tmp_path / "run.tau")
    told: list[agents.Point] = []
    world = agents.make("CartPole-v1", 4, 3, skip=(1, 3))
    again = agents.ppo(
        world,
        core="gated_ltc",
        units=6,
        steps=768,
        seed=5,
        checkpoint=tmp_path / "run.tau",
        progress=told.append,
        settings=SMALL,
    )
    assert not told and again.whole and again.curve == first.curve


def test_time_that_is_up_leaves_a_run_to_go_on_with(tmp_path: Path) -> None:
    short = learned("CartPole-v1", tmp_path / "run.tau", minutes=1e-9)
    assert not short.whole and len(short.curve) == 1
    assert learned("CartPole-v1", tmp_path / "run.tau").whole


def test_what_is_no_checkpoint_of_this_run_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "run.tau"
    learned("CartPole-v1", place)
    with pytest.raises(agents.LearningError, match="other settings: settings was"):
        learned("CartPole-v1", place, lr=1e-4)
    with pytest.raises(agents.LearningError, match="tell_dt was True, now False"):
        learned("CartPole-v1", place, tell_dt=False)
    with pytest.raises(tauflow.TauflowError, match="expected torch"):
        learned("CartPole-v1", place, core="ctrnn")
    file = files.read(place, kind="learning", finite=False)
    for name, value in (("walk.total", torch.zeros(5, dtype=torch.float64)), ("walk.gap", torch.zeros(4).double())):
        files.write(place, {**file.tensors, name: value}, file.config, kind="learning", finite=False)
        with pytest.raises(tauflow.TauflowError, match=f"{name} is torch.float64"):
            learned("CartPole-v1", place)
    files.write(
        place, {k: v for k, v in file.tensors.items() if k != "torch"}, file.config, kind="learning", finite=False
    )
    with pytest.raises(tauflow.TauflowError, match="torch is missing"):
        learned("CartPole-v1", place)


def test_a_generator_goes_on_where_it_stood() -> None:
    one, other = np.random.default_rng(3), np.random.default_rng(4)
    one.integers(0, 9, 3, dtype=np.uint32)  # half a draw is kept
    put(other, place_of(one))
    assert (one.integers(0, 9, 5, dtype=np.uint32) == other.integers(0, 9, 5, dtype=np.uint32)).all()
    assert (one.normal(size=5) == other.normal(size=5)).all()
    with pytest.raises(tauflow.TauflowError, match="MT19937"):
        place_of(np.random.Generator(np.random.MT19937(0)))


def test_a_policy_goes_on_after_imitation_and_one_that_does_not_fit_is_refused() -> None:
    world = agents.make("CartPole-v1", 4, 0)
    torch.manual_seed(0)
    clone = agents.policy(world, "ctrnn", 6)
    tauflow.imitate(
        clone,
        world,
        lambda w: (w.q[:, 2] + 0.3 * w.q[:, 3] > 0).astype(int),
        0,
        steps=100,
        epochs=(30, 1),
        mix=[agents.Trouble()],
    )
    first = agents.evaluate(clone, agents.make("CartPole-v1", 8, 9), 8).mean()
    gone = agents.ppo(agents.make("CartPole-v1", 4, 0), clone, steps=128, lr=1e-5, settings=SMALL)
    assert first > 80 and gone.policy is clone
    with pytest.raises(agents.LearningError, match="6 inputs and 3 outputs, expected 4"):
        agents.ppo(agents.make("CartPole-v1", 4, 0, hide=(1, 3)), clone, steps=128, settings=SMALL)
    with pytest.raises(agents.LearningError, match="2 outputs"):
        agents.evaluate(agents.pupil(world, "ctrnn", 6), world, 1)


def test_a_policy_of_a_size() -> None:
    world = agents.make("CartPole-v1", 2, 0)
    sizes = [sum(p.numel() for p in agents.policy(world, "gru", parameters=n).parameters()) for n in (4000, 9000)]
    assert 3700 < sizes[0] <= 4000 and 8600 < sizes[1] <= 9000


def test_of_every_copy_the_first_episodes_count() -> None:
    """Short episodes are over first: their returns must not stand for the long ones."""
    world = agents.make("CartPole-v1", 6, 1)
    torch.manual_seed(0)
    net = agents.policy(world, "ctrnn", 4)
    many = agents.evaluate(net, agents.make("CartPole-v1", 6, 1), 12)
    steps: list[np.ndarray] = []
    again = agents.evaluate(
        net, agents.make("CartPole-v1", 6, 1), 12, watch=lambda w, state, action: steps.append(w.count.copy())
    )
    counts = np.array(steps)
    assert (many == again).all() and many.shape == (12,)
    for k in range(6):
        ends = np.flatnonzero(np.diff(counts[:, k]) <= 0)
        assert many[k] == counts[ends[0], k] + 1
        assert many[6 + k] == (counts[ends[1], k] if len(ends) > 1 else counts[-1, k]) + 1


def test_through_torch_a_stream_is_that_of_the_kernels() -> None:
    world = agents.make("CartPole-v1", 5, 0)
    torch.manual_seed(0)
    net = agents.policy(world, "gated_ltc", 6)
    ours, slow = net.stream(rows=5), BySteps(net, 5)
    x = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    kept = None
    for k in range(4):
        np.testing.assert_allclose(slow(x[k], 0.02), ours(x[k], 0.02), atol=1e-5)
        if k == 1:
            kept = slow.state
            slow.reset(np.arange(5) == 2)
            ours.reset(np.arange(5) == 2)
            assert (slow.state[2] == 0).all() and (slow.state[1] == kept[1]).all()
    slow.state = kept
    assert (slow.state == kept).all()
