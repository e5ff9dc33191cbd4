"""Liquid neural networks for irregular time series.

The public names stand in one table, and each loads its module on first use: `import tauflow` takes no time,
and `tauflow --help` never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        activations,
        agents,
        analysis,
        cells,
        data,
        datasets,
        deploy,
        errors,
        estimators,
        explain,
        files,
        losses,
        metrics,
        models,
        network,
        solvers,
        training,
        wirings,
    )
    from .agents.imitate import imitate
    from .analysis import certify
    from .cells import CTRNN, GRU, GRUODE, LSTM, LTC, RNN, CfC, GatedLTC, WiredCfC
    from .cells.mixed_memory import MixedMemory
    from .data import check, read_table
    from .errors import TauflowError
    from .estimators import AnomalyDetector, Classifier, Forecaster, OnlineForecaster, Regressor, compare, tune
    from .models import load, save
    from .network import Committee, Door, Multi, Network, pad, preset
    from .sequence import Bidirectional, Recurrent, Stack
    from .training import fit

__version__ = "0.1.0"

__all__ = [
    "CTRNN",
    "GRU",
    "GRUODE",
    "LSTM",
    "LTC",
    "RNN",
    "AnomalyDetector",
    "Bidirectional",
    "CfC",
    "Classifier",
    "Committee",
    "Door",
    "Forecaster",
    "GatedLTC",
    "MixedMemory",
    "Multi",
    "Network",
    "OnlineForecaster",
    "Recurrent",
    "Regressor",
    "Stack",
    "TauflowError",
    "WiredCfC",
    "__version__",
    "activations",
    "agents",
    "analysis",
    "cells",
    "certify",
    "check",
    "compare",
    "data",
    "datasets",
    "deploy",
    "errors",
    "estimators",
    "explain",
    "files",
    "fit",
    "imitate",
    "load",
    "losses",
    "metrics",
    "models",
    "network",
    "pad",
    "preset",
    "read_table",
    "save",
    "solvers",
    "training",
    "tune",
    "wirings",
]

_SUBMODULES = (
    "activations",
    "agents",
    "analysis",
    "cells",
    "data",
    "datasets",
    "deploy",
    "errors",
    "estimators",
    "explain",
    "files",
    "losses",
    "metrics",
    "models",
    "network",
    "solvers",
    "training",
    "wirings",
)

_HOME = {
    "CTRNN": "cells",
    "GRU": "cells",
    "GRUODE": "cells",
    "LSTM": "cells",
    "LTC": "cells",
    "RNN": "cells",
    "CfC": "cells",
    "GatedLTC": "cells",
    "MixedMemory": "cells.mixed_memory",
    "WiredCfC": "cells",
    "Bidirectional": "sequence",
    "Recurrent": "sequence",
    "Stack": "sequence",
    "check": "data",
    "read_table": "data",
    "AnomalyDetector": "estimators",
    "Classifier": "estimators",
    "Forecaster": "estimators",
    "OnlineForecaster": "estimators",
    "Regressor": "estimators",
    "compare": "estimators",
    "tune": "estimators",
    "fit": "training",
    "imitate": "agents.imitate",
    "Committee": "network",
    "Door": "network",
    "Multi": "network",
    "Network": "network",
    "pad": "network",
    "preset": "network",
    "certify": "analysis",
    "load": "models",
    "save": "models",
    "TauflowError": "errors",
}


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562); afterwards it is an ordinary attribute."""
    if name in _SUBMODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"tauflow has no {name!r}; its public names are in tauflow.__all__")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
