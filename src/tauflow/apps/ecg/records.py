"""Records: an electrocardiogram of one lead with its beats, from PhysioNet's files, from CSV, or made up (see heart.py).

    times (n,) in s, rising, as uneven as they are      signal (n,) in mV      beats (m,) the R times in s
    kinds (m,) the classes of AAMI: N normal, S supraventricular, V ventricular, F fusion, Q unknown

What is not measured (NaN) is left out: a gap becomes a longer dt. Nothing is resampled.
Sources: Moody and Mark 2001 (the MIT-BIH database); ANSI/AAMI EC57 (the classes); de Chazal et al. 2004, table I (the division).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, MissingExtraError

Array = NDArray[Any]
AAMI = {
    **dict.fromkeys("NLRej", "N"), **dict.fromkeys("AaJSn", "S"), **dict.fromkeys("VEr", "V"), "F": "F", **dict.fromkeys("/fQ?", "Q"),
}  # fmt: skip
MILLIVOLTS = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3}
LEARNING = """
    101 106 108 109 112 114 115 116 118 119 122 124 201 203 205 207 208 209 215 220 223 230"""
TESTING = """
    100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234"""
LEAST, MOST = 0.02, 30.0  # mV, the spread of a signal in its right unit


@dataclass(frozen=True, eq=False)
class Record:
    """One patient's lead; see the top of this file."""

    name: str
    times: Array
    signal: Array
    beats: Array
    kinds: Array

    @property
    def ventricular(self) -> Array:
        """Which beats are ventricular, (m,)."""
        return np.asarray(self.kinds == "V")

    @property
    def rate(self) -> float:
        """Samples a second, at the median."""
        return float(1 / np.median(np.diff(self.times)))

    @property
    def hours(self) -> float:
        return float(self.times[-1] - self.times[0]) / 3600

    def until(self, minutes: float) -> Record:
        """The beginning of the record."""
        end = self.times[0] + 60 * minutes
        n, m = np.searchsorted(self.times, end), np.searchsorted(self.beats, end)
        return Record(self.name, self.times[:n], self.signal[:n], self.beats[:m], self.kinds[:m])


def checked(record: Record) -> Record:
    """The record without samples that are not measured; DataError says what is wrong with it."""
    name, known = record.name, np.isfinite(record.signal)
    if len(record.times) != len(record.signal) or len(record.beats) != len(record.kinds):
        raise DataError(
            f"record {name}: {len(record.times)} times for {len(record.signal)} samples, "
            f"{len(record.beats)} beats with {len(record.kinds)} kinds"
        )
    if known.mean() < 0.5:
        raise DataError(
            f"record {name}: {1 - known.mean():.0%} of the signal is not measured (NaN), expected at most half: choose another lead"
        )
    times, signal = record.times[known], record.signal[known].astype(np.float64)
    if (np.diff(times) <= 0).any():
        place = int(np.argmax(np.diff(times) <= 0))
        raise DataError(
            f"record {name}: time goes from {times[place]:g} s to {times[place + 1]:g} s, expected rising times"
        )
    low, high = np.quantile(signal, [0.001, 0.999])
    if high - low < 1e-9 or (np.diff(signal) == 0).mean() > 0.98:
        raise DataError(f"record {name}: the lead is flat at {np.median(signal):g} mV: choose another lead (--lead)")
    if not LEAST < high - low < MOST:
        raise DataError(
            f"record {name}: the signal spreads over {high - low:.3g} mV, expected {LEAST:g} to {MOST:g}: is it in microvolts or counts? "
            "give --gain, mV of one unit (0.001 for microvolts)"
        )
    if not len(record.beats):
        raise DataError(f"record {name} has no annotated beats: it can't be learned from (is its .atr file there?)")
    outside = (record.beats < times[0]) | (record.beats > times[-1])
    if outside.any():
        raise DataError(
            f"record {name}: {outside.sum()} of {len(outside)} events lie outside the signal, which goes from "
            f"{times[0]:g} to {times[-1]:g} s; "
            f"the first at {record.beats[outside][0]:g} s: are they in seconds of the same clock?"
        )
    order = np.argsort(record.beats, kind="stable")
    return Record(name, times, signal, record.beats[order], record.kinds[order])


def read(path: Path, *, lead: str | None = None, events: Path | None = None, gain: float = 1.0) -> list[Record]:
    """All records of a folder, one record (its .hea, or its name without an end), or a CSV with its events."""
    if path.suffix.lower() in (".csv", ".gz"):
        from .tables import read_csv

        return [checked(record) for record in read_csv(path, events, lead, gain)]
    if path.is_dir():
        names = sorted(file.with_suffix("") for file in path.glob("*.hea"))
        if not names:
            raise DataError(f"{path} holds no records (.hea): give a folder of PhysioNet's files, a record, or a CSV")
    else:
        names = [path.with_suffix("") if path.suffix in (".hea", ".dat", ".atr") else path]
        if not names[0].with_suffix(".hea").exists():
            raise DataError(f"{path} is no record: there is no {names[0].with_suffix('.hea')}")
    return [checked(read_physionet(name, lead, gain)) for name in names]


def read_physionet(path: Path, lead: str | None = None, gain: float = 1.0) -> Record:
    """One record of PhysioNet's layout, annotations in its .atr; lead: a name or a number, the first unless given."""
    wfdb = _wfdb()
    try:
        with warnings.catch_warnings():  # wfdb 4.3 reads by what pandas 4 will not have
            warnings.simplefilter("ignore", DeprecationWarning)
            signal, fields = wfdb.rdsamp(str(path))
            notes = wfdb.rdann(str(path), "atr") if path.with_suffix(".atr").exists() else None
    except (ValueError, IndexError, KeyError, OSError) as wrong:
        raise DataError(f"{path}: no record can be read from it: {wrong}") from wrong
    names = list(fields["sig_name"])
    if lead is not None and lead not in names and not (lead.isdigit() and int(lead) < len(names)):
        raise DataError(f"record {path.name} has no lead {lead!r}; it has {', '.join(map(str, names))}")
    chosen = 0 if lead is None else names.index(lead) if lead in names else int(lead)
    unit = str(fields["units"][chosen]).lower()
    if unit not in MILLIVOLTS and gain == 1.0:
        raise DataError(
            f"record {path.name}: the lead is in {fields['units'][chosen]!r}, expected mV, uV or V: give --gain, mV of one unit"
        )
    volts = MILLIVOLTS.get(unit, 1.0) * gain * signal[:, chosen]
    times = np.arange(len(volts)) / float(fields["fs"])
    beats = (
        [] if notes is None else [(s, AAMI[c]) for s, c in zip(notes.sample, notes.symbol, strict=True) if c in AAMI]
    )
    at = np.array([s for s, _ in beats], dtype=np.float64) / float(fields["fs"])
    return Record(path.name, times, volts, at, np.array([kind for _, kind in beats], dtype="<U1"))


def divided(records: Sequence[Record]) -> tuple[list[Record], list[Record]] | None:
    """De Chazal's learning and test patients, where the whole MIT-BIH database is there; None elsewhere."""
    by = {record.name: record for record in records}
    learning, testing = LEARNING.split(), TESTING.split()
    if not {*learning, *testing} <= set(by):
        return None
    return [by[name] for name in learning], [by[name] for name in testing]


def _wfdb() -> Any:
    try:
        import wfdb
    except ImportError:
        raise MissingExtraError('reading PhysioNet records needs wfdb: pip install "tauflow[ecg]"') from None
    return wfdb
