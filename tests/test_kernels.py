"""The C++ kernels equal the reference: output, state and every gradient, on every instruction set of this machine."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from tauflow import _core, ops, wirings
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.errors import BackendError, StepSizeError
from tauflow.ops import cpu, reference
from tauflow.sequence import Recurrent

ISAS = ["x86-64-v4", "x86-64-v3", "neon", "scalar"]  # best first


def sparse(inputs: int, units: int) -> wirings.Wiring:
    """A wiring with neurons that nobody speaks to, and with one output where there is room for more."""
    if units > 6:
        return wirings.auto_ncp(inputs, units, units // 3)
    return wirings.random(inputs, units, 1, sparsity=0.6)


# Each a cell of the given number of units.
CELLS: dict[str, Callable[[int], Cell]] = {
    "ctrnn": lambda units: CTRNN(3, units),
    "ctrnn semi_implicit": lambda units: CTRNN(2, units, "sigmoid", solver="semi_implicit", substeps=3),
    "ctrnn euler relu": lambda units: CTRNN(5, units, "relu", solver="euler", substeps=4),
    "ctrnn lecun_tanh": lambda units: CTRNN(1, units, "lecun_tanh", learn_tau=False),
    "ctrnn identity": lambda units: CTRNN(9, units, "identity"),
    "cfc": lambda units: CfC(3, units, backbone_units=33),
    "cfc no_gate": lambda units: CfC(2, units, "no_gate", backbone_layers=2, backbone_units=20, activation="relu"),
    "cfc pure": lambda units: CfC(2, units, "pure", backbone_layers=3, backbone_units=5, activation="tanh"),
    "cfc no backbone": lambda units: CfC(4, units, backbone_layers=0),
    "cfc pure, no backbone": lambda units: CfC(1, units, "pure", backbone_layers=0),
    "gruode": lambda units: GRUODE(3, units),
    "gruode semi_implicit": lambda units: GRUODE(2, units, solver="semi_implicit", substeps=3),
    "gruode euler": lambda units: GRUODE(5, units, solver="euler", substeps=2),
    "wired_cfc": lambda units: WiredCfC(2, units),
    "wired_cfc dense pure": lambda units: WiredCfC(3, wirings.dense(3, units, (units + 1) // 2), "pure"),
    "wired_cfc_ncps": lambda units: NcpsWiredCfC(3, units, "no_gate"),
    "ltc": lambda units: LTC(3, units),
    "ltc ncps": lambda units: LTC(2, units, init="ncps", solver="semi_implicit", substeps=6, epsilon=1e-8),
    "ltc exponential": lambda units: LTC(4, units, solver="exponential", substeps=2),
    "ltc euler": lambda units: LTC(2, units, tau=(3, 9), solver="euler", substeps=4),
    "ltc sparse": lambda units: LTC(3, sparse(3, units), substeps=2),
    "gated_ltc": lambda units: GatedLTC(3, units),
    "gated_ltc semi_implicit": lambda units: GatedLTC(4, units, solver="semi_implicit", substeps=2),
    "gated_ltc relu": lambda units: GatedLTC(2, units, activation="relu"),
    "gated_ltc euler": lambda units: GatedLTC(2, units, solver="euler", substeps=5),
}


def each_isa() -> Iterator[str]:
    """The instruction sets of this machine, each in use in turn."""
    try:
        yield from filter(_core.use_isa, ISAS)
    finally:
        next(filter(_core.use_isa, ISAS))


def build(name: str, units: int, dtype: torch.dtype = torch.float64) -> Cell:
    torch.manual_seed(3)
    return CELLS[name](units).to(dtype)


def inputs(cell: Cell, batch: int, time: int, masked: bool = False) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    """x, dt (a tenth of it zero), keep and h for `cell`, the numbers equal in both number types."""
    rng = torch.Generator().manual_seed(batch + 100 * time)
    like = next(cell.parameters())
    x = torch.randn(batch, time, cell.inputs, generator=rng).to(like.dtype).requires_grad_()
    dt = torch.rand(batch, time, generator=rng) * (torch.rand(batch, time, generator=rng) > 0.1)
    h = torch.randn(batch, cell.state_size, generator=rng).to(like.dtype).requires_grad_()
    keep = torch.rand(batch, time, generator=rng) > 0.3 if masked else None
    return x, dt.to(like.dtype).requires_grad_(), keep, h


def results(run: Callable[..., tuple[Tensor, Tensor]], cell: Cell, *arguments: Tensor | None) -> dict[str, Tensor]:
    """Output, state, and the gradients of a random reading of both."""
    x, dt, keep, h = arguments
    y, last = run(cell, x, dt, keep, h)
    rng = torch.Generator().manual_seed(0)
    weights = [torch.randn(part.shape, generator=rng).to(part.dtype) for part in (y, last)]
    named = {"x": x, "dt": dt, "h": h, **{name: p for name, p in cell.named_parameters() if p.requires_grad}}
    gradients = torch.autograd.grad((y * weights[0]).sum() + (last * weights[1]).sum(), list(named.values()))
    return {"y": y.detach(), "last": last.detach(), **{f"d{name}": g for name, g in zip(named, gradients, strict=True)}}


def error(got: Tensor, truth: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    assert got.shape == truth.shape
    got, truth = got.detach(), truth.detach()
    return float((got - truth).abs().max() / truth.abs().max().clamp(min=1e-30)) if truth.numel() else 0.0


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_float64_equals_the_reference(name: str, masked: bool) -> None:
    for units in (1, 7, 63, 64):
        for batch in (1, 3, 32):
            cell = build(name, units)
            arguments = inputs(cell, batch, 3 if units > 7 else 18, masked)
            truth = results(reference.run, cell, *arguments)
            for isa in each_isa():
                for key, value in results(cpu.run, cell, *arguments).items():
                    assert error(value, truth[key]) < 1e-12, (key, units, batch, isa)


@pytest.mark.parametrize("name", CELLS)
def test_float32_is_as_near_to_the_truth_as_the_reference(name: str) -> None:
    """Within three times the reference's own error, or 2e-6 of the largest number."""
    for units, batch, time in ((7, 3, 60), (64, 20, 20)):
        arguments = inputs(build(name, units), batch, time)
        truth = results(reference.run, build(name, units), *arguments)
        single = [None if a is None else a.detach().float().requires_grad_() for a in arguments]
        plain = results(reference.run, build(name, units, torch.float32), *single)
        for isa in each_isa():
            for key, value in results(cpu.run, build(name, units, torch.float32), *single).items():
                assert error(value, truth[key]) < max(3 * error(plain[key], truth[key]), 2e-6), (key, units, isa)


