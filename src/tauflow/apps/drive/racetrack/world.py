"""The racetrack of highway-env, as a world for the same drivers: a closed road of two lanes, slower cars, a grid instead of a camera.

    seen      12 x 12 cells of 3 m around the car, turned with it: whether a car stands in a cell, whether road does; two pictures
    action    steering as a share of 45 degrees, left is negative, as highway-env has it; the speed is kept at 10 m/s
    reward    -1 for each frame with a wheel on a line; the episode ends off the road or in another car, and is cut after `limit` frames
    hidden    how fast the others are, where the road goes beyond 18 m

A frame is 1/15 s and an action is held for three, 5 Hz, as a rule. Needs the extra `racetrack`. Source: Leurent 2018, highway-env.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....agents import Trouble, World
from ....errors import MissingExtraError
from ..table import Judged, score
from ..train import SMOOTH, Driver, School, Settings
from ..trial import SEED, Actor, Run, drive_through

Array = NDArray[Any]
GRID = 12
FRAMES = 15  # a second
TOUCH = 1.5  # m from the middle of a lane of 5 m, for a car of 2 m
AHEAD, FREE, BEHIND = (
    22.0,
    30.0,
    10.0,
)  # m: how near a car ahead may come; the room that the other lane must have, ahead and behind
PERCEIVED = 100.0  # m of a lane before and behind, as in highway-env
REACH, STEER = 8.0, np.pi / 4  # m that the expert looks ahead; rad of a whole action
CONDITIONS: dict[str, Trouble] = {
    "5 Hz": Trouble(),
    "15 Hz": Trouble(period=1 / FRAMES),
    "3 Hz": Trouble(period=1 / 3),
    "2-15 Hz": Trouble(period=0.2, jitter=2.7),
    "30 % lost": Trouble(lost=0.3),
    "0.2 s late": Trouble(delay=(0.2, 0.2)),
}
MIX = (Trouble(), CONDITIONS["2-15 Hz"], Trouble(period=0.2, jitter=2.7, lost=0.3, delay=(0.0, 0.2)))
EYES: dict[str, Any] = {
    "name": "sensors",
    "each": [
        {"inputs": 2 * GRID**2, "name": "images", "shape": [2, GRID, GRID], "filters": [8, 16], "units": 32, **SMOOTH},
        {"inputs": 1},
    ],
}
SETTINGS = Settings(copies=16, steps=120, rounds=8, epochs=(12, 5), length=30)


class Racetrack(World):
    """n cars, each on a road of its own with the cars that highway-env puts there."""

    id: ClassVar[str] = "racetrack-v1"
    names = tuple(f"{what} {row},{column}" for what in ("car", "road") for row in range(GRID) for column in range(GRID))
    spread = (1.0,) * len(names)
    sensors = (0,) * len(names)
    actions = ("steer",)
    continuous, period, nominal, reward_scale = True, 1 / FRAMES, 3, 0.01

    def __init__(
        self, n: int, seed: int = 0, skip: tuple[int, int] = (3, 3), hide: Sequence[int] = (), *, limit: int = 450
    ) -> None:
        try:
            import gymnasium
            import highway_env  # noqa: F401 (registers its environments)
        except ImportError:
            raise MissingExtraError('the racetrack needs highway-env: pip install "tauflow[racetrack]"') from None
        super().__init__(n, seed, skip, hide)
        self.limit = limit
        settings = {"simulation_frequency": FRAMES, "policy_frequency": FRAMES, "duration": 10**9}
        self.copies: list[Any] = [gymnasium.make(self.id, config=settings).unwrapped for _ in range(n)]
        for copy, own in zip(self.copies, np.random.SeedSequence(seed).generate_state(n), strict=True):
            copy.reset(seed=int(own))  # from then on each goes on with its own generator
        self.moved = np.ones(n, dtype=bool)  # since the grid was looked at
        self.grid = np.zeros((n, len(self.names)), np.float32)
        self.lane: list[Any] = [None] * n  # that each expert keeps to

    def fresh(self, which: Array) -> None:
        for i in np.flatnonzero(which):
            self.copies[i].reset()
            self.lane[i], self.moved[i] = None, True

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        """As `step` of highway-env goes on, without its look at the grid, which is most of the cost: `observe` looks when it is asked."""
        ended = np.zeros(self.n, dtype=bool)
        for i in np.flatnonzero(on):
            copy = self.copies[i]
            copy.action_type.act(np.clip(action[i], -1, 1).astype(np.float32))
            copy.road.act()
            copy.road.step(self.period)
            ended[i], self.moved[i] = copy.vehicle.crashed or not copy.vehicle.on_road, True
        return np.where(on & self.touching, -1.0, 0.0), ended

    @property
    def off(self) -> Array:
        """Metres from the middle of the nearest lane, (n,)."""
        cars = [copy.vehicle for copy in self.copies]
        return np.array([car.lane.local_coordinates(car.position)[1] for car in cars])

    @property
    def pose(self) -> Array:
        """Where the cars are, (n, 3): m, m, rad."""
        return np.array([[*copy.vehicle.position, copy.vehicle.heading] for copy in self.copies])

    @property
    def v(self) -> Array:
        return np.array([copy.vehicle.speed for copy in self.copies])

    @property
    def touching(self) -> Array:
        """Whether a wheel is on a line, bool (n,)."""
        return np.asarray(np.abs(self.off) > TOUCH)

    def observe(self) -> Array:
        for i in np.flatnonzero(self.moved):
            eyes = self.copies[i].observation_type
            eyes.fill_road_layer_by_lanes = partial(_fill, eyes)
            self.grid[i] = eyes.observe().reshape(-1)
        self.moved[:] = False
        return self.grid


def _fill(eyes: Any, layer: int) -> None:
    """`fill_road_layer_by_lanes` of highway-env, all points of a lane at once, which triples the speed of the whole world."""
    car, network = eyes.observer_vehicle, eyes.env.road.network
    cos, sin = np.cos(car.heading), np.sin(car.heading)
    spacing, shape = eyes.grid_step.min(), eyes.grid.shape[1:]
    for lane in network.lanes_list():
        at = lane.local_coordinates(car.position)[0]
        along = np.arange(at - PERCEIVED, at + PERCEIVED, spacing).clip(0, lane.length)
        if hasattr(lane, "radius"):
            phi = lane.direction * along / lane.radius + lane.start_phase
            points = lane.center + lane.radius * np.stack([np.cos(phi), np.sin(phi)], axis=1)
        else:
            points = lane.start + along[:, None] * lane.direction
        turned = (points - car.position) @ np.array([[cos, -sin], [sin, cos]])
        cells = np.floor((turned - eyes.grid_size[:, 0]) / eyes.grid_step).astype(int)
        cells = cells[((cells >= 0) & (cells < shape)).all(axis=1)]
        eyes.grid[layer, cells[:, 0], cells[:, 1]] = 1


def expert(world: Racetrack) -> Array:
    """Pure pursuit of the middle of a lane by the true state; changes to the other lane where a car ahead is near and that lane is free."""
    return np.array([[_steer(world, i)] for i in range(world.n)])


def _steer(world: Racetrack, i: int) -> float:
    copy = world.copies[i]
    car, network = copy.vehicle, copy.road.network
    at = car.lane_index
    kept = at[2] if world.lane[i] is None else world.lane[i]
    if _room(copy, (*at[:2], kept), 0.0) < AHEAD and _room(copy, (*at[:2], 1 - kept), BEHIND) > FREE:
        kept = 1 - kept
    world.lane[i] = kept
    index = (*at[:2], kept)
    lane = network.get_lane(index)
    along = lane.local_coordinates(car.position)[0] + REACH
    if along > lane.length:
        following = network.get_lane((*network.next_lane(index, position=car.position)[:2], kept))
        to = following.position(along - lane.length, 0)
    else:
        to = lane.position(along, 0)
    away = to - car.position
    angle = (np.arctan2(away[1], away[0]) - car.heading + np.pi) % (2 * np.pi) - np.pi
    turn = 2 * np.sin(angle) / np.hypot(*away)  # 1/m
    beta = np.arcsin(np.clip(turn * car.LENGTH / 2, -1, 1))
    return float(np.clip(np.arctan(2 * np.tan(beta)) / STEER, -1, 1))


def _room(copy: Any, index: Any, behind: float) -> float:
    """Metres along the road to the next car in a lane, from so many metres behind us on; infinite where there is none near."""
    car, nearest = copy.vehicle, np.inf
    for other in copy.road.vehicles:
        if other is not car and other.lane_index[2] == index[2]:
            away = other.position - car.position
            far = float(np.hypot(*away))
            forward = float(away @ np.array([np.cos(car.heading), np.sin(car.heading)]))
            if far < 40 and forward > -behind:
                nearest = min(nearest, 0.0 if forward < 0 else far)
    return nearest


def school(settings: Settings, seed: int = 0) -> School:
    """Drivers of the racetrack are taught here."""
    return School(Racetrack(settings.copies, seed), expert, MIX, EYES)


def judge(
    drivers: Sequence[Driver],
    *,
    cars: int = 6,
    steps: int = 150,
    conditions: Sequence[str] = tuple(CONDITIONS),
    progress: Callable[[str], None] | None = None,
) -> Judged:
    """The table: the expert and every driver, under every condition, on roads with other cars than in training."""

    def drive(actor: Actor, condition: str) -> Run:
        return drive_through(Racetrack(cars, SEED), actor, expert, CONDITIONS[condition], steps, SEED)

    return score(Judged(real_time=real_time(cars), world=Racetrack.id), drivers, conditions, drive, progress)


def real_time(cars: int, steps: int = 20) -> float:
    """Seconds of driving, grid, physics and the expert, in one second of CPU, at 5 Hz."""
    world = Racetrack(cars, SEED)
    world.reset()
    began = time.process_time()
    for _ in range(steps):
        world.step(expert(world))
    return cars * steps * world.nominal * world.period / (time.process_time() - began)


def road() -> list[Array]:
    """The middle of each piece of each lane, (n, 2) in m."""
    lanes = Racetrack(1).copies[0].road.network.lanes_list()
    return [np.array([one.position(s, 0) for s in np.linspace(0, one.length, 20)]) for one in lanes]
