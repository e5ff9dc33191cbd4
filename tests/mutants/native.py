"""Edits of the C++ core. Each is compiled for this processor alone, in a copy of csrc/ in which one file is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutants.edit import ROOT, SOURCES, Edit
from tests.mutants.run import BUILD

KERNELS = ("test_kernels.py",)
STREAM = ("test_stream.py",)
NETWORK = ("test_network.py",)

EDITS = (
    Edit("CfC pure: sign of the gradient of w_tau below zero", "cfc.cpp",
         "where_less(w, zero, -one, where_less(zero, w, one, zero))",
         "where_less(w, zero, one, where_less(zero, w, one, zero))", ("test_kernels.py:cfc",)),
    Edit("CfC: time comes into the gate squared", "cfc.cpp",
         "g_dt = fma(of_s, L::load(heads + at + 2 * apart), g_dt);",
         "g_dt = fma(of_s * dt, L::load(heads + at + 2 * apart), g_dt);", ("test_kernels.py:cfc",)),
    Edit("LTC Euler: the longest step is not measured", "ltc.cpp",
         "if (SOLVER == EULER) longest = where_less(longest, z, z, longest);\n        const L moved = lerp(v,",
         "const L moved = lerp(v,", ("test_kernels.py:euler", *KERNELS)),
    Edit("LTC midpoint: half of the gradient of dt twice", "ltc.cpp", "own.g_base), Real(0.5), of_dt);",
         "own.g_base), Real(1), of_dt);", ("test_kernels.py:ltc",)),
    Edit("an exception in a thread of the team is lost", "pool.cpp",
         "if (failure_) std::rethrow_exception(failure_);", "", KERNELS),
    Edit("infinite gaps pass", "gaps.cpp", "gap <= std::numeric_limits<Real>::max()", "true", ("test_install.py:gaps",)),
    Edit("the last gap is not looked at", "gaps.cpp", "std::min(start + block, n)", "std::min(start + block, n - 1)",
         ("test_install.py:gaps",)),
    Edit("a stream does not hold at dt = 0", "stream.cpp", "moves = !(at.holds && dt == 0);",
         "moves = true;", STREAM),
    Edit("a stream takes an infinite gap", "stream.cpp", "dt <= std::numeric_limits<Real>::max()", "true", STREAM),
    Edit("a stream takes a long step", "stream.cpp", "if (!(moved.longest <= 1)) return", "if (false) return", STREAM),
    Edit("a layer: sign of the gradient of dt", "layer.cpp", "g_dt = fma(g_z, rate, g_dt);",
         "g_dt = fma(-g_z, rate, g_dt);", ("test_kernels.py:ctrnn",)),
    Edit("a layer: a held state hands on half its gradient", "layer.cpp",
         "where_less(zero, keep, moved * (one - ai), given).store(g + at);",
         "where_less(zero, keep, moved * (one - ai), given * L::splat(Real(0.5))).store(g + at);", KERNELS),
    Edit("decay ends at 9", "solvers.h", "return -expm1(-at_most(z, Real(80)));", "return -expm1(-at_most(z, Real(9)));",
         ("test_kernels.py:ltc",)),
    Edit("lerp from one side only", "solvers.h",
         "return where_less(a, Lanes<Real, B>::splat(0.5), fma(a, way, h), fma(a - Lanes<Real, B>::splat(1), way, q));",
         "return fma(a, way, h);", KERNELS),
    Edit("ReLU's slope is one at zero", "activations.h", "where_less(L::splat(0), f, one, L::splat(0));",
         "where_less(f, L::splat(0), L::splat(0), one);", KERNELS),
    Edit("time skipped is lost", "program.cpp", "t = (dt + skipped_) / program_.period;", "t = dt / program_.period;", NETWORK),
    Edit("what a pool remembers is not moved on", "program.cpp",
         "std::copy_n(now_ + cells.memory, program_.remembered_behind(), memory);", "", NETWORK),
    Edit("Missing: time passes at masked samples", "steps.cpp",
         "known ? Real(0) : real ? now[n + i] + t : now[n + i]", "known ? Real(0) : now[n + i] + t", NETWORK),
    Edit("steps: a masked sample counts in a pooled mean", "steps.cpp", "next[0] = now[0] + Real(real);",
         "next[0] = now[0] + Real(1);", NETWORK),
    Edit("steps: quantiles cross", "steps.cpp", "y[(k + 1) * columns + c] - softplus", "y[(k + 1) * columns + c] + softplus",
         NETWORK),
)  # fmt: skip


def built(edits: list[Edit], core: Path, jobs: int) -> list[tuple[Edit, Path]]:
    """Each edit with the core that it runs on; an edit of C++ with a core of its own, compiled now."""
    plain = [(edit, core) for edit in edits if not edit.native]
    native = [edit for edit in edits if edit.native]
    return [*plain, *_compiled(native, jobs)]


def _compiled(edits: list[Edit], jobs: int) -> list[tuple[Edit, Path]]:
    if not edits:
        return []
    source, build = BUILD / "source", BUILD / "native"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    shutil.copytree(SOURCES[1], source / "csrc")
    shutil.copy(ROOT / "CMakeLists.txt", source)
    found = subprocess.run(
        [sys.executable, "-m", "nanobind", "--cmake_dir"], capture_output=True, text=True, check=True
    )
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def make(*command: str) -> None:
        subprocess.run(command, env=tools, check=True, stdout=subprocess.DEVNULL)

    make("cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", "-DSKBUILD_PROJECT_VERSION=0.1.0",
         "-DTAUFLOW_MARCH=native", f"-Dnanobind_DIR={found.stdout.strip()}", f"-DPython_EXECUTABLE={sys.executable}")  # fmt: skip
    ready = []
    for number, edit in enumerate(edits):
        broken = source / "csrc" / edit.path.name
        whole = broken.read_text("utf-8")
        broken.write_text(edit.applied(), "utf-8")
        make("cmake", "--build", str(build), "--parallel", str(jobs))
        (core,) = build.glob("_core*.so")
        place = BUILD / f"core-{number}" / core.name
        place.parent.mkdir(exist_ok=True)
        shutil.copy(core, place)
        broken.write_text(whole, "utf-8")
        ready.append((edit, place))
    return ready
