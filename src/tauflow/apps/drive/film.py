"""A film of a drive, as a GIF: the track from above with every driver on it, and what the first one's camera sees and looks at."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...agents import Trouble, walk
from ...drawing.canvas import LIGHT
from . import camera
from .gaze import Frames, gaze, overlay
from .track import HALF, LANE, LINE, Track
from .track import SIDE as REACH
from .world import Drive, Weather, expert

Array = NDArray[Any]
SIDE, EVERY = 320, 3  # px; every third step of 50 ms is a frame
SCALE = SIDE / (2 * HALF)


def film(drivers: Mapping[str, Network], colours: Mapping[str, str], steps: int = 300, seed: int = 77) -> bytes:
    """The bytes of a GIF, 640 x 320; each driver alone on the same track, behind the same car, until it crashes."""
    runs = {name: _driven(net, steps, seed) for name, net in drivers.items()}
    world = Drive(1, seed, weather=Weather(traffic=1.0), tracks=1, limit=10**9)
    ground = _above(world.tracks[0])
    first = next(iter(drivers))
    seen, pictures = runs[first][1], runs[first][2]
    maps = gaze_along(drivers[first], seen)
    shots = [_shot(ground, runs, colours, first, k, pictures, maps) for k in range(1, steps, EVERY)]
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


def _above(track: Track) -> Any:
    from PIL import Image, ImageDraw

    made = Image.new("RGB", (2 * SIDE, SIDE), "#7d9a6b")
    drawing = ImageDraw.Draw(made)
    for c in track.crossings:
        side = np.stack([track.p[c] - REACH * track.normal[c], track.p[c] + REACH * track.normal[c]])
        drawing.line(pixels(side), fill="#55585c", width=round(LANE * SCALE))
    points = pixels(np.concatenate([track.p, track.p[:3]]))
    for width, colour in ((LANE + 2.5 * LINE, "#f2f2f2"), (LANE, "#55585c")):
        drawing.line(points, fill=colour, width=max(round(width * SCALE), 1), joint="curve")
    for k in np.flatnonzero(track.wet):
        x, y = points[k]
        drawing.ellipse((x - 4, y - 4, x + 4, y + 4), fill="#2c3a48")
    return made


def pixels(metres: Array) -> list[tuple[float, float]]:
    """Metres as pixels of the left half, down is positive."""
    return [((float(x) + HALF) * SCALE, (HALF - float(y)) * SCALE) for x, y in metres]


def _shot(ground: Any, runs: Any, colours: Mapping[str, str], first: str, k: int, pictures: Array, maps: Array) -> Any:
    from PIL import Image, ImageDraw

    shot = ground.copy()
    drawing = ImageDraw.Draw(shot)
    last = min(k, len(pictures) - 1)
    for x, y in pixels(runs[first][3][last][None]):
        drawing.rectangle((x - 4, y - 4, x + 4, y + 4), fill="#1b1d1f")
    for number, (name, (place, *_)) in enumerate(runs.items()):
        at = min(k, len(place) - 1)
        colour = LIGHT[colours[name]]
        trail = pixels(place[max(at - 40, 0) : at + 1])
        if len(trail) > 1:
            drawing.line(trail, fill=colour, width=2)
        x, y = trail[-1]
        drawing.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour)
        drawing.text((8, 8 + 14 * number), name + (" crashed" if at < k else ""), fill="#ffffff")
        drawing.rectangle((2, 10 + 14 * number, 5, 18 + 14 * number), fill=colour)
    picture = np.repeat(pictures[last][..., None] * 255, 3, axis=2).astype(np.uint8)
    picture[camera.TOP :] = overlay(pictures[last][camera.TOP :], maps[min(k // EVERY, len(maps) - 1)])
    shot.paste(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.NEAREST), (SIDE, 0))
    drawing.text((SIDE + 8, 8), f"camera of {first}, where it looks in red", fill="#202020")
    return shot.quantize(64)
