"""What a command reads: the user's records, or made-up hearts where it is given none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .heart import simulate
from .records import Record, read

PATIENTS, MINUTES = 8, 10.0  # of the made-up hearts
QUICK_PATIENTS, QUICK_MINUTES = 3, 1.0


def gather(
    paths: Sequence[Path] = (),
    *,
    lead: str | None = None,
    events: Path | None = None,
    gain: float = 1.0,
    quick: bool = False,
) -> tuple[list[Record], str]:
    """(records, what they are in a word or two); quick: their first minutes."""
    if not paths:
        count, minutes = (QUICK_PATIENTS, QUICK_MINUTES) if quick else (PATIENTS, MINUTES)
        return [simulate(k, minutes) for k in range(count)], f"simulated hearts, {count} of {minutes:g} minutes"
    records = [record for path in paths for record in read(path, lead=lead, events=events, gain=gain)]
    name = ", ".join(path.name or str(path) for path in paths)
    return (
        [record.until(QUICK_MINUTES) for record in records] if quick else records
    ), f"{len(records)} records of {name}"
