"""Peers: what a sceptic wants beside the liquid cells in a table, on the same windows. READ `peer.py`, then the one you doubt.

    drift                            the last value and the mean slope so far                    trivial
    auto_ets, auto_theta             through statsforecast                                       pip install "tauflow[baselines]"
    lightgbm                         boosted trees on lags, through lightgbm                     pip install "tauflow[baselines]"
    nlinear, dlinear, nhits          networks without recurrence, on the targets' own past
    tcn, transformer                 networks without recurrence, on all columns

They stand in tables; they are not saved, and don't forecast on their own.
"""

from __future__ import annotations

from .names import NETWORKS, PEERS, SEEDLESS

__all__ = ["NETWORKS", "PEERS", "SEEDLESS"]
