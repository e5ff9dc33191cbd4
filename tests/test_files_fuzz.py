"""Edited files are taken or refused, and nothing else: some hundred edits here, any number by `make fuzz-files`."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from tauflow import files
from tests.fuzz_files import CORPUS, READERS, edited, outcome, packed, valid

KEPT = sorted(CORPUS.iterdir())


@pytest.mark.parametrize("kind", READERS)
def test_the_unedited_files_are_taken(kind: str, tmp_path: Path) -> None:
    for content in valid()[kind]:
        data = packed(kind, content)
        assert data is not None
        assert outcome(kind, data, tmp_path) == "taken"


@pytest.mark.parametrize("kind", READERS)
def test_edits_are_taken_or_refused(kind: str, tmp_path: Path) -> None:
    draw, ends = random.Random(20), []
    while len(ends) < 150:
        data = packed(kind, edited(draw.choice(valid()[kind]), draw))
        if data is not None:
            ends.append(outcome(kind, data, tmp_path))
    assert ends.count("refused") > 75  # the edits are not beside the point
    assert ends.count("taken") > 0


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_files_are_refused(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    assert outcome(files.unpack(data, finite=False).kind, data, tmp_path) == "refused"


def test_the_corpus_is_there_and_small() -> None:
    assert len(KEPT) >= 20
    assert sum(path.stat().st_size for path in KEPT) < 300_000
    assert {files.unpack(path.read_bytes(), finite=False).kind for path in KEPT} == set(READERS)


def test_edits_change_the_file() -> None:
    draw, content = random.Random(1), valid()["model"][0]
    before = json.dumps(content[1])
    same = 0
    for _ in range(100):
        tensors, config = edited(content, draw)
        alike = tensors.keys() == content[0].keys() and all(torch.equal(tensors[k], content[0][k]) for k in tensors)
        same += alike and json.dumps(config) == before
    assert json.dumps(content[1]) == before  # the original is left alone
    assert same < 20
