"""The ONNX models give the numbers of the network, one sample at a time and as a whole, for any batch, length and mask."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import tauflow
from tauflow import CTRNN, Network, Recurrent
from tauflow.cli import app
from tauflow.deploy import ExportError, Plan, export, plan
from tauflow.deploy.onnx_ import OPSET, write
from tests import deployed

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
target = pytest.importorskip("tauflow.deploy.onnx_.target")

Array = deployed.Array
FLOW = ("ctrnn", "gated_ltc", "ltc", "gruode")


class Model:
    """Both models of a network."""

    def __init__(self, network: Any) -> None:
        self.plan: Plan = plan(network)
        self.files = write(self.plan, "walker")
        self.step, self.sequence = (target.session(self.files[f"walker_{form}.onnx"]) for form in ("step", "sequence"))

    def by_steps(self, x: Array, dt: Array, given: Array | None) -> tuple[Array, Array]:
        """Answers (n, outputs), and the state."""
        h, ys = self.first(1), []
        for one, gap in zip(x, dt, strict=True):
            feed = {"x": one[None], "dt": gap[None], "h": h, **({} if given is None else {"given": given[None]})}
            y, h = self.step.run(["y", "h_next"], feed)
            ys.append(y[0])
        return np.stack(ys), h[0]

    def whole(self, x: Array, dt: Array, mask: Array, h: Array, given: Array | None = None) -> tuple[Array, Array]:
        feed = {"x": x, "dt": dt, "mask": mask, "h": h, **({} if given is None else {"given": given})}
        y, h = self.sequence.run(["y", "h_next"], feed)
        return y, h

    def first(self, batch: int) -> Array:
        return np.repeat(self.plan.first[None], batch, axis=0)


@cache
def model(kind: str) -> Model:
    return Model(deployed.make(kind))


@pytest.mark.parametrize("kind", deployed.MADE)
def test_a_thousand_uneven_steps_in_both_forms(kind: str) -> None:
    network, mine = deployed.make(kind), model(kind)
    x, dt, given = deployed.samples(network, 1000)
    expected = deployed.streamed(network, x, dt, given)
    ys, h = mine.by_steps(x, dt, given)
    assert deployed.worst(ys, expected) <= 1e-6
    rows = None if given is None else given[None]
    whole, last = mine.whole(x[None], dt[None], np.ones((1, 1000), bool), mine.first(1), rows)
    assert deployed.worst(whole[0], expected) <= 1e-6
    np.testing.assert_allclose(last[0], h, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "kind", [kind for kind in deployed.MADE if kind not in ("records with gaps", "controller", "pictures", "sensors")]
)
def test_in_float64_nothing_but_rounding_differs(kind: str) -> None:
    network = deployed.make(kind).double()
    x, dt, given = deployed.samples(network, 100)
    x, dt, given = x.astype(float), dt.astype(float), None if given is None else given.astype(float)
    ys, _ = Model(network).by_steps(x, dt, given)
    assert ys.dtype == float and deployed.worst(ys, deployed.streamed(network, x, dt, given)) <= 1e-14


def reference(network: Any, x: Array, dt: Array, mask: Array, h: Array, given: Array | None) -> tuple[Array, Array]:
    run = getattr(network, "prefixes", network)
    static = {} if given is None else {"static": torch.from_numpy(given)}
    with torch.no_grad():
        y, last = run(*map(torch.from_numpy, (x, dt, mask, h)), **static)
    return y.numpy(), last.numpy()


@pytest.mark.parametrize("kind", deployed.MADE)
@pytest.mark.parametrize(("batch", "time"), [(257, 6), (3, 1)])
def test_masks_batches_and_states_that_go_on(kind: str, batch: int, time: int) -> None:
    """Rows whose first samples are masked, all of whose samples are, gaps of zero, NaN under the mask: as the network in torch."""
    network, mine, rng = deployed.make(kind), model(kind), np.random.default_rng(1)
    longest = 1.0 if "euler" in kind else 20.0
    x, dt, given = deployed.samples(network, batch * time, longest)
    x, dt = x.reshape(batch, time, -1), dt.reshape(batch, time)
    mask = rng.random((batch, time)) < 0.6
    mask[0], mask[1] = True, False
    rows = None if given is None else rng.normal(size=(batch, len(given))).astype(np.float32)
    h = mine.first(batch)
    for _ in range(2):  # the second time from where the first ended
        expected, last = reference(network, x, dt, mask, h, rows)
        under = np.where(mask[..., None], x, np.float32(np.nan))
        y, then = mine.whole(under, np.where(mask, dt, np.float32(-1)), mask, h, rows)
        assert deployed.worst(y, expected) <= 2e-6
        assert deployed.worst(then, last) <= 2e-6
        assert np.array_equal(then[1], h[1])
        h = last


def test_many_rows_of_a_long_sequence_and_of_one_sample() -> None:
    network, mine = deployed.make("ctrnn"), model("ctrnn")
    for time in (4096, 1):
        x, dt, _ = deployed.samples(network, 257 * time, 3.0)
        rows = x.reshape(257, time, 4), dt.reshape(257, time), np.ones((257, time), bool), mine.first(257)
        y, last = mine.whole(*rows)
        expected, state = reference(network, *rows, None)
        assert deployed.worst(y, expected) <= 1e-6 and deployed.worst(last, state) <= 1e-6


@pytest.mark.parametrize("kind", ["wired_cfc", "ltc wired", "records with gaps"])
def test_long_sequences(kind: str) -> None:
    network, mine = deployed.make(kind), model(kind)
    x, dt, _ = deployed.samples(network, 4096, 3.0)
    y, _ = mine.whole(x[None], dt[None], np.ones((1, 4096), bool), mine.first(1))
    assert y.shape == (1, 4096, mine.plan.outputs)
    assert deployed.worst(y[0], deployed.streamed(network, x, dt, None)) <= 1e-6


@pytest.mark.parametrize(
    "kind", ["ctrnn", "wired_cfc", "lstm", "network", "records with gaps", "tokens", "attention", "stack"]
)
def test_what_can_not_be_right_gives_nan_and_keeps_the_state(kind: str) -> None:
    """One row of three is wrong; the others do not see it."""
    network, mine = deployed.make(kind), model(kind)
    x, dt, given = deployed.samples(network, 3)
    h = np.repeat(mine.by_steps(x, dt + 1, given)[1][None], 3, axis=0)
    rows = {} if given is None else {"given": np.repeat(given[None], 3, axis=0)}
    dt = np.ones(3, np.float32)
    good, then = mine.step.run(None, {"x": x, "dt": dt, "h": h, **rows})
    bad_gaps = [(x, np.array([1, gap, 1], np.float32)) for gap in (-1e-3, np.nan, np.inf)]
    wrong = [np.inf, *([] if mine.plan.knows_missing else [np.nan]), *([8.5, 9.0, -1.0] if kind == "tokens" else [])]
    bad_values = []
    for value in wrong:
        z = x.copy()
        z[1, -1] = value
        bad_values.append((z, dt))
    for z, gaps in bad_gaps + bad_values:
        y, new = mine.step.run(None, {"x": z, "dt": gaps, "h": h, **rows})
        assert np.isnan(y[1]).all() and np.array_equal(new[1], h[1])
        assert np.array_equal(y[[0, 2]], good[[0, 2]]) and np.array_equal(new[[0, 2]], then[[0, 2]])


def test_a_step_too_long_for_euler_and_a_state_that_overflows() -> None:
    mine = model("ctrnn euler")
    y, h = mine.step.run(None, {"x": np.ones((1, 4), np.float32), "dt": np.float32([1000]), "h": mine.first(1) + 1})
    assert np.isnan(y).all() and np.array_equal(h, mine.first(1) + 1)
    network = deployed.make("ctrnn relu")
    with torch.no_grad():
        network.cell.W.fill_(1e30)
    mine = Model(network)
    h = mine.first(1) + 1
    for _ in range(5):
        y, new = mine.step.run(None, {"x": np.ones((1, 4), np.float32), "dt": np.float32([10]), "h": h})
        before, h = h, new
    assert np.isnan(y).all() and np.isfinite(h).all() and np.array_equal(h, before)


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        (((1, 3), (1,), (1, 7)), "index: 1 Got: 3 Expected: 4"),
        (((4,), (1,), (1, 7)), "Invalid rank for input: x Got: 1 Expected: 2"),
        (((1, 4), (1,), (1, 6)), "index: 1 Got: 6 Expected: 7"),
        (((5, 4), (3,), (5, 7)), "broadcast"),
        (((5, 4), (5,), (3, 7)), "broadcast"),
    ],
)
def test_shapes_that_do_not_fit_are_errors_of_the_runtime(shapes: Any, told: str) -> None:
    feed = {name: np.zeros(shape, np.float32) for name, shape in zip(("x", "dt", "h"), shapes, strict=True)}
    with pytest.raises(Exception, match=told):
        model("ctrnn").step.run(None, feed)


def test_what_the_files_say_of_themselves() -> None:
    mine = model("attention")
    for form, axes in (("step", ["batch"]), ("sequence", ["batch", "time"])):
        made = onnx.load_from_string(mine.files[f"walker_{form}.onnx"])
        onnx.checker.check_model(made, full_check=True)
        assert [(one.domain, one.version) for one in made.opset_import] == [("", OPSET)]
        shapes = {
            one.name: [axis.dim_param or axis.dim_value for axis in one.type.tensor_type.shape.dim]
            for one in made.graph.input
        }
        assert shapes["x"] == [*axes, 4] and shapes["dt"] == axes and shapes["h"] == ["batch", 14]
        assert shapes["given"] == ["batch", 2] and ("mask" in shapes) == (form == "sequence")
        known = {one.key: one.value for one in made.metadata_props}
        assert float(known["period"]) == np.float32(3.7)
        assert np.array_equal(np.float32(json.loads(known["first"])), mine.plan.first) and mine.plan.first.min() < -1e29
        assert {node.op_type for node in made.graph.node} == {"Scan"} or form == "step"


@pytest.mark.parametrize("kind", deployed.MADE)
def test_every_node_and_constant_is_needed(kind: str) -> None:
    graph = onnx.load_from_string(model(kind).files["walker_step.onnx"]).graph
    read = {name for node in graph.node for name in node.input}
    made = {name for node in graph.node for name in node.output}
    assert {one.name for one in graph.initializer} <= read
    assert all(read.intersection(node.output) or {"y", "h_next"}.intersection(node.output) for node in graph.node)
    assert read <= made | {one.name for one in (*graph.initializer, *graph.input)}


@pytest.mark.parametrize("kind", ["wired_cfc", "attention", "records with gaps"])
def test_the_check_and_the_loop_of_the_readme_run(kind: str, tmp_path: Path) -> None:
    done = export(deployed.make(kind), "onnx", tmp_path / "arm", "arm")
    assert done.error is not None and done.error <= 1e-6 and done.nanoseconds is not None
    assert sorted(done.files) == sorted(path.name for path in done.folder.iterdir())
    told = subprocess.run(
        [sys.executable, "-I", done.folder / "arm_check.py"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("worst error over ")
    readme = (done.folder / "README.md").read_text()
    around = "".join(readme.split("```")[::2])
    assert sum(bool(line.strip()) for line in around.splitlines()) <= 10
    loop = readme.split("```python\n")[1].split("```")[0].replace('"arm_step.onnx"', "path")
    recorded = np.load(done.folder / "arm_check.npz")
    names = {"path": str(done.folder / "arm_step.onnx"), "samples": zip(recorded["x"], recorded["dt"], strict=True)}
    exec(loop, {**names, "given": recorded["given"][0] if "given" in recorded else None}, scope := {})
    assert deployed.worst(scope["y"][0], recorded["y"][-1]) <= 1e-6


def test_a_check_notices_another_weight(tmp_path: Path) -> None:
    done = export(deployed.make("wired_cfc"), "onnx", tmp_path / "arm", "arm")
    for form in ("step", "sequence"):
        path = done.folder / f"arm_{form}.onnx"
        whole = path.read_bytes()
        made = onnx.load_from_string(whole)
        held = made.graph.initializer or made.graph.node[0].attribute[0].g.initializer
        (bias,) = [one for one in held if list(one.dims) == [4]][:1]
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(0.1), bias.name))
        path.write_bytes(made.SerializeToString())
        told = subprocess.run([sys.executable, "-I", done.folder / "arm_check.py"], capture_output=True, check=False)
        assert told.returncode == 1
        path.write_bytes(whole)


def test_the_command_prints_the_loop(tmp_path: Path) -> None:
    tauflow.save(Recurrent(CTRNN(3, 5)), tmp_path / "cart.tau")
    arguments = ["export", str(tmp_path / "cart.tau"), "--to", "onnx", "--output", str(tmp_path / "cart")]
    shown = CliRunner().invoke(app, [*arguments, "--format", "table"], catch_exceptions=False)
    assert '\n    y, h = session.run(["y", "h_next"], {"x": [x], "dt": [dt], "h": h})' in shown.output


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (lambda: deployed.make("records with gaps").double(), "no gelu in float64: export network.float"),
        (lambda: deployed.make("pictures").double(), "no convolution in float64"),
        (lambda: Recurrent(CTRNN(2, 3, substeps=101)), "101 substeps.*at most 100"),
        (lambda: Recurrent(CTRNN(2, 3, solver="rk4")), "no solver rk4"),
    ],
)
def test_refusals_come_before_anything_is_written(network: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=told):
        export(network(), "onnx", tmp_path / "arm")
    assert not list(tmp_path.iterdir())


def test_without_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = export(Network(2, 1), "onnx", tmp_path / "unmeasured")
    assert done.error is None and done.nanoseconds is None and (done.folder / "network_step.onnx").exists()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(tauflow.errors.MissingExtraError, match=re.escape('pip install "tauflow[onnx]"')):
        export(Network(2, 1), "onnx", tmp_path / "none")
    assert [path.name for path in tmp_path.iterdir()] == ["unmeasured"]


PARTS: dict[str, Any] = {
    "core": st.sampled_from(["ctrnn", "gated_ltc", "ltc", "cfc", "gruode", "rnn", "gru", "lstm", "gru_decay"]),
    "units": st.integers(1, 6),
    "scale": st.sampled_from([None, "scale"]),
    "missing": st.sampled_from([None, "missing"]),
    "waves": st.sampled_from([None, "waves", {"name": "waves", "columns": [0]}]),
    "encoder": st.sampled_from([None, {"name": "dense", "units": [3], "activation": "silu"}]),
    "pool": st.sampled_from([None, "last", "mean", "max", "attention", "several"]),
    "readout": st.sampled_from(["linear", "skip", "wide", {"name": "deep", "units": 4}]),
    "head": st.sampled_from(["values", "quantiles", "normal", "student", "classes", "actions"]),
    "static": st.integers(0, 2),
    "period": st.sampled_from([1.0, 0.3]),
}


@given(st.integers(1, 4), st.integers(2, 3), st.fixed_dictionaries(PARTS), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_any_small_network(inputs: int, outputs: int, parts: dict[str, Any], seed: int) -> None:
    """In float64, where nothing hides behind rounding."""
    if parts["static"] == 0 and parts["readout"] == "wide":
        parts["readout"] = "linear"
    if parts["static"] > 0 and parts["readout"] != "wide":
        parts["readout"] = "wide"
    torch.manual_seed(seed)
    network = Network(inputs, outputs, **parts).double().eval()
    mine = Model(network)
    x, dt, static = deployed.samples(network, 40, 3.0, seed)
    x, dt, static = x.astype(float), dt.astype(float), None if static is None else static.astype(float)
    expected = deployed.streamed(network, x, dt, static)
    assert deployed.worst(mine.by_steps(x, dt, static)[0], expected) <= 1e-12
    rows = None if static is None else static[None]
    whole, _ = mine.whole(x[None], dt[None], np.ones((1, 40), bool), mine.first(1), rows)
    assert deployed.worst(whole[0], expected) <= 1e-12
