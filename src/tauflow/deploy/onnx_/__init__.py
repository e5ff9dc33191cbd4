"""A network as ONNX: walker_step.onnx and walker_sequence.onnx, and a check that runs them. START with model.py.

model.py has the inputs and outputs, walk.py goes through the steps, steps.py and cells.py write them, values.py makes that readable.
"""

from __future__ import annotations

from .model import OPSET
from .target import ONNX, write

__all__ = ["ONNX", "OPSET", "write"]
