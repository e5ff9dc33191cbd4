"""Save and load model files: `write` and `read`, for models, forecasters and checkpoints alike.

A file holds tensors and a config, can only be read as numbers, and knows when it is damaged: `header`
says how it looks, `atomic` gets it onto the disk whole or not at all. What a config must hold is known by those
who write it, one closed schema per kind; here it is any JSON. Its keys come back sorted: what has an order
belongs in a list. The file is little-endian; a machine that is not refuses.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelFileError
from . import strictjson
from .atomic import write_bytes_atomically
from .header import (
    CODES,
    DIGEST,
    FORMAT,
    KIND,
    MAX_HEADER,
    PREFIX,
    ZEROS,
    Slot,
    decode,
    encode,
    layout,
)
from .strictjson import JSON

__all__ = ["JSON", "File", "pack", "read", "unpack", "write", "write_bytes_atomically"]

MAX_BYTES = 2**31

MAGIC = {
    b"PK": "a zip archive (torch.save, NumPy's npz or Keras)",
    b"\x80": "a Python pickle",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file (Keras)",
    b"\x89PNG": "a PNG picture",
    b"\x93NUMPY": "a NumPy array",
}


@dataclass(frozen=True, eq=False)
class File:
    """What a file holds. The tensors are on the CPU, writable, and share one buffer without overlapping."""

    kind: str
    tensors: dict[str, Tensor]
    config: dict[str, Any]
    version: int


def write(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    config: Mapping[str, JSON],
    *,
    kind: str,
    finite: bool = True,
) -> None:
    """Save whole or not at all. NaN and infinity in tensors are refused unless `finite=False`.

    >>> tauflow.files.write("w.tauflow", {"w": torch.ones(2, 3)}, {"unit": "mm"}, kind="filter")
    >>> found = tauflow.files.read("w.tauflow", kind="filter")  # a File
    >>> found.config, tuple(found.tensors["w"].shape)
    ({'unit': 'mm'}, (2, 3))
    """
    write_bytes_atomically(path, pack(tensors, config, kind=kind, finite=finite))


def read(
    path: str | os.PathLike[str], *, kind: str | None = None, max_bytes: int = MAX_BYTES, finite: bool = True
) -> File:
    """Read what `write` wrote; anything else is a ModelFileError that says what it found instead.

    Nothing but the file is opened, no code in it is run, and it takes its own size in memory, not twice that.

    >>> torch.save({"w": torch.ones(2)}, "old.pt")
    >>> tauflow.files.read("old.pt")
    Traceback (most recent call last):
        ...
    tauflow.errors.ModelFileError: old.pt: a zip archive (torch.save, NumPy's npz or Keras), expected a file written by tauflow
    """
    try:
        return unpack(_bytes_of(path, max_bytes), kind=kind, finite=finite)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from None


def pack(tensors: Mapping[str, Tensor], config: Mapping[str, JSON], *, kind: str, finite: bool = True) -> bytes:
    """The bytes of a model file. NaN and infinity are refused unless `finite=False`.
    kind says what is in it, at most 32 lower case letters, digits, _ and -; the config is plain JSON.

    >>> data = tauflow.files.pack({"w": torch.ones(2)}, {"unit": "mm"}, kind="filter")
    >>> type(data).__name__, tauflow.files.unpack(data).tensors["w"].tolist()
    ('bytes', [1.0, 1.0])
    """
    _require_little_endian()
    if not KIND.fullmatch(kind):
        raise ModelFileError(f"kind is {kind!r}, expected at most 32 lower case letters, digits, _ and -")
    about = {"config": dict(config), "format": FORMAT, "kind": kind}
    strictjson.check(about["config"])
    plain = {name: _plain(name, tensor) for name, tensor in tensors.items()}
    for name, tensor in plain.items():
        _check_numbers(name, tensor, finite)
    slots = layout({name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in plain.items()})
    head = encode(about, slots)
    size = len(head) + (slots[-1].end if slots else 0)
    if len(head) > 8 + MAX_HEADER:
        raise ModelFileError(
            f"the config and the names of {len(plain):,} tensors take {len(head):,} bytes, "
            f"at most {MAX_HEADER:,} fit; put long lists (losses, ids) into a tensor"
        )
    if size > MAX_BYTES:
        raise ModelFileError(f"the file would take {size:,} bytes, at most {MAX_BYTES:,} are allowed")
    bodies = [_body(plain[slot.name]) for slot in slots]
    digest = hashlib.sha256(head)
    for body in bodies:
        digest.update(body)
    return b"".join([head[: DIGEST.start], digest.hexdigest().encode(), head[DIGEST.stop :], *bodies])


def unpack(data: bytes | bytearray, *, kind: str | None = None, finite: bool = True) -> File:
    """What the bytes of a model file hold. A bytearray becomes the tensors' memory, bytes are copied.

    >>> data = bytearray(tauflow.files.pack({"w": torch.ones(2)}, {}, kind="filter"))
    >>> data[-1] ^= 1  # one bit of the last weight
    >>> tauflow.files.unpack(data)
    Traceback (most recent call last):
        ...
    tauflow.errors.ModelFileError: damaged or cut short: the checksum does not match; copy or save it again
    """
    _require_little_endian()
    data = data if isinstance(data, bytearray) else bytearray(data)
    if len(data) < DIGEST.stop or data[8 : DIGEST.start] != PREFIX:
        raise ModelFileError(_what_it_is_instead(data))
    n = int.from_bytes(data[:8], "little")
    most = min(MAX_HEADER, len(data) - 8)
    lie = f" (its header claims {n:,} bytes, but can have {most:,})" if n > most else ""
    if data[DIGEST] != _digest(data):
        raise ModelFileError(f"damaged or cut short: the checksum does not match{lie}; copy or save it again")
    if lie:
        raise ModelFileError(f"made to deceive: the checksum matches{lie}; don't trust it")
    about, slots = decode(bytes(data[: 8 + n]))
    if kind is not None and about["kind"] != kind:
        raise ModelFileError(f"holds a {about['kind']}, expected a {kind}")
    end = 8 + n + (slots[-1].end if slots else 0)
    if end != len(data):
        raise ModelFileError(f"its tensors end at byte {end:,}, but it has {len(data):,}; don't trust it")
    tensors = {slot.name: _tensor(slot, data, 8 + n) for slot in slots}
    for name, tensor in tensors.items():
        _check_numbers(name, tensor, finite)
    return File(about["kind"], tensors, about["config"], about["format"])


def _bytes_of(path: str | os.PathLike[str], max_bytes: int) -> bytearray:
    """The whole file in memory: a mapped file could change after it was checked."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would block until somebody writes
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError("a folder, device or pipe; expected the name of a model file")
        if status.st_size > max_bytes:
            raise ModelFileError(
                f"{status.st_size:,} bytes, more than max_bytes={max_bytes:,}; raise it if you trust the file"
            )
        data = bytearray(status.st_size)
        got = 0
        with memoryview(data) as view:
            while got < len(data) and (count := os.readv(file, [view[got:]])):
                got += count
        return data  # if the file got shorter meanwhile, the checksum tells
    finally:
        os.close(file)


def _digest(data: bytearray) -> bytes:
    with memoryview(data) as view:
        digest = hashlib.sha256(view[: DIGEST.start])
        digest.update(ZEROS)
        digest.update(view[DIGEST.stop :])
    return digest.hexdigest().encode()


def _tensor(slot: Slot, data: bytearray, start: int) -> Tensor:
    """The slot's numbers, in place."""
    if slot.begin == slot.end:
        return torch.empty(slot.shape, dtype=slot.dtype)
    count = math.prod(slot.shape)
    flat = torch.frombuffer(data, dtype=slot.dtype, count=count, offset=start + slot.begin)
    return flat.reshape(slot.shape)


def _plain(name: object, tensor: object) -> Tensor:
    """The tensor as dense, contiguous numbers on the CPU."""
    if not isinstance(name, str) or not isinstance(tensor, Tensor):
        raise ModelFileError(f"tensors[{name!r}] is a {type(tensor).__name__}, expected a str and a torch.Tensor")
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or tensor.dtype not in CODES:
        raise ModelFileError(
            f"tensor {name} is {tensor.dtype}, {tensor.layout}, on {tensor.device}; "
            f"expected dense numbers, one of {', '.join(str(dtype)[6:] for dtype in CODES)}"
        )
    return tensor.detach().cpu().resolve_neg().contiguous()


def _body(tensor: Tensor) -> memoryview:
    """The bytes of contiguous numbers. Axes of length 1 may have any stride there, so it is set."""
    return tensor.as_strided((tensor.numel(),), (1,)).view(torch.uint8).numpy().data


def _check_numbers(name: str, tensor: Tensor, finite: bool) -> None:
    """aminmax passes NaN on and takes no memory, where isfinite().all() would take a byte per number."""
    if finite and tensor.dtype.is_floating_point and tensor.numel() > 0:
        lowest, highest = tensor.aminmax()
        if not (math.isfinite(lowest) and math.isfinite(highest)):
            raise ModelFileError(f"tensor {name} holds NaN or infinity; finite=False lets them pass")
    if tensor.dtype is torch.bool and tensor.numel() > 0 and tensor.view(torch.uint8).max() > 1:
        raise ModelFileError(f"tensor {name} is bool but holds bytes other than 0 and 1")


def _require_little_endian() -> None:
    if sys.byteorder != "little":
        raise ModelFileError("model files are little-endian, and this machine is not")


def _what_it_is_instead(data: bytearray) -> str:
    if not data:
        return "empty (0 bytes), expected a model file"
    if b'"tauflow":"' in data[:200]:
        return "damaged: it is or was a tauflow file, but does not start like one; copy or save it again"
    if len(data) > 8 and PREFIX.startswith(data[8 : DIGEST.start]):
        return f"cut short: {len(data)} bytes, a model file has more; copy or save it again"
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8:
        return (
            "a safetensors file but not written by tauflow: it says nothing of the model; "
            "load its tensors with safetensors.torch.load_file into a model that you build"
        )
    for magic, name in MAGIC.items():
        if data.startswith(magic):
            return f"{name}, expected a file written by tauflow"
    return f"not a model file: it starts with {bytes(data[:8])!r}; expected a file written by tauflow"
