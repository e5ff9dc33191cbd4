"""What can go wrong, by name. A message says what came, what was expected, and what to try."""

from __future__ import annotations


class TauflowError(Exception):
    """The root of every error that tauflow raises on purpose."""


class ShapeError(TauflowError, ValueError):
    """A tensor has the wrong number of axes or features."""


class DtypeError(TauflowError, TypeError):
    """A tensor has a number type that this computation does not carry safely."""


class TimeError(TauflowError, ValueError):
    """A time gap is negative, NaN or infinite, or timestamps can't be put in order."""


class NonFiniteError(TauflowError, ValueError):
    """NaN or infinity in an input that is not masked."""


class StepSizeError(TauflowError, ValueError):
    """An explicit solver was asked for a step longer than it is stable for."""


class StateOverflowError(TauflowError, ArithmeticError):
    """The state left the range of its number type; names the first step where it did."""


class WiringError(TauflowError, ValueError):
    """A wiring that can't be built, or that does not fit the cell."""


class BackendError(TauflowError, RuntimeError):
    """A backend was named that can't run this computation."""


class DataError(TauflowError, ValueError):
    """A table that can't be read without guessing."""


class ModelFileError(TauflowError, ValueError):
    """A model file that is damaged, truncated, oversized or not ours."""


class OutputError(TauflowError, OSError):
    """A file that can't be written where it was asked for."""


class TrainingError(TauflowError, RuntimeError):
    """Training stopped on a NaN or a runaway gradient; the last good weights are restored."""


class NotFittedError(TauflowError, RuntimeError):
    """predict, save or score was called before fit."""


class MissingExtraError(TauflowError, ImportError):
    """An optional package is not installed; the message gives the pip command."""
