"""The C gives the numbers of stream() under two compilers and their sanitizers, without a warning; what it refuses changes nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tauflow
from tauflow import Network, Recurrent, WiredCfC
from tauflow.deploy import plan
from tauflow.deploy.c99 import _functions, host, write
from tauflow.wirings import auto_ncp
from tests import deployed

SANITIZED = ("-O1", "-g", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]
pytestmark = pytest.mark.skipif(not COMPILERS, reason="there is no C compiler on this machine")


def ran(network: Any, x: Any, dt: Any, given: Any = None, flags: Any = SANITIZED, cc: str | None = None) -> host.Ran:
    made = plan(network)
    return host.run(write(made, "walker"), "walker", x, dt, made.outputs, given, cc or COMPILERS[0], flags)


@pytest.mark.parametrize("kind", deployed.MADE)
def test_ten_thousand_uneven_steps(kind: str) -> None:
    network = deployed.make(kind)
    x, dt, given = deployed.samples(network, 10_000)
    made = ran(network, x, dt, given)
    assert not made.status.any()
    assert deployed.worst(made.y, deployed.streamed(network, x, dt, given)) <= 1e-6


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize(
    "flags", [("-O2",), ("-Os", "-DTAUFLOW_LIBM"), ("-O2", "-fsanitize=float-cast-overflow", "-Wconversion")]
)
def test_compilers_and_the_library_s_functions(cc: str, flags: tuple[str, ...]) -> None:
    if cc == "gcc" and "-fsanitize=float-cast-overflow" in flags:
        flags = (*flags, "-fno-sanitize-recover=all")
    for kind in ("records with gaps", "wired_cfc"):
        network = deployed.make(kind)
        x, dt, given = deployed.samples(network, 1000)
        made = ran(network, x, dt, given, flags, cc)
        assert deployed.worst(made.y, deployed.streamed(network, x, dt, given)) <= 1e-6


def test_what_is_refused_leaves_state_and_answer() -> None:
    network = deployed.make("cfc")
    good, _, _ = deployed.samples(network, 4)
    x = good.repeat(2, axis=0)
    gaps = np.array([1.0, 1, 1, -1e-38, 1, np.nan, 1, np.inf], np.float32)
    x[1, 2], x[2], x[3], x[4] = np.nan, good[1], good[1], good[2]
    made = ran(network, x, gaps)
    assert made.status.tolist() == [0, 1, 0, 2, 0, 2, 0, 2]
    stream = network.stream()
    expected = np.stack([stream(x[k], float(gaps[k])) for k in (0, 2, 4, 6)])
    np.testing.assert_allclose(made.y[::2], expected, atol=1e-6)
    assert np.array_equal(made.y[1::2], made.y[::2])
    x[1, 2] = 2e30
    assert ran(network, x, gaps).status[1] == 1


def test_a_step_too_long_for_euler_and_a_state_that_overflows() -> None:
    network = deployed.make("ctrnn euler")
    x, _, _ = deployed.samples(network, 3)
    assert ran(network, x, np.array([1.0, 1000.0, 1.0], np.float32)).status.tolist() == [0, 3, 0]
    network = deployed.make("ctrnn relu")
    with torch.no_grad():
        network.cell.W.fill_(1e30)
    made = ran(network, np.abs(x), np.full(3, 10.0, np.float32))
    assert made.status[-1] == 4 and np.isfinite(made.y).all()


def test_the_worst_numbers_that_may_come() -> None:
    """Nothing is undefined with samples and gaps at their limits."""
    for kind in ("ltc", "cfc pure", "records with gaps", "softplus", "gruode", "lstm", "classes of a sequence"):
        network = deployed.make(kind)
        x = np.array([[1e30] * 4, [-1e30] * 4, [0] * 4, [1e-45] * 4] * 3, np.float32)
        dt = np.repeat(np.array([3e38, 0, 1e-45], np.float32), 4)
        _, _, given = deployed.samples(network, 1)
        made = ran(network, x, dt, given, (*SANITIZED, "-fsanitize=float-cast-overflow"))
        assert set(made.status) <= {0, 4} and np.isfinite(made.y).all()


def test_several_instances() -> None:
    """Two states move independently: one in between changes nothing."""
    network = deployed.make("ltc wired")
    x, dt, _ = deployed.samples(network, 50)
    alone = ran(network, x, dt)
    files = write(plan(network), "walker")
    main = host.main("walker", 4, 4, None).replace(
        "static walker_state s;", "static walker_state s, other;\n    static float z[4];"
    )
    main = main.replace("walker_reset(&s);", "walker_reset(&s);\n    walker_reset(&other);")
    main = main.replace("        y[4] =", "        (void)walker_step(&other, y, 0.3f, z);\n        y[4] =")
    assert "&other, y" in main
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "main", lambda *_: main)
        both = host.run(files, "walker", x, dt, 4, None, COMPILERS[0], ("-O1",))
    np.testing.assert_allclose(both.y, alone.y, atol=1e-7)


FUNCTIONS = {
    "exp_of(x)": (np.exp, (-87, 87), "relative", 2e-7),
    "sigmoid_of(x)": (lambda x: 1 / (1 + np.exp(-x)), (-80, 80), "relative", 3e-7),
    "tanh_of(x)": (np.tanh, (-12, 12), "relative", 6e-7),
    "log_of(x)": (np.log, (1e-6, 1e6), "either", 2e-7),
    "log1p_of(x)": (np.log1p, (0, 100), "relative", 4e-7),
    "softplus_of(x)": (lambda x: np.logaddexp(0, x), (-80, 80), "relative", 6e-7),
    "wave_of(x, 1)": (np.cos, (-3000, 3000), "absolute", 2e-7),
    "wave_of(x, 0)": (np.sin, (-3000, 3000), "absolute", 2e-7),
    "root_of(x)": (np.sqrt, (0, 1e6), "relative", 2e-7),
    "normal_of(x)": (lambda x: 0.5 * (1 + torch.erf(torch.from_numpy(x) / 2**0.5).numpy()), (-6, 6), "absolute", 3e-7),
    "exponential(x)": (lambda x: -np.expm1(-x), (1e-7, 100), "relative", 9e-7),
}


@pytest.mark.parametrize("call", FUNCTIONS)
def test_the_stated_errors_of_the_functions(call: str, tmp_path: Path) -> None:
    function, (low, high), how, limit = FUNCTIONS[call]
    x = np.unique(
        np.concatenate([np.linspace(low, high, 200_001), np.linspace(max(low, -1), min(high, 1), 100_001)])
    ).astype(np.float32)
    x = x[(x >= low) & (x <= high) & (np.abs(x) > 1e-30)]
    lines = [
        f"{line}\n" for line in ("#include <stdint.h>", "#include <stdio.h>", "#include <string.h>", *_functions(call))
    ]
    lines += [
        f"int main(void) {{ float x; while (fread(&x, 4, 1, stdin) == 1) {{ x = {call}; fwrite(&x, 4, 1, stdout); }} return 0; }}"
    ]
    (tmp_path / "f.c").write_text("\n".join(lines))
    host.build(tmp_path, ["f.c"], "f", COMPILERS[0], ("-O1", *SANITIZED[2:]))
    y = np.frombuffer(
        subprocess.run([tmp_path / "f"], input=x.tobytes(), capture_output=True, check=True).stdout, np.float32
    )
    expected = function(x.astype(float))
    error = np.abs(y - expected)
    relative = error / np.maximum(np.abs(expected), 1e-300)
    worst = {"absolute": error, "relative": relative, "either": np.minimum(error, relative)}[how].max()
    assert worst <= limit


def test_a_network_of_19_neurons_is_small(tmp_path: Path) -> None:
    """Code and constants of an NCP-CfC of 19 neurons and 24 inputs, and its time a step."""
    torch.manual_seed(0)
    network = Recurrent(WiredCfC(24, auto_ncp(24, 19, 4)))
    for name, text in write(plan(network), "ncp").items():
        (tmp_path / name).write_text(text)
    subprocess.run(["gcc", "-std=c99", "-Os", "-c", "ncp.c"], cwd=tmp_path, check=True)
    size = (
        subprocess.run(["size", "ncp.o"], cwd=tmp_path, check=True, capture_output=True, text=True)
        .stdout.split("\n")[1]
        .split()
    )
    assert int(size[0]) <= 9500 and size[1:3] == ["0", "0"], "code and constants alone: nothing that changes"


def test_the_source_needs_no_library() -> None:
    files = write(plan(deployed.make("records with gaps")), "walker")
    code = "".join(files.values())
    assert "malloc" not in code.replace("no malloc", "").replace("without malloc", "")
    assert [line for line in code.splitlines() if line.startswith("#include <")] == [
        "#include <stdint.h>", "#include <string.h>", "#include <math.h>"
    ]  # fmt: skip


def test_what_does_not_fit_c_is_refused() -> None:
    with pytest.raises(tauflow.TauflowError, match=r"export network.float\(\)"):
        write(plan(Network(2, 1).double()), "walker")
    large = Recurrent(tauflow.CfC(2, 500, backbone_layers=0))
    with torch.no_grad():
        for head in ("ff1", "ff2", "time_a", "time_b"):
            getattr(large.cell, head).weight[:, ::2] = 0
    with pytest.raises(tauflow.TauflowError, match="too large for C"):
        write(plan(large), "walker")
