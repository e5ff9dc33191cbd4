"""The racetrack of highway-env as a world: what a driver sees and does there, its expert, and the command."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tauflow.agents import walk
from tauflow.cli.commands import app

pytest.importorskip("highway_env")
from tauflow.apps.drive import racetrack


def test_a_frame_is_that_of_highway_env_and_what_is_seen_its_grid() -> None:
    one = racetrack.Racetrack(2, seed=3)
    seen = one.reset()
    twin = racetrack.Racetrack(2, seed=3)
    twin.reset()
    for _ in range(4):
        step = one.step(np.array([[0.3], [-0.1]]), np.array([2, 2]))
        for copy, steer in zip(twin.copies, (0.3, -0.1), strict=True):
            for _ in range(2):
                grid, _, ended, _, _ = copy.step(np.array([steer], np.float32))
        assert not ended and not step.ended.any()
        assert (step.seen[1] == grid.reshape(-1)).all() and step.dt == pytest.approx([2 / 15] * 2)
    assert np.allclose(one.pose, twin.pose) and seen.shape == (2, 288)
    assert (one.off != 0).all() and np.allclose(one.v, 10)


def test_the_grid_is_bit_for_bit_what_highway_env_draws() -> None:
    one = racetrack.Racetrack(3, seed=8)
    seen = one.reset()
    for _ in range(12):
        for copy, grid in zip(one.copies, seen, strict=True):
            eyes = copy.observation_type
            eyes.fill_road_layer_by_lanes = partial(type(eyes).fill_road_layer_by_lanes, eyes)  # its own again
            assert (eyes.observe().reshape(-1) == grid).all() and 0 < grid[144:].sum() < 144
        seen = one.step(racetrack.expert(one), np.full(3, 9)).seen


def test_the_expert_keeps_to_a_lane_and_who_holds_the_wheel_still_leaves_the_road() -> None:
    walked = walk(racetrack.Racetrack(2, seed=1), 40, racetrack.expert, racetrack.expert)
    assert walked.first.sum() == 2  # nobody crashed
    world, left = racetrack.Racetrack(2, seed=1), 0
    world.reset()
    for _ in range(40):
        left += int(world.step(np.zeros((2, 1))).ended.sum())
    assert left > 0


def test_the_expert_passes_a_slower_car() -> None:
    world = racetrack.Racetrack(1, seed=0)
    world.reset()
    copy = world.copies[0]
    other = next(v for v in copy.road.vehicles if v is not copy.vehicle)
    lane = copy.vehicle.lane
    along = lane.local_coordinates(copy.vehicle.position)[0]
    other.position, other.heading = lane.position(along + 15, 0), copy.vehicle.heading
    other.speed = other.target_speed = 0.0
    other.on_state_update()
    before = copy.vehicle.lane_index[2]
    for _ in range(8):
        step = world.step(racetrack.expert(world))
        assert not step.ended.any()
    assert copy.vehicle.lane_index[2] == 1 - before


def test_the_command_teaches_drivers_there(tmp_path: Path) -> None:
    page, numbers = tmp_path / "r.html", tmp_path / "r.json"
    given = [
        "drive",
        "--env",
        "racetrack-v1",
        "--cells",
        "ctrnn",
        "--quick",
        "--page",
        str(page),
        "--json",
        str(numbers),
    ]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    rows = json.loads(numbers.read_text())
    assert {row["task"] for row in rows} >= {"racetrack-v1, 5 Hz", "racetrack-v1, 15 Hz"}
    assert page.read_text().count("<polyline") > 20 and "10 actions long, 2 s at 5 Hz" in page.read_text()
    for wrong in (["--film", str(tmp_path / "f.gif")], ["--engine", "mujoco"]):
        refused = CliRunner().invoke(app, ["drive", "--env", "racetrack-v1", *wrong])
        assert refused.exit_code != 0 and "of our own tracks" in str(refused.exception or refused.output)
