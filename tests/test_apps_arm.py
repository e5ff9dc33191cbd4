"""The arm: its equations are MuJoCo's, its loads are hidden and change, its laws are what they say, and the command runs whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

mujoco = pytest.importorskip("mujoco")

import tauflow  # noqa: E402
from tauflow.agents import walk  # noqa: E402
from tauflow.apps import arm  # noqa: E402
from tauflow.apps.arm import dynamics, table  # noqa: E402
from tauflow.apps.arm.page import page  # noqa: E402
from tauflow.apps.arm.world import CHANGES, CLEAR, advice, straight, xml  # noqa: E402


def test_the_torque_is_that_of_mujoco() -> None:
    model = mujoco.MjModel.from_xml_string(xml())
    data, rng, ball = mujoco.MjData(model), np.random.default_rng(0), model.body("load").id
    q, qd, qdd = rng.normal(size=(3, 8, 3)) * np.array([1, 3, 8])[:, None, None]
    loads = rng.uniform(0.1, 4, 8)
    ours = dynamics.torque(q, qd, qdd, loads)
    for k in range(8):
        model.body_mass[ball], model.body_inertia[ball] = loads[k], 0.4 * loads[k] * dynamics.BALL**2
        data.qpos[:], data.qvel[:], data.qacc[:] = q[k], qd[k], qdd[k]
        mujoco.mj_inverse(model, data)
        np.testing.assert_allclose(ours[k], data.qfrc_inverse, atol=1e-8)
        np.testing.assert_allclose(dynamics.tip(q[k : k + 1])[0], data.xpos[ball][[0, 2]] - [0, 1], atol=1e-12)


def test_loads_change_three_times_where_nobody_sees_it() -> None:
    world = arm.Arm(4, 0)
    world.reset()
    loads, since = [], []
    for _ in range(290):
        loads.append(world.load)
        since.append(world.since)
        world.step(arm.expert(world), np.full(4, 2))
    changes = np.diff(np.array(loads), axis=0) != 0
    assert (changes.sum(axis=0) == 3).all() and (np.array(loads) >= 0).all() and (np.array(loads) <= 3).all()
    frames = 2 * (np.argwhere(changes)[:, 0] + 1)
    assert frames.min() >= CHANGES[0][0] and frames.max() <= CHANGES[-1][1] + 1
    assert (np.array(since)[1:][changes] < 0.02).all()
    assert not any("load" in name for name in world.seen_names)


def test_the_expert_follows_and_the_blind_law_lags_by_the_load_alone() -> None:
    off = {name: table.run(name, arms=4, steps=200).error for name in (arm.EXPERT, arm.BLIND)}
    assert off[arm.EXPERT] < 0.004 < 0.02 < off[arm.BLIND] < 0.08
    right = walk(arm.Arm(4, 1, loads=(1.5, 1.5)), 200, None, arm.expert, base=arm.blind)
    assert -right.reward.sum() / (right.took.sum() / arm.Arm.period) < 0.004


def test_what_is_late_is_carried_on_as_the_arm_moves() -> None:
    rng = np.random.default_rng(0)
    q, qd, qdd = rng.normal(size=(3, 8, 3))
    given = dynamics.torque(q, qd, qdd, np.linspace(0, 3, 8))
    np.testing.assert_allclose(dynamics.acceleration(q, qd, given, np.linspace(0, 3, 8)), qdd, atol=1e-9)

    def off(told: float, frames: int = 4) -> float:
        world = arm.Arm(8, 2, loads=(3.0, 3.0))
        world.reset()
        r, rd, rdd = world.reference()
        before = np.concatenate([world.q, world.qd, r - world.q, rd - world.qd, rdd], axis=1)
        action = arm.expert(world) + 0.01
        world.step(action, np.full(8, frames))
        r, rd, _ = world.reference()
        now = np.concatenate([world.q, world.qd, r - world.q, rd - world.qd], axis=1)
        later = arm.carry(before, action, np.full(8, frames * world.period), np.full((8, 1), told))[:, :12]
        return float(np.abs(later - now).max())

    assert off(3.0) < 0.05 < 0.2 < off(np.nan) == off(1.5)
    assert off(9.0) == off(50.0)  # what no arm carries is not believed


def test_the_advice_is_the_experts_and_of_late_samples_what_they_tell_with_the_true_load() -> None:
    world = arm.Arm(2, 3)
    seen = world.reset().astype(float)
    said = advice(world, np.column_stack([seen, [0.0, 0.03]]))
    np.testing.assert_array_equal(said[0], arm.expert(world)[0])
    parts = seen.reshape(2, 5, 3).swapaxes(0, 1)
    np.testing.assert_allclose(said[1], dynamics.law(*parts, world.load)[1])
    assert np.abs(said - arm.expert(world))[1].max() > 1e-3  # noise, at least


def test_a_seed_gives_the_same_arm() -> None:
    rewards = [walk(arm.Arm(3, seed), 60, arm.expert, arm.expert).reward for seed in (5, 5, 6)]
    assert (rewards[0] == rewards[1]).all() and (rewards[0] != rewards[2]).any()


def test_the_path_goes_round_the_obstacle_and_nothing_is_touched() -> None:
    world = arm.Arm(6, 3, obstacle=True)
    world.reset()
    met = world.spheres[:, 0] < 5
    assert met.any()
    for k in np.flatnonzero(met):
        apart = np.linalg.norm(dynamics.tip(world.path[k, 0]) - world.spheres[k], axis=1)
        assert CLEAR - 0.02 < apart.min() < CLEAR + 0.1
        assert np.abs(world.path[k, 2]).max() < 60
    walk(world, 200, arm.expert, arm.expert)
    assert not world.touched.any()
    for k in np.flatnonzero(met):
        world.data[k].mocap_pos[0] = [*world.data[k].xpos[world.ball]]
    world.step(arm.expert(world))
    assert world.touched[met].all()


def test_adaptation_and_decoding_are_read_as_they_say() -> None:
    steps = np.arange(100) * 0.02
    since, load = np.where(steps < 0.5, np.inf, steps - 0.5)[None], np.where(steps < 0.5, 1.0, 2.0)[None]
    off = np.where(since < 0.3, 0.05, 0.01)
    walked = walk(arm.Arm(1, 0), 100, arm.expert, arm.expert)
    given = {**vars(walked), "reward": -off * 2, "took": np.full((1, 100), 0.02), "answer": load[..., None] + 0.0}
    run = table.Run(type(walked)(**given), load, since, np.zeros((1, 100, 3)), 0.0)
    assert run.adaptation == pytest.approx(0.3, abs=0.04) and run.error == pytest.approx(off.mean())


def test_ways_of_teaching_differ_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from tauflow.apps.arm import train

    mixes = []

    def watched(policy: object, *words: object, **options: object) -> object:
        mixes.append((options["mix"], options["base"]))
        return tauflow.imitate(policy, *words, **options)

    monkeypatch.setattr(train, "imitate", watched)
    short = arm.Settings(copies=4, steps=10, rounds=0, epochs=(1, 1), length=10)
    made = {way: arm.teach("ctrnn", 0, short, way=way) for way in arm.WAYS}
    assert [one.name for one in made.values()] == ["ctrnn", "ctrnn, late", "ctrnn, alone"]
    assert [max(trouble.delay[1] for trouble in mix) for mix, _ in mixes] == [0, 0.04, 0]
    assert [base for _, base in mixes] == [arm.blind, arm.blind, None] == [one.base for one in made.values()]
    assert made[""].net.inputs - made["alone"].net.inputs == 3 and all(one.kind == "liquid" for one in made.values())
    with pytest.raises(tauflow.TauflowError, match="way is 'nope', expected one of '', 'late', 'alone'"):
        arm.teach("ctrnn", way="nope")


def test_with_a_model_and_the_load_a_late_sample_is_nearly_as_good_as_one_in_time() -> None:
    def off(condition: str, carry: object) -> float:
        trouble, _ = table.CONDITIONS[condition]
        world = arm.Arm(6, 7, loads=(1.5, 1.5))
        hidden = {"load": lambda world: world.load}
        walked = walk(
            world, 200, None, arm.expert, base=arm.blind, auxiliary=hidden, mix=[trouble], stamped=True, carry=carry
        )
        return float(-walked.reward.sum() / (walked.took.sum() / world.period))

    simple, model, undisturbed = (
        off(table.LATEST, straight),
        off(table.LATEST, arm.carry),
        off(table.FIRST, arm.carry),
    )
    assert undisturbed < 0.004 < model < 0.02 < 0.06 < simple


def test_what_does_not_change_has_no_r2() -> None:
    run = table.run(arm.BLIND, "4 kg", arms=1, steps=3)
    told = np.zeros_like(run.load)
    given = {**vars(run.walked), "answer": told[..., None]}
    still = table.Run(type(run.walked)(**given), run.load + 0.1, told + 1, run.q, 0.0)
    assert np.isnan(still.r2) and run.q.shape == (1, 3, 3) and len(run.at) == 3


def test_policies_are_of_one_size_and_know_no_load() -> None:
    world = arm.Arm(1)
    from tauflow.apps.arm.train import network

    for name in arm.CELLS:
        net = network(name, world)
        size = sum(p.numel() for p in net.parameters())
        assert 4600 < size <= 5000, (name, size)
        assert net.output_names == [*world.actions, "load [kg]"] and "load [kg]" not in net.input_names
    with pytest.raises(tauflow.TauflowError, match="no policy is called 'nope'"):
        network("nope", world)


def test_the_command_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    words = [
        "arm",
        "--quick",
        "--cells",
        "cfc,mlp",
        "--also",
        "late,alone",
        "--page",
        "a.html",
        "--json",
        "a.json",
        "--save",
        "a.tau",
    ]
    assert run([*words, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "a.json").read_text())
    assert printed == kept and {row["model"] for row in kept} == {
        "expert", "blind expert", "blind expert, no model", "cfc", "mlp", "cfc, late", "cfc, alone",
    }  # fmt: skip
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    text = (tmp_path / "a.html").read_text()
    assert "3 on top of the blind law, 1 alone" in text
    assert "<animate" in text and "4 kg" in text and "<script" not in text
    policy = tauflow.load("a.tau")
    assert policy.inputs == 22 and policy.outputs == 4
    assert run(["arm", "--cells", "nope"]) == 1
    assert run(["arm", "--also", "late,nope"]) == 1
    assert "--also names ['nope'], expected some of late, alone" in capsys.readouterr().err


def test_the_sentence_says_who_lost() -> None:
    def score(policy: str, kind: str, error: float) -> arm.Score:
        return arm.Score(policy, kind, 0, table.FIRST, error, error, 0, 0, 0.5, 0)

    laws = [score(arm.EXPERT, "law", 0.002), score(arm.BLIND, "law", 0.04)]
    said = arm.Judged([*laws, score("cfc", "liquid", 0.02), score("gru", "static", 0.01)]).sentence()
    assert said.startswith("gru leads") and "cfc (liquid) 0.50" in said
    level = arm.Judged([*laws, score("cfc", "liquid", 0.02), score("gru", "static", 0.0202)]).sentence()
    assert level.startswith("Level")
    wide = [score("cfc", "liquid", e) for e in (0.016, 0.020)] + [score("gru", "static", e) for e in (0.018, 0.022)]
    assert arm.Judged([*laws, *wide]).sentence().startswith("Level")  # apart by no more than seeds are
    assert callable(page)