@pytest.mark.parametrize("name", CELLS)
def test_the_fast_instruction_sets_agree_to_the_bit(name: str) -> None:
    cell = build(name, 33, torch.float32)
    found = [cpu.run(cell, *inputs(cell, 19, 11))[0] for isa in each_isa() if isa in ("x86-64-v4", "x86-64-v3")]
    assert all(torch.equal(found[0], y) for y in found)


@pytest.mark.parametrize("name", CELLS)
def test_a_sample_does_not_depend_on_its_batch(name: str) -> None:
    for _, dtype in itertools.product(each_isa(), (torch.float32, torch.float64)):
        cell = build(name, 13, dtype)
        x, dt, keep, h = inputs(cell, 37, 6, masked=True)
        together, _ = cpu.run(cell, x, dt, keep, h)
        for row in (0, 15, 16, 31, 32, 36):
            alone, _ = cpu.run(cell, x[row : row + 1], dt[row : row + 1], keep[row : row + 1], h[row : row + 1])
            assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_few_rows_without_gradient_have_the_bits_of_many(name: str, masked: bool) -> None:
    """With a gradient samples stand side by side; without, and for few rows, neurons do."""
    for _, dtype, units in itertools.product(each_isa(), (torch.float32, torch.float64), (1, 13, 34)):
        cell = build(name, units, dtype)
        for batch in (1, 2, 4, 5):
            x, dt, keep, h = inputs(cell, batch, 7, masked)
            y, last = cpu.run(cell, x, dt, keep, h)
            with torch.no_grad():
                few, end = cpu.run(cell, x, dt, keep, h)
            assert torch.equal(few, y) and torch.equal(end, last)


