"""The names of the peers, and where each is; nothing is loaded before it is asked for."""

from __future__ import annotations

HOME = {
    "drift": "drift",
    "auto_ets": "statistical",
    "auto_theta": "statistical",
    "lightgbm": "trees",
    "nlinear": "neural",
    "dlinear": "neural",
    "nhits": "neural",
    "tcn": "neural",
    "transformer": "neural",
}
PEERS = tuple(HOME)
NETWORKS = tuple(name for name, home in HOME.items() if home == "neural")
TRIVIAL = ("drift",)
SEEDLESS = tuple(name for name in PEERS if name not in NETWORKS)  # the same from every seed
