"""Edits that change nothing that anyone could see, by name, each with the reason."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {
    "clock._changes: 1 -> 2 #2": "one more day is looked through, and no zone there is changes its clock on it",
    'codes._assemble: name == "Y" -> name != "Y"': "what stands for a number that is refused anyway",
    "dialect.tokens_of: end - start -> end + start": "a field that begins with a quote ends with another one",
    "waves.Waves.forward: -2 -> 2": "of four axes, the last but one is the third",
}
