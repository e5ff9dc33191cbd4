"""A planar arm of three links that carries a ball: the torque for an acceleration, for many arms at once, and two laws of control.

    th = cumulated angles of q      M_th[i, j] = a_ij cos(th_i - th_j) + I_i [i = j]
    L^T (M_th L qdd + h + g) + armature qdd + damping qd = torque
    h_i = sum_j a_ij sin(th_i - th_j) thd_j^2      g_i = 9.81 b_i cos(th_i)

a and b are linear in the load m: the ball sits at the tip. The law is computed torque, qdd = rdd + KP (r - q) + KD (rd - qd): the
expert knows the load, the blind one believes in 1.5 kg. Source: Siciliano et al. 2009, Robotics, section 8.5.2 (inverse dynamics control).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LENGTH = np.array([0.4, 0.35, 0.2])  # m
MASS = np.array([2.0, 1.5, 0.7])  # kg
WIDTH = np.array([0.04, 0.035, 0.03])  # m, the capsules' radii
DAMPING = np.array([0.5, 0.3, 0.1])  # Nm s
ARMATURE = np.array([0.05, 0.03, 0.01])  # kg m^2
GEAR = np.array([120.0, 60.0, 20.0])  # Nm, the largest torque
BALL = 0.05  # m, its radius
BELIEVED = 1.5  # kg, by the blind law
KP, KD = 80.0, 18.0
LOWER = np.tril(np.ones((3, 3)))


def across(mass: Array, length: Array, radius: Array) -> Array:
    """The moment of inertia of a capsule about its middle, across its axis; length between the centres of its caps."""
    ball, tube = 4 / 3 * radius, length  # volumes in units of pi radius^2
    caps, rod = mass * ball / (ball + tube), mass * tube / (ball + tube)
    of_rod = rod * (3 * radius**2 + length**2) / 12
    of_caps = caps * (0.4 * radius**2 + length**2 / 4 + 3 / 8 * length * radius)
    return np.asarray(of_rod + of_caps)


def _own() -> tuple[Array, Array, Array]:
    """a (3, 3), I (3,) and b (3,) of the arm alone."""
    a, b = np.zeros((3, 3)), np.zeros(3)
    for body in range(3):
        arm = np.where(np.arange(3) < body, LENGTH, np.where(np.arange(3) == body, LENGTH / 2, 0.0))
        a += MASS[body] * np.outer(arm, arm)
        b += MASS[body] * arm
    return a, across(MASS, LENGTH, WIDTH), b


OWN_A, OWN_I, OWN_B = _own()
TIP_A = np.outer(LENGTH, LENGTH)
TIP_I = np.array([0.0, 0.0, 0.4 * BALL**2])


def torque(q: Array, qd: Array, qdd: Array, load: Array | float) -> Array:
    """What gives arms (n, 3) this acceleration, Nm (n, 3), with a load (n,) in kg."""
    m = np.broadcast_to(np.asarray(load, dtype=np.float64), (len(q),))
    th, thd, thdd = (values @ LOWER.T for values in (q, qd, qdd))
    a = OWN_A + m[:, None, None] * TIP_A
    apart = th[:, :, None] - th[:, None, :]
    turned = (a * np.cos(apart) * thdd[:, None, :]).sum(axis=2) + (OWN_I + m[:, None] * TIP_I) * thdd
    swung = (a * np.sin(apart) * thd[:, None, :] ** 2).sum(axis=2)
    hung = 9.81 * (OWN_B + m[:, None] * LENGTH) * np.cos(th)
    found: Array = (turned + swung + hung) @ LOWER + ARMATURE * qdd + DAMPING * qd
    return found


def acceleration(q: Array, qd: Array, given: Array, load: Array | float) -> Array:
    """What this torque (n, 3), in Nm, gives arms: the inverse of `torque`."""
    m = np.broadcast_to(np.asarray(load, dtype=np.float64), (len(q),))[:, None, None]
    th = q @ LOWER.T
    turned = (OWN_A + m * TIP_A) * np.cos(th[:, :, None] - th[:, None, :]) + np.eye(3) * (OWN_I + m * TIP_I)
    left = given - torque(q, qd, np.zeros_like(q), load)
    found: Array = np.linalg.solve(LOWER.T @ turned @ LOWER + np.diag(ARMATURE), left[:, :, None])[:, :, 0]
    return found


def law(q: Array, qd: Array, off: Array, off_d: Array, rdd: Array, load: Array | float) -> Array:
    """Computed torque as actions in [-1, 1], (n, 3): off = r - q, off_d = rd - qd."""
    acted: Array = np.clip(torque(q, qd, rdd + KP * off + KD * off_d, load) / GEAR, -1, 1)
    return acted


def tip(q: Array) -> Array:
    """Where the ball is, (n, 2): forward and up from the shoulder, in m."""
    return joints(q)[:, 3]


def joints(q: Array) -> Array:
    """Shoulder, elbow, wrist and tip, (n, 4, 2)."""
    th = q @ LOWER.T
    steps = LENGTH[:, None] * np.stack([np.cos(th), np.sin(th)], axis=2)
    return np.concatenate([np.zeros((len(q), 1, 2)), steps.cumsum(axis=1)], axis=1)
