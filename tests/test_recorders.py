"""Who records or transforms a network sees all of it: traces, ONNX, batched gradients, many threads after a fork."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tauflow import ops, wirings
from tauflow.cells import CTRNN, GRU, GRUODE, LSTM, LTC, Cell, CfC, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.compat.ncps import torch as ncps
from tauflow.errors import BackendError
from tauflow.sequence import Bidirectional, Recurrent, Stack

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    **{
        kind.name: lambda kind=kind: Recurrent(kind(3, 5))
        for kind in (CTRNN, GatedLTC, CfC, GRUODE, WiredCfC, LSTM, GRU)
    },
    "ltc": lambda: Recurrent(LTC(3, wirings.auto_ncp(3, 8, 2))),
    "wired_cfc_ncps": lambda: Recurrent(NcpsWiredCfC(3, 8)),
    "mixed memory": lambda: Recurrent(MixedMemory(CfC(3, 5))),
    "stack": lambda: Stack(CTRNN(3, 5), CfC(5, 4)),
    "bidirectional": lambda: Bidirectional(CTRNN(3, 5), GRUODE(3, 4)),
    "drop-in CfC": lambda: ncps.CfC(3, 5),
    "drop-in LTC": lambda: ncps.LTC(3, 5, ode_unfolds=2),
    "drop-in wired": lambda: ncps.CfC(3, wirings.auto_ncp(3, 8, 2), mixed_memory=True),
}
WITH_KERNELS = ("ctrnn", "gated_ltc", "cfc", "gruode", "ltc", "wired_cfc", "wired_cfc_ncps")


def near(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "frozen"), [*((name, True) for name in NETWORKS), ("ctrnn", False), ("cfc", False), ("drop-in CfC", False)]
)
def test_a_trace_computes_what_the_network_does(name: str, frozen: bool) -> None:
    net, x = NETWORKS[name]().eval(), torch.randn(2, 4, 3)
    with torch.set_grad_enabled(not frozen):
        traced = torch.jit.trace(net, x, check_trace=False)
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    for recorded in (traced, torch.jit.load(file)):
        for other in (x, torch.randn(2, 4, 3), torch.randn(5, 4, 3)):
            assert near(recorded(other)[0], net(other)[0])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_a_trace_has_the_gaps_as_an_input() -> None:
    """Also where those it was made of would not hold the state, and others do."""
    for cell in (CTRNN(3, 5), CfC(3, 5), GRU(3, 5)):
        net, x = Recurrent(cell), torch.randn(2, 4, 3)
        traced = torch.jit.trace(net, (x, torch.ones(2, 4)), check_trace=False)
        dt = torch.tensor([[1.0, 0, 2, 0], [0, 0, 3, 1]])
        assert near(traced(x, dt)[0], net(x, dt)[0])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", WITH_KERNELS)
def test_a_kernel_that_was_named_is_not_traced(name: str) -> None:
    cell = NETWORKS[name]().cell
    with pytest.raises(BackendError, match=r"torch\.jit\.trace"):
        torch.jit.trace(Recurrent(cell, "cpu"), torch.randn(2, 4, 3))
    assert ops.choose(cell) == "cpu"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_computes_what_the_network_does(name: str, dynamo: bool, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    net, x = NETWORKS[name]().eval(), torch.randn(2, 4, 3)
    torch.onnx.export(net, (x,), str(tmp_path / "net.onnx"), dynamo=dynamo, verbose=False)
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"))
    (given,) = session.get_inputs()
    other = torch.randn(2, 4, 3)
    assert near(torch.from_numpy(session.run(None, {given.name: other.numpy()})[0]), net(other)[0])


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # of torch's own LSTM
@pytest.mark.parametrize("name", NETWORKS)
def test_batched_gradients(name: str) -> None:
    net, x = NETWORKS[name](), torch.randn(2, 3, 3, requires_grad=True)
    learned = [x, next(p for p in net.parameters() if p.requires_grad)]
    y, last = net(x)
    last = last[0] if isinstance(last, tuple) else last
    for outputs in ([y], [last], [y, last]):
        rows = [torch.randn(4, *part.shape) for part in outputs]
        alone = [
            torch.autograd.grad(outputs, learned, [part[i] for part in rows], retain_graph=True, allow_unused=True)
            for i in range(4)
        ]
        found = torch.autograd.grad(outputs, learned, rows, retain_graph=True, allow_unused=True, is_grads_batched=True)
        mapped = torch.vmap(
            lambda *row, o=outputs: torch.autograd.grad(o, learned, row, retain_graph=True, allow_unused=True)
        )(*rows)
        for part, (one, other) in enumerate(zip(found, mapped, strict=True)):
            truth = torch.stack([gradients[part] for gradients in alone])
            assert near(one, truth)
            assert near(other, truth)


@pytest.mark.parametrize("name", WITH_KERNELS)
def test_jacobians(name: str) -> None:
    net, x = NETWORKS[name](), torch.randn(2, 3, 3)

    def read(v: Tensor) -> Tensor:
        return net(v)[0].sum((0, 1))

    truth = torch.autograd.functional.jacobian(read, x)
    assert near(torch.autograd.functional.jacobian(read, x, vectorize=True), truth)
    assert near(torch.func.jacrev(read)(x), truth)


def test_a_fork_builds_and_runs_every_cell_on_several_threads() -> None:
    """Wide ones too: their constructors would wait for threads of torch that a forked process has not."""
    program = """
import os, signal, torch
from tauflow import cells, ops
torch.set_num_threads(3)
torch.ones(1000, 1000).sum()
child = os.fork()
if child == 0:
    torch.set_num_threads(3)
    for name in cells.names():
        for units in (9, 512):
            cell = cells.get(name)(3, units)
            if ops.choose(cell) == "cpu":
                with torch.no_grad():
                    y, _ = ops.run(cell, torch.ones(2, 2, 3), torch.ones(2, 2), None, cell.initial_state(2))
    os._exit(0 if torch.get_num_threads() == 3 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        assert process.wait(timeout=60) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        raise


def test_sizes_of_numpy_are_sizes() -> None:
    for kind in (CTRNN, GatedLTC, CfC, GRUODE, LTC, WiredCfC, GRU):
        cell = kind(np.int64(3), np.int32(8))
        assert type(cell.inputs) is int
        assert all(type(value) in (int, float, str, bool, list, type(None)) for value in cell.config().values())
    cell = CTRNN(3, 5, tau=(np.float32(1), np.float64(4)), substeps=np.int64(2), learn_tau=np.bool_(False))
    assert cell.config()["substeps"] == 2
    assert ops.choose(cell) == "cpu"
    with pytest.raises(ValueError, match=r"units is 8\.0"):
        CTRNN(3, np.float64(8))


@pytest.mark.parametrize("kind", [LTC, WiredCfC, NcpsWiredCfC])
def test_a_state_dict_carries_the_wiring(kind: type[Cell]) -> None:
    a, b = (Recurrent(kind(3, wirings.auto_ncp(3, 12, 2, seed=seed))) for seed in (1, 2))
    x = torch.randn(3, 6, 3)
    assert not near(a(x)[0], b(x)[0])
    b.load_state_dict(a.state_dict())
    for backend in ("cpu", "reference"):
        b.backend = backend
        assert near(a(x)[0], b(x)[0])
    before = {name: value for name, value in a.state_dict().items() if not name.endswith("mask")}
    again = Recurrent(kind(3, wirings.auto_ncp(3, 12, 2, seed=1)))
    again.load_state_dict(before)  # of a version that did not save masks
    assert near(a(x)[0], again(x)[0])
