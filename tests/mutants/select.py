"""Which tests are asked about a file: those of its module, then those of its rooms from the inside out, found by their names.

The quick ones come first in a room, since the first that fails ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.mutants.edit import SOURCES

TESTS = Path(__file__).parents[1]

# Rooms and modules whose tests have other names. A pattern is of test files; `-k` words after a colon choose among them.
BESIDE: dict[str, tuple[str, ...]] = {
    # rooms, beside the tests that bear their name
    "agents": ("test_imitate.py",),
    "backtesting": ("test_backtest.py",),
    "comparing": ("test_compare*.py",),
    "datasets": ("test_splits.py",),
    "drawing": ("test_pictures.py", "test_wirings.py"),
    "cells": ("test_baseline_cells.py", "test_recorders.py", "test_cells.py:{stem}", "test_kernels.py:{stem}"),
    "cli": ("test_data_advice.py",),
    "compat": ("test_small_promises.py",),
    "csrc": ("test_kernels*.py", "test_stream*.py", "test_network*.py", "test_install.py:gaps"),
    "data": ("test_stride.py", "test_categories.py", "test_datasets.py", "test_small_promises.py"),
    "estimators": (
        *("test_baselines*.py", "test_estimators_*.py", "test_windows.py", "test_categories.py"),
        *("test_forecaster*.py", "test_files_forecaster.py", "test_compare*.py"),
    ),
    "explaining": ("test_explain_shares.py", "test_explain_page.py", "test_explain_story.py"),
    "files": ("test_models.py", "test_small_promises.py"),
    "health": ("test_gradient_health.py",),
    "inside": ("test_explain_neurons.py", "test_explain_prune.py"),
    "learned": ("test_forecaster.py",),
    "models": ("test_small_promises.py", "test_files_forecaster.py"),
    "ops": (
        *("test_stream*.py", "test_network*.py", "test_core.py", "test_kernels*.py", "test_door.py"),
        "test_cells.py:backends or stack",
    ),
    "sequences": ("test_classifier.py", "test_sklearn.py"),
    "tauflow": ("test_install.py",),
    "training": ("test_fingerprint.py", "test_files_checkpoint.py", "test_resume.py"),
    "validate": ("test_validate.py", "test_words.py", "test_sequence.py", "test_cells.py:gru or stack"),
    "windows": (
        *("test_windows*.py", "test_stride.py", "test_categories.py", "test_estimators_*.py", "test_baselines.py"),
        *("test_forecaster*.py", "test_compare*.py"),
    ),
    # modules
    "activations": ("test_ctrnn.py", "test_gated_ltc.py", "test_cells.py:ctrnn or gated"),
    "atomic": ("test_files_kill.py", "test_files.py"),
    "base": ("test_cells.py:ctrnn or gru or ltc",),
    "digest": ("test_files_digest.py", "test_fingerprint.py"),
    "facts": ("test_data_check.py",),
    "described": ("test_models.py", "test_network*.py"),
    "clock": ("test_stride.py", "test_windows.py"),
    "gaps": ("test_install.py", "test_validate.py"),
    "many": ("test_network*.py",),
    "matching": ("test_compare.py",),
    "operator": ("test_kernels.py", "test_door.py"),
    "frames": ("test_data_table.py",),
    "numerals": ("test_data_dialects.py",),
    "output": ("test_files_output.py",),
    "packing": ("test_stream.py", "test_kernels.py"),
    "program": ("test_network*.py", "test_stream_chains.py"),
    "results": ("test_compare.py",),
    "rows": ("test_apps_arm.py",),
    "rnn": ("test_baseline_cells.py", "test_cells.py:gru or lstm or rnn"),
    "sequence": (
        *("test_sequence.py", "test_words.py", "test_analysis.py", "test_validate.py", "test_door.py"),
        "test_cells.py:stack or bidirectional or ctrnn",
    ),
    "solvers": ("test_solvers.py", "test_cells.py:ctrnn"),
    "split": ("test_compare.py",),
    "stamps": ("test_data_time.py", "test_data_moments.py"),
    "steps": ("test_network*.py",),
    "storage": ("test_files_forecaster.py", "test_forecaster.py"),
    "streaming": ("test_network*.py", "test_compare.py"),
    "trial": ("test_compare.py",),
    "wired_cfc": ("test_cfc.py", "test_cells.py:wired_cfc", "test_compat_ncps.py"),
}


def asked(path: Path) -> list[list[str]]:
    """Arguments of pytest, one call after another, for a broken file."""
    rooms = [folder.name for folder in path.parents if folder.is_relative_to(SOURCES[0]) or folder == SOURCES[1]]
    stem = rooms[0] if path.stem == "__init__" else path.stem
    patterns = [
        f"test_{stem}.py",
        f"test_{stem}_*.py",
        *(f"test_{room}_{stem}.py" for room in rooms),
        *BESIDE.get(stem, ()),
    ]
    own = rooms if rooms == ["tauflow"] else rooms[: len(rooms) - ("tauflow" in rooms)]
    for room, around in zip(own, [*own[1:], ""], strict=True):
        named = [f"test_{around}_{room}.py", f"test_{room}.py", f"test_{room}_*.py"]
        patterns += [*(named if room != "cells" else ()), *BESIDE.get(room, ())]
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
