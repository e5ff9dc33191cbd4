"""The benchmark's own arithmetic, a tiny run of each of its parts, and the page that its kept results make."""

from __future__ import annotations

import importlib.util
import json
import mmap
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from benchmarks import machine, streaming
from benchmarks.__main__ import COMMANDS, main
from benchmarks.kernels import child, contestants, figure, goals, latency, memory, page, parity, run, scaling, timing
from benchmarks.kernels.shapes import Settings, Shape, data

ROOT = Path(__file__).parents[1]
TINY = Settings(
    quick=True,
    shapes={"A": Shape(2, 5, 3, 8), "C": Shape(2, 5, 3, 8, 2)},
    repeats=2,
    scaling_batch=2,
    times=(2, 4),
    units=(8, 12),
    sparsities=(0.5, 0.9),
    calls=200,
    seconds=0.01,
)


@pytest.fixture(scope="module")
def tiny():
    return run.measure(TINY, ["shapes", "scaling", "streaming"])


def test_every_model_is_measured(tiny):
    for key, shape in TINY.shapes.items():
        found = tiny["shapes"][key]["models"]
        assert list(found) == contestants.names(shape, key)
        assert all(one["cpu_ms"] > 0 and one["runs"] == 2 for one in found.values())
        assert all(far < parity.LIMIT for far in tiny["shapes"][key]["parity"].values())
    assert set(tiny["scaling"]) == {"time", "units", "synapses"}
    assert tiny["streaming"]["streams"]["torch LSTMCell 32"]["p50_us"] > 0


def test_the_page_of_a_run_holds_its_numbers(tiny):
    text = page.write(tiny)
    one = tiny["shapes"]["A"]["models"]["kernel.ctrnn"]
    assert f"| CTRNN, tauflow | {page.number(one['cpu_ms'])} |" in text
    assert tiny["machine"]["processor"] in text
    assert "not for comparison" in text.lower()


@pytest.mark.skipif(not run.KEPT.exists(), reason="no results are kept")
def test_the_page_is_what_the_kept_results_make():
    results = run.read(run.KEPT)
    assert (ROOT / "docs" / "performance.md").read_text() == page.write(results)


def test_the_figures_are_drawn(tiny, tmp_path):
    figure.speed(tiny, tmp_path / "speed.png")
    figure.scaling(tiny, tmp_path / "scaling.png")
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("speed.png", "scaling.png"))


def test_a_run_without_ncps_says_so(tiny, monkeypatch, tmp_path):
    for name in ("ncps", "ncps.torch", "ncps.wirings"):
        monkeypatch.setitem(sys.modules, name, None)
    results = {**tiny, "shapes": run.shapes(TINY)}
    assert "not installed" in results["shapes"]["A"]["models"]["ncps.ltc"]["missing"]
    assert "not installed" in results["shapes"]["A"]["models"]["drop-in.ltc"]["missing"]
    assert "not installed" in page.write(results)
    assert goals.outcome(goals.GOALS[0], results).reached is None
    figure.speed(results, tmp_path / "speed.png")


def test_a_wrong_kernel_is_not_timed(monkeypatch):
    right = contestants.output

    def wrong(name, shape):
        module = build(name, shape)
        if name == "kernel.ctrnn":
            with torch.no_grad():
                module.cell.b[0] += 1e-9
        return module

    build = contestants.build
    monkeypatch.setattr(parity, "build", wrong)
    with pytest.raises(RuntimeError, match=r"kernel\.ctrnn is .* away from reference"):
        parity.check(TINY.shapes["A"])
    assert right is contestants.output


def test_things_run_in_turn():
    order = []
    steps = {name: (lambda name=name: order.append(name)) for name in "ab"}
    found = timing.interleaved(steps, 3, "turns")
    assert order == list("ab" + 3 * "aabb")  # once before; then each timed one after one of its own
    assert found["a"]["runs"] == 3


def test_a_summary_is_the_median_and_the_ends():
    found = timing.summary([(3.0, 30.0), (1.0, 10.0), (9.0, 20.0)])
    assert found == {"cpu_ms": 3.0, "wall_ms": 20.0, "least_cpu_ms": 1.0, "greatest_cpu_ms": 9.0, "runs": 3}


def test_the_fitted_exponent():
    points = [(x, 0.5 * x**1.5) for x in (10, 30, 100)]
    assert scaling.fit(points)["exponent"] == pytest.approx(1.5)
    assert scaling.fit([*points, (200, 0.5 * 100**1.5 * 2)])["last"] == pytest.approx(1.0)


