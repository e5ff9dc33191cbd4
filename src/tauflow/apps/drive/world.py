"""Cars on closed tracks with a camera, a LiDAR and a speedometer, in whatever weather; nothing but NumPy.

    seen      48 x 64 pixels of the camera, 64 beams (25 m is 1), speed / 12 m/s, and whether camera and LiDAR work; a dead one shows 0
    action    steering as a share of 0.5 rad, left is positive; the speed asked for, -1 is 0 and 1 is 12 m/s
    reward    -1 for each 10 ms with a wheel on the white line; the episode ends at a guard rail or another car
    hidden    where the track goes, what is wet, how fast the car ahead is, how dark and foggy it is

A frame is 10 ms, an action is held for five, 20 Hz, as a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...agents import World, WorldError
from . import camera, car, lidar
from .track import RAIL, Track, track

Array = NDArray[Any]
ROWS = camera.SIZE - camera.TOP
PIXELS = ROWS * camera.SIZE
CRASH = RAIL - car.WIDTH / 2  # m from the middle
TOUCH = 3.6  # m between the middles of two cars
OUTAGE, BLACKOUT = 300, 80  # frames that a sensor is dead; that both are
BEAM_NOISE = 0.03  # m
CONTRAST, CLEARLY = 0.15, 0.4  # of water on a road; how many times the noise it must be, seen by many pixels together
BLUR = 0.05  # a metre: pixels get coarse with distance
BANK = 1 << 19  # numbers of noise, drawn once


@dataclass(frozen=True)
class Weather:
    """Between what an episode is drawn: fog (a metre), light (a share of the day's) and noise (of the pixels); the share of episodes
    in which the camera, the LiDAR dies for 3 s, both for 0.8 s; that with a car ahead, and how many metres away it is at first;
    crossings and wet stretches of a track."""

    fog: tuple[float, float] = (0.0, 0.0)
    light: tuple[float, float] = (1.0, 1.0)
    noise: tuple[float, float] = (0.02, 0.02)
    dead_camera: float = 0.0
    dead_lidar: float = 0.0
    blackout: float = 0.0
    traffic: float = 0.5
    ahead: tuple[float, float] = (14.0, 35.0)
    crossings: int = 2
    wet: int = 3

    def __post_init__(self) -> None:
        for name, bound in (("fog", 0.0), ("light", 0.0), ("noise", 0.0), ("ahead", TOUCH)):
            low, high = getattr(self, name)
            above = name in ("light", "ahead")
            if not (low > bound if above else low >= bound) or not low <= high:
                least = f"above {bound:g}" if above else "0 or more"
                raise WorldError(f"{name} is {(low, high)}, expected (least, most), {least}")


CLEAR = Weather()
TRAINING = Weather(
    fog=(0.0, 0.1), light=(0.03, 1.0), noise=(0.0, 0.12), dead_camera=0.25, dead_lidar=0.25, blackout=0.15, traffic=0.7,
    ahead=(4.5, 35.0),
)  # fmt: skip


class Drive(World):
    """n cars; every episode begins at a random place of one of `tracks` tracks, which the seed decides.

    outage: between what frames of an episode a sensor dies. limit: frames of an episode.
    """

    id: ClassVar[str] = "drive"
    names = (
        *(f"pixel {row},{column}" for row in range(camera.TOP, camera.SIZE) for column in range(camera.SIZE)),
        *(f"beam {k}" for k in range(lidar.BEAMS)),
        "speed / 12 m/s",
        "camera works",
        "lidar works",
    )
    spread = (1.0,) * len(names)
    sensors = (0,) * PIXELS + (1,) * lidar.BEAMS + (2, 3, 4)
    actions = ("steer", "speed")
    continuous, period, nominal, reward_scale = True, 0.01, 5, 0.01

    def __init__(
        self,
        n: int,
        seed: int = 0,
        skip: tuple[int, int] = (5, 5),
        hide: Sequence[int] = (),
        *,
        weather: Weather = CLEAR,
        tracks: int = 8,
        limit: int = 3000,
        outage: tuple[int, int] = (100, 600),
        engine: str = "numpy",
    ) -> None:
        super().__init__(n, seed, skip, hide)
        self.weather, self.limit, self.outage = weather, limit, outage
        self.tracks: list[Track] = [track(10 * seed + k, weather.crossings, weather.wet) for k in range(tracks)]
        longest = max(len(one.p) for one in self.tracks) + car.SEEN

        def folded(values: list[Array]) -> Array:
            """(tracks, stations, ...), gone round as often as it takes."""
            return np.stack([one[np.arange(longest) % len(one)] for one in values])

        self.p, self.normal = folded([t.p for t in self.tracks]), folded([t.normal for t in self.tracks])
        self.heading, self.wet = folded([t.heading for t in self.tracks]), folded([t.wet for t in self.tracks])
        self.limits = folded([car.most_speed(t.curvature, t.wet) for t in self.tracks])
        self.wet_limits = folded([car.most_speed(t.curvature, np.array(True)) for t in self.tracks])
        self.many = np.array([len(one.p) for one in self.tracks])
        self.spacing = np.array([one.step for one in self.tracks])
        self.pictures = np.concatenate([one.picture for one in self.tracks])
        most = max(len(one.rails) for one in self.tracks)
        self.rails = np.full((tracks, most, 4), np.nan)
        for k, one in enumerate(self.tracks):
            self.rails[k, : len(one.rails)] = one.rails
        self.at, self.station, self.ahead_station = np.zeros((3, n), dtype=np.int64)
        self.at_first = np.zeros(n, dtype=np.int64)  # the tracks of the first episodes
        self.pose, self.other = np.zeros((2, n, 3))
        self.v, self.delta, self.off, self.other_at, self.other_v = np.zeros((5, n))
        self.with_other = np.zeros(n, dtype=bool)
        self.fog, self.light, self.noise = np.zeros((3, n))
        self.dies = np.full((n, 2), -OUTAGE)  # the frames at which camera and LiDAR die
        self.dead_for = np.full(n, OUTAGE)
        self.bank = np.random.default_rng(seed + 1).standard_normal(BANK, dtype=np.float32)
        self.moment, self.shown_at, self.seen_last = 0, -1, np.zeros((0, 0), np.float32)  # one moment is looked at once
        self.engine: Any = None
        if engine == "mujoco":
            from .mujoco_ import Renderer

            self.engine = Renderer(self.tracks)
        elif engine != "numpy":
            raise WorldError(f"engine is {engine!r}, expected numpy or mujoco")

    def reset(self) -> Array:
        seen = super().reset()
        self.at_first = self.at.copy()
        return seen

    def fresh(self, which: Array) -> None:
        self.moment += 1
        chosen, rng, weather = np.flatnonzero(which), self.rng, self.weather
        k = len(chosen)
        at = (rng.permutation(k) + rng.integers(len(self.tracks))) % len(self.tracks)  # as even as can be
        self.at[chosen] = at
        self.station[chosen] = here = (rng.random(k) * self.many[at]).astype(np.int64)
        aside = rng.uniform(-0.3, 0.3, k)
        self.pose[chosen, :2] = self.p[at, here] + aside[:, None] * self.normal[at, here]
        self.pose[chosen, 2] = self.heading[at, here] + rng.uniform(-0.08, 0.08, k)
        self.v[chosen], self.delta[chosen], self.off[chosen] = 5.0, 0.0, aside
        self.with_other[chosen] = rng.random(k) < weather.traffic
        self.other_at[chosen] = here * self.spacing[at] + rng.uniform(*weather.ahead, size=k)
        self.other_v[chosen] = rng.uniform(3.5, 6.0, k)
        self.fog[chosen] = rng.uniform(*weather.fog, size=k)
        self.light[chosen] = np.exp(rng.uniform(np.log(weather.light[0]), np.log(weather.light[1]), k))
        self.noise[chosen] = rng.uniform(*weather.noise, size=k)
        shares = np.cumsum([weather.dead_camera, weather.dead_lidar, weather.blackout])
        fate = (rng.random(k)[:, None] >= shares).sum(axis=1)  # 0 camera, 1 LiDAR, 2 both, 3 none
        dead = np.stack([(fate == 0) | (fate == 2), (fate == 1) | (fate == 2)], axis=1)
        self.dies[chosen] = np.where(dead, rng.integers(*self.outage, (k, 1)), -OUTAGE)
        self.dead_for[chosen] = np.where(fate == 2, BLACKOUT, OUTAGE)
        self._place_other()

    def _place_other(self) -> None:
        """The cars ahead where they are now; NaN where there is none."""
        station = (self.other_at / self.spacing[self.at]).astype(np.int64) % self.many[self.at]
        part = (self.other_at / self.spacing[self.at]) % 1
        here, there = self.p[self.at, station], self.p[self.at, station + 1]
        self.other[:, :2] = here + part[:, None] * (there - here)
        self.other[:, 2] = self.heading[self.at, station]
        self.other[~self.with_other] = np.nan
        self.ahead_station = station

    @property
    def works(self) -> Array:
        """Whether the camera and the LiDAR work now, bool (n, 2)."""
        since = self.count[:, None] - self.dies
        return np.asarray((since < 0) | (since >= self.dead_for[:, None]))

    @property
    def sight(self) -> Array:
        """Metres at which the camera still tells wet from dry road, (n,): as far as CLEARLY times the noise; 0 where it is dead."""
        clear = np.log(CONTRAST * self.light / (CLEARLY * np.maximum(self.noise, 0.01)))
        return np.asarray(np.where(self.works[:, 0], np.maximum(clear, 0) / (self.fog + BLUR), 0.0))

    @property
    def gap(self) -> Array:
        """Metres to the middle of the car ahead, along the road, (n,); infinite where there is none."""
        along = self.other_at - self.station * self.spacing[self.at]
        around = along % (self.many[self.at] * self.spacing[self.at])
        return np.asarray(np.where(self.with_other, around, np.inf))

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        self.moment += 1
        h = self.period
        grip = np.where(self.wet[self.at, self.station], car.WET, car.DRY)
        pose, v, delta = car.move(self.pose, self.v, self.delta, action, grip, h)
        self.pose, self.v = np.where(on[:, None], pose, self.pose), np.where(on, v, self.v)
        self.delta = np.where(on, delta, self.delta)
        near = (self.station[:, None] + np.arange(-4, 9)) % self.many[self.at][:, None]
        away = self.pose[:, None, :2] - self.p[self.at[:, None], near]
        best = np.einsum("nkx,nkx->nk", away, away).argmin(axis=1)
        rows = np.arange(self.n)
        self.station = near[rows, best]
        self.off = np.einsum("nx,nx->n", away[rows, best], self.normal[self.at, self.station])
        slowed = np.minimum(self.other_v, 0.8 * self.limits[self.at, self.ahead_station])
        self.other_at = np.where(on, self.other_at + h * slowed, self.other_at)
        self._place_other()
        touched = np.hypot(*(self.pose - self.other)[:, :2].T) < TOUCH  # NaN is False
        return np.where(self.touching, -1.0, 0.0), (np.abs(self.off) > CRASH) | touched

    @property
    def touching(self) -> Array:
        """Whether a wheel is on the white line or beyond, bool (n,)."""
        return np.asarray(np.abs(self.off) > car.OFF)

    def see(self) -> Array:
        """The whole picture of each camera, (n, 64, 64), dead or not."""
        if self.engine is None:
            shades = camera.look(self.pictures, self.at, self.pose, self.other)
        else:
            shades = self.engine.look(self.at, self.pose, self.other)
        start = self.rng.integers(0, BANK - camera.SIZE**2, self.n)
        noise = np.stack([self.bank[s : s + camera.SIZE**2] for s in start]).reshape(shades.shape)
        seen: Array = camera.expose(shades, self.light, self.fog, noise * self.noise[:, None, None].astype(np.float32))
        return seen

    def beams(self) -> Array:
        """Distances of the LiDAR, (n, 64) in m, dead or not."""
        corners = camera.box(self.other)
        sides = np.concatenate([corners, np.roll(corners, -1, axis=1)], axis=2)
        clean = lidar.measure(self.pose, np.concatenate([self.rails[self.at], sides], axis=1))
        start = int(self.rng.integers(0, BANK - clean.size))
        noise = self.bank[start : start + clean.size].reshape(clean.shape)
        return np.asarray(np.clip(clean + BEAM_NOISE * noise, 0, lidar.FARTHEST))

    def observe(self) -> Array:
        if self.shown_at == self.moment:
            return self.seen_last
        works = self.works
        picture = self.see()[:, camera.TOP :].reshape(self.n, -1) * works[:, :1]
        beams = self.beams() / lidar.FARTHEST * works[:, 1:]
        self.seen_last = np.concatenate(
            [picture, beams, self.v[:, None] / car.FASTEST, works], axis=1, dtype=np.float32
        )
        self.shown_at = self.moment
        return self.seen_last


def expert(world: Drive) -> Array:
    """Pure pursuit by the true state, at the speed that curves, wet stretches and the car ahead allow."""
    at, stations = _ahead(world)
    return _pursuit(world, world.limits[at, stations], car.KEPT)


def careful(world: Drive) -> Array:
    """The expert as a teacher: beyond a driver's sight all may be wet, one can stop within what camera or LiDAR reach, and the car
    ahead is left more room."""
    at, stations = _ahead(world)
    hidden = np.arange(car.SEEN) * world.spacing[at] > world.sight[:, None]
    limits = np.where(hidden, world.wet_limits[at, stations], world.limits[at, stations])
    reach = np.maximum(world.sight, np.where(world.works[:, 1], lidar.FARTHEST, 0.0))
    return _pursuit(world, np.minimum(limits, np.sqrt(2 * car.SOFT_BRAKE * reach)[:, None]), car.KEPT_CAREFUL)


def _ahead(world: Drive) -> tuple[Array, Array]:
    """Which track each car is on, (n, 1), and the stations before it, (n, SEEN)."""
    return world.at[:, None], world.station[:, None] + np.arange(car.SEEN)


def _pursuit(world: Drive, limits: Array, kept: float) -> Array:
    at, stations = _ahead(world)
    slowed = np.minimum(world.other_v, 0.8 * world.limits[world.at, world.ahead_station])
    step = float(world.spacing.mean())
    return car.drive(world.pose, world.v, world.p[at, stations], limits, step, world.gap, slowed, kept)
