"""An export: plan, record what stream() answers, write the files, run them here, and only then put the folder in its place.

Whole or not at all: the files are written into a folder beside the asked one, which is renamed when everything in it is right.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cells import Cell
from ..errors import OutputError
from ..sequence import Recurrent, copy_of
from .calibration import input_names, read_samples
from .plan import ExportError, check_name, plan
from .record import record
from .target import Files
from .targets import find, title


@dataclass(frozen=True)
class Export:
    """What was written, and how it does on this machine; `error` and `nanoseconds` are None where it can't be run here."""

    target: str
    folder: Path
    files: tuple[str, ...]
    size: int  # bytes: code and constants of C, the file of NumPy, the model of ONNX
    error: float | None  # the worst one against stream() over 1,000 steps with uneven gaps, of the range
    nanoseconds: float | None  # a step

    def row(self) -> dict[str, Any]:
        """The line of the table."""
        return {
            "target": self.target,
            "bytes": self.size,
            "worst error": self.error,
            "ns a step": None if self.nanoseconds is None else round(self.nanoseconds),
            "folder": str(self.folder),
        }


def export(
    network: Any,
    to: str,
    folder: str | os.PathLike[str],
    name: str = "network",
    *,
    numbers: str = "float",
    calibrate: str | os.PathLike[str] | None = None,
) -> Export:
    """Write a Network, Committee, Recurrent, Stack or cell for a target ("c", "numpy", "onnx" or "nir") into a new folder.

    numbers     of C: "float", or "int16" or "int8", weights of so many bits and no floating point at all
    calibrate   of these two: a CSV table or .npz of samples (x, dt) such as the device will see, which say how large numbers get;
                the last quarter of it is kept out and measures the error. Without it samples are drawn from the network's scales

    ExportError names what can't be exported, OutputError where it can't be put; nothing is written then.

    >>> network = tauflow.Network(2, 1, units=4)
    >>> made = tauflow.deploy.export(network, "numpy", "device")  # an Export
    >>> made.files, made.error < 1e-4
    (('network.py', 'network_check.py', 'README.md'), True)
    """
    target, place = find(to, numbers), _check_folder(folder)
    if calibrate is not None and numbers == "float":
        raise ExportError("calibrate is for numbers='int16' and 'int8': floats have room for all that comes")
    made = plan(network)
    still = copy_of(Recurrent(network) if isinstance(network, Cell) else network).eval()
    known = record(still, made, of=None if calibrate is None else read_samples(calibrate, made, input_names(network)))
    files = target.files(made, check_name(name), known)
    measured = target.measure(made, name, files, known)
    if measured.error is not None and not measured.error <= target.worst:
        raise ExportError(
            f"the {title(to, numbers)} of this network is {measured.error:.2g} of its range away from stream(), "
            f"expected at most {target.worst:g}: {target.advice}"
        )
    _write(place, files)
    return Export(title(to, numbers), place, tuple(files), measured.size, measured.error, measured.nanoseconds)


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder, if it is not there yet or empty, and can be made."""
    place = Path(folder)
    parent = place.absolute().parent
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise OutputError(f"{place} is there already and no folder; name a new folder")
    if place.is_dir() and any(place.iterdir()):
        raise OutputError(f"the folder {place} is not empty; name a new one, an export is a folder of its own")
    if not parent.is_dir():
        raise OutputError(f"there is no folder {parent}; make it first: mkdir -p {parent}")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"may not write into the folder {parent}; choose another")
    return place


def _write(place: Path, files: Files) -> None:
    beside = Path(tempfile.mkdtemp(prefix=".tauflow-", suffix=".tmp", dir=place.absolute().parent))
    try:
        for name, held in files.items():
            (beside / name).write_bytes(held if isinstance(held, bytes) else held.encode())
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(0o777 & ~mask)
        beside.rename(place)  # takes the place of an empty folder too
    except BaseException:  # KeyboardInterrupt too: leave nothing half written behind
        shutil.rmtree(beside, ignore_errors=True)
        raise
