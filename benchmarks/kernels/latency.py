"""One sample in, one out: microseconds of a Python call, batch 1, the state carried along.

    kernel   `stream = Recurrent(cell).stream(); y = stream(x, dt)`, NumPy in and out
    onnx     ONNX Runtime's LSTM of one step, one thread, `session.run` with the state fed back
    torch    nn.LSTMCell under torch.inference_mode, tensors in and out
    ncps     its cells, likewise

Each call is timed by itself; p50 and p99 are over all calls, which come in turns of all streams. What the clock takes (p50 of
timing nothing, in the results as `clock`) is taken off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tauflow import wirings
from tauflow.cells import CTRNN, LTC, Cell, CfC, GatedLTC, WiredCfC
from tauflow.sequence import Recurrent

from .contestants import MissingError
from .progress import Progress
from .shapes import Settings

INPUTS, UNITS, NCP_UNITS, MOTORS = 8, 32, 19, 4
TURNS = 20
Array = NDArray[np.float32]
Call = Callable[[int], object]  # the number of the sample
SAMPLES = 256  # other numbers each time, round and round


def measure(settings: Settings) -> dict[str, Any]:
    """stream -> {p50_us, p99_us, calls}."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((SAMPLES, INPUTS)).astype(np.float32)
    dt = (rng.random(SAMPLES) + 0.1).tolist()
    calls: dict[str, Call] = {"clock": lambda _: None}
    found: dict[str, Any] = {}
    for name, make in makers(x, dt).items():
        try:
            calls[name] = make()
        except MissingError as why:
            found[name] = {"missing": str(why)}
        except ImportError as error:
            found[name] = {"missing": f"{error.name} is not installed"}
    with torch.inference_mode():
        times = timed(calls, settings)
    clock = float(np.median(times.pop("clock")))
    for name, nanoseconds in times.items():
        p50, p99 = np.percentile(nanoseconds, [50, 99]) - clock
        found[name] = {"p50_us": p50 / 1e3, "p99_us": p99 / 1e3, "calls": len(nanoseconds)}
    return {"clock_us": clock / 1e3, "streams": {name: found[name] for name in makers(x, dt)}}


def timed(calls: dict[str, Call], settings: Settings) -> dict[str, NDArray[np.int64]]:
    """Nanoseconds of every call."""
    progress = Progress("streaming", TURNS * len(calls))
    counts = {}
    for name, call in calls.items():
        start = time.perf_counter()
        for k in range(50):
            call(k % SAMPLES)
        each = (time.perf_counter() - start) / 50
        counts[name] = max(int(min(settings.calls, settings.seconds / each) / TURNS), 10)
    found: dict[str, list[int]] = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, call in calls.items():
            progress.at(name)
            found[name] += burst(call, counts[name])
    progress.end()
    return {name: np.array(nanoseconds) for name, nanoseconds in found.items()}


def burst(call: Call, count: int) -> list[int]:
    now, times = time.perf_counter_ns, []
    for k in range(count):
        sample = k % SAMPLES
        start = now()
        call(sample)
        times.append(now() - start)
    return times


def makers(x: Array, dt: list[float]) -> dict[str, Callable[[], Call]]:
    """How to make each stream; each raises MissingError or ImportError where it can't be had."""
    ncp = wirings.auto_ncp(INPUTS, NCP_UNITS, MOTORS)
    ncps_arithmetic: dict[str, Any] = {"init": "ncps", "solver": "semi_implicit", "substeps": 6}
    ours: dict[str, Callable[[], Cell]] = {
        "LTC 32": lambda: LTC(INPUTS, UNITS),
        "LTC 32, six unfolds": lambda: LTC(INPUTS, UNITS, **ncps_arithmetic),
        "LTC NCP 19": lambda: LTC(INPUTS, ncp),
        "LTC NCP 19, six unfolds": lambda: LTC(INPUTS, ncp, **ncps_arithmetic),
        "CfC 32": lambda: CfC(INPUTS, UNITS),
        "wired CfC 19": lambda: WiredCfC(INPUTS, ncp),
        "GatedLTC 32": lambda: GatedLTC(INPUTS, UNITS),
        "CTRNN 32": lambda: CTRNN(INPUTS, UNITS),
    }

    def of(make: Callable[[], Cell]) -> Callable[[], Call]:
        return lambda: kernel(make(), x, dt)

    return {
        **{f"kernel {name}": of(make) for name, make in ours.items()},
        "onnx LSTM 32": lambda: onnx_lstm(x),
        "torch LSTMCell 32": lambda: torch_lstm(x),
        "ncps LTC 32": lambda: ncps_cell("ltc", x),
        "ncps LTC NCP 19": lambda: ncps_cell("ncp", x),
        "ncps CfC 32": lambda: ncps_cell("cfc", x),
    }


