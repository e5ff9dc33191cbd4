"""A save is all or nothing: killed anywhere, on a full disk, in a folder that can't be written.

The crashes happen in children forked by one small process that has never loaded torch (a fresh torch process
costs seconds, a fork a millisecond). It loads atomic.py by its path, for the same reason.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from tauflow import files
from tauflow.files import atomic

PRELUDE = f"""
import errno, fcntl, importlib.util, json, os, random, resource, signal, sys, time
spec = importlib.util.spec_from_file_location("atomic", {atomic.__file__!r})
atomic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(atomic)
assert "torch" not in sys.modules
folder = sys.argv[1]
target = os.path.join(folder, "model.tau")
old, new = (open(path, "rb").read() for path in sys.argv[2:])

def put_old():
    with open(target, "wb") as file:
        file.write(old)

def child(run):
    pid = os.fork()
    if pid == 0:
        try:
            run()
        except OSError as error:
            print(json.dumps([type(error).__name__, error.errno, str(error)]), flush=True)
            os._exit(3)
        os._exit(0)
    return pid

def found():
    data = open(target, "rb").read()
    return "old" if data == old else "new" if data == new else "broken"

def left_over():
    return [name for name in os.listdir(folder) if name.startswith(".tauflow-")]
"""


def in_children(script: str, folder: Path, big: int = 100_000) -> Any:
    """Run the script after PRELUDE in a folder, with an old and a new model file; its last line is JSON."""
    paths = [folder.parent / "old.tau", folder.parent / "new.tau"]
    for i, path in enumerate(paths):
        path.write_bytes(files.pack({"W": torch.full((big,), float(i))}, {"i": i}, kind="model"))
    command = [sys.executable, "-c", PRELUDE + script, str(folder), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


# Kills

RANDOM_KILLS = """
put_old()
times = []
for _ in range(5):
    start = time.perf_counter()
    os.waitpid(child(lambda: atomic.write_bytes_atomically(target, new)), 0)
    times.append(time.perf_counter() - start)
random.seed(1)
counts = dict(old=0, new=0, broken=0, killed=0, orphans=0)
for _ in range(200):
    put_old()
    pid = child(lambda: atomic.write_bytes_atomically(target, new))
    time.sleep(random.uniform(0, 1.2 * sorted(times)[2]))
    os.kill(pid, signal.SIGKILL)
    counts["killed"] += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    counts[found()] += 1
    counts["orphans"] += len(left_over())
