"""Ventricular beats in an electrocardiogram: beat by beat, and as an alarm straight from raw samples; on patients never seen."""

from __future__ import annotations

from . import alarm, committee
from .alarm import Settings
from .heart import simulate
from .judged import Judged, Result
from .records import Record, read
from .trial import trial_of_alarms, trial_of_beats
from .watch import Alarm, Heard, watch

BEAT_MODELS, ALARM_MODELS = committee.MODELS, alarm.MODELS
QUICK = alarm.QUICK

__all__ = [
    "ALARM_MODELS",
    "BEAT_MODELS",
    "QUICK",
    "Alarm",
    "Heard",
    "Judged",
    "Record",
    "Result",
    "Settings",
    "read",
    "simulate",
    "trial_of_alarms",
    "trial_of_beats",
    "watch",
]
