"""The whole network, from raw readings to answers: `Network` and its parts. START with network.py."""

from __future__ import annotations

from .committee import Committee
from .encoders import Convolution, Dense, Images, Tokens
from .heads import Actions, Classes, Normal, Quantiles, Student, Values
from .missing import Missing
from .network import Network
from .padding import pad
from .part import PLACES, REGISTRY, NetworkError, Part, names
from .pools import Attention, Last, Max, Mean, Pool
from .presets import preset
from .readouts import Deep, Linear, Skip, Wide
from .scale import Scale
from .trace import Record
from .waves import Waves
from .windowed import TCN, Transformer, WindowMLP

__all__ = [
    "PLACES",
    "REGISTRY",
    "TCN",
    "Actions",
    "Attention",
    "Classes",
    "Committee",
    "Convolution",
    "Deep",
    "Dense",
    "Images",
    "Last",
    "Linear",
    "Max",
    "Mean",
    "Missing",
    "Network",
    "NetworkError",
    "Normal",
    "Part",
    "Pool",
    "Quantiles",
    "Record",
    "Scale",
    "Skip",
    "Student",
    "Tokens",
    "Transformer",
    "Values",
    "Waves",
    "Wide",
    "WindowMLP",
    "names",
    "pad",
    "preset",
]
