"""What this installation is: versions, processor, kernels, extras; and whether it computes what it should.

`doctor()` looks, and in some seconds lets every cell run a short sequence by its fastest backend, by the reference, and sample by sample:
outputs within 1e-5 of each other, gradients within 1e-4 of the largest one, or the check says what was found.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from re import match
from typing import Any

from . import __version__

PACKAGES = ("torch", "numpy", "pandas", "narwhals", "matplotlib", "typer", "rich", "jinja2")
DEVELOPMENT = ("test", "bench")  # extras that users have no need of
NEAR, NEAR_GRADIENT = 1e-5, 1e-4


@dataclass(frozen=True)
class Extra:
    """Packages that an optional part needs; line: what installs them, empty where all are there."""

    name: str
    found: dict[str, str | None]

    @property
    def missing(self) -> list[str]:
        return [package for package, number in self.found.items() if number is None]

    @property
    def line(self) -> str:
        return f'pip install "tauflow[{self.name}]"' if self.missing else ""


@dataclass(frozen=True)
class Tried:
    """One cell: the backend that runs it, why a faster one can't (empty if it does), the worst differences, and what is wrong (empty)."""

    cell: str
    backend: str
    why: str
    output: float
    gradient: float
    stream: float
    wrong: str


@dataclass(frozen=True)
class Examination:
    """All that was found; `well` says whether it works."""

    version: str
    python: str
    system: str
    processor: str
    cores: int
    threads: int
    kernels: str
    best: str
    devices: tuple[str, ...]
    packages: dict[str, str | None]
    extras: tuple[Extra, ...]
    cells: tuple[Tried, ...]
    seconds: float
    notes: tuple[str, ...] = field(default=())

    @property
    def well(self) -> bool:
        return not any(one.wrong for one in self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, for JSON."""
        extras = [{**asdict(one), "install": one.line} for one in self.extras]
        return {**asdict(self), "extras": extras, "well": self.well}


def doctor() -> Examination:
    """Look at the installation, and try every cell for a moment."""
    began = time.perf_counter()
    import torch

    from . import _core

    with torch.random.fork_rng(devices=[]):
        tried = tuple(_try(name) for name in _names())
    devices = tuple(torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count()))
    best, used = _core.isa(), _core.isa_in_use()
    notes = []
    if _core.version() != __version__:
        notes.append(
            f"the C++ core was built from tauflow {_core.version()}, the Python files are {__version__}: install again"
        )
    if best != used:
        notes.append(f"TAUFLOW_ISA={used} holds the kernels to less than this processor has, {best}")
    if best == "scalar":
        notes.append(
            "this processor has none of the instruction sets that the kernels were written for: they are right, and slow"
        )
    if devices:
        notes.append("kernels and streams run on the CPU; on a GPU the reference runs")
    return Examination(
        version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        kernels=used,
        best=best,
        devices=devices,
        packages={name: _version(name) for name in PACKAGES},
        extras=extras(),
        cells=tried,
        seconds=time.perf_counter() - began,
        notes=tuple(notes),
    )


def extras() -> tuple[Extra, ...]:
    """Every extra of the package that is for users, with the versions that are installed of what it needs."""
    found: dict[str, dict[str, str | None]] = {name: {} for name in metadata("tauflow").get_all("Provides-Extra") or ()}
    for line in requires("tauflow") or ():
        for name in found:
            if f'extra == "{name}"' in line.replace("'", '"'):
                package = (match(r"[\w.-]+", line) or [""])[0]
                found[name][package] = _version(package)
    return tuple(Extra(name, packages) for name, packages in found.items() if name not in DEVELOPMENT)


def processor() -> str:
    """The name of the processor, as the system tells it."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _names() -> list[str]:
    from . import cells

    return [name for name in cells.names() if cells.get(name).__module__.startswith("tauflow.")]


def _try(name: str) -> Tried:
    """A sequence of 12 uneven samples, 2 rows, by the fastest backend, by the reference, and as a stream."""
    import torch

    from . import Recurrent, cells, ops

    torch.manual_seed(0)
    try:
        cell = cells.build(name, 3, 8)
        x, dt = torch.randn(2, 12, 3), torch.rand(2, 12) + 0.1
        backend = ops.choose(cell)
        others = [one for one in reversed(ops.BACKENDS) if ops.why_not(one, cell) is not None]
        why = str(ops.why_not(others[0], cell)) if others and backend == "reference" else ""
        made = {}
        for asked in dict.fromkeys((backend, "reference")):
            net = Recurrent(cell, backend=asked)
            given = x.clone().requires_grad_()
            y, _ = net(given, dt)
            gradients = torch.autograd.grad(y.square().sum(), [given, *cell.parameters()], allow_unused=True)
            made[asked] = y.detach(), torch.cat([one.flatten() for one in gradients if one is not None])
        (y, slope), (truth, true_slope) = made[backend], made["reference"]
        output, gradient = (
            float((y - truth).abs().max()),
            float((slope - true_slope).abs().max() / true_slope.abs().max()),
        )
        stream = Recurrent(cell).eval().stream()
        said = torch.stack(
            [torch.from_numpy(stream(row, float(gap)).copy()) for row, gap in zip(x[0].numpy(), dt[0], strict=True)]
        )
        apart = float((said - truth[0]).abs().max())
    except Exception as error:  # whatever it is, it is the finding
        return Tried(name, "", "", 0.0, 0.0, 0.0, f"{type(error).__name__}: {error}")
    far = [
        f"{what} differ by {value:.1e}, expected {limit:g} at most"
        for what, value, limit in (
            ("outputs", output, NEAR),
            ("gradients", gradient, NEAR_GRADIENT),
            ("streamed outputs", apart, NEAR),
        )
        if not value <= limit
    ]
    return Tried(name, backend, why, output, gradient, apart, "; ".join(far))
