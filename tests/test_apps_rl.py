"""Agents in worlds that hide their velocities: what is judged, decoded and said, the film, and the command whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from chromium import BINARY, Page

import tauflow
from tauflow import agents
from tauflow.agents import Learned, Point
from tauflow.apps import rl
from tauflow.apps.rl.film import film
from tauflow.apps.rl.page import _cards, page
from tauflow.apps.rl.table import decoded, holds

SMALL = rl.Task("CartPole-v1", steps=2048)


def test_a_task_hides_the_velocities_unless_told_otherwise() -> None:
    assert SMALL.make(2, 0).seen_names == ["x [m]", "angle [rad]"] and not SMALL.held
    assert replace(SMALL, hide=()).make(2, 0).shown == [0, 1, 2, 3]
    assert rl.Task("Pendulum-v1").make(2, 0).seen_names == ["cos", "sin"]
    assert rl.Task("RepeatPrevious").make(2, 0).shown == [0, 1, 2, 3]
    assert rl.Task("CartPole-v1", skip=(1, 4)).budget == 160_000 and rl.Task("Pendulum-v1").budget == 300_000
    assert rl.Task("Other-v0").budget == 200_000 and SMALL.budget == 2048


def test_policies_are_of_one_size_and_where_actions_are_held_each_is_trained_twice() -> None:
    world = SMALL.make(2, 0)
    first = sum(p.numel() for p in rl.train.network(world, "cfc", "cfc").parameters())
    for cell in rl.CELLS:
        size = sum(p.numel() for p in rl.train.network(world, cell, "cfc").parameters())
        assert 0.9 * first < size <= first, (cell, size)
    assert rl.variants(["cfc", "gru", "cfc"], SMALL) == [("cfc", True), ("gru", True)]
    assert rl.variants(["cfc"], replace(SMALL, skip=(1, 4))) == [("cfc", True), ("cfc", False)]
    with pytest.raises(tauflow.TauflowError, match="no policy is called"):
        rl.variants(["nope"], SMALL)
    assert holds(SMALL) == {"greedy": (1, 1)}
    assert holds(replace(SMALL, skip=(2, 3))) == {"2-3": (2, 3), "2": (2, 2), "3": (3, 3), "5": (5, 5)}


def test_a_card_named_wrongly_is_a_cross() -> None:
    shown, time = np.eye(4)[np.arange(10) % 4][:, None], np.arange(10.0)[:, None]
    right = np.roll(shown.argmax(axis=2), 4, axis=0)
    run = rl.Run(np.ones(1), shown, shown, time, right)
    assert _cards("cfc", run, "liquid1").title == "cfc: 6 of 6 right"
    wrong = replace(run, action=np.where(time == 7, (right + 1) % 4, right))
    assert _cards("cfc", wrong, "liquid1").title == "cfc: 5 of 6 right"


def run_of(state: np.ndarray, seen: np.ndarray) -> rl.Run:
    steps, copies = state.shape[:2]
    time = np.tile((np.arange(steps) % 10)[:, None] * 0.5, (1, copies))
    return rl.Run(np.ones(copies), seen, state, time, np.zeros((steps, copies)))


def test_what_stands_in_the_state_is_read_and_what_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    state, noise = rng.normal(size=(40, 8, 3)), rng.normal(size=(40, 8, 1))
    linear = state @ np.array([[2.0], [-1.0], [0.5]]) + 3
    run = run_of(state, np.concatenate([noise, linear, rng.normal(size=(40, 8, 1))], axis=2))
    told, r2 = decoded(run, [0], [1, 2])
    assert r2[0] > 0.999 and r2[1] < 0.05
    np.testing.assert_allclose(told[..., 0], linear[..., 0], atol=0.05)
    mean = run.seen[:, :4, 2].mean()
    expected = 1 - np.square(told[:, 4:, 1] - run.seen[:, 4:, 2]).mean() / run.seen[:, 4:, 2].var()
    assert r2[1] == pytest.approx(expected) and abs(told[..., 1].mean() - mean) < 0.3
    assert run.first == slice(0, 10)


def test_a_run_is_what_the_policy_did() -> None:
    torch.manual_seed(0)
    world = SMALL.make(4, 1)
    net = rl.train.network(world, "ctrnn", "ctrnn")
    run = rl.play(net, world, 4)
    assert run.seen.shape[1:] == (4, 4) and run.state.shape[1:] == (4, 32) and run.time[0].tolist() == [0] * 4
    ends = run.first.stop
    assert run.returns[0] == ends and run.time[ends - 1, 0] == pytest.approx(0.02 * (ends - 1))
    assert (run.returns == agents.evaluate(net, SMALL.make(4, 1), 4)).all()


def agent(cell: str, seed: int, solved: Point | None, told: bool = True, task: rl.Task = SMALL) -> rl.Agent:
    world = task.make(2, 0)
    torch.manual_seed(0)
    curve = [Point(1024 * k, 0.5 * k, 100.0 * k, 10 * k) for k in (1, 2)]
    return rl.Agent(cell, seed, Learned(agents.policy(world, "ctrnn", 2), curve, solved), told, world)


def judged(returns: dict[str, list[float]], solved: dict[str, int | None], task: rl.Task = SMALL) -> rl.Judged:
    """Made up: one return and one number of steps a cell; "cfc-" is not told dt."""
    made = rl.Judged(task)
    for name, values in returns.items():
        cell, told = name.strip("-"), not name.endswith("-")
        for seed, value in enumerate(values):
            steps = solved.get(name)
            point = None if steps is None else Point(steps, steps / 10_000, 480.0, 200)
            one = agent(cell, seed, point, told, task)
            made.agents.append(one)
            scored = dict.fromkeys(holds(task), value)
            r2 = {"v [m/s]": 0.9, "turn [rad/s]": 0.8}
            end = one.learned.curve[-1]
            made.scores.append(rl.Score(one.name, cell, one.kind, seed, told, scored, r2, point, end, one.parameters))
    return made


def test_the_sentence_says_who_lost() -> None:
    level = judged({"cfc": [500, 499], "gru": [500, 498]}, {"cfc": 80_000, "gru": 70_000}).sentence()
    assert level.startswith("Level in what they earn: gru (static) 499, solved after 70k steps and 7.0 s of CPU; cfc")
    lost = judged({"cfc": [300, 310], "gru": [500, 498]}, {"gru": 70_000}).sentence()
    assert (
        lost.startswith("gru leads: gru (static) earns 499, solved after 70k")
        and "cfc (liquid) earns 305, solved in training by 0 of 2" in lost
    )
    told = judged(
        {"cfc": [490], "cfc-": [300], "gru": [400], "gru-": [290]}, {}, replace(SMALL, skip=(1, 4))
    ).sentence()
    assert told.startswith("cfc leads") and told.endswith("Not told how long their actions took: cfc 300, gru 290.")
    assert judged({"cfc": [500]}, {}).sentence().startswith("cfc earns 500")
    wide = judged({"cfc": [400, 500], "gru": [480, 490]}, {})
    assert wide.level("cfc", "gru") and not judged({"cfc": [400, 401], "gru": [480, 490]}, {}).level("cfc", "gru")


def test_the_numbers_that_are_kept() -> None:
    rows = judged({"cfc": [500, 490], "gru": [400, 300]}, {"cfc": 80_000}).rows()
    found = {(row["model"], row["metric"]): row for row in rows}
    assert (
        found["cfc", "return"]["mean"] == 495
        and found["cfc", "return"]["std"] == 5
        and found["cfc", "return"]["seeds"] == 2
    )
    assert found["cfc", "steps until solved"]["mean"] == 80_000 and ("gru", "steps until solved") not in found
    assert found["gru", "seeds solved"]["mean"] == 0 and found["cfc", "R2 of v [m/s]"]["mean"] == 0.9
    assert found["gru", "steps a CPU second"]["mean"] == 2048 and found["gru", "return"]["kind"] == "static"
    assert rows[0]["task"] == "CartPole-v1, v [m/s], turn [rad/s] hidden" and rows[0]["seconds"] == 1.0
    held = judged({"cfc": [490], "cfc-": [300]}, {}, replace(SMALL, skip=(1, 4)))
    assert "return, actions held 1-4 frames" in {row["metric"] for row in held.rows()}
    assert held.held("cfc") == ["490"] * 6 and held.holds == ["1-4", "1", "2", "3", "4", "6"]
    assert held.policies == ["cfc", "cfc, dt not told"]


def test_carts_and_pendulums_stand_where_they_were() -> None:
    time = np.array([[0.0], [0.02], [0.06], [0.0]])
    cart = np.zeros((4, 1, 4))
    cart[:, 0, 0] = [0, 1, 2, 0]
    svg = film("CartPole-v1", {"cfc": rl.Run(np.ones(1), cart, cart, time, time)}, {"cfc": "liquid1"})["cfc"]
    metre = 440 / 5.2
    x = 'values="' + ";".join(f"{200 + k * metre:.1f}" for k in range(3)) + '"'
    assert x in svg and 'keyTimes="0.0000;0.3333;1.0000"' in svg
    down = np.zeros((4, 1, 3))
    down[..., 0] = -1
    svg = film("Pendulum-v1", {"cfc": rl.Run(np.ones(1), down, down, time, time)}, {"cfc": "liquid1"})["cfc"]
    assert 'points="220.0,59.0 220.0,110.0"' in svg
    assert film("Other", {}, {}) == {}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.skipif(BINARY is None, reason="no chromium on this machine")
def test_the_page_in_a_real_browser(width: int, tmp_path: Path) -> None:
    task = replace(SMALL, skip=(1, 2))
    taught = [
        agent(cell, seed, None, told, task) for cell, told in rl.variants(["cfc", "gru"], task) for seed in (0, 1)
    ]
    place = tmp_path / "rl.html"
    page(rl.judge(task, taught, 4), "tauflow rl").write(place)
    assert "Judged without chance in 4 episodes" in place.read_text()
    with Page(tmp_path, width) as browser:
        browser.open(place)
        assert browser.requests() == [place.as_uri()] and browser.complaints() == []
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.evaluate("document.querySelectorAll('animate').length") == 4
        titles = browser.evaluate("[...document.querySelectorAll('h2')].map(one => one.textContent)")
    assert titles == [
        "What dt is worth",
        "How fast they learn",
        "What they find out",
        "The agents",
        "How it was measured",
    ]


def test_the_command_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    words = [
        "rl",
        "CartPole-v1",
        "--quick",
        "--against",
        "mlp",
        "--page",
        "a.html",
        "--json",
        "a.json",
        "--save",
        "a.tau",
    ]
    assert run([*words, "--resume", "run.tau", "--format", "json"]) == 0
    out = capsys.readouterr()
    kept = json.loads((tmp_path / "a.json").read_text())
    assert json.loads(out.out) == kept and {row["model"] for row in kept} == {"cfc", "mlp"}
    assert "cfc, seed 0: 4,096 steps" in out.err
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    text = (tmp_path / "a.html").read_text()
    assert "<animate" in text and "<script" not in text and "--against mlp" in text
    policy = tauflow.load("a.tau")
    assert policy.input_names[:2] == ["x [m]", "angle [rad]"] and policy.stream().backend == "cpu"
    assert {"run-cfc-0.tau", "run-mlp-0.tau"} <= {path.name for path in tmp_path.iterdir()}
    again = ["rl", "CartPole-v1", "--quick", "--from", "a.tau", "--format", "table", "-q"]
    assert run(again) == 0
    assert "cfc earns" in " ".join(capsys.readouterr().out.split())


def test_worlds_are_listed_and_what_was_mistyped_is_named(capsys: pytest.CaptureFixture) -> None:
    from tauflow.cli.commands import run

    assert run(["rl", "--list"]) == 0
    listed = capsys.readouterr().out
    assert "CartPole-v1\n  seen: 0 x [m], 1 v [m/s] (hidden)" in listed and "solved at -200" in listed
    for words, said in (
        (["rl"], "no world was named"),
        (["rl", "CartPole-v1", "--hide", "x"], "--hide is 'x'"),
        (["rl", "CartPole-v1", "--skip", "a-b"], "--skip is 'a-b'"),
        (["rl", "CartPole-v1", "--skip", "4-1"], "skip is (4, 1)"),
        (["rl", "CartPole-v1", "--cell", "nope"], "no policy is called"),
    ):
        assert run(words) == 1
        assert said in capsys.readouterr().err


def test_the_page_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parent.parent / "docs" / "applications" / "rl.md").read_text()
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, names)
    assert np.isfinite([names["left"], names["right"], names["value"]]).all() and (tmp_path / "clone.tau").exists()
