"""The head of a model file: what it holds and where, in JSON.

A tauflow file is one valid safetensors file (https://github.com/huggingface/safetensors), little-endian:

    8 bytes    n, the length of the header
    n bytes    JSON: {"__metadata__":{"sha256":"<64 hex digits>","tauflow":"<JSON>"},
                      "cell.tau":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}, ...}, spaces at its end
    the rest   the tensors' bytes, one after the other, no gap and nothing behind

where the "tauflow" JSON is {"config":{...},"format":1,"kind":"model"}. The digest covers *every* byte of the
file, its own 64 digits taken as zeros: any flipped bit, cut end or appended byte is found before anything is
parsed. It is a checksum, not a signature: it finds accidents.

Against malice stands `decode`. It runs no code (no pickle, no import by name) and trusts no size: offsets are
computed from dtypes and shapes, and the head must equal, byte for byte, what `encode` makes of what was read.
So the same content has one spelling, and no key hides behind its double.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import ModelFileError
from . import strictjson

FORMAT = 1
PREFIX = b'{"__metadata__":{"sha256":"'
DIGEST = slice(8 + len(PREFIX), 8 + len(PREFIX) + 64)  # where the digest stands in the file
ZEROS = b"0" * 64

MAX_HEADER = 2**20  # room for 10,000 tensors: weights and Adam's three numbers each for 2,500 parameters
MAX_ELEMENTS = 2**31
MAX_RANK = 8
NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
CODES = {dtype: code for code, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Slot:
    """One tensor's place: bytes begin to end of the data."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


def encode(about: Mapping[str, Any], slots: Sequence[Slot]) -> bytes:
    """The header's length and the header, its digest still zeros."""
    header: dict[str, Any] = {"__metadata__": {"sha256": ZEROS.decode(), "tauflow": strictjson.dumps(dict(about))}}
    for slot in slots:
        offsets = [slot.begin, slot.end]
        header[slot.name] = {"dtype": CODES[slot.dtype], "shape": list(slot.shape), "data_offsets": offsets}
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # so that float64 data start at a multiple of 8
    return len(text).to_bytes(8, "little") + text


def decode(head: bytes) -> tuple[dict[str, Any], list[Slot]]:
    """The "tauflow" part {config, format, kind} and every tensor's place."""
    header = strictjson.loads(head[8:])
    about = _about(header.pop("__metadata__", None))
    slots = layout({name: _dtype_and_shape(name, entry) for name, entry in header.items()})
    if encode(about, slots) != head[: DIGEST.start] + ZEROS + head[DIGEST.stop :]:
        raise ModelFileError(
            "its header is not spelled as tauflow spells it (order, offsets, spaces, a key twice?); don't trust it"
        )
    return about, slots


def layout(tensors: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]) -> list[Slot]:
    """Every tensor's place, wide numbers first, so that each stays aligned; then by name."""
    slots = []
    begin = 0
    for name in sorted(tensors, key=lambda name: (-tensors[name][0].itemsize, name)):
        dtype, shape = tensors[name]
        if not NAME.fullmatch(name) or name == "__metadata__":
            raise ModelFileError(f"a tensor is called {name[:200]!r}, expected 1-200 of A-Z a-z 0-9 _ . : / -")
        if len(shape) > MAX_RANK or math.prod(max(axis, 1) for axis in shape) > MAX_ELEMENTS:
            raise ModelFileError(
                f"tensor {name} has shape {str(shape)[:100]}, "
                f"at most {MAX_RANK} axes and {MAX_ELEMENTS:,} elements are allowed"
            )
        end = begin + math.prod(shape) * dtype.itemsize
        slots.append(Slot(name, dtype, shape, begin, end))
        begin = end
    return slots


def _about(metadata: object) -> dict[str, Any]:
    """The checked "tauflow" part of the header."""
    text = metadata.get("tauflow") if isinstance(metadata, dict) else None
    about = strictjson.loads(text) if isinstance(text, str) else {}
    version, kind, config = about.get("format"), about.get("kind"), about.get("config")
    if type(version) is int and version > FORMAT:
        raise ModelFileError(
            f"written by a newer tauflow (format {str(version)[:9]}; this one reads up to {FORMAT}): "
            "pip install -U tauflow"
        )
    if len(about) != 3 or type(version) is not int or version != FORMAT:
        raise ModelFileError("its header does not state a format, a kind and a config; don't trust it")
    if not isinstance(kind, str) or not KIND.fullmatch(kind) or not isinstance(config, dict):
        raise ModelFileError("its kind is not a short lower case name, or its config not a dict; don't trust it")
    strictjson.check(config)
    return about


def _dtype_and_shape(name: str, entry: object) -> tuple[torch.dtype, tuple[int, ...]]:
    """What the header says of one tensor. Its offsets are not read: `layout` computes them."""
    code, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    if not isinstance(code, str) or code not in DTYPES:
        raise ModelFileError(f"tensor {name[:200]} has dtype {str(code)[:20]}, expected {', '.join(DTYPES)}")
    if not isinstance(shape, list) or not all(type(axis) is int and axis >= 0 for axis in shape):
        raise ModelFileError(f"tensor {name[:200]} has shape {str(shape)[:100]}, expected a list of sizes")
    return DTYPES[code], tuple(shape)
