"""A file that can't be written, or that would destroy what is read, is refused before any work."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tauflow import files
from tauflow.errors import OutputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "old.tau").write_bytes(b"old")
    (tmp_path / "sub").mkdir()
    yield tmp_path
    assert (tmp_path / "t.csv").read_text() == "a,b\n1,2\n"
    assert (tmp_path / "old.tau").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["new.tau", "old.tau", "sub/new.tau", "./new.tau", "sub/../new.tau", "-", "t.csv.tau"])
def test_a_file_that_can_be_written_is_taken(name: str, folder: Path) -> None:
    assert files.check_output(name, ["t.csv", folder / "missing.csv", np.ones(3), None]) == Path(name)
    assert files.check_output(folder / name) == folder / name


def test_links_to_files_are_taken(folder: Path) -> None:
    (folder / "link").symlink_to("old.tau")
    (folder / "dangling").symlink_to("sub/new.tau")
    for name in ("link", "dangling"):
        assert files.check_output(name, ["t.csv"]) == Path(name)


@pytest.mark.parametrize("name", ["t.csv", "./t.csv", "sub/../t.csv", "link", "hard", "links/t.csv"])
@pytest.mark.parametrize("source", ["t.csv", "link", "hard", "links/t.csv"])
def test_the_input_is_no_output_by_any_name(name: str, source: str, folder: Path) -> None:
    (folder / "link").symlink_to("t.csv")
    (folder / "links").symlink_to(".")
    os.link(folder / "t.csv", folder / "hard")
    for path, read in ((name, source), (folder / name, source), (name, folder / source)):
        with pytest.raises(OutputError, match=r"is the file that is read.*destroy"):
            files.check_output(path, [None, read])


def test_an_input_that_is_yet_to_come_is_no_output_either(folder: Path) -> None:
    with pytest.raises(OutputError, match="destroy"):
        files.check_output("later.csv", [folder / "sub" / ".." / "later.csv"])


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "fifo", "socket", "link to fifo"])
def test_what_a_save_would_replace_is_refused(name: str, folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "link to fifo").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")
        if name == "/dev/stdout" and stat.S_ISREG(os.stat(name).st_mode):
            return  # the test's own output goes to a file
        with pytest.raises(OutputError, match="a device, pipe or socket"):
            files.check_output(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a folder; give the name of a file"),
        ("sub", "is a folder"),
        ("sub/", "is a folder"),
        ("none/new.tau", "there is no folder .*none; make it first: mkdir -p"),
        ("t.csv/new.tau", "there is no folder"),
    ],
)
def test_folders_are_refused(name: str, message: str, folder: Path) -> None:
    with pytest.raises(OutputError, match=message):
        files.check_output(name)


def test_a_folder_without_permission_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(OutputError, match="may not write"):
        files.check_output("new.tau")
