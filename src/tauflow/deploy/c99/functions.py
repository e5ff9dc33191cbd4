"""The functions of a file of C that some lines need: each is a chunk, a comment and what follows it up to an empty line."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path


@cache
def chunks(file: Path) -> dict[str, str]:
    """The functions of a file with their comments, by their names."""
    found = [
        (re.search(r"^static (?:inline )?\w+ (\w+)\(", chunk, re.MULTILINE), chunk)
        for chunk in file.read_text().split("\n\n")
    ]
    return {match[1]: chunk.strip() for match, chunk in found if match is not None}


def chosen(known: dict[str, str], body: str) -> list[str]:
    """The names of those that these lines name, and those that these name, in the order of the file."""
    needed, looked = set[str](), [body]
    while looked:
        named = set(re.findall(r"\b[a-z]\w*\b", re.sub(r"/\*.*?\*/", "", looked.pop(), flags=re.DOTALL)))
        looked += [known[name] for name in (named & known.keys()) - needed]
        needed |= named & known.keys()
    return [name for name in known if name in needed]
