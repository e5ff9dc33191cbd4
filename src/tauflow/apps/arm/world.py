"""An arm of three joints in MuJoCo that follows a moving reference with a hidden load, changed three times an episode.

    seen      q, qd with noise, r - q and rd - qd of the same, rdd; last and base action are the policy's own (`agents.walk`)
    action    torque of each joint as a share of its largest
    reward    minus the mean |r - q| over the joints, in rad, a frame of 10 ms; an action is held for two, 20 ms, as a rule
    obstacle  a sphere beside the path of the ball: the reference takes a detour round it; touching is counted

Needs the extra `robotics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...agents import World
from ...errors import MissingExtraError
from . import dynamics

Array = NDArray[Any]
TIMESTEP, SUBSTEPS = 0.002, 5  # s, of the simulation; a frame
NOISE_Q, NOISE_QD = 1e-3, 1e-2  # rad, rad/s
LOADS = (0.0, 3.0)  # kg
CHANGES = ((75, 175), (225, 325), (375, 475))  # frames between which the load changes
SPHERE, CLEAR = 0.07, 0.17  # m: radius of the obstacle; how far its centre and the ball's stay apart
MOST = 5.0  # kg, that a policy is believed
FINE = 3  # steps of the model that carries on what is late, a hold
FAR = np.array([9.0, 9.0])

XML = """
<mujoco><compiler angle="radian" autolimits="true"/><option timestep="{timestep}" integrator="implicitfast"/><worldbody>
{links}<body name="load" pos="{reach} 0 0"><geom type="sphere" size="{ball}" mass="1"/></body>{ends}
<body name="obstacle" mocap="true" pos="9 0 9"><geom type="sphere" size="{sphere}"/></body>
</worldbody><actuator>{motors}</actuator></mujoco>"""
LINK = """<body pos="{at} 0 {up}"><joint name="j{k}" axis="0 -1 0" damping="{damping}" armature="{armature}"/>
<geom type="capsule" fromto="0 0 0 {length} 0 0" size="{width}" mass="{mass}" contype="0" conaffinity="0"/>"""


def xml() -> str:
    """The model, from the numbers of `dynamics`."""
    before, links = [0.0, *dynamics.LENGTH[:-1]], ""
    for k in range(3):
        links += LINK.format(
            at=before[k], up=0 if k else 1, k=k, damping=dynamics.DAMPING[k], armature=dynamics.ARMATURE[k],
            length=dynamics.LENGTH[k], width=dynamics.WIDTH[k], mass=dynamics.MASS[k],
        )  # fmt: skip
    motors = "".join(f'<motor joint="j{k}" gear="{dynamics.GEAR[k]}" ctrlrange="-1 1"/>' for k in range(3))
    return XML.format(
        timestep=TIMESTEP, links=links, reach=dynamics.LENGTH[2], ball=dynamics.BALL, ends="</body>" * 3,
        sphere=SPHERE, motors=motors,
    )  # fmt: skip


class Arm(World):
    """n arms side by side, each with a load and a path of its own.

    loads: between what masses they are drawn, in kg. worst: the mean |r - q| beyond which an episode ends, in rad.
    """

    id: ClassVar[str] = "arm"
    names = tuple(f"{what} {k}" for what in ("q", "qd", "r-q", "rd-qd", "rdd") for k in (1, 2, 3))
    spread = (0.6,) * 3 + (1.0,) * 3 + (0.05,) * 3 + (0.2,) * 3 + (2.0,) * 3
    sensors = (0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8)
    actions = ("torque 1", "torque 2", "torque 3")
    continuous, limit, period, nominal, reward_scale = True, 600, TIMESTEP * SUBSTEPS, 2, 1.0

    def __init__(
        self,
        n: int,
        seed: int = 0,
        skip: tuple[int, int] = (2, 2),
        hide: Sequence[int] = (),
        *,
        loads: tuple[float, float] = LOADS,
        obstacle: bool = False,
        worst: float = np.inf,
    ) -> None:
        try:
            import mujoco
        except ImportError:
            raise MissingExtraError('the arm needs MuJoCo: pip install "tauflow[robotics]"') from None
        super().__init__(n, seed, skip, hide)
        self.loads, self.obstacle, self.worst, self._step = loads, obstacle, worst, mujoco.mj_step
        self.model = mujoco.MjModel.from_xml_string(xml())
        self.data = [mujoco.MjData(self.model) for _ in range(n)]
        self.ball = self.model.body("load").id
        self.mass, self.when = np.zeros((n, 4)), np.zeros((n, 3), dtype=np.int64)
        self.path = np.zeros((n, 3, self.limit + 1, 3))  # r, rd, rdd of each frame
        self.spheres = np.tile(FAR, (n, 1))
        self.touched = np.zeros(n, dtype=bool)  # ever
        self.q, self.qd = np.zeros((2, n, 3))

    def fresh(self, which: Array) -> None:
        for k in np.flatnonzero(which):
            self.mass[k] = self.rng.uniform(*self.loads, 4)
            self.when[k] = [self.rng.integers(*between) for between in CHANGES]
            self.path[k], self.spheres[k] = self._drawn()
            data = self.data[k]
            data.qpos[:], data.qvel[:], data.time = self.path[k, 0, 0], self.path[k, 1, 0], 0.0
            data.qacc_warmstart[:] = 0
            data.mocap_pos[0] = [self.spheres[k, 0], 0.0, 1 + self.spheres[k, 1]]
            self.q[k], self.qd[k] = data.qpos, data.qvel

    def _drawn(self) -> tuple[Array, Array]:
        """A path of two sines a joint, (3, frames, 3), and the place of the sphere, (2,)."""
        rng = self.rng
        size, turns = rng.uniform(0.15, 0.45, (2, 3)), 2 * np.pi * rng.uniform(0.12, 0.45, (2, 3))
        middle = rng.uniform([-0.5, -0.8, -0.6], [0.8, 0.8, 0.6])
        at = turns * self.period * np.arange(self.limit + 1)[:, None, None] + rng.uniform(0, 2 * np.pi, (2, 3))
        path = np.stack(
            [
                middle + (size * np.sin(at)).sum(axis=1),
                (size * turns * np.cos(at)).sum(axis=1),
                -(size * turns**2 * np.sin(at)).sum(axis=1),
            ]
        )
        if not self.obstacle:
            return path, FAR
        for _ in range(20):
            sphere = dynamics.tip(path[0])[rng.integers(120, self.limit - 60)] + rng.uniform(-0.08, 0.08, 2)
            around = detour(path[0], sphere)
            if around is not None:
                d = np.gradient(around, self.period, axis=0)
                return np.stack([around, d, np.gradient(d, self.period, axis=0)]), sphere
        return path, FAR

    @property
    def load(self) -> Array:
        """What each arm carries now, (n,) in kg."""
        return np.asarray(self.mass[np.arange(self.n), (self.count[:, None] >= self.when).sum(axis=1)])

    @property
    def since(self) -> Array:
        """Seconds since each load changed, (n,); infinite before the first change."""
        past = np.where(self.count[:, None] >= self.when, self.count[:, None] - self.when, np.inf)
        return np.asarray(past.min(axis=1) * self.period)

    def reference(self) -> tuple[Array, Array, Array]:
        """r, rd and rdd now, each (n, 3)."""
        r, rd, rdd = self.path[np.arange(self.n), :, np.minimum(self.count, self.limit)].swapaxes(0, 1)
        return r, rd, rdd

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        load, action = self.load, np.clip(action, -1, 1)
        model, ball = self.model, self.ball
        for k in np.flatnonzero(on):
            data, mass = self.data[k], max(float(load[k]), 0.01)
            model.body_mass[ball], model.body_inertia[ball] = mass, 0.4 * mass * dynamics.BALL**2
            data.ctrl[:] = action[k]
            self._step(model, data, nstep=SUBSTEPS)
            self.q[k], self.qd[k] = data.qpos, data.qvel
            self.touched[k] |= data.ncon > 0
        wanted = self.path[np.arange(self.n), 0, np.minimum(self.count + 1, self.limit)]
        off = np.abs(wanted - self.q).mean(axis=1)
        return -off, off > self.worst

    def observe(self) -> Array:
        q = self.q + NOISE_Q * self.rng.standard_normal(self.q.shape)
        qd = self.qd + NOISE_QD * self.rng.standard_normal(self.q.shape)
        r, rd, rdd = self.reference()
        return np.concatenate([q, qd, r - q, rd - qd, rdd], axis=1)


def detour(q: Array, sphere: Array) -> Array | None:
    """Joint angles (frames, 3) moved so that the ball keeps CLEAR of the sphere, smoothly; None where they can't, or start beside it."""
    if np.linalg.norm(dynamics.tip(q[:1]) - sphere) < CLEAR + 0.08:
        return None
    reach = np.arange(-30, 31)
    smooth = np.exp(-0.5 * (reach / 10) ** 2)
    smooth /= smooth.sum()
    moved = q.copy()
    for _ in range(60):
        places = dynamics.joints(moved)
        apart = places[:, 3] - sphere
        far = np.linalg.norm(apart, axis=1, keepdims=True)
        lack = np.maximum(CLEAR + 0.01 - far, 0)
        if not lack.any():
            break
        from_joint = places[:, 3:] - places[:, :3]  # (frames, 3, 2): a joint turns the tip across this
        turn = np.stack([-from_joint[..., 1], from_joint[..., 0]], axis=1)
        square = turn @ turn.swapaxes(1, 2) + 1e-3 * np.eye(2)  # damped, so that a stretched arm does not jump
        wanted = lack * apart / np.maximum(far, 1e-6)
        push = np.einsum("fxk,fx->fk", turn, np.linalg.solve(square, wanted[:, :, None])[:, :, 0])
        push = np.concatenate([np.zeros((30, 3)), push, np.repeat(push[-1:], 30, axis=0)])
        moved += 0.7 * np.stack([np.convolve(column, smooth, "valid") for column in push.T], axis=1)
    steady = np.abs(np.gradient(np.gradient(moved, 0.01, axis=0), 0.01, axis=0)).max() < 40
    clear = np.linalg.norm(dynamics.tip(moved) - sphere, axis=1).min() > CLEAR - 0.02
    return moved if clear and steady else None


