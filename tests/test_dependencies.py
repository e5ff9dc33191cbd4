"""What pyproject.toml asks of every user is what the package imports: no more, and no less."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BROUGHT = {
    "highway_env": "highway-env",
    "markupsafe": "jinja2",
    "pil": "matplotlib",
    "sb3_contrib": "sb3-contrib",
    "sklearn": "scikit-learn",
}  # by whom


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!\[; ]", one)[0].lower() for one in requirements}


def imported() -> set[str]:
    """The packages of others that a file of the package imports, anywhere in it."""
    found = set()
    for path in (ROOT / "src" / "tauflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition(".")[0])
    return {name.lower() for name in found - set(sys.stdlib_module_names)} - {"tauflow"}


def test_every_dependency_is_imported_and_every_import_a_dependency():
    core = names(PROJECT["dependencies"])
    extras = {
        name for extra, every in PROJECT["optional-dependencies"].items() if extra != "test" for name in names(every)
    }
    assert core - imported() == set()
    assert {BROUGHT.get(name, name) for name in imported()} - core - extras == set()
