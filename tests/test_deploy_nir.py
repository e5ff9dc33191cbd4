"""The NIR graphs are the equation: held to stream(), read back, run by our interpreter and by snnTorch; what has no form is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tauflow
from tauflow import CTRNN, LTC, CfC, Committee, GatedLTC, Network, Recurrent, Stack
from tauflow.deploy import ExportError, export, plan
from tauflow.ops.cpu import ACTIVATIONS
from tests import deployed

nir = pytest.importorskip("nir")

from tauflow.deploy import nir_  # noqa: E402
from tauflow.deploy.nir_ import graph as graphs  # noqa: E402
from tauflow.deploy.nir_ import spiking  # noqa: E402
from tauflow.deploy.nir_.equation import INVERSES, solve  # noqa: E402
from tauflow.deploy.nir_.target import error, packed, read  # noqa: E402

Array = deployed.Array


def network(seed: int = 0, **parts: Any) -> Network:
    """Scales, a CTRNN, a readout, all of them measured and moved."""
    torch.manual_seed(seed)
    made = Network(3, 2, "ctrnn", 16, tau=(1.0, 10.0), **parts)
    made.scale.measure(1 + 2 * torch.randn(50, 3))
    made.head.measure(3 + 5 * torch.randn(50, 2))
    return made.eval()


NETWORKS = {
    "cell": lambda: deployed.make("ctrnn"),
    "network": lambda: network(period=0.3),
    "lecun_tanh": lambda: Recurrent(CTRNN(4, 9, "lecun_tanh")).eval(),
    "sigmoid": lambda: Recurrent(CTRNN(4, 9, "sigmoid", tau=(0.5, 3.0))).eval(),
}


def recorded(kind: str, n: int = 300) -> tuple[Any, Array, Array, Array]:
    """(equation, x, dt, y)"""
    made = NETWORKS[kind]()
    x, dt, _ = deployed.samples(made, n, 10.0)
    return nir_.equation(plan(made)), x, dt, deployed.streamed(made, x, dt, None)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_equation_that_was_found_is_the_network(kind: str) -> None:
    eq, x, dt, y = recorded(kind)
    assert deployed.worst(solve(eq, x, dt), y) <= 1e-6


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_error_of_a_bank_falls_as_one_over_its_thresholds(kind: str) -> None:
    """Read back from a file. A drive is at most half a level wrong, so a state at most 1 / (2 K) of its interval."""
    eq, x, dt, y = recorded(kind)
    found = {}
    for levels in (8, 32, 128):
        found[levels] = error(nir_.run(read(packed(nir_.bank(eq, levels))), x, dt), y)
    if kind == "cell":
        assert found[32].rms <= 5e-3 and found[128].rms <= 1.2e-3
    for few, many in ((8, 32), (32, 128)):
        assert 2.5 < found[few].rms / found[many].rms < 6.5
    states = eq._replace(V=np.eye(len(eq.tau)), D=0 * eq.D[:1].repeat(len(eq.tau), axis=0), v=np.zeros(len(eq.tau)))
    still = states._replace(W=0 * eq.W)  # without recurrence, errors do not return
    away = np.abs(nir_.run(nir_.bank(still, 32), x, dt) - solve(still, x, dt)).max(axis=0)
    assert (away <= eq.tau * (eq.sigma.high - eq.sigma.low) / 64 * (1 + 1e-5)).all()


@pytest.mark.parametrize("name", INVERSES)
def test_inverses(name: str) -> None:
    sigma = tauflow.activations.ACTIVATIONS[name]
    y = sigma.low + (sigma.high - sigma.low) * np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(sigma.function(torch.from_numpy(INVERSES[name](y))).numpy(), y, atol=1e-12)


def test_every_bounded_activation_of_a_ctrnn_has_its_inverse() -> None:
    known = tauflow.activations.ACTIVATIONS
    assert INVERSES.keys() == {name for name in ACTIVATIONS if known[name].bounded}


@pytest.mark.parametrize("kind", ["cell", "network", "sigmoid"])
def test_the_spiking_twin_follows_the_equation(kind: str) -> None:
    eq, x, _, _ = recorded(kind, 4)
    dt = np.full(4, spiking.unit_of(eq))
    found = [
        error(nir_.run(read(packed(nir_.twin(eq, p))), x, dt, spiking.STEPS), solve(eq, x, dt, spiking.STEPS))
        for p in (8, 32)
    ]
    assert found[1].rms <= 0.03 and found[1].rms < found[0].rms


def test_what_is_written_is_read_back() -> None:
    eq, *_ = recorded("network")
    for graph in (nir_.bank(eq, 8), nir_.twin(eq, 8)):
        back = read(packed(graph))
        assert sorted(back.edges) == sorted(graph.edges) and back.nodes.keys() == graph.nodes.keys()
        for name, node in graph.nodes.items():
            assert type(back.nodes[name]) is type(node)
            for field in ("weight", "bias", "tau", "r", "threshold", "v_threshold"):
                if hasattr(node, field):
                    assert np.array_equal(getattr(back.nodes[name], field), getattr(node, field))
    np.testing.assert_allclose(nir_.bank(eq, 8).nodes["leak"].tau, eq.tau * 0.3, rtol=1e-6)
    assert float(read(packed(nir_.twin(eq))).metadata["step"]) == spiking.unit_of(eq) / spiking.STEPS


class Leak(torch.nn.Module):
    """LI for a simulator that has none."""

    def __init__(self, node: Any, step: float) -> None:
        super().__init__()
        self.tau, self.r = torch.from_numpy(node.tau), torch.from_numpy(node.r)
        self.v, self.step = torch.zeros_like(self.tau), step

    def forward(self, current: torch.Tensor) -> torch.Tensor:
        self.v = self.v - torch.expm1(-self.step / self.tau) * (self.r * current - self.v)
        return self.v


class Above(torch.nn.Module):
    """Threshold, which snnTorch has only inside of its neurons."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self.threshold = torch.from_numpy(node.threshold)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return (z > self.threshold).float()


