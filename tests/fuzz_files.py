"""Edits of valid files, their checksum made right again: a reader takes the file, or refuses it by a ModelFileError in one line.

The edits know the grammar: a value of the JSON becomes another type or size, goes away, comes twice, moves into a list; a tensor
changes its number type, shape, name or numbers. `python -m tests.fuzz_files --seconds 60` runs them for a minute, and keeps what
failed in build/fuzz-files/; move it to tests/corpus/files/ once it is mended, where every file is tried by the test suite.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import tauflow
from tauflow import CTRNN, Bidirectional, CfC, Committee, Forecaster, Network, Recurrent, Stack, files, wirings
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.errors import ModelFileError, TauflowError
from tauflow.training import ArraySource, SettingsError, fit, supervised

CORPUS = Path(__file__).parent / "corpus" / "files"
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 7, 2**31, 2**62, 2**63, 2**100, 10**9, 0.0, -0.0, 0.5, -1.5, 1e300, 5e-324, 1e19,
    "", "x", "auto", "cpu", "ctrnn", "ltc", "ridge", "../../etc/hostname", "x" * 300, "dense", "head", "\n\x00", "é", [], [1], [None], [[]],
    [0, 1], ["a"], ["a", "a"], {}, {"type": "cell"}, {"a": 1}, {"type": "same", "as": ""},
]  # fmt: skip
NUMBERS = (0.0, -1.0, 1.0, 1e30, 3e38, 1e308, 5e-324, -1e300)
DTYPES = (torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool, torch.bfloat16)
Content = tuple[dict[str, Tensor], dict[str, Any]]


class Small(nn.Module):
    """The smallest network that can be trained."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.r = Recurrent(CTRNN(2, 1))

    def forward(self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        y, h = self.r(x, dt, mask, state)
        return y, h


def resumed(path: Path, epochs: int = 3, optimizer: str = "adam") -> None:
    """A run that goes on from the file, if there is one."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, 3, 2, generator=generator), torch.randn(8, 3, 1, generator=generator)
    source = ArraySource(x, y, batch_size=4)
    options: dict[str, Any] = {"optimizer": optimizer, "patience": 2, "validation": ArraySource(x, y, batch_size=8)}
    fit(Small(), source, objective=supervised("mse"), epochs=epochs, checkpoint=path, progress=False, **options)


READERS: dict[str, Callable[[Path], object]] = {
    "model": tauflow.load,
    "forecaster": Forecaster.load,
    "checkpoint": resumed,
}


def networks() -> list[nn.Module]:
    """Of all kinds of parts."""
    records: dict[str, Any] = {"missing": "missing", "waves": "waves", "encoder": {"name": "dense", "units": [4, 3]}}
    shared = tauflow.network.Dense(2, 3)
    return [
        Network(["a", "b [m]"], 2, "ctrnn", 3, readout="skip", head="quantiles", **records),
        Network(
            4, 3, "ltc", 4, encoder={"name": "images", "shape": [1, 2, 2], "units": 3}, pool="several", head="classes"
        ),
        Network(
            4, 2, Stack(CTRNN(2, 3), CTRNN(3, 2)), encoder={"name": "convolution", "units": 2}, head="actions", static=2
        ),
        Network(
            1, 2, "tcn", 3, encoder={"name": "tokens", "vocabulary": 5, "units": 2}, pool="attention", period="auto"
        ),
        Network(2, 1, {"name": "transformer", "layers": 1}, 4, readout="wide", static=1, head="student"),
        Committee([Network(2, 1, "ctrnn", 3, encoder=shared, tau="auto") for _ in range(2)]),
    ]


@cache
def valid() -> dict[str, list[Content]]:
    """Files of each kind, as they are written."""
    tied = Bidirectional(CTRNN(3, 4), CTRNN(3, 4))
    tied.back.cell.W = tied.ahead.cell.W
    cell = CfC(3, 3, backbone_layers=2, backbone_units=4)
    models = [
        Recurrent(CTRNN(3, 4)),
        Recurrent(tauflow.LTC(3, wirings.auto_ncp(3, 8, 2))),
        Stack(cell, Recurrent(MixedMemory(CfC(3, 2, "pure", 0)), "reference", "update"), tauflow.GRU(2, 3)),
        tied,
        Stack(cell, cell),
        Recurrent(tauflow.WiredCfC(3, 8)),
        *networks(),
    ]
    hours = np.arange(96).astype("datetime64[h]").astype("datetime64[ns]")
    table = {"unique_id": ["a"] * 96, "ds": hours, "y": np.sin(np.arange(96) / 4), "c": ["u", "v", "w"] * 32}
    quick: dict[str, Any] = {"h": 2, "context": 4, "units": 3, "epochs": 1, "steps": 1, "batch_size": 4}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.tau"

        def written(write: Callable[[Path], object]) -> Content:
            write(path)
            file = files.read(path, finite=False)
            return file.tensors, file.config

        found = {
            "model": [written(lambda p, m=m: tauflow.save(m, p)) for m in models],
            "forecaster": [],
            "checkpoint": [],
        }
        for name in ("ctrnn", "ltc", "ridge", "persistence"):
            model = Forecaster(name, **quick).fit(table, target="y", past=["c"], zone="Europe/Berlin", progress=False)
            found["forecaster"].append(written(model.save))
        path.unlink()
        found["checkpoint"].append(written(resumed))
    return found


def edited(content: Content, draw: random.Random) -> Content:
    """One to three edits of a file."""
    tensors, config = dict(content[0]), copy.deepcopy(content[1])
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        if draw.random() < 0.35 and tensors:
            edit_tensor(tensors, draw)
        else:
            edit_json(config, draw)
    return tensors, config


def edit_json(config: dict[str, Any], draw: random.Random) -> None:
    """One value, key or list of the JSON."""
    holders = [holder for holder in holders_in(config) if holder]
    if not holders:
        return
    holder = draw.choice(holders)
    key = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    what = draw.randrange(8)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[draw.choice(("more", "type", "as", "units", "inputs", f"{key} "))] = holder[key]
    elif what == 1:
        holder.append(copy.deepcopy(holder[key]))
    elif what == 2:
        holder[key] = copy.deepcopy(draw.choice([value for other in holders for value in values_of(other)]))
    elif what == 3:
        holder[key] = [holder[key]]
    elif what == 4 and isinstance(holder[key], (int, float)):
        holder[key] = draw.choice(
            (holder[key] + 1, -holder[key], holder[key] * 10, float(holder[key]), str(holder[key]))
        )
    elif what == 5 and isinstance(holder[key], list):
        draw.shuffle(holder[key])
    else:
        holder[key] = copy.deepcopy(draw.choice(VALUES))


def edit_tensor(tensors: dict[str, Tensor], draw: random.Random) -> None:
    """One tensor."""
    name = draw.choice(list(tensors))
    tensor, what = tensors[name], draw.randrange(8)
    if what == 0:
        del tensors[name]
    elif what == 1:
        tensors[f"{name}.more"] = tensor
    elif what == 2:
        tensors[draw.choice(list(tensors))] = tensor
    elif what == 3:
        tensors[name] = tensor.to(draw.choice(DTYPES))
    elif what == 4:
        tensors[name] = tensor.reshape(-1)[: draw.randrange(tensor.numel() + 1)]
    elif what == 5:
        tensors[name] = tensor.unsqueeze(draw.randrange(tensor.ndim + 1))
    elif what == 6 and tensor.numel():
        other = tensor.clone().reshape(-1)
        other[draw.randrange(tensor.numel())] = number_for(tensor, draw)
        tensors[name] = other.reshape(tensor.shape)
    else:
        tensors[name] = torch.full_like(tensor, number_for(tensor, draw))


def number_for(tensor: Tensor, draw: random.Random) -> float:
    number = draw.choice(NUMBERS)
    return number if tensor.is_floating_point() and abs(number) <= torch.finfo(tensor.dtype).max else draw.randrange(2)


def holders_in(value: Any) -> list[Any]:
    """Every dict and list."""
    inner = [holder for item in values_of(value) for holder in holders_in(item)]
    return [value, *inner] if isinstance(value, (dict, list)) else inner


def values_of(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []


def packed(kind: str, content: Content) -> bytes | None:
    """The file's bytes; None where no such file can be written."""
    try:
        return files.pack(*content, kind=kind, finite=False)
    except ModelFileError:
        return None


def outcome(kind: str, data: bytes, folder: Path) -> str:
    """ "taken" or "refused"; any other end of the reader is its bug and comes out as it is."""
    path = folder / "edited.tau"
    path.write_bytes(data)
    began = time.process_time()
    try:
        READERS[kind](path)
        end = "taken"
    except (ModelFileError, SettingsError) as error:
        if "\n" in str(error) or len(str(error)) > 1200:
            raise AssertionError(f"more than a line: {error}") from error
        end = "refused"
    except TauflowError:
        if kind != "checkpoint":
            raise
        end = "taken"  # a run that goes on may still fail in training, which says how
    if time.process_time() - began > 5:
        raise AssertionError(f"took {time.process_time() - began:.1f} s")
    return end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    draw, ends, end = random.Random(seed), Counter[str](), time.monotonic() + options.seconds
    kept = Path("build/fuzz-files")
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            kind = draw.choice(list(READERS))
            data = packed(kind, edited(draw.choice(valid()[kind]), draw))
            if data is None:
                continue
            try:
                ends[f"{kind} {outcome(kind, data, Path(folder))}"] += 1
            except Exception as error:
                kept.mkdir(parents=True, exist_ok=True)
                path = kept / f"{kind}-{files.unpack(data, finite=False).kind}-{sum(ends.values())}-{seed}.tau"
                path.write_bytes(data)
                ends[f"{kind} FAILED"] += 1
                print(f"{path}: {type(error).__name__}: {str(error)[:300]}", flush=True)
    print(f"seed {seed}:", ", ".join(f"{count:,} {what}" for what, count in sorted(ends.items())))
    return int(any("FAILED" in what for what in ends))


if __name__ == "__main__":
    sys.exit(main())