@pytest.mark.parametrize("name", CELLS)
def test_results_do_not_depend_on_threads(name: str) -> None:
    cell = build(name, 16, torch.float32)
    arguments = inputs(cell, 70, 40)
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3, 7):
        torch.set_num_threads(threads)
        found.append(results(cpu.run, cell, *arguments))
    torch.set_num_threads(before)
    assert all(torch.equal(value, found[0][key]) for other in found for key, value in other.items())


@pytest.mark.parametrize("name", CELLS)
def test_gradcheck(name: str) -> None:
    cell = build(name, 3)
    x, dt, keep, h = inputs(cell, 2, 3, masked=True)
    dt = (dt.detach() + 0.05).requires_grad_()
    h = (h.detach() + 0.3).requires_grad_()  # away from the corners of relu
    parameters = dict(cell.named_parameters())

    def run(x: Tensor, dt: Tensor, h: Tensor, *values: Tensor) -> tuple[Tensor, Tensor]:
        for (path, _), value in zip(parameters.items(), values, strict=True):
            holder, _, leaf = path.rpartition(".")
            cell.get_submodule(holder)._parameters[leaf] = value
        return cpu.run(cell, x, dt, keep, h)

    assert torch.autograd.gradcheck(run, (x, dt, h, *parameters.values()))


@pytest.mark.parametrize("name", CELLS)
def test_stale_work_memory_is_never_read(name: str) -> None:
    """NaN inputs leave NaN in every work buffer, and torch fills its fresh memory with NaN too."""
    cell = build(name, 7)
    arguments = inputs(cell, 3, 5)
    truth = results(cpu.run, cell, *arguments)
    poison = build(name, 40)
    torch.use_deterministic_algorithms(True)
    try:
        for batch in (1, 40):
            x, dt, keep, h = inputs(poison, batch, 40)
            x, h = (torch.full_like(part, torch.nan, requires_grad=True) for part in (x, h))
            if "euler" not in name:
                results(cpu.run, poison, x, dt, keep, h)
        again = results(cpu.run, cell, *arguments)
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(value, truth[key]) for key, value in again.items())


@pytest.mark.parametrize("name", CELLS)
def test_every_layout_and_every_part_of_the_gradient(name: str) -> None:
    cell = build(name, 6)
    x, dt, keep, h = inputs(cell, 4, 5, masked=True)
    turned = [part.transpose(0, 1).contiguous().transpose(0, 1) for part in (x, dt, keep, h)]
    y, last = cpu.run(cell, x, dt, keep, h)
    y_turned, last_turned = cpu.run(cell, *turned)
    assert torch.equal(y, y_turned)
    assert torch.equal(last, last_turned)
    with torch.no_grad():
        assert torch.equal(y, cpu.run(cell, x, dt, keep, h)[0])
    spread = torch.full((), 0.5, dtype=dt.dtype).expand(4, 5)  # no memory of its own
    assert error(cpu.run(cell, x, spread, None, h)[0], reference.run(cell, x, spread, None, h)[0]) < 1e-12
    for read in (lambda y, last: y[:, 2].sum(), lambda y, last: last.sum(), lambda y, last: y.sum().expand(3, 3).sum()):
        for part in ([h], [x], [dt], [next(iter(cell.parameters()))]):
            want = torch.autograd.grad(read(*reference.run(cell, x, dt, keep, h)), part)
            got = torch.autograd.grad(read(*cpu.run(cell, x, dt, keep, h)), part)
            assert error(got[0], want[0]) < 1e-12


@pytest.mark.parametrize("name", CELLS)
def test_empty_batches_and_sequences(name: str) -> None:
    cell = build(name, 4)
    for batch, time in ((0, 3), (3, 0), (0, 0)):
        x, dt, keep, h = inputs(cell, batch, time)
        y, last = cpu.run(cell, x, dt, keep, h)
        assert y.shape == (batch, time, cell.outputs)
        assert torch.equal(last, h)


