"""Drop-in for ncps 1.0.1 on torch: change the import, keep the script, the checkpoints and the seeds.

    from ncps.torch import LTC               ->  from tauflow.compat.ncps.torch import LTC
    from ncps.wirings import AutoNCP         ->  from tauflow.compat.ncps.wirings import AutoNCP

Arguments, returns, keys of the state dict and numbers are those of ncps. Different where ncps is wrong: time spans per
sample are right for any batch, a time span of zero leaves an LTC as it is, negative and NaN time spans and inputs are
refused, and parameters are plain attributes, so that functional_call, vmap and load_state_dict(assign=True) use the
weights that they are given.
"""

from __future__ import annotations

from . import torch, wirings
from .torch import LTC, CfC, CfCCell, LTCCell, WiredCfCCell
from .wirings import NCP, AutoNCP, FullyConnected, Random, Wiring

__all__ = [
    "LTC",
    "NCP",
    "AutoNCP",
    "CfC",
    "CfCCell",
    "FullyConnected",
    "LTCCell",
    "Random",
    "WiredCfCCell",
    "Wiring",
    "torch",
    "wirings",
]