atomic.write_bytes_atomically(target, new)
print(json.dumps(counts | {"left": left_over(), "last": found()}))
"""


def test_killed_at_200_random_moments(folder: Path) -> None:
    counts = in_children(RANDOM_KILLS, folder)
    assert counts["broken"] == 0 and counts["old"] + counts["new"] == 200
    assert counts["killed"] >= 20 and counts["orphans"] > 0  # the kills did hit
    assert counts["left"] == []
    assert counts["last"] == "new"
    assert files.read(folder / "model.tau").config == {"i": 1}


KILL_AT_EACH_CALL = """
calls = []
def spied(module, name, kill_at, before):
    real = getattr(module, name)
    def call(*args, **kwargs):
        here = len(calls)
        calls.append(name)
        if here == kill_at and before:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "write":  # in small pieces, as a nearly full disk may do it
            args = (args[0], args[1][:len(new) // 5 + 1])
        result = real(*args, **kwargs)
        if here == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(module, name, call)

def run(kill_at, before):
    for module, name in [(os, "open"), (fcntl, "flock"), (os, "fstat"), (os, "write"), (os, "fsync"),
                         (os, "replace"), (os, "close")]:
        spied(module, name, kill_at, before)
    atomic.write_bytes_atomically(target, new)
    print(json.dumps(calls), flush=True)

put_old()
os.waitpid(child(lambda: run(-1, True)), 0)
outcomes = []
for before in (True, False):
    kill_at = 0
    while True:
        put_old()
        for name in left_over():
            os.unlink(os.path.join(folder, name))
        status = os.waitpid(child(lambda: run(kill_at, before)), 0)[1]
        if os.WIFEXITED(status):
            break
        outcomes.append([kill_at, before, found(), len(left_over())])
        kill_at += 1
atomic.write_bytes_atomically(target, old)
print(json.dumps({"outcomes": outcomes, "left": left_over(), "last": found()}))
"""


def test_killed_before_and_after_each_system_call(folder: Path) -> None:
    result = in_children(KILL_AT_EACH_CALL, folder)
    calls = ["open", "open", "flock", "fstat", *["write"] * 5, "fsync", "replace", "close", "fsync", "close"]
    rename = calls.index("replace")
    expected = [
        [
            i,
            before,
            "new" if i > rename or (i == rename and not before) else "old",
            int(1 <= i - before < rename),
        ]
        for before in (True, False)
        for i in range(len(calls))
    ]
    assert result["outcomes"] == expected
    assert result["left"] == [] and result["last"] == "old"


# Order, and errors from the system


def spy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is done to the disk, in order."""
    done: list[str] = []

    def what(file: int) -> str:
        return "folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "file"

    def note(name: str, label: Any) -> None:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            done.append(f"{name} {label(*args)}".strip())
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    note("write", lambda file, data: what(file))
    note("fsync", what)
    note("replace", lambda a, b: "")
    return done


def test_flushed_before_and_after_the_rename(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = spy(monkeypatch)
    atomic.write_bytes_atomically(folder / "a", b"new")
    assert done == ["write file", "fsync file", "replace", "fsync folder"]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS])
def test_an_error_anywhere_leaves_the_old_file(
    call: str, number: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a").write_bytes(b"old")
    real = getattr(os, call)

    def fail(*args: Any, **kwargs: Any) -> Any:
        if call == "open" and not args[1] & os.O_CREAT:
            return real(*args, **kwargs)
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match="could not save 3 bytes; ") as caught:
            atomic.write_bytes_atomically(folder / "a", b"new")
    assert caught.value.errno == number and caught.value.filename == str(folder / "a")
    assert (folder / "a").read_bytes() == b"old"
    assert os.listdir(folder) == ["a"]


def test_interrupted_by_the_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a").write_bytes(b"old")

    def interrupt(file: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            atomic.write_bytes_atomically(folder / "a", b"new")
    assert (folder / "a").read_bytes() == b"old" and os.listdir(folder) == ["a"]


def test_a_file_system_that_cannot_flush_a_folder_or_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def fsync(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(file)

    def flock(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    (folder / ".tauflow-0.tmp").write_bytes(b"whose?")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(fcntl, "flock", flock)
    atomic.write_bytes_atomically(folder / "a", b"new")
    assert (folder / "a").read_bytes() == b"new"
    assert sorted(os.listdir(folder)) == [".tauflow-0.tmp", "a"]  # without locks nobody knows whose it is


FULL_DISK = """
put_old()
def run():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(new) // 2, resource.RLIM_INFINITY))
    atomic.write_bytes_atomically(target, new)
status = os.waitpid(child(run), 0)[1]
print(json.dumps([os.WEXITSTATUS(status), found(), os.listdir(folder)]))
"""


def test_a_real_limit_in_the_middle_of_the_write(folder: Path) -> None:
    assert in_children(FULL_DISK, folder) == [3, "old", ["model.tau"]]
    assert files.read(folder / "model.tau").config == {"i": 0}


READ_ONLY = """
put_old()
os.chmod(folder, 0o555)
def run():
    if os.getuid() == 0:
        os.setuid(65534)  # nobody: root may write everywhere
    atomic.write_bytes_atomically(target, new)
reader, writer = os.pipe()
def piped():
    os.dup2(writer, 1)
    run()
status = os.waitpid(child(piped), 0)[1]
os.close(writer)
os.chmod(folder, 0o755)
print(json.dumps([os.WEXITSTATUS(status), found(), os.listdir(folder), json.loads(os.read(reader, 10000))]))
"""


def test_a_real_read_only_folder() -> None:
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)  # pytest's own folders are closed to nobody, as whom root must try
        folder = Path(root) / "folder"
        folder.mkdir()
        code, found, names, (kind, number, message) = in_children(READ_ONLY, folder)
    assert (code, found, names) == (3, "old", ["model.tau"])
    assert (kind, number) == ("PermissionError", errno.EACCES) and "choose a folder" in message


# What the target may be


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0o000])
def test_the_mode_is_that_of_any_new_file(umask: int, folder: Path) -> None:
    before = os.umask(umask)
    try:
        atomic.write_bytes_atomically(folder / "a", b"new")
        (folder / "b").write_bytes(b"")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in "ab"]
    assert modes == [0o666 & ~umask] * 2


