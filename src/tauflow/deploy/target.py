"""What a target of an export is, and what those of today share: measured figures and the size of a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .plan import Plan
from .record import Record

Files = Mapping[str, str | bytes]  # by their names

NUMBERS = 4000  # about so many recorded ones go into a check
TOLERANCE = 1e-5  # of a check, which may run on another processor


@dataclass(frozen=True)
class Measured:
    """How an export does on this machine; None where it can't be run here."""

    size: int  # bytes: of code and constants, or of the file
    error: float | None  # the worst one, of the range
    nanoseconds: float | None  # a step


@dataclass(frozen=True)
class Target:
    """files (plan, name, record) -> their contents by name; measure (plan, name, files, record) -> how they do."""

    about: str
    files: Callable[[Plan, str, Record], Files]
    measure: Callable[[Plan, str, Files, Record], Measured]
    worst: float = 1e-4  # of the range: beyond, an export is no copy of the network
    advice: str = "its time constants may be far shorter than its gaps, so that rounding grows"


def few(plan: Plan, record: Record) -> Record:
    """As many recorded samples as a check takes along."""
    return record.first(min(100, max(8, NUMBERS // (plan.inputs + plan.outputs))))
