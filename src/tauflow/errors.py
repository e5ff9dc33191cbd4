"""What can go wrong, by name. A message says what came, what was expected, and what to try."""

from __future__ import annotations


class TauflowError(Exception):
    """The root of every error that tauflow raises on purpose.

    >>> try:
    ...     tauflow.cells.build("ctrn", inputs=3, units=8)
    ... except tauflow.TauflowError as error:
    ...     print(error)
    no cell is called 'ctrn'; did you mean 'ctrnn'? there are ...
    """


class ShapeError(TauflowError, ValueError):
    """A tensor has the wrong number of axes or features.

    >>> tauflow.Recurrent(tauflow.CTRNN(inputs=3, units=8))(torch.zeros(2, 10, 5))
    Traceback (most recent call last):
        ...
    tauflow.errors.ShapeError: x has 5 features, but the cell was built for 3
    """


class DtypeError(TauflowError, TypeError):
    """A tensor has a number type that this computation does not carry safely.

    >>> tauflow.Recurrent(tauflow.CTRNN(inputs=3, units=8))(torch.zeros(2, 10, 3, dtype=torch.float64))
    Traceback (most recent call last):
        ...
    tauflow.errors.DtypeError: x is float64, but the model is float32: call model.double(), or pass x.float()
    """


class TimeError(TauflowError, ValueError):
    """A time gap is negative, NaN or infinite, or timestamps can't be put in order.

    >>> dt = torch.tensor([[1.0, 1.0, -0.5]])
    >>> tauflow.Recurrent(tauflow.CTRNN(inputs=3, units=8))(torch.zeros(1, 3, 3), dt)
    Traceback (most recent call last):
        ...
    tauflow.errors.TimeError: dt[0, 2] is -0.5 (sample 0, step 2), expected a finite time since the previous sample, >= 0: ...
    """


class NonFiniteError(TauflowError, ValueError):
    """NaN or infinity in an input that is not masked.

    >>> x = torch.zeros(1, 10, 3)
    >>> x[0, 7, 2] = np.nan
    >>> tauflow.Recurrent(tauflow.CTRNN(inputs=3, units=8))(x)
    Traceback (most recent call last):
        ...
    tauflow.errors.NonFiniteError: x[0, 7, 2] is nan (sample 0, step 7, feature 2), expected finite numbers up to 1e+30: mask the step ...
    """


class StepSizeError(TauflowError, ValueError):
    """An explicit solver was asked for a step longer than it is stable for.

    >>> cell = tauflow.CTRNN(inputs=3, units=8, tau=1.0, solver="euler")
    >>> tauflow.Recurrent(cell)(torch.zeros(1, 10, 3), dt=2.5)
    Traceback (most recent call last):
        ...
    tauflow.errors.StepSizeError: euler was given a step of 2.5 time constants, its limit is 1: use ... or solver='exponential'
    """


class StateOverflowError(TauflowError, ArithmeticError):
    """The state left the range of its number type; names the first step where it did.

    >>> cell = tauflow.CTRNN(inputs=1, units=1, activation="relu")  # relu knows no bound
    >>> _ = cell.W.data.fill_(1e9), cell.b.data.fill_(1.0)  # and it feeds itself
    >>> tauflow.Recurrent(cell)(torch.zeros(1, 10, 1))
    Traceback (most recent call last):
        ...
    tauflow.errors.StateOverflowError: the state of sample 0 left the range of torch.float32 at step 5: ...
    """


class WiringError(TauflowError, ValueError):
    """A wiring that can't be built, or that does not fit the cell.

    >>> tauflow.wirings.auto_ncp(inputs=2, units=5, outputs=4)
    Traceback (most recent call last):
        ...
    tauflow.errors.WiringError: 4 outputs were asked of 5 units: use 7 units or more
    """


class BackendError(TauflowError, RuntimeError):
    """A backend was named that can't run this computation.

    >>> tauflow.Recurrent(tauflow.CTRNN(inputs=3, units=8), backend="fused")(torch.zeros(1, 10, 3))
    Traceback (most recent call last):
        ...
    tauflow.errors.BackendError: backend 'fused' can't run this: torch has a fused kernel for RNN, LSTM and GRU, not for CTRNN; ...
    """


class DataError(TauflowError, ValueError):
    """A table that can't be read without guessing.

    >>> tauflow.read_table({"time": ["01/02/2026", "03/04/2026"], "load": [1.0, 2.0]})
    Traceback (most recent call last):
        ...
    tauflow.errors.DataError: time column 'time': of '01/02/2026' no row tells which is the day and which the month; ...
    """


class ModelFileError(TauflowError, ValueError):
    """A model file that is damaged, truncated, oversized or not ours.

    >>> with open("model.tau", "w") as file:
    ...     _ = file.write("not a model")
    >>> tauflow.load("model.tau")
    Traceback (most recent call last):
        ...
    tauflow.errors.ModelFileError: model.tau: not a model file: it starts with b'not a mo'; expected a file written by tauflow
    """


class OutputError(TauflowError, OSError):
    """A file that can't be written where it was asked for.

    >>> tauflow.deploy.export(tauflow.CTRNN(inputs=1, units=2), "c", "no/such/folder")
    Traceback (most recent call last):
        ...
    tauflow.errors.OutputError: there is no folder .../no/such; make it first: mkdir -p ...
    """


class TrainingError(TauflowError, RuntimeError):
    """Training stopped on a NaN or a runaway gradient; the last good weights are restored.

    >>> from tauflow.training import ArraySource
    >>> data = ArraySource(x=torch.zeros(4, 5, 1), y=torch.zeros(4, 5, 1))
    >>> tauflow.fit(tauflow.Network(1, 1), data, objective=lambda model, batch: model(batch.x)[0].sum() * np.nan)
    Traceback (most recent call last):
        ...
    tauflow.errors.TrainingError: epoch 1, step 1: the loss is nan; ...; the initial weights restored. Try a smaller lr ...
    """


class NotFittedError(TauflowError, RuntimeError):
    """predict, save or score was called before fit.

    >>> from tauflow.errors import NotFittedError
    >>> try:
    ...     tauflow.Classifier().predict(np.zeros((2, 5, 1)))
    ... except NotFittedError as error:
    ...     print(error)
    this Classifier is not fitted: call fit(X, y) first
    """


class MissingExtraError(TauflowError, ImportError):
    """An optional package is not installed; the message gives the pip command.

    >>> from tauflow.errors import MissingExtraError
    >>> issubclass(MissingExtraError, ImportError)  # so that `except ImportError` catches it
    True
    """
