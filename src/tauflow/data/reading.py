"""`Reading`: all that a caller may say about a table, in one value that `read_table` and `check` pass on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Literal

from ..errors import DataError
from .series import Duplicates, Schema

Names = str | Iterable[str] | None
Decimal = Literal[".", ","]


@dataclass(frozen=True)
class Reading:
    """See `read_table`, whose arguments these are.

    >>> tauflow.data.Reading(target="load", zone="Europe/Berlin", duplicates="mean").duplicates
    'mean'
    >>> tauflow.data.Reading(duplicates="drop")
    Traceback (most recent call last):
        ...
    tauflow.errors.DataError: duplicates is 'drop'; expected one of error, last, first, mean
    """

    id: str | None = None
    time: str | None = None
    target: Names = None
    past: Names = ()
    future: Names = ()
    static: Names = ()
    duplicates: Duplicates | None = None  # None: as the schema has it, else "error"
    unsorted: Literal["sort", "error"] | None = None  # None: as the schema has it, else "sort"
    time_unit: str | None = None
    zone: str | None = None
    dayfirst: bool | None = None
    decimal: Decimal | None = None
    delimiter: str | None = None
    schema: Schema | None = None

    def __post_init__(self) -> None:
        _check_choice("duplicates", self.duplicates, ("error", "last", "first", "mean"))
        _check_choice("unsorted", self.unsorted, ("sort", "error"))
        if self.decimal not in (None, ".", ","):
            raise DataError(f"decimal is {self.decimal!r}; expected '.' or ','")

    def settled(self) -> Reading:
        """With what was left open taken from the schema. The zone is not: a clock is checked before it is taken."""
        schema = self.schema
        if schema is None:
            return replace(self, duplicates=self.duplicates or "error", unsorted=self.unsorted or "sort")
        return replace(
            self,
            duplicates=self.duplicates or schema.duplicates,
            unsorted=self.unsorted or schema.unsorted,
            time_unit=self.time_unit or schema.time_unit,
            dayfirst=self.dayfirst if self.dayfirst is not None else schema.dayfirst,
        )


def reading_of(options: dict[str, Any]) -> Reading:
    """A `Reading` of keywords; an unknown one is a TypeError that names the nearest."""
    known = [one.name for one in fields(Reading)]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; expected some of {', '.join(known)}"
            raise TypeError(f"a table has no option {name!r}{hint}")
    return Reading(**options)


def as_names(names: Names) -> tuple[str, ...]:
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise DataError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
