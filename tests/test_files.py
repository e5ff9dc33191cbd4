"""The model file: it round-trips every number, notices every damage, and reading it can only read numbers."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import math
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save as safetensors_save
from torch import Tensor

from tauflow import files
from tauflow.errors import ModelFileError
from tauflow.files import strictjson
from tauflow.files.header import CODES, DIGEST, MAX_HEADER, PREFIX, ZEROS, encode, layout

CONFIG = {
    "cell": "ctrnn",
    "hidden": 7,
    "names": ["températ", "x y", '"quoted\\"'],
    "first_stamp": 2**63 - 1,
    "scale": [0.1, -0.0, 1e308, 5e-324],
    "nested": {"none": None, "yes": True, "empty": {}, "list": []},
}


def sample() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "cell.W": torch.randn(3, 4),
        "cell.tau": torch.rand(3, dtype=torch.float64),
        "step": torch.tensor(5),
        "mask": torch.tensor([True, False, True]),
        "empty": torch.zeros(0, 4),
    }


def sealed(header: bytes, data: bytes = b"") -> bytes:
    """A file with a right digest over any header, as an attacker can make it."""
    file = len(header).to_bytes(8, "little") + header + data
    assert file[DIGEST] == ZEROS
    return file[: DIGEST.start] + hashlib.sha256(file).hexdigest().encode() + file[DIGEST.stop :]


def header_with(entries: str = "", about: str = '{"config":{},"format":1,"kind":"model"}') -> bytes:
    text = PREFIX.decode() + ZEROS.decode() + '","tauflow":' + json.dumps(about) + "}" + entries + "}"
    return text.encode() + b" " * (-len(text.encode()) % 8)


def same(a: Tensor, b: Tensor) -> bool:
    """Equal bit by bit: NaN is NaN, and -0.0 is not 0.0."""
    bits = [torch.empty(t.shape, dtype=t.dtype).copy_(t).reshape(-1).view(torch.uint8) for t in (a, b)]
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(*bits)


# Round trip


def test_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    tensors = sample()
    files.write(tmp_path / "model.tau", tensors, CONFIG, kind="model")
    file = files.read(tmp_path / "model.tau", kind="model")
    assert (file.kind, file.version, file.config) == ("model", 1, CONFIG)
    assert math.copysign(1, file.config["scale"][1]) == -1
    assert file.tensors.keys() == tensors.keys()
    assert all(same(file.tensors[name], tensors[name]) for name in tensors)
    files.write(str(tmp_path / "again"), file.tensors, file.config, kind=file.kind)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model.tau").read_bytes()


shapes = st.lists(st.integers(0, 3), max_size=8).map(tuple)
names = st.from_regex(r"[A-Za-z0-9_.:/-]{1,200}", fullmatch=True).filter(lambda name: name != "__metadata__")
scalars = st.none() | st.booleans() | st.integers(-(2**127), 2**127) | st.floats(allow_nan=False, allow_infinity=False)
jsons = st.recursive(scalars | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20)


@st.composite
def any_tensor(draw: st.DrawFn) -> Tensor:
    dtype, shape = draw(st.sampled_from(sorted(CODES, key=str))), draw(shapes)
    size = math.prod(shape) * dtype.itemsize
    raw = bytearray(draw(st.binary(min_size=size, max_size=size)))
    if dtype is torch.bool:
        raw = bytearray(byte % 2 for byte in raw)
    return torch.frombuffer(raw, dtype=dtype).reshape(shape) if size else torch.empty(shape, dtype=dtype)


@settings(max_examples=200, deadline=None)
@given(
    tensors=st.dictionaries(names, any_tensor(), max_size=4),
    config=st.dictionaries(st.text(), jsons, max_size=4),
)
def test_every_tensor_and_config_round_trips(tensors: dict[str, Tensor], config: dict[str, Any]) -> None:
    data = files.pack(tensors, config, kind="checkpoint", finite=False)
    file = files.unpack(data, finite=False)
    assert file.config == config
    assert json.dumps(file.config, sort_keys=True) == json.dumps(config, sort_keys=True)  # True is not 1 here
    assert file.tensors.keys() == tensors.keys()
    assert all(same(file.tensors[name], tensors[name]) for name in tensors)
    assert files.pack(file.tensors, file.config, kind=file.kind, finite=False) == data


def test_safetensors_own_reader_opens_our_files(tmp_path: Path) -> None:
    tensors = {str(dtype)[6:]: torch.ones(2, 3).to(dtype) for dtype in CODES} | sample()
    files.write(tmp_path / "model.safetensors", tensors, CONFIG, kind="model")
    with safetensors.safe_open(tmp_path / "model.safetensors", framework="pt") as peer:
        assert set(peer.keys()) == set(tensors)
        assert all(same(peer.get_tensor(name), tensors[name]) for name in tensors)
        assert json.loads(peer.metadata()["tauflow"]) == {"format": 1, "kind": "model", "config": CONFIG}


def test_order_of_keys_does_not_change_the_bytes() -> None:
    tensors = sample()
    backwards = dict(reversed(tensors.items()))
    config = {"b": 1, "a": {"d": 2, "c": 3}}
    assert files.pack(tensors, config, kind="model") == files.pack(
        backwards, {"a": {"c": 3, "d": 2}, "b": 1}, kind="model"
    )


def test_awkward_tensors_are_written_as_plain_numbers() -> None:
    W = torch.arange(12.0).reshape(3, 4)
    parameter = torch.nn.Parameter(torch.ones(2))
    z = torch.complex(torch.ones(2), torch.ones(2)).conj()  # .imag is a view that negates on reading
    tensors = {
        "turned": W.T,
        "every_second": W[:, ::2],
        "corner": W[1:2, 2:3],  # contiguous, but with strides 4 and 1
        "column": W[1:2, ::4].T,
        "one": W[1, 2].expand(5),
        "parameter": parameter,
        "minus": z.imag,
        "minus_1": z[1:].imag,
    }
    read = files.unpack(files.pack(tensors, {}, kind="model")).tensors
    assert all(same(read[name], tensors[name].detach()) for name in tensors)


def test_read_tensors_are_aligned_writable_and_apart() -> None:
    odd = {
        "a": torch.ones(3, dtype=torch.int8),
        "b": torch.ones(3, dtype=torch.float64),
        "c": torch.ones(5).half(),
    }
    read = files.unpack(files.pack(odd, {"x": "é" * 3}, kind="model")).tensors
    for tensor in read.values():
        assert tensor.data_ptr() % tensor.element_size() == 0
        assert tensor.untyped_storage().nbytes() == tensor.nbytes  # torch.save of one does not drag the file along
    read["b"].zero_()
    assert torch.equal(read["a"], odd["a"]) and torch.equal(read["c"], odd["c"])


# What can't be written


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [d for d in CODES if d.is_floating_point])
def test_non_finite_numbers_pass_only_when_asked(bad: float, dtype: torch.dtype) -> None:
    tensors = {"fine": torch.ones(3), "cell.W": torch.tensor([1.0, bad, 2.0]).to(dtype)}
    with pytest.raises(ModelFileError, match=r"cell\.W holds NaN or infinity; finite=False"):
        files.pack(tensors, {}, kind="model")
    data = files.pack(tensors, {}, kind="model", finite=False)
    with pytest.raises(ModelFileError, match=r"cell\.W holds NaN or infinity; finite=False"):
        files.unpack(data)
    assert same(files.unpack(data, finite=False).tensors["cell.W"], tensors["cell.W"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"a": (1, 2)}, r"config\['a'\] is a builtins.tuple.*list"),
        ({"a": [np.float64(1)]}, r"config\['a'\]\[0\] is a numpy.float64.*item"),
        ({"a": math.nan}, r"config\['a'\] is nan"),
        ({"a": math.inf}, r"config\['a'\] is inf"),
        ({"a": {1: 2}}, r"config\['a'\] has the key 1, expected a str"),
        ({"a": 2**128}, r"config\['a'\] is an int of 129 bits"),
        ({"a": b"x"}, r"builtins.bytes"),
        ({"a": torch.tensor(1)}, r"torch.Tensor"),
    ],
)
def test_a_config_that_would_not_come_back_equal_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        files.pack({}, config, kind="model")


def test_a_config_that_holds_itself_is_refused() -> None:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    with pytest.raises(ModelFileError, match="nested more than 32 deep"):
        files.pack({}, ring, kind="model")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": torch.ones(2, dtype=torch.complex64)}, "complex64.*expected dense numbers"),
        ({"a": torch.ones(2, 2).to_sparse()}, "sparse_coo"),
        ({"a": torch.ones(2, device="meta")}, "on meta"),
        ({"a": np.ones(2)}, "is a ndarray"),
        ({"../a b": torch.ones(2)}, "called '../a b'"),
        ({"__metadata__": torch.ones(2)}, "called '__metadata__'"),
        ({"": torch.ones(2)}, "called ''"),
        ({"n" * 201: torch.ones(2)}, "expected 1-200"),
        ({"a": torch.ones((1,) * 9)}, "at most 8 axes"),
        ({"a": torch.ones(0, 2**32)}, "elements are allowed"),
        ({"a": torch.ones(1).to(torch.uint8).mul(7).view(torch.bool)}, "bytes other than 0 and 1"),
    ],
)
def test_tensors_that_would_not_come_back_are_refused(tensors: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        files.pack(tensors, {}, kind="model")


def test_limits_of_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelFileError, match="kind is 'My Model'"):
        files.pack({}, {}, kind="My Model")
    with pytest.raises(ModelFileError, match="put long lists"):
        files.pack({}, {"losses": [0.5] * (MAX_HEADER // 4)}, kind="model")
    many = {f"optimizer.state.{i}.exp_avg_sq": torch.zeros(()) for i in range(10_000)}
    assert len(files.unpack(files.pack(many, {}, kind="checkpoint")).tensors) == 10_000
    monkeypatch.setattr(files.file, "MAX_BYTES", 1000)
    with pytest.raises(ModelFileError, match="at most 1,000 are allowed"):
        files.write(tmp_path / "big", {"a": torch.zeros(1000)}, {}, kind="model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 200_000])
def test_tensors_of_any_size_come_back(size: int, tmp_path: Path) -> None:
    """Larger than what is hashed, written or read at once, too."""
    tensors = {"a": torch.arange(size, dtype=torch.int32).to(torch.uint8), "b": torch.arange(size, dtype=torch.float64)}
    files.write(tmp_path / "sized.tau", tensors, {}, kind="model")
    found = files.read(tmp_path / "sized.tau").tensors
    assert all(same(found[name], tensors[name]) for name in tensors)
    data = bytearray((tmp_path / "sized.tau").read_bytes())
    data[-1] ^= 1
    with pytest.raises(ModelFileError, match="checksum"):
        files.unpack(data)


# Damage


def test_each_single_bit_of_a_small_file_is_guarded() -> None:
    data = files.pack({"a": torch.tensor([1.5, 2.5]), "b": torch.tensor([True])}, {"x": "y"}, kind="model")
    for i in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[i] ^= 1 << bit
            with pytest.raises(ModelFileError):
                files.unpack(damaged)


def test_10_000_random_bit_flips_on_disk_are_all_found(tmp_path: Path) -> None:
    path = tmp_path / "model.tau"
    files.write(path, sample() | {"W": torch.randn(40, 40)}, CONFIG, kind="model")
    size = path.stat().st_size
    random = np.random.default_rng(1)
    found = 0
    with open(path, "r+b", buffering=0) as file:
        for position in random.integers(0, size * 8, 10_000):
            byte = os.pread(file.fileno(), 1, position // 8)
            os.pwrite(file.fileno(), bytes([byte[0] ^ (1 << position % 8)]), position // 8)
            try:
                files.read(path)
            except ModelFileError:
                found += 1
            os.pwrite(file.fileno(), byte, position // 8)
    assert found == 10_000
    files.read(path)


def test_every_cut_and_every_addition_is_found() -> None:
    data = files.pack(sample(), CONFIG, kind="model")
    header = 8 + int.from_bytes(data[:8], "little")
    big = files.pack({"W": torch.randn(300, 300)}, CONFIG, kind="model")
    cuts = [data[:i] for i in range(len(data))] + [big[: len(big) * i // 100] for i in range(100)]
    more = [data + tail for tail in (b"\0", b" ", b"\n", b"\0" * 8, data)]
    inside = [data[:i] + b" " + data[i:] for i in range(header + 9)]
    for damaged in cuts + more + inside:
        with pytest.raises(ModelFileError):
            files.unpack(damaged)


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda tail: files.pack(sample(), {}, kind="model") + tail[1:])
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ModelFileError):
        assert files.unpack(data).kind == "model"


# Foreign files


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.ones(3))
    return file.getvalue()


def torch_save(legacy: bool) -> bytes:
    file = io.BytesIO()
    torch.save({"a": torch.ones(3)}, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10_000_000))
    return file.getvalue()


FOREIGN = {
    "empty": (b"", "empty \\(0 bytes\\)"),
    "torch": (torch_save(legacy=False), "zip archive \\(torch.save"),
    "legacy torch": (torch_save(legacy=True), "Python pickle"),
    "pickle": (pickle.dumps([print] * 100), "Python pickle"),
    "npz": (npz(), "zip archive"),
    "npy": (npy(), "NumPy array"),
    "zip bomb": (bomb(), "zip archive"),
    "gzip bomb": (gzip.compress(bytes(10_000_000)), "gzip archive"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(500), "HDF5"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(500), "PNG"),
    "csv": (b"unique_id,ds,y\na,2020-01-01,1\n" * 9, "not a model file: it starts with b'unique_i'"),
    "zeros": (bytes(1000), "not a model file"),
    "ones": (b"\xff" * 1000, "not a model file"),
    "safetensors": (safetensors_save({"a": torch.ones(3)}), "a safetensors file but not written by tauflow"),
    "safetensors with metadata": (
        safetensors_save({"a": torch.ones(3)}, {"format": "pt"}),
        "a safetensors file but not written by tauflow.*load_file",
    ),
    "long safetensors": (
        safetensors_save({f"block.{i}": torch.ones(3) for i in range(400)}),
        "a safetensors file but not written by tauflow",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_named_and_refused(name: str, tmp_path: Path) -> None:
    data, message = FOREIGN[name]
    path = tmp_path / "model.tau"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=f"{path}: .*{message}"):
        files.read(path)


# Files made to deceive: the digest is right, the content is not

ENTRY = ',"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
EIGHT = bytes(8)
CRAFTED = {
    "tensor twice": (header_with(ENTRY + ENTRY), EIGHT, "spelled"),
    "metadata twice": (header_with(',"__metadata__":{}'), b"", "does not state"),
    "key twice": (header_with(about='{"config":{"a":1,"a":1},"format":1,"kind":"model"}'), b"", "spelled"),
    "2^60 elements": (header_with(ENTRY.replace("[2]", f"[{2**60}]")), EIGHT, "elements are allowed"),
    "product over 2^64": (header_with(ENTRY.replace("[2]", f"[{2**31},{2**31},4]")), EIGHT, "elements are"),
    "0 times 2^60": (header_with(ENTRY.replace("[2]", f"[0,{2**60}]")), b"", "elements are allowed"),
    "4,000 digits": (header_with(ENTRY.replace("[2]", f"[{'9' * 4000}]")), EIGHT, "elements are allowed"),
    "5,000 digits": (header_with(ENTRY.replace("[2]", f"[{'9' * 5000}]")), EIGHT, "not JSON"),
    "negative size": (header_with(ENTRY.replace("[2]", "[-2]")), EIGHT, "expected a list of sizes"),
    "true as size": (header_with(ENTRY.replace("[2]", "[true,2]")), EIGHT, "expected a list of sizes"),
    "float as size": (header_with(ENTRY.replace("[2]", "[2.0]")), EIGHT, "expected a list of sizes"),
    "shape no list": (header_with(ENTRY.replace("[2]", '"2"')), EIGHT, "expected a list of sizes"),
    "rank 9": (header_with(ENTRY.replace("[2]", "[2,1,1,1,1,1,1,1,1]")), EIGHT, "at most 8 axes"),
    "more data than shape": (header_with(ENTRY), bytes(12), "end at byte"),
    "less data than shape": (header_with(ENTRY), bytes(4), "end at byte"),
    "gap": (header_with(ENTRY.replace("[0,8]", "[4,12]")), bytes(12), "spelled"),
    "overlap": (
        header_with(ENTRY + ',"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}'),
        bytes(12),
        "spelled",
    ),
    "shared bytes": (header_with(ENTRY + ENTRY.replace('"a"', '"b"')), EIGHT, "spelled"),
    "wrong order": (
        header_with(ENTRY.replace('"a"', '"b"') + ENTRY.replace("[0,8]", "[8,16]")),
        bytes(16),
        "spelled",
    ),
    "begin after end": (header_with(ENTRY.replace("[0,8]", "[8,0]")), EIGHT, "spelled"),
    "unknown dtype": (header_with(ENTRY.replace("F32", "C64")), EIGHT, "has dtype C64"),
    "dtype a list": (header_with(ENTRY.replace('"F32"', "[]")), EIGHT, "has dtype"),
    "entry no dict": (header_with(',"a":5'), EIGHT, "has dtype None"),
    "extra key in entry": (header_with(ENTRY.replace("{", '{"x":1,')), EIGHT, "spelled"),
    "path as name": (header_with(ENTRY.replace('"a"', '"a b"')), EIGHT, "is called 'a b'"),
    "long name": (header_with(ENTRY.replace('"a"', f'"{"n" * 300}"')), EIGHT, "is called"),
    "bool of 2": (
        header_with(',"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}'),
        b"\2\0",
        "other than 0 and 1",
    ),
    "spaces within": (header_with(ENTRY.replace(",", ", ")), EIGHT, "spelled"),
    "spaces at the end": (header_with(ENTRY) + b" " * 8, EIGHT, "spelled"),
    "header unaligned": (header_with().rstrip() + b"\t", b"", "spelled"),
    "escaped name": (header_with(ENTRY.replace('"a"', '"\\u0061"')), EIGHT, "spelled"),
    "not ASCII": (header_with(ENTRY.replace('"a"', '"ä"')), EIGHT, "is called"),
    "not UTF-8": (header_with()[:-8] + b"\xff" * 8, b"", "not JSON"),
    "NaN in JSON": (header_with(about='{"config":{"a":NaN},"format":1,"kind":"model"}'), b"", "is nan"),
    "1e999 in JSON": (header_with(about='{"config":{"a":1e999},"format":1,"kind":"model"}'), b"", "is inf"),
    "deep config": (
        header_with(about='{"config":{"a":%s},"format":1,"kind":"model"}' % ("[" * 40 + "]" * 40)),
        b"",
        "nested more than 32",
    ),
    "very deep config": (header_with(about='{"config":' + "[" * 400_000), b"", "not JSON"),
    "very deep header": (header_with(',"a":' + "[" * 400_000), b"", "not JSON"),
    "config a list": (header_with(about='{"config":[],"format":1,"kind":"model"}'), b"", "config not a dict"),
    "no format": (header_with(about='{"config":{},"kind":"model"}'), b"", "does not state a format"),
    "format 0": (header_with(about='{"config":{},"format":0,"kind":"model"}'), b"", "does not state"),
    "format true": (header_with(about='{"config":{},"format":true,"kind":"model"}'), b"", "does not state"),
    "one key more": (header_with(about='{"config":{},"format":1,"kind":"m","x":1}'), b"", "does not state"),
    "wrong key": (header_with(about='{"Config":{},"format":1,"kind":"model"}'), b"", "config not a dict"),
    "kind a path": (header_with(about='{"config":{},"format":1,"kind":"../model"}'), b"", "its kind"),
    "about not JSON": (header_with(about="import os"), b"", "not JSON"),
    "about a list": (header_with(about="[]"), b"", "not a JSON object"),
    "about no text": (header_with(about="X").replace(b'"X"', b"5"), b"", "does not state"),
    "newer": (header_with(about='{"config":{},"format":2,"new":1}'), b"", "newer tauflow.*pip install"),
    "header over the cap": (header_with(ENTRY) + b" " * MAX_HEADER, EIGHT, "header claims"),
}  # fmt: skip


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_files_are_refused(name: str) -> None:
    header, data, message = CRAFTED[name]
    with pytest.raises(ModelFileError, match=message) as caught:
        files.unpack(sealed(header, data))
    assert len(str(caught.value)) < 700


def test_the_crafting_itself_makes_a_readable_file() -> None:
    file = files.unpack(sealed(header_with(ENTRY), EIGHT))
    assert torch.equal(file.tensors["a"], torch.zeros(2)) and file.config == {}


def test_a_lying_length_is_refused_also_with_a_right_digest() -> None:
    data = files.pack(sample(), CONFIG, kind="model")
    for n in (0, 1, 7, 100, len(data) - 8, len(data), 2**31, 2**63, 2**64 - 1):
        lying = n.to_bytes(8, "little") + data[8 : DIGEST.start] + ZEROS + data[DIGEST.stop :]
        digest = hashlib.sha256(lying).hexdigest().encode()
        with pytest.raises(ModelFileError):
            files.unpack(lying[: DIGEST.start] + digest + lying[DIGEST.stop :])


HEADER = encode(
    {"config": {"a": [1, 2.5, None]}, "format": 1, "kind": "model"},
    layout({"a": (torch.float32, (2,)), "b": (torch.bool, (3, 1))}),
)[8:]


@settings(max_examples=1000, deadline=None)
@given(
    at=st.integers(DIGEST.stop - 8, len(HEADER)),
    cut=st.integers(0, 20),
    piece=st.binary(max_size=8) | st.sampled_from([b"0", b"[", b"{", b'"', b"\\", b"null", b"1e9", b"-1", b",", b" "]),
)
def test_mutated_headers_with_a_right_digest_are_refused(at: int, cut: int, piece: bytes) -> None:
    mutated = HEADER[:at] + piece + HEADER[at + cut :]
    data = bytes(8) + b"\1\0\1"
    if mutated == HEADER:
        files.unpack(sealed(mutated, data))
        return
    try:
        file = files.unpack(sealed(mutated, data))
    except ModelFileError:
        return
    # The few that still are files (a digit of the config changed, say) must say exactly what they hold.
    assert files.pack(file.tensors, file.config, kind=file.kind) == sealed(mutated, data)


# The file as an object on the disk


def test_kind_and_size_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "model.tau"
    files.write(path, sample(), {}, kind="checkpoint")
    with pytest.raises(ModelFileError, match="holds a checkpoint, expected a model"):
        files.read(path, kind="model")
    with pytest.raises(ModelFileError, match="more than max_bytes=100"):
        files.read(path, max_bytes=100)
    os.truncate(path, 2**40)  # a sparse terabyte
    with pytest.raises(ModelFileError, match="1,099,511,627,776 bytes, more than max_bytes"):
        files.read(path)


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ModelFileError, match="a folder, device or pipe"):
            files.read(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.tau"):
        files.read(tmp_path / "missing.tau")


def test_links_are_followed_when_reading(tmp_path: Path) -> None:
    files.write(tmp_path / "model.tau", sample(), {}, kind="model")
    (tmp_path / "soft").symlink_to("model.tau")
    (tmp_path / "hard").hardlink_to(tmp_path / "model.tau")
    for name in ("soft", "hard"):
        assert files.read(tmp_path / name).tensors.keys() == sample().keys()


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tau"
    files.write(path, sample(), {}, kind="model")
    real = os.fstat

    def shrink(file: int) -> os.stat_result:
        status = real(file)
        os.truncate(path, 400)
        return status

    monkeypatch.setattr(os, "fstat", shrink)
    with pytest.raises(ModelFileError, match="damaged or cut short"):
        files.read(path)


def test_strict_json_says_where() -> None:
    with pytest.raises(ModelFileError, match=r"config\['a'\]\['b'\]\[2\]"):
        strictjson.check({"a": {"b": [1, 2, {3}]}})


# What reading does besides reading: nothing

AUDIT = """
import json, sys, torch
from tauflow import files
from tauflow.errors import ModelFileError
files.read  # on its first use it loads its module
events = []
on = False
sys.addaudithook(lambda name, args: events.append((name, str(args[:1]))) if on else None)
on = True
for path in sys.argv[1:]:
    try:
        files.read(path)
    except ModelFileError:
        pass