def kernel(cell: Cell, x: Array, dt: list[float]) -> Call:
    """Checked first: its outputs are those of `step`."""
    net = Recurrent(cell)
    if not hasattr(net, "stream"):
        raise MissingError("this version of tauflow has no streams")
    stream, state = net.stream(), None
    with torch.no_grad():
        for k in range(20):
            y, state = net.step(torch.from_numpy(x[k : k + 1]), dt[k], state)
            difference = float(np.abs(stream(x[k], dt[k]) - y[0].numpy()).max())
            if not difference < 1e-5:
                raise RuntimeError(f"the stream of {cell.name} is {difference:.1e} away from step, at sample {k}")
    return lambda k: stream(x[k], dt[k])


def torch_lstm(x: Array) -> Call:
    torch.manual_seed(1)
    cell = torch.nn.LSTMCell(INPUTS, UNITS)
    rows, state = torch.from_numpy(x), [torch.zeros(1, UNITS)] * 2

    def call(k: int) -> None:
        state[:] = cell(rows[k : k + 1], (state[0], state[1]))

    return call


def ncps_cell(kind: str, x: Array) -> Call:
    package, ncps_wirings = import_module("ncps.torch"), import_module("ncps.wirings")
    torch.manual_seed(1)
    if kind == "cfc":
        cell, units = package.CfC(INPUTS, UNITS).rnn_cell, UNITS
    else:
        units = UNITS if kind == "ltc" else NCP_UNITS
        cell = package.LTC(INPUTS, units if kind == "ltc" else ncps_wirings.AutoNCP(units, MOTORS)).rnn_cell
    rows, state = torch.from_numpy(x), [torch.zeros(1, units)]

    def call(k: int) -> None:
        _, state[0] = cell(rows[k : k + 1], state[0], 1.0)

    return call


def onnx_lstm(x: Array) -> Call:
    """Checked first: its outputs are those of torch's LSTMCell with the same weights."""
    runtime = import_module("onnxruntime")
    torch.manual_seed(1)
    cell = torch.nn.LSTMCell(INPUTS, UNITS)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(onnx_model(cell), options, providers=["CPUExecutionProvider"])
    zeros = np.zeros((1, 1, UNITS), np.float32)
    rows, state = x[:, None, None], [zeros, zeros]

    def call(k: int) -> None:
        state[:] = session.run(None, {"x": rows[k], "h": state[0], "c": state[1]})

    h = c = torch.zeros(1, UNITS)
    with torch.no_grad():
        for k in range(20):
            h, c = cell(torch.from_numpy(x[k : k + 1]), (h, c))
            call(k)
            if not np.abs(state[0][0] - h.numpy()).max() < 1e-5:
                raise RuntimeError(f"ONNX Runtime's LSTM differs from torch's at sample {k}")
    return call


def onnx_model(cell: torch.nn.LSTMCell) -> bytes:
    """One step of an LSTM. torch keeps its gates in the order i f g o, ONNX in the order i o f g."""
    onnx = import_module("onnx")
    helper, float_ = onnx.helper, onnx.TensorProto.FLOAT

    def in_order(values: torch.Tensor) -> Array:
        i, f, g, o = values.detach().numpy().reshape(4, UNITS, -1)
        ordered: Array = np.concatenate([i, o, f, g])
        return ordered

    weights = {
        "W": in_order(cell.weight_ih)[None],
        "R": in_order(cell.weight_hh)[None],
        "B": np.concatenate([in_order(cell.bias_ih), in_order(cell.bias_hh)]).reshape(1, -1),
    }
    node = helper.make_node("LSTM", ["x", "W", "R", "B", "", "h", "c"], ["", "next_h", "next_c"], hidden_size=UNITS)
    sizes = {"x": INPUTS, "h": UNITS, "c": UNITS, "next_h": UNITS, "next_c": UNITS}
    infos = {name: helper.make_tensor_value_info(name, float_, [1, 1, size]) for name, size in sizes.items()}
    graph = helper.make_graph(
        [node], "lstm", [infos[name] for name in ("x", "h", "c")], [infos["next_h"], infos["next_c"]],
        [onnx.numpy_helper.from_array(values, name) for name, values in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    serialized: bytes = model.SerializeToString()
    return serialized
