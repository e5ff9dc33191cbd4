"""A CTRNN for neuromorphic simulators: NIR graphs of exact nodes and of spiking neurons. START with equation.py.

equation.py finds dh/dt = -h / tau + sigma(W h + U x + b) in a plan, or says why it is not there; graph.py writes it with a bank of
thresholds for sigma, spiking.py with LIF neurons; interpreter.py runs both.
"""

from __future__ import annotations

from .equation import Equation, equation
from .graph import bank
from .interpreter import run
from .spiking import twin
from .target import NIR

__all__ = ["NIR", "Equation", "bank", "equation", "run", "twin"]
