"""Messages of the library in the words of the command line: `dayfirst=True` is `--dayfirst` here, `h` is `--horizon`."""

from __future__ import annotations

import re
import shlex

OPTIONS = {
    **{name: "--" + name.replace("_", "-") for name in (
        "id", "time", "target", "past", "future", "static", "duplicates", "zone", "dayfirst", "time_unit", "decimal", "delimiter",
        "units", "context", "epochs", "season", "strategy", "validation", "cell", "cells", "seed", "seeds", "test", "times",
        "loss", "lr", "patience", "steps", "batch_size", "presets", "start", "checkpoint", "resume",
        "trials", "jobs", "time_limit", "judged", "journal",
    )},
    "h": "--horizon",
}  # fmt: skip
NAMES = "|".join(sorted(OPTIONS, key=len, reverse=True))
SETTINGS = "|".join(sorted(set(OPTIONS) - {"id", "time", "target", "past", "static"}, key=len, reverse=True))
SAID = re.compile(
    rf"(?<![\w.\-'\"])(?P<name>{NAMES})=(?:(?P<quote>['\"])(?P<text>.*?)(?P=quote)|(?P<bare>[\w.+/-]*\w)|\[[^\]]*\])?"
    r"|(?<!\w)'[^']*'(?!\w)"  # what came from the table stays as it is
    rf"|^(?P<first>{SETTINGS})(?= (?:is|are|has|have|holds|can't|was|were|and)\b)"
    r"|\bcells\.register\(MyCell\)|(?<=\bsmaller )h\b|(?<=\blarger )h\b|(?<=\bthan )h\b"
)


def in_options(message: str) -> str:
    """The message with every argument of Python as the option that it is."""
    return SAID.sub(_option, message)


def _option(found: re.Match[str]) -> str:
    if found["first"]:
        return OPTIONS[found["first"]]
    if not found["name"]:
        return {"h": OPTIONS["h"], "cells.register(MyCell)": "--import FILE.py"}.get(found[0], found[0])
    option = OPTIONS[found["name"]]
    if found["bare"] in ("True", "False"):
        return option if found["bare"] == "True" else f"--no-{option[2:]}"
    value = found["text"] if found["quote"] else found["bare"]
    return option if value is None else f"{option} {shlex.quote(value)}"
