"""Drivers: the car, the LiDAR and the camera are what their equations say, drivers know what they may, and the command runs whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chromium import BINARY
from chromium import Page as Browser

import tauflow
from tauflow.agents import Trouble, WorldError, walk
from tauflow.apps import drive
from tauflow.apps.drive import camera, car, gaze, lidar, train, trial, world
from tauflow.apps.drive.birdseye import birdseye
from tauflow.apps.drive.track import HALF, LANE, LINE, PIXELS, RAIL, TIGHTEST, track


def test_a_held_wheel_drives_a_circle() -> None:
    pose, v, delta = np.zeros((1, 3)), np.full(1, 6.0), np.full(1, 0.2)
    action = np.array([[0.2 / car.MOST_STEER, 2 * 6 / car.FASTEST - 1]])
    radius = car.BASE / np.tan(0.2)
    for step in range(1, 400):
        pose, v, delta = car.move(pose, v, delta, action, np.full(1, car.DRY), 0.01)
        angle = 0.01 * step * 6 / radius
        expected = [radius * np.sin(angle), radius * (1 - np.cos(angle)), angle]
        np.testing.assert_allclose(pose[0], expected, atol=1e-3)
    assert v[0] == pytest.approx(6) and delta[0] == pytest.approx(0.2)


def test_steering_and_speed_lag_and_brakes_and_tyres_have_a_limit() -> None:
    pose, v, delta = np.zeros((1, 3)), np.full(1, 6.0), np.zeros(1)
    for _ in range(15):  # one time constant of the steering
        pose, v, delta = car.move(pose, v, delta, np.array([[1.0, 1.0]]), np.full(1, car.DRY), 0.01)
    assert delta[0] == pytest.approx(0.5 * (1 - np.exp(-1)), rel=0.03) and v[0] == pytest.approx(6 + 0.15 * car.PULL)
    slowed = car.move(pose, v, delta, np.array([[0.0, -1.0]]), np.full(1, car.DRY), 0.01)[1]
    assert v[0] - slowed[0] == pytest.approx(0.01 * car.BRAKE)
    near = car.move(pose, np.full(1, 6.0), delta, np.array([[0.0, 0.1]]), np.full(1, car.DRY), 0.01)[1]
    assert near[0] - 6 == pytest.approx(0.01 * 0.6 / car.SPEED_LAG)
    for grip in (car.WET, car.DRY):
        fast = car.move(
            np.zeros((1, 3)), np.full(1, 10.0), np.full(1, 0.5), np.array([[1.0, 10 / 6 - 1]]), np.full(1, grip), 0.01
        )[0]
        assert fast[0, 2] == pytest.approx(0.01 * grip / 10)


def test_beams_measure_a_wall_a_circle_and_nothing() -> None:
    wall = np.array([[[5.0, -100.0, 5.0, 100.0], [np.nan] * 4]])
    found = lidar.measure(np.array([[0.0, 1.0, 0.0]]), wall)[0]
    expected = np.where(np.cos(lidar.ANGLES) > 0, 5 / np.maximum(np.cos(lidar.ANGLES), 1e-9), np.inf)
    np.testing.assert_allclose(found, np.minimum(expected, lidar.FARTHEST), rtol=1e-4)
    turned = lidar.measure(np.array([[0.0, 1.0, 0.3]]), wall)[0]
    expected = np.cos(lidar.ANGLES + 0.3)
    np.testing.assert_allclose(
        turned, np.minimum(np.where(expected > 0, 5 / np.maximum(expected, 1e-9), np.inf), 25), rtol=1e-4
    )
    at = np.linspace(0, 2 * np.pi, 721)
    ring = 8 * np.stack([np.cos(at), np.sin(at)], axis=1)
    segments = np.concatenate([ring[:-1], ring[1:]], axis=1)[None]
    inside = lidar.measure(np.array([[3.0, 0.0, 0.7]]), segments)[0]
    toward = lidar.ANGLES + 0.7
    expected = -3 * np.cos(toward) + np.sqrt(64 - 9 * np.sin(toward) ** 2)  # the law of cosines
    np.testing.assert_allclose(inside, expected, rtol=1e-3)
    assert (lidar.measure(np.zeros((2, 3)), np.full((2, 1, 4), np.nan)) == lidar.FARTHEST).all()


def test_a_pixel_sees_the_ground_where_its_ray_meets_it() -> None:
    for row, column in ((63, 32), (40, 5), (25, 60)):
        k = int(np.ravel_multi_index((row, column), (64, 64)))
        here = camera.PLACE[int(camera.HITS.ravel()[:k].sum())]
        back = camera.project(np.array([[*here, 0.0]]))[0]
        np.testing.assert_allclose(back, [column + 0.5, row + 0.5], atol=1e-9)
    assert not camera.HITS[: camera.TOP].any() and camera.HITS[21:].all()
    shades = np.zeros((PIXELS, PIXELS), np.uint8)
    shades[:, PIXELS // 2 :] = 255  # white where x > 0
    levels = np.concatenate([shades[:: 2**k, :: 2**k].ravel() for k in range(5)])
    place = np.zeros((64, 64))
    for x, heading in ((-4.0, 0.0), (-1.0, np.pi / 2), (3.0, np.pi)):
        seen = camera.look(levels, np.zeros(1, int), np.array([[x, 2.0, heading]]))[0]
        place[camera.HITS] = x + np.cos(heading) * camera.PLACE[:, 0] - np.sin(heading) * camera.PLACE[:, 1]
        sure = camera.HITS & (np.abs(place) > 1) & (np.abs(place) < 30)
        assert sure.sum() > 1000 and ((seen > 0.5) == (place > 0))[sure].all()


def test_fog_and_light_and_exposure_are_what_they_say() -> None:
    shades = np.full((2, 64, 64), 0.3, np.float32)
    fog, light, none = np.array([0.0, 0.1]), np.ones(2), np.zeros((2, 64, 64), np.float32)
    seen = camera.expose(shades, light, fog, none)
    assert seen[0] == pytest.approx(camera.EXPOSED)
    raw = camera.HAZE + (0.3 - camera.HAZE) * np.exp(-0.1 * camera.FAR)
    np.testing.assert_allclose(seen[1], raw * camera.EXPOSED / raw.mean(), rtol=1e-4)
    dark = camera.expose(shades, np.full(2, 0.02), np.zeros(2), none)
    assert dark == pytest.approx(0.3 * 0.02 * camera.MOST_GAIN)


def test_tracks_are_closed_clear_and_painted_where_they_are() -> None:
    for seed in range(3):
        one = track(seed)
        assert 120 < one.length < 180 and np.abs(one.curvature).max() < 1 / TIGHTEST
        apart = np.linalg.norm(np.roll(one.p, -1, axis=0) - one.p, axis=1)
        np.testing.assert_allclose(apart, one.step, rtol=0.02)
        picture = one.picture[: PIXELS**2].reshape(PIXELS, PIXELS)
        away = np.ones(len(one.p), bool)
        for c in one.crossings:
            away[(c + np.arange(-20, 21)) % len(one.p)] = False

        def shade(aside: float, one: Any = one, picture: Any = picture, away: Any = away) -> np.ndarray:
            x, y = (((one.p + aside * one.normal)[away] + HALF) / (2 * HALF) * PIXELS).astype(int).T
            return picture[y, x]

        middle = shade(0.0)
        assert set(np.unique(middle)) <= {72, 34} and ((middle == 34) >= one.wet[away]).all()
        assert (shade(LANE / 2 + LINE / 2) == 232).mean() > 0.9 and (shade(-LANE / 2 - LINE / 2) == 232).mean() > 0.9
        assert shade(LANE / 2 + 1).mean() == pytest.approx(120, abs=6)
        ends = one.rails[:, :2]
        near = np.linalg.norm(ends[:, None] - one.p[None], axis=2).min(axis=1)
        np.testing.assert_allclose(near, RAIL, atol=0.1)
    assert (track(0).p == track(0).p).all() and not np.array_equal(track(0).p[:50], track(1).p[:50])


def test_a_dead_sensor_shows_zeros_and_says_so_for_three_seconds_both_for_less() -> None:
    eye, beams = slice(0, world.PIXELS), slice(world.PIXELS, world.PIXELS + 64)
    for name, dead, steps in (
        ("dead_camera", [True, False], 60),
        ("dead_lidar", [False, True], 60),
        ("blackout", [True, True], 16),
    ):
        one = drive.Drive(2, 3, weather=drive.Weather(**{name: 1.0}), tracks=1, outage=(20, 21))
        seen, works = one.reset(), []
        for _ in range(80):
            works.append(seen[0, -2:].copy())
            for columns, flag in ((eye, -2), (beams, -1)):
                assert ((seen[:, columns] == 0).all(axis=1) == (seen[:, flag] == 0)).all()
            seen = one.step(drive.expert(one)).seen
        expected = np.ones((80, 2))
        expected[4 : 4 + steps, dead] = 0
        np.testing.assert_array_equal(works, expected)
    mixed = drive.Drive(4000, 3, weather=drive.TRAINING, tracks=1)
    mixed.fresh(np.ones(4000, bool))
    dies = mixed.dies >= 0
    shares = [(dies == which).all(axis=1).mean() for which in ([True, False], [False, True], [True, True])]
    np.testing.assert_allclose(shares, [0.25, 0.25, 0.15], atol=0.02)


def test_the_expert_keeps_the_lane_and_its_distance_at_every_rate() -> None:
    for condition in (drive.CONDITIONS["20 Hz"], drive.CONDITIONS["7 Hz"], drive.CONDITIONS["car ahead"]):
        found = drive.run(None, condition, cars=4, steps=150)
        assert (
            found.off_lane == 0
            and found.crash_free == 1
            and 0.02 < found.deviation < 0.15
            and 4 < found.mean_speed < 10
        )


def test_a_teacher_is_as_slow_as_a_driver_must_be_who_sees_no_more() -> None:
    def asked(**weather: Any) -> tuple[drive.Drive, np.ndarray, np.ndarray]:
        one = drive.Drive(6, 5, tracks=2, weather=drive.Weather(**weather), outage=(0, 1))
        one.reset()
        return one, drive.expert(one), drive.careful(one)

    clear, knows, teaches = asked(traffic=0.0)
    assert (clear.sight > 45).all() and (knows == teaches).all()
    sights = [
        asked(**w)[0].sight.max() for w in ({}, {"fog": (0.1, 0.1)}, {"light": (0.2, 0.2)}, {"noise": (0.15, 0.15)})
    ]
    assert sights[0] > max(sights[1:]) and min(sights[1:]) > 5
    for hidden in ({"light": (0.03, 0.03)}, {"dead_camera": 1.0}):
        one, knows, teaches = asked(traffic=0.0, **hidden)
        assert (one.sight == 0).all() and (knows[:, 0] == teaches[:, 0]).all()
        assert (teaches[:, 1] <= knows[:, 1]).all() and (teaches[:, 1] < knows[:, 1] - 0.1).any()
    one, knows, teaches = asked(traffic=0.0, blackout=1.0)
    assert (teaches[:, 1] == -1).all() and (knows[:, 1] > -0.5).all()
    one, knows, teaches = asked(traffic=1.0, ahead=(8.0, 9.0))
    assert (teaches[:, 1] < knows[:, 1] - 0.1).all() and (knows[:, 0] == teaches[:, 0]).all()


def test_who_holds_the_wheel_straight_crashes_and_it_is_counted() -> None:
    one = drive.Drive(3, 1, tracks=3, weather=drive.Weather(traffic=0.0))
    straight = walk(one, 120, lambda w: np.tile([0.0, 0.0], (3, 1)), drive.expert)
    assert straight.first[:, 1:].any(axis=1).all() and (straight.reward < 0).any()
    behind = drive.Drive(2, 1, tracks=2, weather=drive.Weather(traffic=1.0))
    behind.reset()
    behind.other_at = behind.station * behind.spacing[behind.at] + 5.0
    assert not behind.step(np.zeros((2, 2)), np.ones(2, int)).ended.any()
    behind.other_at = behind.station * behind.spacing[behind.at] + world.TOUCH - 0.5
    assert behind.step(np.zeros((2, 2)), np.ones(2, int)).ended.all()


def test_the_table_is_read_as_it_says() -> None:
    at = np.arange(4.0)
    first, crash = np.zeros((2, 4), bool), np.zeros((2, 4), bool)
    first[:, 0], first[1, 2], crash[1, 1] = True, True, True
    place = np.stack([np.tile(at, (2, 1)), np.zeros((2, 4))], axis=2)
    found = drive.Run(
        place, np.full((2, 4), -0.5), np.zeros((2, 4), bool), np.tile([0.0, 0.1, 0.1, 0.3], (2, 1)), np.full((2, 4), 6.0), first, crash,
        np.full((2, 4), 0.05), 10.0, 0.01, (0, 1),
    )  # fmt: skip
    assert (
        found.off_lane == pytest.approx(10 / 40) and found.deviation == 0.5 and found.crash_free == pytest.approx(2 / 3)
    )
    assert found.reach == pytest.approx((4 + 2) * 0.3 / 2) and found.mean_speed == pytest.approx(6)
    assert found.roughness == pytest.approx((0.1 + 0 + 0.2 + 0.1 + 0.2) / 5)


def test_drivers_are_of_one_size_stream_and_are_told_no_secret() -> None:
    one = drive.Drive(2, tracks=1)
    assert not any(word in " ".join(one.seen_names) for word in ("off", "wet", "fog", "light"))
    for name in drive.CELLS:
        net = train.network(name, train.School(one, drive.expert))
        size = sum(p.numel() for p in net.parameters())
        assert 16_400 < size <= train.PARAMETERS, (name, size)
        assert len(net.input_names) == world.PIXELS + 64 + 3 + 2 and net.output_names == ["steer", "speed"]
        if name not in ("mlp", "window_mlp"):
            assert net.stream().backend == "cpu"
    with pytest.raises(tauflow.TauflowError, match="no driver is called 'nope'"):
        train.network("nope", train.School(one, drive.expert))
    with pytest.raises(WorldError, match="engine is 'gl'"):
        drive.Drive(1, tracks=1, engine="gl")
    with pytest.raises(WorldError, match="light is"):
        drive.Weather(light=(1.0, 0.5))
    with pytest.raises(WorldError, match=r"ahead is \(3.0, 9.0\), expected \(least, most\), above 3.6"):
        drive.Weather(ahead=(3.0, 9.0))


def test_the_same_seed_gives_the_same_drive() -> None:
    runs = [
        walk(drive.Drive(3, seed, tracks=2, weather=drive.TRAINING), 30, drive.expert, drive.expert).x
        for seed in (5, 5, 6)
    ]
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()


def test_the_gaze_of_a_network_that_looks_at_one_place_is_there() -> None:
    seen = gaze.frames(cars=6, steps=6)
    assert 0.02 < seen.lines.mean() < 0.4 and len(seen.x) == len(seen.lines) > 0
    white = seen.x[:, -1, : world.PIXELS].reshape(-1, *gaze.SHAPE).numpy()
    assert white[seen.lines].mean() > white[~seen.lines].mean() + 0.1

    class Still(torch.nn.Module):
        """Steers by the mean of pixels in the rows 20 to 25."""

        encoder = train.network("ctrnn", train.School(drive.Drive(1, tracks=1), drive.expert)).encoder

        def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
            rows = x[..., : world.PIXELS].unflatten(-1, gaze.SHAPE)[..., 20:25, :].mean(dim=(-1, -2))
            return torch.stack([rows, rows], dim=-1), x.new_zeros(len(x), 0)

    found = gaze.gaze(Still(), seen)  # type: ignore[arg-type]
    assert (
        (found.gradient[:, 21:24] > 0).all()
        and (found.gradient[:, :19] == 0).all()
        and (found.gradient[:, 26:] == 0).all()
    )
    rows = np.zeros(gaze.SHAPE)
    rows[19:26] = found.gradient[0, 19:26]
    assert found.share == pytest.approx(np.mean([(rows * line).sum() / rows.sum() for line in seen.lines]), rel=1e-5)
    assert found.area == pytest.approx(seen.lines.sum(axis=(1, 2)).mean() / camera.HITS[camera.TOP :].sum())
    assert found.correlation == pytest.approx(1)
    red = gaze.overlay(np.full((2, 2), 0.5), np.array([[1.0, 0.0], [0.0, 0.0]]))
    assert red[0, 0].tolist() == [255, 70, 0] and red[1, 1].tolist() == [89, 89, 89]


def test_rings_stand_where_a_wheel_first_touched() -> None:
    one = track(0)
    place, touched = one.p[:20], np.zeros(20, bool)
    touched[5:9] = True
    svg = birdseye(one, {"cfc": (place, touched)}, {"cfc": "liquid1"})
    dashed = birdseye(one, {"lstm": (place, touched)}, {"lstm": "static1"})
    assert "dasharray" not in svg and dashed.count("dasharray") == 1
    x, y = place[5]
    assert svg.count("<circle") == 2 and f'cx="{x:.1f}" cy="{-y:.1f}" r="1.3"' in svg


def test_the_sentence_says_who_leads_or_that_they_are_level() -> None:
    def score(driver: str, kind: str, free: float) -> drive.Score:
        return drive.Score(driver, kind, 0, trial.FIRST, 0.01, 0.1, free, 100.0, 0.1, 6.0)

    law = score(drive.EXPERT, "law", 1.0)
    said = drive.Judged([law, score("cfc", "liquid", 0.8), score("lstm", "static", 0.9)]).sentence()
    assert said.startswith("lstm leads") and "cfc (liquid) 80.0 %" in said
    assert (
        drive.Judged([law, score("cfc", "liquid", 0.9), score("lstm", "static", 0.91)]).sentence().startswith("Level")
    )


def test_the_cameras_of_numpy_and_mujoco_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "MUJOCO_GL", os.environ.get("MUJOCO_GL", "egl")
    )  # read when mujoco is imported first; another test may have been earlier
    pytest.importorskip("mujoco")
    from tauflow.apps.drive.mujoco_ import Renderer

    one = drive.Drive(3, 901, tracks=1, weather=drive.Weather(traffic=1.0))
    one.reset()
    try:
        renderer = Renderer(one.tracks)
    except WorldError as error:
        pytest.skip(f"no OpenGL here: {error}")
    ours, theirs = (look(*given) for look, given in (
        (camera.look, (one.pictures, one.at, one.pose, one.other)), (renderer.look, (one.at, one.pose, one.other))
    ))  # fmt: skip
    assert np.abs(ours - theirs)[:, camera.HITS].mean() < 0.06
    assert np.corrcoef(ours[:, camera.HITS].ravel(), theirs[:, camera.HITS].ravel())[0, 1] > 0.8


def test_the_command_runs_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    words = [
        "drive",
        "--quick",
        "--cells",
        "cfc,mlp",
        "--page",
        "a.html",
        "--json",
        "a.json",
        "--save",
        "a.tau",
        "--film",
        "a.gif",
    ]
    assert run([*words, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((tmp_path / "a.json").read_text())
    assert printed == kept and {row["model"] for row in kept} == {"world", "expert", "teacher", "cfc", "mlp"}
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    assert (tmp_path / "a.gif").read_bytes()[:4] == b"GIF8"
    driver = tauflow.load("a.tau")
    assert driver.inputs == world.PIXELS + 64 + 5 and driver.output_names == ["steer", "speed"]
    walked = walk(drive.Drive(1, 0, tracks=1), 5, driver, drive.expert, mix=[Trouble()])
    assert np.isfinite(walked.action).all()
    assert run(["drive", "--cells", "nope"]) == 1 and run(["drive", "--film", "a.webm"]) == 1
    if BINARY is None:
        pytest.skip("no Chromium here")
    with Browser(tmp_path, 390) as browser:
        browser.open(tmp_path / "a.html")
        assert browser.requests()[0].endswith("a.html") and all(
            r.startswith(("file:", "data:")) for r in browser.requests()
        )
        assert browser.complaints() == []
        hidden = "[...document.querySelectorAll('.frame')].map(f => f.hidden)"
        assert browser.evaluate(hidden).index(False) == 2
        browser.evaluate(
            "r = document.querySelector('.slider input'); r.value = 0; r.dispatchEvent(new Event('input'))"
        )
        assert browser.evaluate(hidden) == [False, *[True] * 8]
        assert browser.evaluate("document.querySelector('output').textContent") == "33 frames a second"
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        assert "tauflow drive --quick --cells cfc,mlp" in browser.evaluate("document.querySelector('pre').textContent")
