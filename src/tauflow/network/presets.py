"""What to take when you don't know: parts that won tables of docs/evidence.md, under a name each.

small       a CfC of 16 units and a linear readout: some thousand parameters
strong      a readout that sees the input too, with a straight line around the core: Walker2d .474 against .616 of a plain CfC, the
            published .643; gesture 74.6 % against 62.0 % of a plain LTC
streaming   a dense encoder and a sparse core of 19 neurons: half a microsecond a sample
waves       strong, and dt as sines and cosines: event-based XOR 100 % against 95.5 % of a plain CfC
"""

from __future__ import annotations

from typing import Any

from .parts.part import NetworkError

PRESETS: dict[str, dict[str, Any]] = {
    "small": {"core": "cfc", "units": 16},
    "strong": {"core": "cfc", "units": 64, "readout": {"name": "skip", "units": 128}},
    "streaming": {"core": "wired_cfc", "units": 19, "encoder": {"name": "dense", "units": 32}},
    "waves": {"core": "cfc", "units": 64, "waves": "waves", "readout": {"name": "skip", "units": 128}},
}


def preset(name: str) -> dict[str, Any]:
    """The parts of a preset: `Network(3, 1, **preset("strong"))`."""
    if name not in PRESETS:
        raise NetworkError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
    return dict(PRESETS[name])