def test_a_symbolic_link_stays_a_link(folder: Path) -> None:
    (folder / "far").mkdir()
    (folder / "link").symlink_to("far/model")
    for data in (b"first", b"second"):  # at first it points nowhere
        atomic.write_bytes_atomically(folder / "link", data)
        assert (folder / "link").is_symlink() and (folder / "far" / "model").read_bytes() == data
    assert os.listdir(folder / "far") == ["model"]
    (folder / "round").symlink_to("round")
    with pytest.raises(OSError, match="could not save"):
        atomic.write_bytes_atomically(folder / "round", b"")


def test_a_hard_link_is_cut(folder: Path) -> None:
    (folder / "a").write_bytes(b"old")
    (folder / "b").hardlink_to(folder / "a")
    atomic.write_bytes_atomically(folder / "a", b"new")
    assert (folder / "a").read_bytes() == b"new" and (folder / "b").read_bytes() == b"old"


def test_what_cannot_be_a_file(folder: Path) -> None:
    with pytest.raises(IsADirectoryError, match="give the name of a file"):
        atomic.write_bytes_atomically(folder, b"")
    with pytest.raises(FileNotFoundError, match=f"make the folder {folder}/missing first"):
        atomic.write_bytes_atomically(folder / "missing" / "a", b"")
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        atomic.write_bytes_atomically(folder / "pipe", b"")
    (folder / "a").write_bytes(b"old")
    with pytest.raises(NotADirectoryError):
        atomic.write_bytes_atomically(folder / "a" / "b", b"")
    atomic.write_bytes_atomically(folder / ("n" * 255), b"the longest name")


# Orphans and neighbours


def test_orphans_are_removed_and_living_writers_left_alone(folder: Path) -> None:
    (folder / ".tauflow-dead.tmp").write_bytes(b"half")
    (folder / ".tauflow-link.tmp").symlink_to("precious")
    (folder / "precious").write_bytes(b"keep")
    (folder / "other.tmp").write_bytes(b"keep")
    with open(folder / ".tauflow-alive.tmp", "wb") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        atomic.write_bytes_atomically(folder / "a", b"new")
        expected = [".tauflow-alive.tmp", ".tauflow-link.tmp", "a", "other.tmp", "precious"]
        assert sorted(os.listdir(folder)) == expected
    atomic.write_bytes_atomically(folder / "a", b"new")
    assert ".tauflow-alive.tmp" not in os.listdir(folder)
    assert (folder / "precious").read_bytes() == b"keep"


def test_a_new_file_taken_for_an_orphan_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, rivals = fcntl.flock, ["locks", "removes"]

    def flock(file: int, how: int) -> None:
        rival = rivals.pop() if rivals else ""
        if rival == "removes":
            next(folder.glob(".tauflow-*.tmp")).unlink()
        if rival == "locks":
            raise BlockingIOError
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    atomic.write_bytes_atomically(folder / "a", b"new")
    assert rivals == [] and (folder / "a").read_bytes() == b"new"
    assert len(list(folder.glob(".tauflow-*.tmp"))) == 1  # the locked one was left to its rival


def test_many_writers_of_one_name(folder: Path) -> None:
    contents = [bytes([i]) * 20_000 for i in range(4)]
    errors: list[BaseException] = []

    def save(data: bytes) -> None:
        try:
            for _ in range(15):
                atomic.write_bytes_atomically(folder / "a", data)
                assert (folder / "a").read_bytes() in contents
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert os.listdir(folder) == ["a"]
