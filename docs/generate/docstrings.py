"""Plain docstrings as reStructuredText: what is indented or has columns is kept as it is, `code` is code, the rest is prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

SPECIAL = re.compile(r"([\\*|_])")
CODE = re.compile(r"``?([^`\n]+)``?|\*\*(\w[^*\n]*\w)\*\*")  # or bold


def connect(app: Any) -> None:
    """Turn every docstring that autodoc reads."""
    app.connect("autodoc-process-docstring", lambda app, what, name, thing, options, lines: replace(lines))


def replace(lines: list[str]) -> None:
    lines[:] = as_rst("\n".join(lines))


def as_rst(text: str) -> list[str]:
    """The lines of a docstring, safe to be read as reStructuredText."""
    made: list[str] = []
    for paragraph in paragraphs(text):
        first = paragraph[0]
        if first.startswith(("- ", "* ")):
            made += [*items(paragraph), ""]
        elif any(line.startswith((" ", "|", ">>>")) or re.search(r"\S {3,}\S", line) for line in paragraph):
            made += ["::", "", *("    " + line for line in paragraph), ""]
        else:
            made += [*(prose(line) for line in paragraph), ""]
    return made


def paragraphs(text: str) -> Iterator[list[str]]:
    """Lines between blank ones; a block that is indented is a paragraph of its own, but for a list's and an example's lines."""
    part: list[str] = []
    for line in text.expandtabs().splitlines():
        if not line.strip():
            if part:
                yield part
            part = []
        elif part and line.startswith(" ") != part[-1].startswith(" ") and not part[0].startswith(("- ", "* ", ">>>")):
            yield part
            part = [line]
        else:
            part.append(line)
    if part:
        yield part


def items(lines: list[str]) -> Iterator[str]:
    """A list, each item on one line."""
    item = ""
    for line in lines:
        if line.startswith(("- ", "* ")):
            if item:
                yield "- " + prose(item)
            item = line[2:]
        else:
            item += " " + line.strip()
    yield "- " + prose(item)


def prose(line: str) -> str:
    """Backticks as code, and what reStructuredText would take for markup as it stands."""
    made, end = "", 0
    for found in CODE.finditer(line):
        made += SPECIAL.sub(r"\\\1", line[end : found.start()]).replace("`", r"\`")
        made += ("\\ " if made and not made.endswith((" ", "(")) else "") + (
            f"``{found[1].strip()}``\\ " if found[1] else f"**{found[2]}**\\ "
        )
        end = found.end()
    return made + SPECIAL.sub(r"\\\1", line[end:]).replace("`", r"\`")