@pytest.mark.parametrize("batch", [5, 7, 9])  # parts of a block too, whatever the instruction set
@pytest.mark.parametrize("name", ["ctrnn", "gated_ltc", "cfc", "gruode", "ltc"])
def test_torch_sees_one_sound_operator(name: str, batch: int) -> None:
    calls = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func.namespace == "tauflow":
                calls.append((func, args))
            return func(*args, **(kwargs or {}))

    cell = build(name, 5)
    x, dt, keep, h = inputs(cell, batch, 4, masked=True)
    with Watch():
        y, last = cpu.run(cell, x, dt, keep, h)
        (y.sum() + last.sum()).backward()
    assert len(calls) == 2
    function, arguments = calls[0]
    leaves = tree_map_only(Tensor, lambda a: a.detach().requires_grad_(a.is_floating_point()), arguments)
    torch.library.opcheck(function, leaves)
    function, arguments = calls[1]
    torch.library.opcheck(function, arguments, test_utils=("test_schema", "test_faketensor"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ctrnn", "ltc"])
def test_compile_and_export_with_dynamic_sizes(name: str) -> None:
    model = Recurrent(build(name, 5, torch.float32))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=True)
    for batch, time in ((3, 4), (7, 6), (20, 2)):
        x, dt, _, h = inputs(model.cell, batch, time)
        assert torch.equal(compiled(x, dt, None, h)[0], model(x, dt, None, h)[0])
    shapes = {0: torch.export.Dim("batch", min=2, max=64), 1: torch.export.Dim("time", min=2, max=64)}
    arguments = tuple(a.detach() for a in (x, dt))
    program = torch.export.export(model, arguments, dynamic_shapes=(shapes, shapes))
    nodes = [node for part in program.graph_module.modules() if hasattr(part, "graph") for node in part.graph.nodes]
    assert sum("tauflow" in str(node.target) for node in nodes) == 1
    x, dt, _, _ = inputs(model.cell, 9, 17)
    assert torch.equal(program.module()(x, dt)[0], model(x, dt)[0])


def test_what_the_kernels_can_not_do_is_said() -> None:
    cell = build("ctrnn", 3)
    x, dt, keep, h = inputs(cell, 2, 3)
    for other, word in (
        (CTRNN(3, 3, solver="rk4"), "rk4"),
        (CTRNN(3, 3, activation="gelu"), "gelu"),
        (CTRNN(3, 3).to("meta"), "meta"),
        (CTRNN(3, 3).bfloat16(), "bfloat16"),
    ):
        assert word in str(ops.why_not("cpu", other))
        with pytest.raises(BackendError, match=word):
            ops.run(other, x, dt, keep, h, backend="cpu")
    slope = torch.autograd.grad(cpu.run(cell, x, dt, keep, h)[0].sum(), x, create_graph=True)[0]
    with pytest.raises(BackendError, match="second derivatives"):
        torch.autograd.grad(slope.sum(), x)
    model = Recurrent(cell)
    torch.func.vmap(lambda x: model(x[None])[0])(x)  # on the reference
    with torch.autograd.forward_ad.dual_level():
        assert "forward-mode" in str(ops.why_not("cpu", cell))
    with pytest.raises(BackendError, match="vmap"):
        torch.func.vmap(lambda x: ops.run(cell, x[None], dt[:1], None, h[:1], backend="cpu")[0])(x)


def test_euler_refuses_long_steps() -> None:
    for cell in (CTRNN(2, 4, solver="euler"), GatedLTC(2, 4, solver="euler")):
        x, dt, keep, h = inputs(cell, 3, 5)
        for backend in ("cpu", "reference"):
            with pytest.raises(StepSizeError, match="time constants"):
                ops.run(cell, x, dt + 20, keep, h, backend=backend)


@pytest.mark.parametrize("name", ["ctrnn", "gated_ltc", "ltc", "gruode"])
def test_what_is_too_small_to_matter_counts_as_zero(name: str) -> None:
    """Numbers below 1.2e-38 cost a processor up to a hundred cycles each; the caller's own arithmetic keeps them."""
    cell = build(name, 8, torch.float32)
    x, dt, _, h = inputs(cell, 33, 60)
    y, _ = ops.run(cell, x, dt.detach() + 2, None, h, "cpu")
    (gradient,) = torch.autograd.grad(y[:, -1].sum() * 1e-35, [x])
    smallest = torch.finfo(torch.float32).tiny
    assert gradient[:, -1].abs().max() > smallest
    assert (gradient[:, 0] == 0).any()
    assert ((gradient == 0) | (gradient.abs() >= smallest)).all()
    assert float(torch.full((4,), 1e-30).mul(1e-10).min()) > 0


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_operator_called_by_hand_with_nothing_to_run(shape: tuple[int, int]) -> None:
    for operator, weights, options in (
        (cpu._layer, [(5, 5), (5, 2), (5,), (5,), (0,)], [0, 0, 1]),
        (cpu._gruode, [(15, 5), (15, 2), (15,)], [0, 1]),
    ):
        x, dt = torch.ones(*shape, 2), torch.ones(shape)
        h = torch.randn(shape[0], 5).requires_grad_()
        tensors = [torch.ones(size).requires_grad_() for size in weights]
        y, last, _ = operator.operator(x, dt, None, h, tensors, options, 0, 5, True)
        assert y.numel() == 0
        assert torch.equal(last, h)
        (last.sum() + y.sum()).backward()
        assert h.numel() == 0 or torch.equal(h.grad, torch.ones_like(h))
        assert not any(one.grad.any() for one in tensors if one.numel())


def test_many_python_threads_and_a_fork() -> None:
    cell = build("ctrnn", 16, torch.float32)
    arguments = inputs(cell, 64, 30)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    truth = results(cpu.run, cell, *arguments)
    wrong: list[str] = []

    def work() -> None:
        for _ in range(20):
            found = results(cpu.run, cell, *arguments)
            wrong.extend(key for key, value in found.items() if not torch.equal(value, truth[key]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    child = os.fork()
    if child == 0:
        y, _ = cpu.run(cell, *[None if a is None else a.detach() for a in arguments])
        os._exit(0 if torch.equal(y, truth["y"]) else 1)
    for thread in threads:
        thread.join()
    torch.set_num_threads(before)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not wrong


class Runs(torch.utils.data.Dataset[Tensor]):
    """Item i: what a kernel on three threads makes of a constant input i."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, i: int) -> Tensor:
        torch.set_num_threads(3)
        cell = build("gated_ltc", 9, torch.float32)
        with torch.no_grad():
            return cpu.run(cell, torch.full((40, 12, 3), float(i)), torch.ones(40, 12), None, cell.initial_state(40))[0]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores, where there is one
def test_workers_of_a_data_loader() -> None:
    loader = torch.utils.data.DataLoader(Runs(), batch_size=None, num_workers=2, multiprocessing_context="fork")
    before = torch.get_num_threads()
    here = [Runs()[i] for i in range(6)]
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(loader, here, strict=True))


def test_a_fork_after_torch_alone_used_threads() -> None:
    """The child must not wait for threads of torch that it has not."""
    program = """
import os, torch
from tauflow.cells import CTRNN
from tauflow.ops import cpu
torch.set_num_threads(3)
torch.ones(1000, 1000).sum()
child = os.fork()
cell = CTRNN(2, 8)
y, _ = cpu.run(cell, torch.ones(64, 5, 2), torch.ones(64, 5), None, cell.initial_state(64))
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
os._exit(0 if bool(y.isfinite().all()) else 1)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.slow
def test_nothing_grows() -> None:
    """Resident memory over 2,000 training steps of changing sizes."""

    def resident() -> int:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    cell = build("ctrnn", 16, torch.float32)
    for step in range(2000):
        y, _ = cpu.run(cell, *inputs(cell, 1 + step % 33, 1 + step % 20))
        y.sum().backward()
        if step == 200:
            start = resident()
    assert resident() - start < 2**20