def foreign(graph: Any, step: float) -> Any:
    """The graph in snnTorch, whose importer reads Affine, Linear and LIF; LI and Threshold it does not know."""
    nirtorch, importer = pytest.importorskip("nirtorch"), pytest.importorskip("snntorch.import_nir")
    theirs = dict.fromkeys((nir.Affine, nir.Linear), importer._nir_to_snntorch_module)
    theirs[nir.LIF] = lambda node: importer._nir_to_snntorch_module(node, init_hidden=True)
    ours = {nir.LI: lambda node: Leak(node, step), nir.Threshold: Above}
    return nirtorch.nir_to_torch(graph, {**theirs, **ours})


@pytest.mark.parametrize("form", ["bank", "twin"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_snntorch_runs_them_as_our_interpreter_does(form: str, tmp_path: Path) -> None:
    """snnTorch steps by 1e-4, so the network's period is a thousand of that."""
    torch.manual_seed(0)
    made = Network(3, 2, "ctrnn", 12, scale=None, tau=(1.0, 3.0), period=0.1).eval()
    eq = nir_.equation(plan(made))
    graph = nir_.bank(eq, 32) if form == "bank" else nir_.twin(eq)
    step, steps, samples = 1e-4, 1000, 3
    nir.write(tmp_path / "arm.nir", graph)
    theirs, state = foreign(nir.read(tmp_path / "arm.nir"), step), None
    x = np.random.default_rng(0).normal(size=(samples, 3)).astype(np.float32)
    ys = []
    with torch.no_grad():
        for sample in x:
            for _ in range(steps):
                y, state = theirs(torch.from_numpy(sample), state)
            ys.append(y.numpy().ravel())
    mine = nir_.run(graph, x, np.full(samples, 0.1), steps)
    exact = solve(eq, x, np.full(samples, 0.1), steps)
    assert deployed.worst(np.stack(ys), mine) <= (2e-3 if form == "bank" else 2e-2)
    assert deployed.worst(np.stack(ys), exact) <= 4e-2


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: Recurrent(LTC(3, 4)), "ltc has no exact form in NIR: its time constants follow its state"),
        (lambda: Recurrent(GatedLTC(3, 4)), "gated_ltc has no exact form in NIR: its time constants"),
        (lambda: Recurrent(CfC(3, 4)), "cfc has no exact form in NIR: its time constants.*multiplies signals"),
        (lambda: Network(3, 1, "wired_cfc", 9), "cfc has no exact form in NIR"),
        (lambda: Network(3, 1, "gru", 4), "gru has no exact form.*no node of NIR multiplies"),
        (lambda: Network(3, 1, "lstm", 4), "lstm has no exact form"),
        (lambda: Network(3, 1, "rnn", 4), "rnn has no exact form.*jumps"),
        (lambda: Network(3, 1, "gruode", 4), "gruode has no exact form"),
        (lambda: Network(3, 1, "ctrnn", 4, missing="missing"), "missing values has no exact form"),
        (lambda: Network(3, 1, "ctrnn", 4, waves="waves"), "waves has no exact form"),
        (lambda: Network(3, 1, "ctrnn", 4, pool="mean"), "pool has no exact form"),
        (lambda: Network(3, 2, "ctrnn", 4, head="classes"), "log_softmax has no exact form"),
        (
            lambda: Network(3, 1, "ctrnn", 4, encoder="dense"),
            "'dense' with .* has no form.*linear maps around the core",
        ),
        (lambda: Network(3, 1, "ctrnn", 4, head="normal"), "'positive' has no form"),
        (lambda: Recurrent(CTRNN(3, 4, "relu")), "relu has no form in NIR: a bank of thresholds has a lowest"),
        (lambda: Recurrent(CTRNN(3, 4, solver="semi_implicit")), "solver semi_implicit; NIR holds an equation"),
        (lambda: Recurrent(CTRNN(3, 4, substeps=2)), "takes 2 substeps"),
        (lambda: Stack(CTRNN(3, 4), CTRNN(4, 2)), "2 CTRNN cores, NIR takes one"),
        (lambda: Committee(lambda: Network(3, 1, "ctrnn", 4), 2), "average has no exact form"),
    ],
)
def test_what_has_no_form_is_refused_with_the_reason_before_anything_is_written(
    made: Any, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=told):
        export(made(), "nir", tmp_path / "arm")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "broken"), [("cell", "arm.nir"), ("network", "arm_spiking.nir")])
