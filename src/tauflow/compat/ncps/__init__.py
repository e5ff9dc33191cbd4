"""Drop-in for ncps 1.0.1 on torch: change the import, keep the script, the checkpoints and the seeds.

    from ncps.torch import LTC               ->  from tauflow.compat.ncps.torch import LTC
    from ncps.wirings import AutoNCP         ->  from tauflow.compat.ncps.wirings import AutoNCP

Arguments, returns, keys of the state dict and numbers are those of ncps. Different where ncps is wrong: time spans per
sample are right for any batch, a time span of zero leaves an LTC as it is, negative and NaN time spans and inputs are
refused, and parameters are plain attributes, so that functional_call, vmap and load_state_dict(assign=True) use the
weights that they are given. docs/ncps.md lists them all.
"""

from __future__ import annotations

from typing import NoReturn

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
    "__version__",
    "torch",
    "wirings",
]

__version__ = "1.0.1"  # the version of ncps whose numbers these are


def __getattr__(name: str) -> NoReturn:
    if name == "datasets":
        raise AttributeError("ncps.datasets downloads files and uses no cell: keep `from ncps import datasets`")
    if name in ("tf", "keras", "paddle", "mlx"):
        raise AttributeError(f"ncps.{name} has no drop-in, which is for torch: tauflow.compat.ncps.torch")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
