"""A plan as two ONNX models, written node by node: one sample, and a whole sequence as one Scan over it.

    step       x (batch, inputs)        dt (batch)                             h (batch, state)   ->  y (batch, outputs)        h_next
    sequence   x (batch, time, inputs)  dt (batch, time)  mask (batch, time)   h (batch, state)   ->  y (batch, time, outputs)  h_next

A row with a sample that stream() would refuse (NaN that is not known as missing, infinity, a negative gap, a step too long for Euler, a
state that overflows) gets the answer NaN and keeps its state: ONNX can't raise. A sample whose mask is False moves nothing.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..plan import Plan
from .values import Nodes, package
from .walk import sample

OPSET = 18
IR_VERSION = 8  # the oldest that goes with it


def step_model(plan: Plan, name: str) -> Any:
    """One sample."""
    nodes = Nodes(plan.dtype)
    dt = nodes("Unsqueeze", nodes.value("dt"), [1])
    given = nodes.value("given") if plan.static else None
    y, h = sample(plan, nodes, nodes.value("x"), dt, nodes.value("h"), None, given)
    nodes.end(y=y, h_next=h)
    inputs = [
        _info(plan, "x", "batch", plan.inputs), _info(plan, "dt", "batch"), _info(plan, "h", "batch", len(plan.first)), *_given(plan)
    ]  # fmt: skip
    outputs = [_info(plan, "y", "batch", plan.outputs), _info(plan, "h_next", "batch", len(plan.first))]
    return _model(plan, nodes, f"{name}_step", inputs, outputs)


def sequence_model(plan: Plan, name: str) -> Any:
    """A whole sequence."""
    inside = Nodes(plan.dtype)
    real = inside("Unsqueeze", inside.value("mask_now"), [1])
    x = real.where(inside.value("x_now"), np.nan if plan.knows_missing else 0.0)
    dt = real.where(inside("Unsqueeze", inside.value("dt_now"), [1]), 0.0)
    given = inside.value("given") if plan.static else None  # of the graph around
    y, h = sample(plan, inside, x, dt, inside.value("h_now"), real, given)
    inside.end(h_then=h, y_now=y)
    helper, bool_ = inside.onnx.helper, inside.onnx.TensorProto.BOOL
    body = helper.make_graph(
        inside.nodes,
        f"{name}_sample",
        [
            _info(plan, "h_now", "batch", len(plan.first)), _info(plan, "x_now", "batch", plan.inputs), _info(plan, "dt_now", "batch"),
            helper.make_tensor_value_info("mask_now", bool_, ["batch"]),
        ],
        [_info(plan, "h_then", "batch", len(plan.first)), _info(plan, "y_now", "batch", plan.outputs)],
        inside.initializers(),
    )  # fmt: skip
    around = Nodes(plan.dtype)
    around.nodes.append(
        helper.make_node(
            "Scan", ["h", "x", "dt", "mask"], ["h_next", "y"],
            body=body, num_scan_inputs=3, scan_input_axes=[1, 1, 1], scan_output_axes=[1],
        )
    )  # fmt: skip
    inputs = [
        _info(plan, "x", "batch", "time", plan.inputs), _info(plan, "dt", "batch", "time"),
        helper.make_tensor_value_info("mask", bool_, ["batch", "time"]), _info(plan, "h", "batch", len(plan.first)), *_given(plan),
    ]  # fmt: skip
    outputs = [_info(plan, "y", "batch", "time", plan.outputs), _info(plan, "h_next", "batch", len(plan.first))]
    return _model(plan, around, f"{name}_sequence", inputs, outputs)


def _info(plan: Plan, name: str, *shape: str | int) -> Any:
    onnx = package()
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(plan.dtype), shape)


def _given(plan: Plan) -> list[Any]:
    return [_info(plan, "given", "batch", plan.static)] if plan.static else []


def _model(plan: Plan, nodes: Nodes, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
    """The model, checked; what a caller needs besides stands in its metadata: the first state and the unit of dt."""
    onnx = nodes.onnx
    graph = onnx.helper.make_graph(nodes.nodes, name, inputs, outputs, nodes.initializers(), doc_string=__doc__)
    model = onnx.helper.make_model(
        graph, producer_name="tauflow", ir_version=IR_VERSION, opset_imports=[onnx.helper.make_opsetid("", OPSET)]
    )
    onnx.helper.set_model_props(model, {"first": json.dumps(plan.first.tolist()), "period": repr(plan.period)})
    onnx.checker.check_model(model, full_check=True)
    return model
