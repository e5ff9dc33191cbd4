"""The whole network, from raw readings to answers: `Network` and its parts. START with network.py."""

from __future__ import annotations

from .many import Committee, Door, Multi
from .network import Network
from .padding import pad
from .parts.encoders import Convolution, Dense, Images, Tokens
from .parts.gap import Gap
from .parts.heads import Actions, Classes, Normal, Quantiles, Student, Values
from .parts.history import History
from .parts.missing import Missing
from .parts.part import PLACES, REGISTRY, NetworkError, Part, names
from .parts.pools import Attention, Last, Max, Mean, Pool
from .parts.ranks import Ranks
from .parts.readouts import Both, Deep, Linear, Skip, Wide
from .parts.scale import Scale
from .parts.waves import Waves
from .parts.windowed import TCN, Transformer, WindowMLP
from .parts.words import Words
from .presets import preset
from .timescale import SuggestedTau, suggest_tau
from .trace import Record

__all__ = [
    "PLACES",
    "REGISTRY",
    "TCN",
    "Actions",
    "Attention",
    "Both",
    "Classes",
    "Committee",
    "Convolution",
    "Deep",
    "Dense",
    "Door",
    "Gap",
    "History",
    "Images",
    "Last",
    "Linear",
    "Max",
    "Mean",
    "Missing",
    "Multi",
    "Network",
    "NetworkError",
    "Normal",
    "Part",
    "Pool",
    "Quantiles",
    "Ranks",
    "Record",
    "Scale",
    "Skip",
    "Student",
    "SuggestedTau",
    "Tokens",
    "Transformer",
    "Values",
    "Waves",
    "Wide",
    "WindowMLP",
    "Words",
    "names",
    "pad",
    "preset",
    "suggest_tau",
]