on = False
print(json.dumps(events))
"""


def test_reading_opens_one_file_and_runs_nothing(tmp_path: Path) -> None:
    files.write(tmp_path / "good", sample(), CONFIG, kind="model")
    (tmp_path / "deep").write_bytes(sealed(*CRAFTED["very deep header"][:2]))
    (tmp_path / "legacy torch").write_bytes(FOREIGN["legacy torch"][0])
    (tmp_path / "zip bomb").write_bytes(FOREIGN["zip bomb"][0])
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run([sys.executable, "-c", AUDIT, *paths], capture_output=True, text=True, check=True)
    events = json.loads(done.stdout)
    assert [event for event in events if event[0] != "open"] == []
    assert [event[1] for event in events] == [f"({path!r},)" for path in paths]


MEMORY = """
import re, sys, torch
from pathlib import Path
from tauflow import files
from tauflow.errors import ModelFileError
def kib(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
files.unpack(files.pack({"a": torch.ones(3)}, {}, kind="model"))
for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = kib("VmRSS")
    try:
        files.read(path)
    except ModelFileError:
        pass
    print(kib("VmHWM") - before)
"""


def test_reading_takes_the_size_of_the_file_in_memory(tmp_path: Path) -> None:
    full = MAX_HEADER - 400
    bombs = {
        "lists": header_with(about='{"config":{"a":[%s[]]},"format":1,"kind":"model"}' % ("[]," * (full // 3))),
        "dicts": header_with(",".join(["", *(f'"{i:x}":{{}}' for i in range(full // 11))])),
        "shape": header_with(ENTRY.replace("[2]", "[" + "1," * (full // 2) + "1]")),
        "lying shape": header_with(ENTRY.replace("[2]", f"[{2**31 - 1}]")),
    }
    for name, header in bombs.items():
        (tmp_path / name).write_bytes(sealed(header, EIGHT))
    big = files.pack({"W": torch.ones(24_000_000)}, {}, kind="model")  # 96 MB
    (tmp_path / "whole").write_bytes(big)
    paths = [str(tmp_path / name) for name in [*bombs, "whole"]]
    done = subprocess.run([sys.executable, "-c", MEMORY, *paths], capture_output=True, text=True, check=True)
    used = [int(line) / 1024 for line in done.stdout.split()]  # MiB
    sizes = [os.path.getsize(path) / 2**20 for path in paths]
    assert len(used) == len(paths)
    assert all(mib <= size + 64 for mib, size in zip(used, sizes, strict=True)), used