def test_goals_are_judged_in_the_right_direction():
    times = {"drop-in.ltc": {"cpu_ms": 2.0}, "ncps.ltc": {"cpu_ms": 50.0}}
    results = {"shapes": {"A": {"models": times}}, "streaming": {"streams": {"kernel LTC 32": {"p50_us": 2.5}}}}
    by_text = {one.text: one for one in goals.outcomes(results)}
    assert by_text["LTC A, drop-in against ncps"][1:] == ("25x", "25x", True)
    assert by_text["streaming LTC 32, p50"][1:] == ("2 µs", "2.50 µs", False)
    assert by_text["CTRNN A against nn.RNN"].measured == "not measured"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="no peak of memory that can be reset")
def test_a_peak_is_seen_after_it_is_gone():
    before = memory.reset_peak()
    # Pages of its own: the allocator may hold as much that is free, and then nothing grows.
    with mmap.mmap(-1, 16 * 2**20) as held:
        held[:: mmap.PAGESIZE] = bytes(len(held) // mmap.PAGESIZE)
    assert memory.status("VmHWM") - before == pytest.approx(16 * 2**20, rel=0.2)
    memory.reset_peak()
    assert memory.status("VmHWM") - before < 4 * 2**20


def test_torch_allocations_are_summed_at_their_peak():
    def run():
        a = torch.ones(2**20)
        del a
        torch.ones(2**19)

    assert memory.seen_by_torch(run) == pytest.approx(4 * 2**20, rel=0.05)


def test_a_child_returns_its_result_or_the_reason():
    shape = list(Shape(2, 3, 3, 8))
    found = child.call("benchmarks.kernels.memory:job", {"name": "kernel.ctrnn", "shape": shape})
    assert set(found) == {"process_mib", "torch_mib"}
    with pytest.raises(RuntimeError, match=r"memory:job\(.*failed"):
        child.call("benchmarks.kernels.memory:job", {"name": "kernel.nothing", "shape": shape})


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
def test_the_onnx_lstm_is_torchs():
    latency.onnx_lstm(np.random.default_rng(0).standard_normal((20, latency.INPUTS)).astype(np.float32))


def test_another_process_is_named():
    busy = {"load": 1.0, "busy": [{"name": "make", "per_cent": 90}]}
    assert "make" in page.busy(busy)
    assert page.busy({"load": 0.0, "busy": []}) == ""
    assert set(machine.others(0.01)) == {"load", "busy"}


def test_the_command_writes_what_it_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "QUICK", TINY)
    out = tmp_path / "kernels.json"
    main(["kernels", "--quick", "--only", "shapes", "--shapes", "A", "--out", str(out)])
    assert list(json.loads(out.read_text())["shapes"]) == ["A"]
    assert "not reached" in capsys.readouterr().out


def test_data_has_the_shape():
    x, dt = data(Shape(2, 5, 3, 8))
    assert x.shape == (2, 5, 3) and dt.shape == (2, 5) and bool((dt > 0).all())


def test_whole_networks_stream_what_their_sequences_give_and_are_timed_beside_their_goals(monkeypatch):
    monkeypatch.setattr(streaming, "CELLS", ["ctrnn"])
    monkeypatch.setattr(streaming, "SAMPLES", 16)
    measured = streaming.measure(turns=1, calls=2)
    lines = streaming.table(measured).splitlines()[4:]
    assert len(lines) == len(measured) == 4 + 1 + 3 + 1
    assert all(microseconds > 0 for _, microseconds in measured)
    assert all(
        one.goal is None or " met " in line or " missed " in line
        for (one, _), line in zip(measured, lines, strict=True)
    )


def test_a_stream_that_is_a_bit_away_is_not_timed(monkeypatch):
    class Wrong(tauflow.Network):
        def stream(self, *_, **__):
            right = super().stream()
            return lambda x, dt: np.nextafter(right(x, dt), np.float32(np.inf))

    with pytest.raises(streaming.ParityError, match=r"wrong: the stream is .* away"):
        streaming.streamed("wrong", Wrong(3, 1, "ctrnn", 4))


def test_every_measurement_is_a_command():
    root = Path(machine.__file__).parent
    found = {path for path in [*root.glob("*.py"), *root.glob("*/*.py")] if "\ndef add_arguments(" in path.read_text()}
    assert {Path(module.__file__) for module in COMMANDS.values()} == found
    assert all(module.__doc__ and callable(module.run) for module in COMMANDS.values())


@pytest.mark.slow
def test_the_load_on_a_server_measures_what_it_says(capsys):
    """A few sessions for a moment: the numbers are equal, and every line is printed."""
    main(["serve", "--sessions", "4", "--seconds", "0.2", "--half", "100", "--million", "200"])
    said = capsys.readouterr().out
    assert "4 of 4 to the bit" in said and "the end to the bit" in said
    assert said.count("steps a second over 4 sessions") == 2 and said.count("p99") == 3
