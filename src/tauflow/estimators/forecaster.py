"""Forecaster: a table with gaps in, a forecast out. The one place where data and models meet.

`Forecaster(cell="cfc", h=24).fit("traffic.csv", target="volume").predict()` reads, scales, trains and forecasts; the baselines
`persistence`, `seasonal_naive`, `ridge` and the static cells `lstm`, `gru`, `rnn` stand under the same name, `cell`. Nothing is
resampled: a gap is a longer dt, a missing value is masked. All that is learned (scales, step, rhythms, weights) comes from the
rows that `fit` was given; of these, the last `validation` part chooses the best epoch and is not trained on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from torch import Tensor

from .. import files
from ..data import Table
from ..data.series import Array
from ..errors import DataError, ModelFileError, NonFiniteError
from ..explain import Ranking, Shares
from ..training import Callback, History
from ..training.settings import check_positive
from ..windows.encoder import Encoder
from ..windows.learn import learn
from ..windows.scaling import Scale
from ..windows.windows import Windows, answered, divided, window_set, windows
from .ahead import read_ahead, refuse_unmet, unknown_ahead, with_ahead
from .bands import Asked, Bands, Honest, values_at, values_of
from .learned import Blend, Learner, Rows, honest_without_network
from .linear import LinearBase
from .outlook import LEVEL, Outlook, outlook
from .peers.names import PEERS
from .predictors import Predictor, is_network, plain
from .questions import askable, moments, silent
from .reading import (
    READING,
    another_table,
    as_table,
    last_known_time,
    moment,
    read_times,
    refuse_unknown,
    separated,
)
from .sequences.contract import not_fitted, refuse_parameters, tags
from .settings import EPOCHS, ForecastError, Kind, Settings, periods, with_tau
from .storage import decode, encode
from .tables import (
    append_row,
    before,
    categories_of,
    forecast_frame,
    recoded,
    refuse_missing_columns,
    unseen,
    upto,
)

if TYPE_CHECKING:
    from .online import OnlineForecaster

RULES = ("persistence", "seasonal_naive")  # nothing is learned but scales and seasons
FEWEST_WINDOWS = 8
FEW_WINDOWS = 100


class Forecaster:
    """Forecasts the target columns of a table `h` steps ahead, a step being the typical gap between its rows.

    cell         a cell of `tauflow.cells.names()`, or "persistence", "seasonal_naive", "ridge"
    h            the horizon in steps
    units        neurons of the cell; `options` are more of the cell's own arguments, say {"solver": "etd2rk"}, or
                 {"tau": "auto"}: time constants by the table's own correlation times, see `analysis.suggest_tau`
    context      rows that the cell reads before it answers
    season       "auto": day, week and year as the time stamps show them; or periods in steps, say [24, 168]; or None
    strategy     "direct" answers every step at once; "recursive" learns one step and feeds its forecasts back
    loss         "mae", "mse" or "huber", on scaled values
    epochs       rounds of `steps` weight updates of `batch_size` windows each; the best round on validation is kept. steps=None: 50 for up
                 to 15,000 windows to learn from, as many more as there are more, 200 at most
    lr           the learning rate; None tries some
    validation   the last part of each table that chooses starts, rates, rounds and weights; learned from afterwards, 0..0.5
    patience     stop after so many rounds without improvement; None trains them all
    seed         the same seed gives the same weights, bit for bit, on one machine
    presets      "fast", "balanced", or "best": several starts, cells and seeds, of which validation takes the best mean
    start        what the network corrects: "linear" (the linear base), "seasonal", "last"; "auto" tries
    bands        what a band looks like before it is calibrated: "conformal" (two widths for each question), "quantiles", "normal",
                 "student", "counts" (whole numbers from 0 on); None for forecasts without bands

    >>> table = {"ds": np.datetime64("2024-01-01") + np.arange(120), "y": 10 + np.sin(np.arange(120) / 4)}
    >>> model = tauflow.Forecaster("cfc", h=3, units=4, context=12, epochs=1, steps=2).fit(table, progress=False)
    >>> model.predict(level=90).columns.tolist()
    ['ds', 'y', 'y-lo-90', 'y-hi-90']
    """

    def __init__(
        self,
        cell: str = "cfc",
        h: int = 24,
        units: int = 32,
        context: int = 48,
        season: Literal["auto"] | float | Sequence[float] | None = "auto",
        strategy: Literal["direct", "recursive"] = "direct",
        loss: str = "mae",
        epochs: int = EPOCHS,
        steps: int | None = None,
        batch_size: int = 64,
        lr: float | None = None,
        validation: float = 0.15,
        patience: int | None = None,
        seed: int = 0,
        presets: Literal["fast", "balanced", "best"] = "balanced",
        start: Literal["auto", "linear", "seasonal", "last"] = "auto",
        bands: Kind | None = "conformal",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._given = {name: value for name, value in locals().items() if name != "self"}
        asked = periods(season)
        self.settings = Settings(
            cell,
            h,
            units,
            context,
            asked,
            strategy,
            loss,
            epochs,
            steps,
            batch_size,
            lr,
            validation,
            patience,
            seed,
            presets,
            start,
            bands,
        )
        self.options = dict(options or {})
        self.made_with: Mapping[str, Any] = self.options  # with numbers for tau="auto", once they are known
        self.encoder: Encoder | None = None
        self.predictor: Predictor | None = None
        self.bands: Bands | None = None
        self.history: History | None = None
        self.table: Table | None = None
        self.notes: tuple[str, ...] = ()  # on the table of `fit`: what the reader did or saw, and what was left out

    def __repr__(self) -> str:
        state = "fitted" if self.predictor is not None else "not fitted"
        return f"Forecaster(cell={self.settings.cell!r}, h={self.settings.h}, {state})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments as they were given, for scikit-learn's `clone` and whoever copies settings."""
        return dict(self._given)

    def set_params(self, **given: Any) -> Self:
        """Other arguments; what was fitted is forgotten."""
        refuse_parameters(type(self).__name__, given, self._given)
        type(self).__init__(self, **{**self._given, **given})
        return self

    def __sklearn_tags__(self) -> Any:
        return tags("forecaster")

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        _, predictor = self._fitted()
        return predictor.parameters if isinstance(predictor, Blend | LinearBase) else 0

    def time_constants(self) -> Array | None:
        """The learned time constant of each neuron in steps, (units,); None for models that have none."""
        _, predictor = self._fitted()
        constants = predictor.network.recurrent.cell.time_constants() if isinstance(predictor, Blend) else None
        return None if constants is None else constants.numpy()

    def fit(
        self,
        data: Any,
        *,
        until: Any = None,
        progress: Literal["auto"] | bool = "auto",
        callbacks: Sequence[Callback] = (),
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = True,
        time_limit: float | None = None,
        **columns: Any,
    ) -> Self:
        """Learn from a table: a path, a frame, or a `Table`; `columns` are `read_table`'s arguments (target=, time=, ...).

        `time_limit`: seconds that the call may take, about; rounds and networks that do not fit are left out.

        `until`: rows at or after this moment are not looked at. A time stamp or a date, a length such as "90D" at the end of
        the table, or a number (nanoseconds UTC, or as the table counts). What was done to the table stands in `notes`.
        `checkpoint`: a file kept up to date every round; if it is there, training goes on from it, or begins anew with resume=False.
        """
        refuse_unknown("fit", columns, ("until", "progress", "callbacks", "checkpoint", "resume", "time_limit"))
        began = perf_counter()
        check_positive(time_limit=time_limit)
        self._refuse_idle(checkpoint)
        table = as_table(data, columns)
        if until is not None:
            table = before(table, moment(until, table, "until"))
        table = recoded(table, categories_of(table))
        settings = self.settings
        longest = max((len(series) for series in table.series), default=0)
        if settings.h >= longest:
            raise DataError(
                f"h is {settings.h} steps, but the longest series has {longest} rows: use a smaller h or more data"
            )
        validation_start = _validation_start(table, settings.validation)
        h = 1 if settings.strategy == "recursive" else settings.h
        encoder = learn(table, h, validation_start, settings.season)
        training, judging = divided(table, encoder, settings.context, validation_start)
        _check_windows(training, judging, h)
        if settings.cell not in RULES:
            training, judging = answered(training), answered(judging)
            _check_answers(training, judging, h)
        notes: tuple[str, ...] = ()
        history: History | None = None
        predictor: Predictor
        honest: tuple[Honest, Honest] | None = None
        if is_network(settings):
            self.made_with = with_tau(settings, self.options, before(table, validation_start), encoder.step)
            every = answered(windows(table, encoder, settings.context))
            rows = Rows(training, judging, every, validation_start)
            deadline = began + (time_limit or np.inf)
            learned = Learner(settings, self.made_with, rows, progress, callbacks, checkpoint, resume, deadline).learn()
            predictor, history, notes, honest = learned.blend, learned.history, learned.notes, learned.honest
        else:
            predictor = plain(settings, encoder)
            if isinstance(predictor, LinearBase):
                predictor.fit(training, judging)
                notes = predictor.notes
            if settings.bands is not None:
                honest = honest_without_network(predictor, training, judging, validation_start)
            if isinstance(predictor, LinearBase):
                predictor.forget()
        self.table, self.encoder, self.predictor, self.history = table, encoder, predictor, history
        self.bands = self._banded(honest, table)
        self.notes = (*table.notes, *silent(table), *notes, *self._few(training))
        return self

    def predict(
        self,
        data: Any = None,
        *,
        h: int | None = None,
        times: Any = None,
        future: Any = None,
        level: Any = None,
        quantiles: Any = None,
        **columns: Any,
    ) -> Any:
        """One row per id and time, as a pandas frame with the table's own column names and units.

        data     newer rows of the same table; None continues the table of `fit`. `columns` are more of `read_table`'s
                 arguments for it, say duplicates="last"; what is not given is read as the table of `fit` was
        h        steps ahead, up to the fitted h (any number for strategy="recursive")
        times    future time stamps instead of steps, the same for every id; up to the fitted h steps away
        future   a frame with time (and id) and the future-known columns for the time to come
        level    bands in percent, say [80, 95]: columns `y-lo-95`, `y-lo-80`, `y-hi-80`, `y-hi-95`. Rows of `data` after those of
                 `fit` calibrate them anew
        quantiles  between 0 and 1, say [.1, .5]: columns `y-q-10`, `y-q-50`

        Notes on what was left out or is unknown stand in the frame's `attrs["notes"]`.
        """
        refuse_unknown("predict", columns, ("h", "times", "future", "level", "quantiles"))
        asked_bands = Asked.of(level, quantiles)
        if h is not None and times is not None:
            raise ForecastError("h and times were given together: leave one of them out")
        encoder, _ = self._fitted()
        reading = {name: value for name, value in columns.items() if name in READING}
        idle = sorted(set(columns) - (set(reading) if times is not None or future is not None else set()))
        if data is None and idle:
            raise DataError(f"{', '.join(idle)} was given, but there is no table to read with it: predict(data, ...)")
        table = self._known_table(data, columns)
        notes = [] if data is None else [*table.notes]
        ahead = None if future is None else read_ahead(future, table.schema, reading)
        if ahead is not None:
            table = with_ahead(table, ahead)
            notes += [note for note in ahead.notes if note not in notes]
        clock = {name: value for name, value in reading.items() if name in ("zone", "dayfirst")}
        asked = None if times is None else read_times(times, encoder.schema, **clock)
        origins, left_out = askable(table, encoder, asked, self.farthest)
        steps = self.settings.h if h is None else h
        time = (
            moments(table, encoder, origins, steps, self.farthest)
            if asked is None
            else np.tile(asked, (len(origins), 1))
        )
        if ahead is not None:
            refuse_unmet(ahead, table, origins, time, encoder.step)
        notes += [*left_out, *unknown_ahead(table, origins, time, encoder.step)]
        forecast = self.answered(table, origins, time)
        values = self.values_at(table, origins, time, asked_bands.probabilities) if asked_bands else None
        if self.bands is not None and asked_bands:
            notes += self.bands.doubts(asked_bands.probabilities)
        ids = [table.series[number].id for number, _ in origins]
        frame = forecast_frame(table, ids, time, forecast, asked_bands, values)
        frame.attrs["notes"] = notes
        return frame

    def outlook(self, data: Any = None, *, future: Any = None, **columns: Any) -> Outlook:
        """The forecast of `predict` with the rows before it and its 80 % band, to look at: `.plot()`, `.svg()`, `.frame()`.

        Up to four series and targets are drawn, the first ones of the table.
        """
        refuse_unknown("outlook", columns, ("future",))
        level = None if self.bands is None else LEVEL
        frame = self.predict(data, future=future, level=level, **columns)
        return outlook(self, self._known_table(data, columns), frame, level)

    def plot(self, data: Any = None, *, future: Any = None, **columns: Any) -> Any:
        """The picture of `outlook`, a matplotlib figure."""
        return self.outlook(data, future=future, **columns).plot()

    def _repr_html_(self) -> str:
        """As a notebook shows it: what it is, and the forecast of the table that it was fitted on."""
        if self.predictor is None or self.table is None:
            return f"<code>{escape(repr(self))}</code>"
        return self.outlook()._repr_html_()

    def cross_validation(
        self,
        data: Any,
        *,
        n_windows: int = 1,
        step_size: int | None = None,
        refit: bool | int = False,
        level: Any = None,
        quantiles: Any = None,
        **columns: Any,
    ) -> Any:
        """Forecasts at several cut-offs beside what came, in Nixtla's layout: id, time, `cutoff`, the target, the model's column, bands.

        Cut-offs are moments of time, `step_size` steps apart (None: h), the last h steps before the end; the target keeps its own
        name, and the forecast stands under that of the cell. This forecaster stays as it is: copies of its settings are fitted.
        `tauflow.estimators.backtest` does the same and scores it.
        """
        from .backtesting import backtest

        found = backtest(
            self,
            data,
            n_windows=n_windows,
            step_size=step_size,
            refit=refit,
            level=level,
            quantiles=quantiles,
            **columns,
        )
        return found.frame()

    def separate_times(self, texts: Sequence[str]) -> list[str]:
        """Texts that hold a time stamp, or several with commas between them: "Oct 2, 2018" is one, "8:00, 9:00" two."""
        schema = self._fitted()[0].schema
        return [part for text in texts for part in separated(text, schema)]

    def backtest(
        self,
        data: Any,
        start: Any,
        end: Any = None,
        most: int = 4000,
        level: Any = None,
        quantiles: Any = None,
        **columns: Any,
    ) -> Tested:
        """Forecasts from every origin of a table at or after `start`, beside what came: the honest test.

        `start` and `end` are moments as `fit(until=...)` takes them. The table is read as that of `fit` was.
        Each forecast sees only rows up to its origin. An id that `fit` had no value of is left out: its scale would have to
        be learned from the rows under test. Up to `most` origins, evenly spread (200 for strategy="recursive"). `level` and
        `quantiles` as in `predict`: each band knows what was known at its origin.
        """
        refuse_unknown("backtest", columns, ("start", "end", "most", "level", "quantiles"))
        table = another_table(data, self._fitted()[0].schema, columns)
        last = None if end is None else moment(end, table, "end")
        return self.tested(table, moment(start, table, "start"), last, most, Asked.of(level, quantiles).probabilities)

    def tested(
        self,
        table: Table,
        start: float | None,
        end: float | None = None,
        most: int = 4000,
        probabilities: Sequence[float] = (),
    ) -> Tested:
        """`backtest` of a table as the model knows it, between native times."""
        encoder, _ = self._fitted()
        table = self._known_table(table, {})
        recursive = self.settings.strategy == "recursive"
        asked = replace(encoder, h=self.settings.h)
        found = windows(table, asked, self.settings.context, start=start, end=end, reach=self.reach)
        if len(found) == 0:
            raise DataError("the test part has no origin with known values after it, expected more than h rows")
        most = min(most, 200) if recursive else most
        chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).astype(int))
        bands = self._with_bands() if probabilities else None
        times, truths, forecasts, answers = [], [], [], []
        for part in np.array_split(chosen, -(-len(chosen) // 512)):
            batch = found.batch(part)
            origins = found.origins[part]
            if recursive:
                answer = self._answer(table, encoder, origins, batch["time"])
            else:
                answers.append(self.scaled(batch))
                answer = self._to_units(table, origins, answers[-1])
            times.append(batch["time"])
            truths.append(self._to_units(table, origins, batch["target"].astype(float)))
            forecasts.append(_finite(answer))
        values = None
        if bands is not None:
            scaled = values_of(bands, self, found, chosen, np.concatenate(answers), probabilities)
            values = bands.rounded(self._to_units(table, found.origins[chosen], scaled))
        return Tested(
            found.origins[chosen], np.concatenate(times), np.concatenate(truths), np.concatenate(forecasts), encoder,
            tuple(probabilities), values,
        )  # fmt: skip

    def explain(
        self,
        data: Any = None,
        *,
        row: int = -1,
        step: int = 1,
        target: str | None = None,
        series: str | None = None,
        seed: int = 0,
        **columns: Any,
    ) -> Shares:
        """Why is the forecast from row `row` of a series what it is, `step` steps ahead: the share of the past, the calendar, other
        columns and the gaps, in the units of the target; together they are the difference from a usual series.

        data     the table; None is that of `fit`. `columns` as in `predict`
        row      of the series, from 0 or from the last known one back; series: its id, the longest unless given
        """
        refuse_unknown("explain", columns, ("row", "step", "target", "series", "seed"))
        from .explaining import forecast_explained

        table = self._known_table(data, columns)
        return forecast_explained(self, table, row=row, step=step, target=target, series=series, seed=seed)

    def ranking(
        self, data: Any = None, *, start: Any = None, most: int = 400, rounds: int = 5, seed: int = 0, **columns: Any
    ) -> Ranking:
        """Which columns the forecasts need: by how much their error grows, in units of a target's spread, when a column of a window
        comes whole from another. Up to `most` windows at or after `start`, which should be rows that `fit` has not seen.
        """
        refuse_unknown("ranking", columns, ("start", "most", "rounds", "seed"))
        from .explaining import forecast_ranked

        table = self._known_table(data, columns)
        first = None if start is None else moment(start, table, "start")
        return forecast_ranked(self, table, start=first, most=most, rounds=rounds, seed=seed)

    def online(
        self,
        history: Any = None,
        *,
        weights: Literal["readout", "all"] | None = "readout",
        memory: float = 100,
        recent: float = 72,
        margin: float = 0.02,
        lr: float = 3e-4,
        **columns: Any,
    ) -> OnlineForecaster:
        """The model as one that is fed rows as they come and goes on learning; this one stays as it is.

        history   rows up to now, at least as many as a forecast looks back; None: the table of `fit`. `columns` as in `predict`
        weights   what learns on beside the states: "readout", by least squares that forget; "all", by backpropagation through the
                  last rows as well; None: nothing
        memory    rows after which a row counts 1/e in what is learned
        recent    rows of the past by whose errors the guard decides how much of it is answered
        margin    how much worse than the frozen model the answers may have been lately before the frozen one answers alone
        lr        the learning rate of weights="all"
        """
        from .online import OnlineForecaster, OnlineSettings

        refuse_unknown("online", columns, ("history", "weights", "memory", "recent", "margin", "lr"))
        settings = OnlineSettings(weights, memory, recent, margin, lr)
        if history is None and columns:
            raise DataError(
                f"{', '.join(columns)} was given, but there is no table to read with it: online(history, ...)"
            )
        return OnlineForecaster(self, self._known_table(history, columns), settings)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file: settings, scales and weights, no code and no data."""
        encoder, predictor = self._fitted()
        tensors_, config = encode(self.settings, self.made_with, encoder, predictor, self.bands)
        files.write(path, tensors_, config, kind="forecaster")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Forecaster:
        """Read a model file written by `save`; raises ModelFileError on anything else."""
        file = files.read(path, kind="forecaster")
        try:
            return cls.of(file.config, file.tensors)
        except ModelFileError as wrong:
            raise ModelFileError(f"{os.fspath(path)}: {wrong}") from None

    @classmethod
    def of(cls, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Forecaster:
        """The forecaster whose file holds this; `load` without the file."""
        settings, options, encoder, predictor, bands = decode(config, tensors)
        season = "auto" if settings.season is None else settings.season
        forecaster = cls(**{**asdict(settings), "season": season}, options=options)
        forecaster.encoder, forecaster.predictor, forecaster.bands = encoder, predictor, bands
        return forecaster

    def _fitted(self) -> tuple[Encoder, Predictor]:
        if self.encoder is None or self.predictor is None:
            raise not_fitted()("this forecaster is not fitted: call fit(data) first")
        return self.encoder, self.predictor

    def _refuse_idle(self, checkpoint: str | os.PathLike[str] | None) -> None:
        """What a baseline would not look at, and a peer, which is no forecaster."""
        cell = self.settings.cell
        if cell in PEERS:
            raise ForecastError(f"{cell} stands in tables only: compare(data, cells=[..., {cell!r}])")
        if is_network(self.settings):
            return
        if self.options:
            raise ForecastError(f"{cell} has no options, but {', '.join(self.options)} was given: leave it out")
        if checkpoint is not None:
            raise ForecastError(f"checkpoint was given, but {cell} learns at once, without rounds: leave it out")

    def _banded(self, honest: tuple[Honest, Honest] | None, table: Table) -> Bands | None:
        """Bands from forecasts that did not learn from what they are of."""
        settings = self.settings
        if settings.bands is None or honest is None or settings.strategy == "recursive":
            return None
        return Bands.learn(settings.bands, *honest, settings.seed, last_known_time(table))

    def _with_bands(self) -> Bands:
        """The bands; ForecastError where the model has none."""
        if self.bands is None:
            why = (
                "strategy is 'recursive', and only forecasts of all steps at once have bands: fit with strategy='direct'"
                if self.settings.strategy == "recursive"
                else "it was fitted with bands=None, or nothing in its validation part says how wide they are, or its file was "
                "written before there were any: fit it anew with bands='conformal'"
            )
            raise ForecastError(f"level or quantiles was given, but this model has no bands: {why}")
        return self.bands

    def answered(self, table: Table, origins: Array, time: Array) -> Array:
        """Forecasts (series, k, targets) in the units of a table as the model knows it, at `time` (series, k) after origins."""
        return _finite(self._answer(table, self._fitted()[0], origins, time))

    def values_at(
        self, table: Table, origins: Array, time: Array, probabilities: Sequence[float], now: float | None = None
    ) -> Array:
        """As `answered`, (series, k, targets, probabilities); rows after native time `now` calibrate nothing."""
        bands = self._with_bands()
        scaled = values_at(bands, self, table, origins, time, probabilities, now)
        return bands.rounded(self._to_units(table, origins, scaled))

    def _few(self, training: Windows) -> list[str]:
        """A note where a network learned from so little that luck decides what it learned."""
        if not isinstance(self.predictor, Blend) or len(training) >= FEW_WINDOWS:
            return []
        size = f"{self.settings.cell} has {self.parameters:,} parameters and learned from {len(training):,} windows"
        return [f"{size}: too few to tell a good model from a lucky one"]

    def _known_table(self, data: Any, columns: dict[str, Any]) -> Table:
        encoder, _ = self._fitted()
        if data is None:
            if self.table is None:
                raise DataError("a loaded forecaster has no data, expected a table: predict(data)")
            return self.table
        table = another_table(data, encoder.schema, columns)
        new = unseen(table, encoder.schema.categories)
        table = recoded(table, encoder.schema.categories)
        refuse_missing_columns(table, encoder.schema)
        return replace(table, notes=(*table.notes, *new))

    @property
    def context(self) -> int:
        """Rows that are read before an answer."""
        return self.settings.context

    @property
    def reach(self) -> int:
        """How many strides back the predictor wants the history, beside the rows of the context."""
        _, predictor = self._fitted()
        return predictor.reach if isinstance(predictor, Blend | LinearBase) else 0

    @property
    def farthest(self) -> float:
        """The longest way to a forecast, in steps."""
        return np.inf if self.settings.strategy == "recursive" else self.settings.h + 0.5

    def _answer(self, table: Table, encoder: Encoder, origins: Array, time: Array) -> Array:
        """Forecasts (series, h, targets) in the units of the table at `time` (series, h)."""
        if self.settings.strategy == "direct":
            found = window_set(table, encoder, self.settings.context, origins, self.reach)
            parts = np.array_split(np.arange(len(origins)), -(-len(origins) // 512))
            scaled = np.concatenate([self.scaled(found.batch(part, time[part])) for part in parts])
            return self._to_units(table, origins, scaled)
        return self._recursive(table, encoder, origins, time)

    def _recursive(self, table: Table, encoder: Encoder, origins: Array, time: Array) -> Array:
        """One step at a time: each forecast becomes the next row of the history."""
        ahead = [table.series[number] for number, _ in origins]
        known = [upto(series, row) for series, (_, row) in zip(ahead, origins, strict=True)]
        forecast = np.empty((*time.shape, len(table.schema.targets)))
        for k in range(time.shape[1]):
            last = np.array([[n, len(series) - 1] for n, series in enumerate(known)])
            asked = [append_row(series, time[n, k], None, ahead[n]) for n, series in enumerate(known)]
            found = window_set(replace(table, series=tuple(asked)), encoder, self.settings.context, last, self.reach)
            scaled = self.scaled(found.batch(np.arange(len(last)), time[:, k : k + 1]))
            forecast[:, k] = self._to_units(table, origins, scaled)[:, 0]
            known = [append_row(series, time[n, k], forecast[n, k], ahead[n]) for n, series in enumerate(known)]
        return forecast

    def scaled(self, batch: dict[str, Array]) -> Array:
        """The answers (B, h, targets) to a batch of windows, scaled."""
        _, predictor = self._fitted()
        return np.asarray(predictor.predict(batch), dtype=float)

    def _to_units(self, table: Table, origins: Array, scaled: Array) -> Array:
        encoder, _ = self._fitted()
        numbers, place = np.unique(origins[:, 0], return_inverse=True)
        scales = [encoder.scale_of(table.series[number]) for number in numbers]
        center, scale = (np.stack([getattr(one, name) for one in scales])[place] for name in ("center", "scale"))
        further = (1,) * (scaled.ndim - 3)  # values of bands have an axis more
        shape = (len(place), 1, scale.shape[1], *further)
        return Scale(center.reshape(shape), scale.reshape(shape)).invert(scaled)


@dataclass(frozen=True, eq=False)
class Tested:
    """origins (N, 2), time (N, h) native, truth and forecast (N, h, targets) in the units of the table, NaN = unknown.

    values (N, h, targets, probabilities): below each lies the truth with that probability; None where none was asked for.
    """

    origins: Array
    time: Array
    truth: Array
    forecast: Array
    encoder: Encoder
    probabilities: tuple[float, ...] = ()
    values: Array | None = None


def _finite(forecast: Array) -> Array:
    """The forecasts (N, h, targets), if they are numbers."""
    if not np.isfinite(forecast).all():
        row, step, target = np.argwhere(~np.isfinite(forecast))[0].tolist()
        raise NonFiniteError(
            f"forecast {row}, {step + 1} steps ahead, target {target}, is {forecast[row, step, target]}, expected a finite number: "
            "the model's weights or the data leave the range of numbers; fit the model anew, or scale the data"
        )
    return forecast


def _validation_start(table: Table, part: float) -> float:
    """The time after which the last `part` of the rows with known targets lies."""
    times = np.concatenate([series.time[np.isfinite(series.y).any(axis=1)] for series in table.series])
    if len(times) < 2:
        raise DataError(f"the table has {len(times)} rows with a known target, expected a history to learn from")
    return float(np.sort(times)[int(len(times) * (1 - part))])


def _check_windows(training: Windows, judging: Windows, h: int) -> None:
    for name, found, least in (("training", training, FEWEST_WINDOWS), ("validation", judging, 1)):
        if len(found) < least:
            raise DataError(
                f"the {name} part has {len(found)} rows with known values {h} steps ahead, expected {least} or more: "
                "use a longer table, a smaller h, or another validation part"
            )


def _check_answers(training: Windows, judging: Windows, h: int) -> None:
    """Windows may be many and yet hold no value at the steps asked about."""
    for name, found, least in (("training", training, FEWEST_WINDOWS), ("validation", judging, 1)):
        if len(found) < least:
            targets = ", ".join(f"'{target}'" for target in found.encoder.schema.targets)
            known = "never" if len(found) == 0 else f"only {len(found)} times"
            raise DataError(
                f"in the {name} part {targets} is {known} known 1 to {h} steps after a row with a value, so there is nothing "
                "to learn from: use a larger h"
            )
