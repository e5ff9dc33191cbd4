"""Values of an ONNX graph that are computed with as arrays are: `h + a * (q - h)` writes a Sub, a Mul and an Add.

Every value is (batch, n) unless a line says otherwise. Numbers and arrays beside a value become constants of the graph, each once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ...errors import MissingExtraError
from ..plan import Array


def package() -> Any:
    """The onnx package."""
    try:
        import onnx
    except ImportError:
        raise MissingExtraError('writing ONNX needs onnx: pip install "tauflow[onnx]"') from None
    return onnx


class Nodes:
    """The nodes and constants of one graph, in the order in which they were asked for."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.onnx, self.dtype = package(), dtype
        self.nodes: list[Any] = []
        self.constants: dict[tuple[Any, ...], tuple[str, Array]] = {}

    def node(self, kind: str, *inputs: Operand, count: int = 1, **attributes: Any) -> list[Value]:
        """A node of several outputs."""
        names = [f"{kind.lower()}_{len(self.nodes)}" + (f"_{k}" if count > 1 else "") for k in range(count)]
        read = [one.name if isinstance(one, Value) else self.constant(one) for one in inputs]
        self.nodes.append(self.onnx.helper.make_node(kind, read, names, **attributes))
        return [Value(self, name) for name in names]

    def __call__(self, kind: str, *inputs: Operand, **attributes: Any) -> Value:
        """A node of one output."""
        return self.node(kind, *inputs, **attributes)[0]

    def value(self, name: str) -> Value:
        """An input of the graph."""
        return Value(self, name)

    def constant(self, given: float | Array | Sequence[int]) -> str:
        """A constant; plain numbers are of the network's type, lists of whole numbers are shapes, axes and places."""
        array = np.array(given, np.int64) if isinstance(given, (list, tuple)) else np.asarray(given)
        array = array.astype(self.dtype) if array.dtype.kind == "f" else array
        key = (array.dtype.str, array.shape, array.tobytes())
        return self.constants.setdefault(key, (f"c{len(self.constants)}", array))[0]

    def end(self, **outputs: Value) -> None:
        """The graph's outputs by their names, each made by a node of its own; what they do not need goes."""
        needed, kept = {one.name for one in outputs.values()}, []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {key: one for key, one in self.constants.items() if one[0] in needed}
        names = {value.name: name for name, value in outputs.items()}
        for node in self.nodes:
            for held in (node.input, node.output):
                held[:] = [names.get(name, name) for name in held]

    def initializers(self) -> list[Any]:
        return [self.onnx.numpy_helper.from_array(array, name) for name, array in self.constants.values()]


class Value:
    """What a node gives."""

    def __init__(self, nodes: Nodes, name: str) -> None:
        self.of, self.name = nodes, name

    def __add__(self, other: Operand) -> Value:
        return self.of("Add", self, other)

    def __sub__(self, other: Operand) -> Value:
        return self.of("Sub", self, other)

    def __mul__(self, other: Operand) -> Value:
        return self.of("Mul", self, other)

    def __truediv__(self, other: Operand) -> Value:
        return self.of("Div", self, other)

    def __neg__(self) -> Value:
        return self.of("Neg", self)

    def linear(self, W: Array, b: Operand) -> Value:
        """self W^T + b"""
        return self.of("Gemm", self, W, b, transB=1)

    def times(self, M: Array) -> Value:
        """self M"""
        return self.of("MatMul", self, M)

    def where(self, yes: Operand, no: Operand) -> Value:
        """`yes` where self is true, else `no`."""
        return self.of("Where", self, yes, no)

    def part(self, first: int, last: int) -> Value:
        """Numbers first ... last - 1."""
        return self.of("Slice", self, [first], [last], [1])

    def split(self, sizes: Sequence[int]) -> list[Value]:
        """Side by side, so many numbers each."""
        return [self] if len(sizes) == 1 else self.of.node("Split", self, list(sizes), axis=1, count=len(sizes))

    def pick(self, which: Array) -> Value:
        """Some of the numbers, (batch, *which.shape)."""
        if which.ndim == 1 and len(which) > 0 and (np.diff(which) == 1).all():
            return self.part(int(which[0]), int(which[-1]) + 1)
        return self.of("Gather", self, which.astype(np.int64), axis=1)

    def reshape(self, *shape: int) -> Value:
        return self.of("Reshape", self, [-1, *shape])

    def sum(self, axis: int = 1, keepdims: int = 0) -> Value:
        return self.of("ReduceSum", self, [axis], keepdims=keepdims)


Operand: TypeAlias = "Value | float | Array | list[int] | tuple[int, ...]"


def concat(values: Sequence[Value]) -> Value:
    """Side by side."""
    return values[0] if len(values) == 1 else values[0].of("Concat", *values, axis=1)
