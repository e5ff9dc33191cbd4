"""Constraints that hold each dependency at the lowest version that pyproject.toml promises: `python tests/lowest.py > lowest.txt`.

torch is not held: its oldest builds for the CPU alone are on no common index. `make test-lowest TORCH=2.5` holds it, too.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

# What the oldest typer and matplotlib stand on: later ones warn that they will drop what these call.
OF_THEIR_TIME = ["click==8.2.1", "pyparsing==3.1.4"]
NEWER = ("wfdb",)  # asks for pandas 2.2.3


def lowest(torch: str | None) -> list[str]:
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["parquet"]]
    bounds = dict(re.fullmatch(r"([\w-]+)>=([\w.]+)", line).groups() for line in wanted)  # type: ignore[union-attr]
    del bounds["torch"]
    return (
        [f"{name}=={version}" for name, version in bounds.items()]
        + ([f"torch=={torch}"] if torch else [])
        + OF_THEIR_TIME
    )


def tools() -> list[str]:
    """What the tests stand on, without what has no release for dependencies as old: its tests are skipped."""
    return [one for one in PROJECT["optional-dependencies"]["test"] if not one.startswith(NEWER)]


if __name__ == "__main__":
    words = sys.argv[1:]
    print("\n".join(tools() if words == ["--tools"] else lowest(words[0] if words else None)))
