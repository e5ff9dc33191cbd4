"""Every public name of the API reference has an example that runs: its own, or the one of a name of its room that shows it."""

from __future__ import annotations

import doctest
import inspect
import re
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

import tauflow
from tests import reference

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples(room: str, name: str) -> doctest.DocTest:
    """Those of its docstring; `np`, `torch` and `tauflow` are there, as the first page of the reference says."""
    value = getattr(import_module(f"tauflow.{room}"), name)
    return doctest.DocTestParser().get_doctest(
        inspect.getdoc(value) or "", {"np": np, "torch": torch, "tauflow": tauflow}, f"tauflow.{room}.{name}", None, 0
    )


@pytest.mark.parametrize("room", reference.rooms())
def test_every_name_of_a_room_has_an_example(room: str) -> None:
    shown = {name: examples(room, name).examples for name in reference.names(room)}
    words = {word for some in shown.values() for one in some for word in reference.words(one.source + one.want)}
    bare = [name for name, some in shown.items() if not some and name not in words]
    assert not bare, f"no example shows {', '.join(bare)} of tauflow.{room}"


WITH = [(room, name) for room in reference.rooms() for name in reference.names(room) if examples(room, name).examples]


@pytest.mark.parametrize(("room", "name"), WITH)
def test_an_example_needs_no_import_that_it_does_not_show(room: str, name: str) -> None:
    """Here every module is loaded already; in a fresh Python `tauflow.compat` is there only after it was imported."""
    code = "".join(one.source for one in examples(room, name).examples)
    used = set(re.findall(r"\btauflow\.(\w+)", re.sub(r"(?m)^(from|import) .*", "", code)))
    assert used <= set(tauflow.__all__)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(("room", "name"), WITH)
def test_an_example_prints_what_it_shows(room: str, name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    test = examples(room, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tauflow.cells, "IMPORTED", [])
    torch.manual_seed(0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert result.failed == 0, "".join(said)
