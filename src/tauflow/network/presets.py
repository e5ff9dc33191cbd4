"""What to take when you don't know: networks that docs/evidence.md and docs/static-against-liquid.md have measured, under a name each.

small       a CfC of 16 units and a linear readout, 11,000 parameters and more by the inputs. Beside 32 units: half-cheetah 2.37 (2.22),
            traffic 0.0153 (0.0150), gesture by recording 38.9 % wrong (37.6 %)
strong      told dt, and a readout that sees the input too, with a straight line around the core. In batches of 32 with weight decay:
            Walker2d 0.474, published 0.643, a plain CfC 0.698. With weight decay: gesture 74.6 %, a plain CfC 65.8 %. On ten recordings
            of half-cheetah it learns by heart, 2.06 at its best epoch and 3.14 at its last, a plain CfC 2.22 and 2.65: there
            four plain ones in a Committee give 1.84
streaming   a dense encoder and a sparse core of 19 neurons: a sample of 24 readings takes 0.7 microseconds (docs/streaming.md)
waves       dt as sines and cosines, for answers that hang on it exactly: event-based XOR 100 %, a plain CfC 95.5 %. Half of that
            riddle is then answered in the input, and every cell solves it
"""

from __future__ import annotations

from typing import Any

from .parts.part import NetworkError

PRESETS: dict[str, dict[str, Any]] = {
    "small": {"core": "cfc", "units": 16},
    "strong": {"core": "cfc", "units": 64, "waves": "gap", "readout": {"name": "skip", "units": 128}},
    "streaming": {"core": "wired_cfc", "units": 19, "encoder": {"name": "dense", "units": 32}},
    "waves": {"core": "cfc", "units": 64, "waves": "waves"},
}


def preset(name: str) -> dict[str, Any]:
    """The parts of a preset: `Network(3, 1, **preset("strong"))`.

    >>> tauflow.preset("strong")
    {'core': 'cfc', 'units': 64, 'waves': 'gap', 'readout': {'name': 'skip', 'units': 128}}
    >>> network = tauflow.Network(3, 1, **tauflow.preset("strong"))
    """
    if name not in PRESETS:
        raise NetworkError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
    return dict(PRESETS[name])
