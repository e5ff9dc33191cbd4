"""Boards that are emulated here: an export is built for them without a warning, run, and asked what came out and what a step costs.

ARM and RISC-V run in QEMU, where an instruction takes a nanosecond of its clock, AVR in simavr, which counts clocks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tauflow.deploy.c99 import number
from tauflow.deploy.c99.host import WARNINGS

Array = NDArray[Any]

HERE = Path(__file__).parent
WORST_UNIT = 1e8  # errors of floats are printed in units of 1 / this


@dataclass(frozen=True)
class Board:
    """How to build for it and how to run it; unit: what one tick of its counter stands for."""

    title: str
    compiler: str
    emulator: str
    flags: tuple[str, ...]
    command: tuple[str, ...]
    start: str  # its file of C
    unit: int
    counts: str = "instructions"

    def missing(self) -> str | None:
        """The tool that is not installed, if one is missing."""
        return next((tool for tool in (self.compiler, self.emulator) if tool and shutil.which(tool) is None), None)


def _arm(title: str, machine: str, unit: int, *flags: str) -> Board:
    command = ("qemu-system-arm", "-M", machine, "-nographic", "-icount", "shift=0", "-monitor", "none", "-serial", "null",
               "-semihosting-config", "enable=on,target=native", "-kernel")  # fmt: skip
    return Board(title, "arm-none-eabi-gcc", "qemu-system-arm", ("-mthumb", *flags), command, "arm", unit)


RISCV = ("-march=rv32imac", "-misa-spec=2.2", "-mabi=ilp32", "-specs=picolibc.specs")
VIRT = ("qemu-system-riscv32", "-M", "virt", "-nographic", "-bios", "none", "-icount", "shift=0", "-monitor", "none",
        "-serial", "stdio", "-kernel")  # fmt: skip
SIMAVR = ("simavr", "-m", "atmega1284p", "-f", "16000000")

HOST = Board("this machine", "gcc", "", (), (), "host", 1, "nothing")
BOARDS = {
    "m0": _arm("Cortex-M0", "microbit", 62, "-mcpu=cortex-m0"),
    "m4f": _arm("Cortex-M4F", "mps2-an386", 40, "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    "m7": _arm("Cortex-M7", "mps2-an500", 40, "-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
    "rv32": Board("RISC-V rv32imac", "riscv64-unknown-elf-gcc", "qemu-system-riscv32", RISCV, VIRT, "riscv", 1),
    "avr": Board("ATmega1284P", "avr-gcc", "simavr", ("-mmcu=atmega1284p",), SIMAVR, "avr", 8, "clocks"),
}


@dataclass(frozen=True)
class Ran:
    """status: of all steps, or-ed; sum: over the bits of the answers; worst: error of the answers; count: a step's instructions."""

    status: int
    sum: int
    worst: float
    count: int
    size: int  # bytes of code and constants


def run(board: Board, files: Mapping[str, str], name: str, x: Array, dt: Array, y: Array, optimize: str = "-Os") -> Ran:
    """Samples x (n, inputs), dt (n,) through NAME.h and NAME.c; whole numbers or floats, as the arrays are; y: what to compare with."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for file, text in files.items():
            (place / file).write_text(text)
        (place / "samples.h").write_text(samples(name, x, dt, y))
        flags = ["-std=c99", optimize, *board.flags]
        call([board.compiler, *WARNINGS, *flags, "-c", f"{name}.c", "-o", "net.o"], place)
        more = [f"-DNET_state={name}_state", f"-DNET_reset={name}_reset", f"-DNET_step={name}_step", f"-I{folder}"]
        sources = [HERE / "program.c", HERE / f"{board.start}.c"]
        # -std=gnu99: the boards' own files hold assembler
        build = [
            board.compiler,
            "-std=gnu99",
            optimize,
            *board.flags,
            f"-DBOARD_UNIT={board.unit}u",
            *more,
            *map(str, sources),
            "net.o",
        ]
        call([*build, *link(board), "-o", "program.elf"], place)
        told = call([*board.command, str(place / "program.elf")], place, timeout=120)
        size = sections(place / "net.o", re.sub("gcc$|clang$", "size", board.compiler))
    found = dict(re.findall(r"(status|sum|worst|count) (\d+)", told))
    if len(found) < 4:
        raise RuntimeError(f"{board.title}: {told[-2000:]}")
    scale = 1 if np.asarray(y).dtype.kind == "i" else WORST_UNIT
    return Ran(int(found["status"]), int(found["sum"]), int(found["worst"]) / scale, int(found["count"]), size)


def link(board: Board) -> list[str]:
    """How the program becomes one for a board without an operating system."""
    if board.start in ("avr", "host"):
        return []
    libraries = ["-specs=nosys.specs"] if board.start == "arm" else []
    return [*libraries, "-nostartfiles", "-static", f"-T{HERE / board.start}.ld"]


def samples(name: str, x: Array, dt: Array, y: Array) -> str:
    """samples.h: what program.c reads."""
    whole = x.dtype.kind == "i"
    kind, say = ("int32_t", _whole) if whole else ("float", number)

    def rows(array: Array) -> str:
        return ",\n".join(f"    {{{', '.join(say(one) for one in row)}}}" for row in array.tolist())

    return f"""#include "{name}.h"

#include <stdint.h>

typedef {kind} number;
#define OUTPUTS {y.shape[1]}
#define STEPS {len(x)}
#define WORST_UNIT {"1" if whole else "1e8f"}
static const number samples[STEPS][{x.shape[1]}] = {{
{rows(x)}
}};
static const number gaps[STEPS] = {{{", ".join(say(one) for one in dt.tolist())}}};
static const number expected[STEPS][OUTPUTS] = {{
{rows(y)}
}};
"""


def _whole(value: float) -> str:
    return "(-2147483647 - 1)" if value == -(2**31) else str(int(value))


def sections(file: Path, tool: str) -> int:
    """Bytes of code and constants of an object file."""
    told = call([tool, "-A", str(file)], file.parent)
    lines = [
        line.split()
        for line in told.splitlines()
        if line.startswith((".text", ".rodata", ".data", ".srodata", ".sdata"))
    ]
    return sum(int(line[1]) for line in lines)


def call(command: Sequence[str], folder: Path, timeout: float = 60) -> str:
    """What a command says; RuntimeError with its words if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stderr[-3000:]}{done.stdout[-500:]}")
    return done.stdout + done.stderr
