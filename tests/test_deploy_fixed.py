"""C in whole numbers: near stream() with every cell and solver, with a proof that no sum overflows, and never wrong in silence."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tauflow
from tauflow import CTRNN, CfC, Recurrent
from tauflow.deploy import ExportError, Plan, export, fixed, plan
from tauflow.deploy.c99 import host
from tauflow.deploy.c99.functions import chosen, chunks
from tauflow.deploy.fixed.rows import reach, rows
from tauflow.deploy.record import Record, record
from tests import deployed

SANITIZED = ("-O1", "-g", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]
pytestmark = pytest.mark.skipif(not COMPILERS, reason="there is no C compiler on this machine")

# int8: states up to 100 times a weight, the greatest or the mean of the past through more layers
HARD = {"ctrnn euler": 4e-2, "largest": 4e-2, "committee of classes": 4e-2}
WORST, RMS = {16: 2e-3, 8: 1.2e-2}, {16: 1e-3, 8: 4e-3}  # of the range
QUICK = ("ctrnn", "ltc wired", "wired_cfc", "gruode", "lstm", "records with gaps")


def written(kind: str, bits: int) -> tuple[Any, Plan, Record, dict[str, str]]:
    network = deployed.make(kind)
    made = plan(network)
    known = record(network, made)
    seen = fixed.measure(made, known.seen.x, known.seen.dt, known.given)
    return network, made, known, fixed.write(made, "walker", bits, seen)


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in deployed.MADE]
)
def test_answers_as_the_stream(kind: str, bits: int) -> None:
    _, made, known, files = written(kind, bits)
    ran = host.run(files, "walker", known.x, known.dt, made.outputs, known.given, COMPILERS[-1], SANITIZED)
    assert not ran.status.any()
    assert known.worst(ran.y) <= (HARD.get(kind, 0) if bits == 8 and kind in HARD else WORST[bits])
    away = (ran.y - known.y) / max(float(np.ptp(known.y)), float(np.abs(known.y).max()))
    assert float(np.sqrt((away**2).mean())) <= (2 if kind in HARD else 1) * RMS[bits]


ODD = (
    "cfc pure",
    "gruode",
    "softplus",
    "largest",
    "committee of classes",
    "attention",
    "records with gaps",
    "committee of normals",
)


@pytest.mark.parametrize(
    "kind", ["ltc", "cfc", "ctrnn relu", "lstm", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ODD)]
)
@pytest.mark.parametrize("bits", [16, 8])
def test_the_worst_numbers_that_may_come(kind: str, bits: int) -> None:
    """Nothing overflows, which the sanitizers would say, whatever comes: samples and gaps at their limits, for long."""
    _, made, known, files = written(kind, bits)
    x = np.tile(np.array([[1e30], [-1e30], [0], [1e-45]], np.float32), (10, made.inputs))
    x *= np.where(np.random.default_rng(0).random(x.shape) < 0.5, 1, -1).astype(np.float32)
    dt = np.repeat(np.array([3e38, 0, 1e-45, 1, 1000], np.float32), 8)
    ran = host.run(files, "walker", x, dt, made.outputs, known.given, COMPILERS[0], SANITIZED)
    assert not ran.status.any() and np.isfinite(ran.y).all()


@pytest.mark.parametrize("cc", COMPILERS)
def test_no_floating_point_and_no_warning(cc: str, tmp_path: Path) -> None:
    for kind in ("ltc wired", "largest"):
        _, _, _, files = written(kind, 8)
        code = re.sub(r"/\*.*?\*/", "", files["walker.c"], flags=re.DOTALL)
        assert not re.search(r"\b(float|double|malloc|int64_t \w+\[)\b|\d\.\d", code)
        assert re.findall("#include .*", code + files["walker.h"]) == ['#include "walker.h"', "#include <stdint.h>"]
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        for flags in (["-O2"], ["-Os"], ["-O3"]):
            host.build(tmp_path, ["-c", "walker.c"], "walker.o", cc, flags)
        told = subprocess.run(["size", "-A", "walker.o"], cwd=tmp_path, check=True, capture_output=True, text=True)
        assert not re.search(r"^\.(data|bss) +[1-9]", told.stdout, re.MULTILINE), "nothing that changes"


def test_every_gap_moves_the_state() -> None:
    """A gap above zero lasts at least a unit, so that no sample is lost, and a gap of zero holds what holds."""
    network, made, known, files = written("ctrnn", 16)
    x = np.repeat(known.x[:1], 400, axis=0)
    tiny = host.run(files, "walker", x, np.full(400, 1e-7, np.float32), made.outputs).y
    none = host.run(files, "walker", x, np.zeros(400, np.float32), made.outputs).y
    assert np.abs(tiny[-1]).max() > np.abs(none[-1]).max() == 0
    small = np.full(4000, 1e-3, np.float32)  # a share of 1e-4 of the way: 16 bits alone would stand still
    ran = host.run(files, "walker", np.repeat(x[:1], 4000, axis=0), small, made.outputs).y
    expected = deployed.streamed(network, np.repeat(x[:1], 4000, axis=0), small, None)
    assert np.abs(ran[-1] - expected[-1]).max() <= 2e-3 * np.abs(expected).max()


def test_what_is_refused_leaves_state_and_answer() -> None:
    network, made, known, files = written("cfc", 16)
    x, gaps = known.x[:8].copy(), np.array([1.0, 1, 1, -1e-38, 1, np.nan, 1, np.inf], np.float32)
    x[1, 2] = np.nan
    ran = host.run(files, "walker", x, gaps, made.outputs)
    assert ran.status.tolist() == [0, 1, 0, 2, 0, 2, 0, 2]
    assert np.array_equal(ran.y[1::2], ran.y[::2])
    expected = deployed.streamed(network, x[::2], gaps[::2], None)
    np.testing.assert_allclose(ran.y[::2], expected, atol=2e-3)
    _, made, _, files = written("ctrnn euler", 8)
    assert host.run(files, "walker", x[4:7], np.array([1, 1000, 1], np.float32), made.outputs).status.tolist() == [
        0,
        3,
        0,
    ]
    _, made, _, files = written("tokens", 8)
    tokens = np.array([[0], [9], [-1], [8]], np.float32)
    assert host.run(files, "walker", tokens, np.ones(4, np.float32), made.outputs).status.tolist() == [0, 1, 1, 0]


def test_missing_values_are_told_apart_from_numbers() -> None:
    torch.manual_seed(0)
    network = tauflow.Network(3, 2, "cfc", 5, missing="missing", tau=(2.0, 20.0))
    made = plan(network)
    known = record(network, made)
    seen = fixed.measure(made, known.seen.x, known.seen.dt)
    ran = host.run(fixed.write(made, "walker", 16, seen), "walker", known.x, known.dt, made.outputs)
    assert not ran.status.any() and np.isnan(known.x).any() and known.worst(ran.y) <= 2e-3


@pytest.mark.parametrize("bits", [16, 8])
def test_the_proof_of_the_sums(bits: int) -> None:
    """The bound at the tables is met by the worst vector, and is below 2^31; the rows are near the map."""
    rng = np.random.default_rng(0)
    for n, m, size in ((3, 1, 1e-3), (5, 40, 1.0), (2, 3000, 0.01)):
        W, b = rng.normal(size=(n, m)) * size, rng.normal(size=n)
        made = rows(W, b, 12, bits)
        worst = made.bias + (made.q * np.where(made.q > 0, 32767, -32768)).sum(axis=1)
        assert np.abs(worst).max() <= made.reach == reach(made.q, made.bias) < 2**31
        z = rng.integers(-32767, 32768, size=(m, 50))
        sums = ((made.q @ z + made.bias[:, None]) * made.scale[:, None]) / 2.0**47
        exact = W @ (z / 4096) + b[:, None]
        steps = np.abs(W).max(axis=1) / (127 if bits == 8 else 32767) + np.abs(W).sum(axis=1) / 65000
        assert (np.abs(sums - exact) <= 8 * np.sqrt(m) * steps[:, None] + 1e-3).all()
    with pytest.raises(ExportError, match="give the network a scale"):
        rows(np.full((1, 4), 1e4), np.zeros(1), 12, bits)


FUNCTIONS = {
    "tanh_of(v)": (lambda v: np.tanh(v / 2**15) * 2**15, (-300_000, 300_000), 2),
    "sigmoid_of(v)": (lambda v: 2**15 / (1 + np.exp(-v / 2**15)), (-600_000, 600_000), 3),
    "exponential((uint64_t)v)": (lambda v: -np.expm1(-v / 2**24) * 2**30, (0, 2**30), 3200),
    "semi_implicit((uint64_t)v)": (lambda v: v / 2**24 / (1 + v / 2**24) * 2**30, (0, 2**30), 2**14),
    "log_of((uint32_t)v)": (lambda v: np.log(v / 2**16) * 2**16, (2**16, 2**31 - 1), 2),
    "exp_of(v)": (lambda v: np.exp(v / 2**16) * 2**30, (-(2**20), 0), 3200),
    "sine_of((uint32_t)v)": (lambda v: np.sin(v / 2**32 * 2 * np.pi) * 2**30, (0, 2**31 - 1), 1074),
    "root_of((uint64_t)v)": (lambda v: np.floor(np.sqrt(v)), (0, 2**31 - 1), 0),
    "softplus_of(v)": (lambda v: np.logaddexp(0, v / 2**16) * 2**16, (-(2**21), 2**21), 3),
}


@pytest.mark.parametrize("call", FUNCTIONS)
def test_the_stated_errors_of_the_functions(call: str, tmp_path: Path) -> None:
    """In units of the last place of their results."""
    function, (low, high), limit = FUNCTIONS[call]
    v = np.unique(
        np.concatenate([np.linspace(low, high, 100_001), np.linspace(max(low, -70_000), min(high, 70_000), 50_001)])
    )
    v = v.astype(np.int32)
    known = chunks(fixed.STEPS)
    code = "\n".join(known[one] for one in chosen(known, call))
    table = fixed._tanh() if "tanh_table" in code else ""
    (tmp_path / "f.c").write_text(
        f"#include <stdint.h>\n#include <stdio.h>\n{table}{code}\nint main(void) {{ int32_t v; "
        f"while (fread(&v, 4, 1, stdin) == 1) {{ v = {call}; fwrite(&v, 4, 1, stdout); }} return 0; }}"
    )
    host.build(tmp_path, ["f.c"], "f", COMPILERS[0], SANITIZED)
    made = subprocess.run([tmp_path / "f"], input=v.tobytes(), capture_output=True, check=True).stdout
    assert np.abs(np.frombuffer(made, np.int32) - function(v.astype(float))).max() <= limit


def test_an_export_holds_its_check_and_calibration_is_read(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = tauflow.Network(["angle", "speed"], ["force"], "wired_cfc", 9)
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.normal(size=(400, 2)) * [0.1, 3], rng.uniform(0.01, 2, 400)])
    network.scale.measure(torch.from_numpy(table[:, :2]).float())  # type: ignore[union-attr, operator]
    np.savetxt(tmp_path / "log.csv", table[:, [1, 2, 0]], delimiter=",", header="speed,dt,angle", comments="")
    done = export(network, "c", tmp_path / "cart", "cart", numbers="int8", calibrate=tmp_path / "log.csv")
    assert done.target == "c int8" and done.error is not None and done.error <= 1.2e-2
    assert sorted(done.files) == ["README.md", "cart.c", "cart.h", "cart_check.c", "cart_float.h"]
    host.build(done.folder, ["cart.c", "cart_check.c"], str(tmp_path / "check"), COMPILERS[0], ["-O2"])
    assert subprocess.run([tmp_path / "check"], capture_output=True, check=False).returncode == 0
    np.savez(tmp_path / "log.npz", x=table[:, :2], dt=table[:, 2])
    again = export(network, "c", tmp_path / "again", "cart", numbers="int8", calibrate=tmp_path / "log.npz")
    assert (again.folder / "cart.c").read_text() == (done.folder / "cart.c").read_text()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"to": "numpy", "numbers": "int8"}, "for C alone"),
        ({"numbers": "int4"}, "expected float, int16, int8"),
        ({"calibrate": "few.csv", "numbers": "float"}, "calibrate is for"),
        ({"calibrate": "none.csv"}, "can't read"),
        ({"calibrate": "few.csv"}, "expected at least 40"),
        ({"calibrate": "names.csv"}, "has the columns a, b, c, expected 2 inputs and dt"),
        ({"calibrate": "words.csv"}, "line 2 of .* has 'x', expected a number"),
        ({"calibrate": "hole.csv"}, "sample 0 of .* holds NaN"),
        ({"calibrate": "no.npz"}, "holds no x"),
    ],
)
def test_what_is_refused_before_anything_is_written(given: dict[str, Any], told: str, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("a,b,dt\n" + "1,2,0.1\n" * 5)
    (tmp_path / "names.csv").write_text("a,b,c\n" + "1,2,3\n" * 50)
    (tmp_path / "words.csv").write_text("a,b\n" + "x,2\n" * 50)
    (tmp_path / "hole.csv").write_text("a,b\n" + ",2\n" * 50)
    np.savez(tmp_path / "no.npz", y=np.zeros(3))
    given = {"to": "c", "numbers": "int8", **given}
    if "calibrate" in given:
        given["calibrate"] = tmp_path / given["calibrate"]
    with pytest.raises(ExportError, match=told):
        export(Recurrent(CTRNN(2, 3)), folder=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_a_network_too_wide_for_whole_numbers_says_so() -> None:
    network = Recurrent(CfC(2, 3, backbone_layers=0))
    made = plan(network)
    known = record(network, made)
    far = fixed.measure(made, known.seen.x * 1e6, known.seen.dt)
    with pytest.raises(ExportError, match="give the network a scale"):
        fixed.write(made, "walker", 8, far)


def test_what_32_bits_can_not_hold_together_is_named() -> None:
    torch.manual_seed(0)
    network = tauflow.Network(2, 1, "ctrnn", 3)
    for mean, width in ((1e7, 1e-3), (0.0, 1e-12), (1e12, 1e11)):
        network.scale.mean.fill_(mean)  # type: ignore[union-attr, operator]
        network.scale.width.fill_(width)  # type: ignore[union-attr, operator]
        made = plan(network)
        known = record(network, made)
        seen = fixed.measure(made, known.seen.x, known.seen.dt)  # type: ignore[union-attr]
        if mean == 1e7:
            with pytest.raises(ExportError, match=r"input 0 has a mean of 1e.07 and a spread of 0\.001"):
                fixed.write(made, "walker", 16, seen)
            continue
        ran = host.run(fixed.write(made, "walker", 16, seen), "walker", known.x, known.dt, made.outputs)
        assert not ran.status.any() and known.worst(ran.y) <= 2e-3


def test_the_order_of_functions_is_that_of_the_file() -> None:
    known = chunks(fixed.STEPS)
    assert chosen(known, "lstm(") == [name for name in known if name in chosen(known, "lstm(")]
    assert "tanh_of" in chosen(known, "lstm(") and "hear" not in chosen(known, "lstm(")
