"""A film of a drive, as a GIF: the track from above with every driver on it, and what the first one's camera sees and looks at."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...agents import Trouble, walk
from ...drawing.canvas import LIGHT
from . import camera
from .gaze import Frames, gaze, overlay
from .track import LANE, LINE, Track
from .track import SIDE as REACH
from .world import Drive, Weather, expert

Array = NDArray[Any]
SIDE, EVERY = 6 * camera.SIZE, 3  # px; every third step of 50 ms is a frame
LETTERS, ROOM = 15, 6.0  # px; m around the track
AHEAD = "#1b1d1f"


@dataclass(frozen=True, eq=False)
class Plan:
    """Where metres lie on the left half: its middle (x, y) and pixels a metre."""

    middle: Array
    scale: float

    @classmethod
    def of(cls, track: Track) -> Plan:
        low, high = track.p.min(axis=0), track.p.max(axis=0)
        return cls((low + high) / 2, SIDE / (float((high - low).max()) + 2 * ROOM))

    def pixels(self, metres: Array) -> list[tuple[float, float]]:
        """Down is positive."""
        return [(SIDE / 2 + float(x), SIDE / 2 - float(y)) for x, y in (metres - self.middle) * self.scale]


def film(drivers: Mapping[str, Network], colours: Mapping[str, str], steps: int = 300, seed: int = 77) -> bytes:
    """The bytes of a GIF, 768 x 384; each driver alone on the same track, behind the same car, until it crashes."""
    from PIL import Image

    runs = {name: _driven(net, steps, seed) for name, net in drivers.items()}
    world = Drive(1, seed, weather=Weather(traffic=1.0), tracks=1, limit=10**9)
    plan = Plan.of(world.tracks[0])
    ground = _above(world.tracks[0], plan)
    first = next(iter(drivers))
    seen, pictures = runs[first][1], runs[first][2]
    maps = gaze_along(drivers[first], seen)
    shots = [_shot(ground, plan, runs, colours, first, k, pictures, maps) for k in range(1, steps, EVERY)]
    palette = shots[len(shots) // 2].quantize(64)  # one for all, or colours flicker
    shots = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in shots]
    kept = io.BytesIO()
    shots[0].save(kept, "GIF", save_all=True, append_images=shots[1:], duration=50 * EVERY, loop=0, optimize=True)
    return kept.getvalue()


def _driven(net: Network, steps: int, seed: int) -> tuple[Array, Array, Array, Array]:
    """Where the car was, what it was shown, its camera's whole pictures and where the car ahead was, until its first crash."""
    world = Drive(1, seed, weather=Weather(traffic=1.0), tracks=1, limit=10**9)
    place, pictures, other = [], [], []

    def watch(world: Drive) -> None:
        place.append(world.pose[0, :2].copy())
        pictures.append(world.see()[0])
        other.append(world.other[0, :2].copy())

    walked = walk(world, steps, net, expert, mix=[Trouble()], seed=seed, watch=watch)
    ends = np.flatnonzero(walked.first[0, 1:])
    end = int(ends[0]) + 1 if len(ends) else steps
    return np.array(place)[:end], walked.x[0, :end], np.array(pictures)[:end], np.array(other)[:end]


def gaze_along(net: Network, seen: Array) -> Array:
    """The gradient's map at every EVERYth step from 1 on, (shots, rows, columns), after half a second of memory."""
    import torch

    maps = []
    for k in range(1, len(seen), EVERY):
        x = torch.from_numpy(seen[max(k - 10, 0) : k + 1][None])
        nothing = np.zeros((1, camera.SIZE - camera.TOP, camera.SIZE), dtype=bool)
        maps.append(gaze(net, Frames(x, nothing)).gradient[0])
    return np.array(maps)


def _above(track: Track, plan: Plan) -> Any:
    from PIL import Image, ImageDraw

    made = Image.new("RGB", (2 * SIDE, SIDE), "#7d9a6b")
    drawing = ImageDraw.Draw(made)
    for c in track.crossings:
        side = np.stack([track.p[c] - REACH * track.normal[c], track.p[c] + REACH * track.normal[c]])
        drawing.line(plan.pixels(side), fill="#55585c", width=round(LANE * plan.scale))
    points = plan.pixels(np.concatenate([track.p, track.p[:3]]))
    for width, colour in ((LANE + 2.5 * LINE, "#f2f2f2"), (LANE, "#55585c")):
        drawing.line(points, fill=colour, width=max(round(width * plan.scale), 1), joint="curve")
    wide = 0.4 * LANE * plan.scale
    for k in np.flatnonzero(track.wet):
        x, y = points[k]
        drawing.ellipse((x - wide, y - wide, x + wide, y + wide), fill="#2c3a48")
    return made


def _shot(
    ground: Any, plan: Plan, runs: Any, colours: Mapping[str, str], first: str, k: int, pictures: Array, maps: Array
) -> Any:
    from PIL import Image, ImageDraw, ImageFont

    shot, letters = ground.copy(), ImageFont.load_default(LETTERS)
    drawing = ImageDraw.Draw(shot)
    last = min(k, len(pictures) - 1)
    x, y = plan.pixels(runs[first][3][last][None])[0]
    drawing.rectangle((x - 6, y - 6, x + 6, y + 6), fill=AHEAD)
    legend = [("car ahead", AHEAD)]
    for name, (place, *_) in runs.items():
        at = min(k, len(place) - 1)
        colour = LIGHT[colours[name]]
        trail = plan.pixels(place[max(at - 40, 0) : at + 1])
        if len(trail) > 1:
            drawing.line(trail, fill=colour, width=3)
        x, y = trail[-1]
        drawing.ellipse((x - 6, y - 6, x + 6, y + 6), fill=colour)
        legend.append((f"{name} crashed" if at < k else name, colour))
    for number, (words, colour) in enumerate(legend):
        top = 8 + 20 * number
        drawing.rectangle((8, top + 3, 20, top + 15), fill=colour)
        drawing.text((26, top), words, fill="#ffffff", font=letters)
    picture = np.repeat(pictures[last][..., None] * 255, 3, axis=2).astype(np.uint8)
    picture[camera.TOP :] = overlay(pictures[last][camera.TOP :], maps[min(k // EVERY, len(maps) - 1)])
    shot.paste(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.NEAREST), (SIDE, 0))
    drawing.text((SIDE + 8, 8), f"camera of {first}; red: where it looks", fill="#202020", font=letters)
    return shot
