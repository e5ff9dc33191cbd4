"""The camera's pictures by MuJoCo's renderer instead of our own: the same pose, the same ground, the same car ahead.

Needs MuJoCo and OpenGL; without a display, EGL or OSMesa (MUJOCO_GL=egl). Slower than ours by far: it is there to hold ours against it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...agents import WorldError
from ...errors import MissingExtraError
from . import camera
from .track import GRASS, HALF, PIXELS, Track

Array = NDArray[Any]
XML = """<mujoco><visual><quality shadowsize="1" offsamples="0"/><map znear=".01" zfar="100"/>
<headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual><statistic extent="1"/>
<asset><texture name="t" type="2d" builtin="flat" width="{pixels}" height="{pixels}" rgb1=".5 .5 .5"/>
<texture name="sky" type="skybox" builtin="flat" width="16" height="16" rgb1="{grass} {grass} {grass}" rgb2="{grass} {grass} {grass}"/>
<material name="g" texture="t" texrepeat="1 1" texuniform="false" reflectance="0" specular="0"/></asset><worldbody>
<geom type="plane" size="{half} {half} .1" material="g"/>
<body name="eye" mocap="true"><camera name="front" pos="{forward} 0 {height}" xyaxes="0 -1 0 {down} 0 {level}" fovy="75"/></body>
<body name="other" mocap="true" pos="0 0 -9"><geom type="box" size="{length} {width} .4" pos="0 0 .65" rgba="{body} {body} {body} 1"/>
<geom type="box" size="{length} {width} .15" pos="0 0 1.2" rgba="{window} {window} {window} 1"/></body></worldbody></mujoco>"""


class Renderer:
    """One for all cars; each look places the eye, and each track is put on the ground before its cars look."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        os.environ.setdefault("MUJOCO_GL", "egl" if not os.environ.get("DISPLAY") else "glfw")
        try:
            import mujoco
        except ImportError:
            raise MissingExtraError('--engine mujoco needs MuJoCo: pip install "tauflow[robotics]"') from None
        half = [size / 2 for size in camera.CAR]
        self.model = mujoco.MjModel.from_xml_string(
            XML.format(
                pixels=PIXELS, half=HALF, forward=camera.FORWARD, height=camera.HEIGHT, down=camera.DOWN, level=camera.LEVEL,
                length=half[0], width=half[1], body=camera.BODY, window=camera.WINDOW, grass=GRASS / 255,
            )
        )  # fmt: skip
        self.data = mujoco.MjData(self.model)
        try:
            self.renderer = mujoco.Renderer(self.model, camera.SIZE, camera.SIZE)
        except Exception as error:
            raise WorldError(
                f"--engine mujoco found no OpenGL to draw with ({error}): set MUJOCO_GL to egl, osmesa or glfw, or take numpy"
            ) from None
        self.kinematics, self.upload, self.texture = mujoco.mj_kinematics, mujoco.mjr_uploadTexture, -1
        self.light = mujoco.mj_camlight
        rows = [
            t.picture[: PIXELS**2].reshape(PIXELS, PIXELS)[::-1] for t in tracks
        ]  # MuJoCo's first row is at the top
        self.pictures = [np.repeat(one.ravel(), 3) for one in rows]

    def look(self, at: Array, pose: Array, other: Array) -> Array:
        """As camera.look, shades (n, 64, 64)."""
        made = np.empty((len(pose), camera.SIZE, camera.SIZE), np.float32)
        for k in np.argsort(at, kind="stable"):
            if at[k] != self.texture:
                self.texture = int(at[k])
                self.model.tex_data[: 3 * PIXELS**2] = self.pictures[self.texture]
                self.renderer._gl_context.make_current()
                self.upload(self.model, self.renderer._mjr_context, 0)
            here, there = pose[k], other[k] if np.isfinite(other[k, 0]) else np.array([0.0, 0.0, 0.0])
            self.data.mocap_pos[0] = (here[0], here[1], 0.0)
            self.data.mocap_pos[1] = (there[0], there[1], 0.0 if np.isfinite(other[k, 0]) else -9.0)
            for body, turn in ((0, here[2]), (1, there[2])):
                self.data.mocap_quat[body] = (np.cos(turn / 2), 0, 0, np.sin(turn / 2))
            self.kinematics(self.model, self.data)
            self.light(self.model, self.data)
            self.renderer.update_scene(self.data, "front")
            picture = self.renderer.render().astype(np.float32).mean(axis=2) / 255
            made[k] = np.where(camera.HITS, picture, camera.BLANK)
        return made
