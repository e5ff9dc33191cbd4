"""Which tests are asked about a file: those of its module, then those of its room, found by their names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

TESTS = Path(__file__).parents[1]

# Rooms and modules whose tests have other names. A pattern is of test files; `-k` words after a colon choose among them.
BESIDE: dict[str, tuple[str, ...]] = {
    "cells": ("test_baseline_cells.py", "test_cells.py:{stem}", "test_kernels.py:{stem}"),
    "ops": ("test_kernels.py", "test_stream.py", "test_cells.py:backends or stack"),
    "training": ("test_training*.py", "test_resume.py"),
    "estimators": ("test_forecaster*.py", "test_compare*.py", "test_baselines*.py", "test_metrics*.py"),
    "data": ("test_data_*.py", "test_read*.py", "test_datasets.py"),
    "read": ("test_data_*.py", "test_read*.py", "test_datasets.py"),
    "windows": ("test_windows*.py", "test_calendar*.py", "test_forecaster*.py", "test_compare*.py"),
    "report": ("test_report.py",),
    "cli": ("test_cli*.py",),
    "compat": ("test_compat_ncps*.py",),
    "ncps": ("test_compat_ncps*.py",),
    "files": ("test_files*.py", "test_models.py"),
    "tauflow": ("test_install.py",),
    "activations": ("test_ctrnn.py", "test_gated_ltc.py", "test_cells.py:ctrnn or gated"),
    "solvers": ("test_solvers.py", "test_cells.py:ctrnn"),
    "sequence": (
        "test_sequence.py",
        "test_analysis.py",
        "test_validate.py",
        "test_cells.py:stack or bidirectional or ctrnn",
    ),
    "validate": ("test_validate.py", "test_cells.py:gru-reference or gru or stack"),
    "base": ("test_cells.py:ctrnn or gru or ltc",),
    "rnn": ("test_baseline_cells.py", "test_cells.py:gru or lstm or rnn"),
    "wired_cfc": ("test_cfc.py", "test_cells.py:wired_cfc", "test_compat_ncps*.py"),
    "atomic": ("test_files_kill.py", "test_files.py"),
    "fileheader": ("test_files.py", "test_models.py"),
    "strictjson": ("test_files.py", "test_models.py"),
    "models": ("test_small_promises.py", "test_models.py", "test_files.py"),
    "encoder": ("test_windows*.py", "test_forecaster*.py", "test_compare*.py"),
    "calendar": ("test_windows*.py", "test_calendar*.py", "test_forecaster*.py"),
    "scaling": ("test_windows*.py", "test_forecaster*.py"),
    "checkpoint": ("test_resume.py", "test_training*.py"),
    "storage": ("test_forecaster*.py", "test_storage*.py"),
    "stream": ("test_stream.py",),
    "packing": ("test_stream.py", "test_kernels.py"),
    "gaps": ("test_install.py", "test_validate.py"),
    "csrc": ("test_kernels.py", "test_stream.py", "test_install.py:gaps"),
}


def asked(path: Path) -> list[list[str]]:
    """Arguments of pytest, one call after another, for a broken file."""
    stem = path.parent.name if path.stem == "__init__" else path.stem
    patterns = [f"test_{stem}.py", f"test_{stem}_*.py", *BESIDE.get(stem, ())]
    if path.parent.name != "tauflow":
        patterns += BESIDE.get(path.parent.name, ())
    return calls(pattern.replace("{stem}", stem) for pattern in patterns)


def calls(patterns: Iterable[str]) -> list[list[str]]:
    """Files whole in one call; each choice among the tests of a file in one of its own."""
    whole: dict[str, None] = {}
    some: list[list[str]] = []
    for pattern in patterns:
        glob, _, words = pattern.partition(":")
        for file in sorted(TESTS.glob(glob)):
            if words:
                some.append([str(file), "-k", words])
            else:
                whole[str(file)] = None
    some = [call for call in some if call[0] not in whole]
    return ([list(whole)] if whole else []) + some