def expert(world: Arm) -> Array:
    """Computed torque with the true load and the true state."""
    r, rd, rdd = world.reference()
    return dynamics.law(world.q, world.qd, r - world.q, rd - world.qd, rdd, world.load)


def advice(world: Arm, seen: Array) -> Array:
    """What the expert does; where what is seen, (n, 15) and its age, was late, the law by what is seen, with the true load."""
    known = dynamics.law(*_parts(seen), world.load)
    return np.where(seen[:, 15:] > 0, known, expert(world))


def blind(seen: Array) -> Array:
    """The same law by what is seen, (n, 15) and its age, with 1.5 kg in its head."""
    return dynamics.law(*_parts(seen), dynamics.BELIEVED)


def carry(seen: Array, action: Array, dt: Array, told: Array) -> Array:
    """What is seen, (n, 15), once an action was held for dt (n,), in s: the arm moves as with the load told, (n, 1); NaN: 1.5 kg."""
    q, qd, off, off_d, rdd = _parts(seen)
    load = np.clip(np.where(np.isfinite(told[:, 0]), told[:, 0], dynamics.BELIEVED), 0, MOST)
    r, rd, step = q + off, qd + off_d, dt[:, None] / FINE
    for _ in range(FINE):
        qdd = dynamics.acceleration(q, qd, action * dynamics.GEAR, load)
        q, qd = q + step * qd + step**2 / 2 * qdd, qd + step * qdd
        r, rd = r + step * rd + step**2 / 2 * rdd, rd + step * rdd
    return np.concatenate([q, qd, r - q, rd - qd, rdd], axis=1)


def straight(seen: Array, action: Array, dt: Array, told: Array) -> Array:
    """The same without a model: as it moved, it moves on."""
    q, qd, off, off_d, rdd = _parts(seen)
    step = dt[:, None]
    return np.concatenate([q + step * qd, qd, off + step * off_d, off_d, rdd], axis=1)


def _parts(seen: Array) -> tuple[Array, Array, Array, Array, Array]:
    """q, qd, r - q, rd - qd and rdd of what is seen, each (n, 3)."""
    q, qd, off, off_d, rdd = np.asarray(seen[:, :15], dtype=np.float64).reshape(len(seen), 5, 3).swapaxes(0, 1)
    return q, qd, off, off_d, rdd