def test_the_export_holds_a_check_that_runs_and_notices(kind: str, broken: str, tmp_path: Path) -> None:
    done = export(NETWORKS[kind](), "nir", tmp_path / "arm", "arm")
    assert done.error is not None and done.error <= 2e-2 and done.nanoseconds is None
    assert sorted(done.files) == ["README.md", "arm.nir", "arm_check.npz", "arm_check.py", "arm_spiking.nir"]
    assert len((done.folder / "README.md").read_text().splitlines()) <= 12
    command = [sys.executable, "-I", done.folder / "arm_check.py"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("of the range") == 2
    graph = nir.read(done.folder / broken)
    graph.nodes["into"].bias = graph.nodes["into"].bias + 0.5
    nir.write(done.folder / broken, graph)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_a_node_that_is_not_known_and_a_loop_without_a_leak() -> None:
    eq, x, dt, _ = recorded("cell", 2)
    graph = nir_.bank(eq, 4)
    graph.nodes["above"] = nir.I(r=np.ones(4 * len(eq.tau)))
    with pytest.raises(ValueError, match="'above' is of the kind I"):
        nir_.run(graph, x, dt)
    graph.edges.append(("steps", "recurrent"))
    with pytest.raises(ValueError, match="read each other with no leak"):
        nir_.run(graph, x, dt)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(tauflow.errors.MissingExtraError, match="tauflow\\[neuro\\]"):
        export(NETWORKS["cell"](), "nir", tmp_path / "arm")
    assert not list(tmp_path.iterdir()) and graphs.LEVELS == 128
