"""The tools that watch the tests and what they are installed with."""

from __future__ import annotations

import ast
import json

from tests import hashes, lowest
from tests.mutants import generate, named, native
from tests.mutants.edit import SOURCES
from tests.mutants.select import asked


def test_made_up_edits_are_many_programs_with_names_of_their_own() -> None:
    edits = sorted(generate.edits(), key=lambda edit: edit.rank(0))
    assert len(edits) > 2000
    assert len({(edit.file, edit.name) for edit in edits}) == len(edits)
    for edit in edits[:100]:
        broken = edit.applied()
        assert broken != edit.path.read_text("utf-8")
        ast.parse(broken)


def test_edits_by_hand_have_names_of_their_own() -> None:
    names = [edit.name for edit in (*named.EDITS, *native.EDITS)]
    assert len(set(names)) == len(names) >= 80


def test_every_module_has_tests_that_are_asked_about_it() -> None:
    modules = sorted(SOURCES[0].rglob("*.py"))
    assert len(modules) > 300 and not [module for module in modules if not asked(module)]
    own = {
        "apps/arm/film.py": "test_apps_arm.py",
        "agents/link.py": "test_imitate.py",
        "estimators/bands/shapes.py": "test_bands.py",
    }
    for module, test in own.items():
        assert any(word.endswith(test) for word in asked(SOURCES[0] / module)[0])
    assert "-k" in asked(SOURCES[0] / "cells" / "ltc.py")[-1]


def report(name: str, version: str, sha256: str) -> str:
    one = {
        "metadata": {"name": name, "version": version},
        "download_info": {"archive_info": {"hashes": {"sha256": sha256}}},
    }
    here = {"metadata": {"name": "tauflow", "version": "0"}, "download_info": {"dir_info": {"editable": True}}}
    return json.dumps({"install": [one, here]})


def test_a_file_that_is_not_listed_is_named() -> None:
    known = hashes.listed("# about\ntyping-extensions==4.16.0 aa bb\ntorch==2.13.0 cc\n")
    assert hashes.strangers(hashes.reported(report("Typing_Extensions", "4.16.0", "bb")), known) == []
    assert hashes.strangers(hashes.reported(report("torch", "2.13.0+cpu", "cc")), known) == []
    assert hashes.strangers(hashes.reported(report("torch", "2.13.0", "bb")), known) == ["torch==2.13.0: bb"]
    assert hashes.strangers(hashes.reported(report("torch", "2.13.1", "cc")), known) == ["torch==2.13.1: cc"]


def test_every_dependency_has_a_lowest_version() -> None:
    bounds = lowest.lowest("2.5")
    assert "torch==2.5" in bounds and any(line.startswith("numpy==") for line in bounds)
