"""The C of an export, built and run on this machine: what the table of `tauflow export` measures and the tests ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..plan import Array, ExportError

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")

MAIN = """#include "{header}"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int count, char **words)
{{
    const int steps = count > 1 ? atoi(words[1]) : 0;
    static {name}_state s;
    static float x[{inputs} + 1], y[{outputs} + 1]{given};
    {read_given}{name}_reset{as_float}(&s{and_given});
    while (fread(x, sizeof *x, {inputs} + 1, stdin) == {inputs} + 1) {{
        y[{outputs}] = (float){name}_step{as_float}(&s, x, x[{inputs}], y);
        fwrite(y, sizeof *y, {outputs} + 1, stdout);
    }}
    {{
        const clock_t start = clock();
        int k;
        for (k = 0; k < steps; ++k) {{
            (void){name}_step{as_float}(&s, x, x[{inputs}], y);
        }}
        fprintf(stderr, "%.1f\\n", (double)(clock() - start) / CLOCKS_PER_SEC * 1e9 / (steps > 0 ? steps : 1));
    }}
    return 0;
}}
"""


class Ran(NamedTuple):
    """What came out: y (n, outputs), the status of every step, and how long one takes."""

    y: Array
    status: Array
    nanoseconds: float


def compiler() -> str | None:
    """The C compiler of this machine: CC, cc, gcc or clang; None where there is none."""
    return next(
        (found for one in (os.environ.get("CC"), "cc", "gcc", "clang") if one and (found := shutil.which(one))), None
    )


def run(files: dict[str, str], name: str, x: Array, dt: Array, outputs: int, given: Array | None = None,
        cc: str | None = None, flags: Sequence[str] = ("-O2",), timed: int = 0) -> Ran:  # fmt: skip
    """x (n, inputs), dt (n,) through the C of an export, then `timed` steps more by the clock."""
    cc = cc or compiler()
    if cc is None:
        raise ExportError("there is no C compiler on this machine: install gcc or clang, or set CC")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        whole = f"{name}_float.h" in files
        for file, text in {**files, "main.c": main(name, x.shape[1], outputs, given, whole)}.items():
            (place / file).write_text(text)
        build(place, [f"{name}.c", "main.c"], "run", cc, flags)
        samples = np.concatenate([x, dt[:, None]], axis=1).astype(np.float32).tobytes()
        before = b"" if given is None else given.astype(np.float32).tobytes()
        done = subprocess.run([place / "run", str(timed)], input=before + samples, capture_output=True, check=False)
    if done.returncode:
        raise ExportError(f"the C program ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    made = np.frombuffer(done.stdout, np.float32).reshape(len(x), outputs + 1)
    return Ran(made[:, :outputs], made[:, outputs].astype(int), float(done.stderr))


def size(files: dict[str, str], name: str) -> int:
    """Bytes of code and constants, built as small as the compiler can; of the source where no tool tells."""
    cc, tool = compiler(), shutil.which("size")
    if cc is None or tool is None:
        return len(files[f"{name}.c"])
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            (Path(folder) / file).write_text(text)
        subprocess.run([cc, "-std=c99", "-Os", "-c", f"{name}.c", "-o", "made.o"], cwd=folder, check=True)
        told = subprocess.run([tool, "-A", "made.o"], cwd=folder, capture_output=True, text=True, check=True).stdout
    sections = [line.split() for line in told.splitlines() if line.startswith((".text", ".rodata", ".data"))]
    return sum(int(section[1]) for section in sections)


def build(folder: Path, sources: Sequence[str], program: str, cc: str, flags: Sequence[str]) -> None:
    """Compile without a warning."""
    command = [cc, *WARNINGS, *flags, *sources, "-o", program, *(["-lm"] if "-DTAUFLOW_LIBM" in flags else [])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExportError(f"{' '.join(command)}: {done.stderr[-2000:]}")


def main(name: str, inputs: int, outputs: int, given: Array | None, whole: bool = False) -> str:
    """A program that reads samples as floats and writes answers and statuses; it tells the nanoseconds a step. whole: numbers."""
    read = (
        ""
        if given is None
        else f"if (fread(given, sizeof *given, {len(given)}, stdin) != {len(given)}) {{\n        return 1;\n    }}\n    "
    )
    size = "" if given is None else f", given[{len(given)}]"
    return MAIN.format(
        name=name,
        header=f"{name}_float.h" if whole else f"{name}.h",
        as_float="_float" if whole else "",
        inputs=inputs,
        outputs=outputs,
        given=size,
        read_given=read,
        and_given="" if given is None else ", given",
    )
