"""The house is as its plan says: the floors of ARCHITECTURE.md, the linter's and the folder's own are the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "tauflow"
DOORS = {"__init__", "__main__"}  # they stand above the floors
MOST_FILES = 15
# Folders that are to be cut, each with what it will become. None is to be added.
TOO_FULL: dict[str, str] = {}


def rooms() -> set[str]:
    """What lies in the package, by its name without the suffix."""
    found = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    return (found | {"_core"}) - DOORS


def planned() -> dict[int, set[str]]:
    """Floor -> rooms, by the page's table."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    return {
        int(floor): {name.removesuffix(".py").rstrip("/") for name in re.findall(r"`([^`]+)`", names)}
        for floor, names in rows
    }


def linted() -> dict[int, set[str]]:
    """Floor -> rooms, by import-linter's layers; of those that may be missing only what is there."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["name"] == "the floors")
    floors = [{name.strip(" ()") for name in layer.split("|")} for layer in reversed(layers)]
    return {floor: names & rooms() for floor, names in enumerate(floors) if names & rooms()}


def test_the_page_and_the_linter_know_the_same_floors() -> None:
    assert planned() == linted()


def test_every_room_has_a_floor() -> None:
    assert set().union(*linted().values()) == rooms()


def test_no_folder_is_too_full() -> None:
    counts = {
        str(folder.relative_to(PACKAGE)): sum(1 for path in folder.glob("*.py"))
        for folder in [PACKAGE, *(path.parent for path in PACKAGE.rglob("__init__.py"))]
    }
    assert {folder for folder, count in counts.items() if count > MOST_FILES} == set(TOO_FULL), counts


def test_the_package_imports_itself_by_relative_names() -> None:
    told = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in PACKAGE.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.match(r"\s*from tauflow\b", line)
    ]
    assert not told
