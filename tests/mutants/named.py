"""Edits chosen by hand: each takes away one promise. `old` is as short as it can be, so that it outlives a rewrite.

The first group are those that once survived the whole suite.
"""

from __future__ import annotations

from tests.mutants.edit import Edit

RESUME = ("test_resume.py:not twenty and not killed and not kills",)

SURVIVED = (
    Edit(
        "a checkpoint forgets the gradient's first norm",
        "checkpoint.py",
        "for field in dataclasses.fields(Place)})",
        'for field in dataclasses.fields(Place) if field.name != "first_norm"})',
        RESUME,
    ),
    Edit(
        "a run resumes under another loss",
        "loop.py",
        '{"objective": objective, **judges}',
        "{**judges}",
        RESUME,
    ),
    Edit("a run resumes with another number of steps", "fingerprint.py", '"steps": len(train),', "", RESUME),
    Edit(
        "the digest of the data reads 64 bytes a tensor",
        "digest.py",
        "numbers.view(torch.uint8).numpy().data",
        "numbers.view(torch.uint8).numpy().data[:64]",
        RESUME,
    ),
    Edit(
        "the guard compares with the largest norm so far",
        "guard.py",
        "    if run.updates < FIRST:\n        run.first_norm =",
        "    if True:\n        run.first_norm =",
    ),
    Edit(
        "scales are learned on the validation part",
        "forecaster.py",
        "learn(table, h, validation_start, settings.season)",
        "learn(table, h, None, settings.season)",
    ),
    Edit(
        "the network trains on the validation part",
        "windows.py",
        "before = windows(table, encoder, context, end=at)",
        "before = windows(table, encoder, context)",
    ),
    Edit(
        "compare trains on the test part", "trial.py", "model.fit(before(job.table, job.start),", "model.fit(job.table,"
    ),
    Edit(
        "RMSE without its root",
        "estimators/metrics.py",
        "np.sqrt(_mean((truth - forecast) ** 2))",
        "_mean((truth - forecast) ** 2)",
    ),
    Edit(
        "the linear base takes the worst candidate",
        "choice.py",
        "place = int(errors.argmin())",
        "place = int(errors.argmax())",
    ),
    Edit(
        "recursive forecasts never see what is known ahead",
        "tables.py",
        "ahead = known_ahead.future[index[0]] if found[0] else ahead",
        "pass",
    ),
    Edit(
        "MASE by the mean scale of all series",
        "estimators/metrics.py",
        "naive[:, None, :]",
        "np.broadcast_to(naive.mean(axis=0), naive.shape)[:, None, :]",
    ),
    Edit(
        "missing history is filled with the first row",
        "windows.py",
        "        x[~mask] = 0\n",
        "",
    ),
    Edit("float64 nanoseconds are taken", "epochs.py", "scale == 1 and np.abs(values).max(initial=0) > 2**53", "False"),
    Edit(
        "the same order of windows in every pass",
        "network.py",
        "default_rng([self.seed, turn])",
        "default_rng([self.seed, 0])",
    ),
    Edit(
        "sizes are matched with an encoder of all rows",
        "compare.py",
        "matched(work, before(table, start))",
        "matched(work, table)",
    ),
    Edit(
        "a column constant up to rounding is divided by its rounding",
        "scaling.py",
        "spread > 1e-12 * max(1e-300, abs(center[column]))",
        "spread > 0",
    ),
    Edit(
        "every seed starts from the same weights",
        "learned/blend.py",
        "torch.manual_seed(settings.seed + way.seed)",
        "torch.manual_seed(0)",
    ),
    Edit(
        "lags reach back to the origin only",
        "learn.py",
        "else season, h, span",
        "else season, 1, span",
    ),
    Edit(
        "the network is left in training mode",
        "learned/blend.py",
        "nn.ModuleList(networks).eval()",
        "nn.ModuleList(networks).train()",
    ),
    Edit(
        "rows that differ in what is missing are equal",
        "assemble.py",
        "~(np.isnan(one) & np.isnan(other))",
        "~(np.isnan(one) | np.isnan(other))",
    ),
    Edit("a line of any length is read", "text.py", "if cut == 0 and len(data) > LONGEST_LINE:", "if False:"),
    Edit(
        "check names a season one step too long",
        "season.py",
        "            found.append(lag)",
        "            found.append(lag + 1)",
    ),
    Edit(
        "a model is built before its sizes are compared",
        "blank.py",
        "    for options, kind in named(structure):\n        check_size(kind, options, content.numbers)\n",
        "",
    ),
    Edit(
        "the writer's digest covers 64 KiB a tensor",
        "file.py",
        "    for body in bodies:\n        digest.update(body)",
        "    for body in bodies:\n        digest.update(bytes(body)[:65536])",
    ),
    Edit(
        "the page has no content security policy",
        "shell.html",
        "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"",
        'content=""',
    ),
)

LOOK_AHEAD = (
    Edit(
        "the season may lie after the origin",
        "queries.py",
        "origin[:, None] + 1)",
        "np.minimum(origin + 2, rows.start[number + 1])[:, None])",
    ),
    Edit(
        "training windows reach into the validation part",
        "windows.py",
        "encoder.stride.whole(rows.time[here], np.array(encoder.h), encoder.schema.zone) < end",
        "rows.time[here] < end",
    ),
    Edit(
        "targets are scaled by all rows",
        "learn.py",
        "robust_scale(series.y) for series in known if",
        "robust_scale(series.y) for series in table.series if",
    ),
    Edit(
        "the last value is taken one row too late",
        "queries.py",
        "rows.last[origin, target]",
        "rows.last[np.minimum(origin + 1, rows.start[number + 1] - 1), target]",
    ),
    Edit(
        "an encoder looks at the row at until",
        "learn.py",
        "np.searchsorted(series.time, until))",
        'np.searchsorted(series.time, until, "right"))',
    ),
    Edit(
        "backtest from origins before its start",
        "forecaster.py",
        "windows(table, asked, self.settings.context, start=start, end=end, reach=self.reach)",
        "windows(table, asked, self.settings.context, end=end, reach=self.reach)",
    ),
    Edit(
        "until is ignored",
        "forecaster.py",
        'table = before(table, moment(until, table, "until"))',
        'moment(until, table, "until")',
    ),
    Edit(
        "fit takes the row at until",
        "tables.py",
        "int(np.searchsorted(series.time, time)) - 1",
        "int(np.searchsorted(series.time, time))",
    ),
)

FORECAST = (
    Edit(
        "values come back two per cent too large",
        "scaling.py",
        "return z * self.scale + self.center",
        "return 1.02 * z * self.scale + self.center",
    ),
    Edit(
        "a season too far back",
        "learn.py",
        "for multiple in (first, first + 1)",
        "for multiple in (first + 1, first + 2)",
    ),
    Edit(
        "gaps in another unit",
        "windows.py",
        "rows.time[row - 1]) / encoder.step",
        "rows.time[row - 1]) * 60 / encoder.step",
    ),
    Edit("the calendar reads UTC", "calendar.py", "wall_clock(time, self.zone)", "wall_clock(time, None)"),
    Edit(
        "a missing season is filled from the worst lag",
        "queries.py",
        "for k in encoder.ranking[target] if",
        "for k in tuple(reversed(encoder.ranking[target])) if",
    ),
    Edit(
        "unknown fields of a file are ignored", "schema.py", "for name in [*fields, *value] if", "for name in fields if"
    ),
)

TRAINING = (
    Edit("a checkpoint forgets the best weights", "checkpoint.py", '**_named("best", run.best),', "", RESUME),
    Edit(
        "settings are not compared on a resume",
        "checkpoint.py",
        "            _check_settings(self.path, config.settings, self.settings)\n",
        "",
        RESUME,
    ),
    Edit(
        "ties keep the last epoch",
        "history.py",
        "watched[-1] < watched[self.best_epoch]",
        "watched[-1] <= watched[self.best_epoch]",
    ),
    Edit("the state is not carried over the chunks", "objectives.py", "state = state.detach()", "state = None"),
    Edit(
        "a trapezoid leads from one sample to the next",
        "losses.py",
        "torch.where(row[1:] == row[:-1], gap[1:], 0) / 2",
        "gap[1:] / 2",
    ),
)

FILES = (
    Edit(
        "NaN is read",
        "file.py",
        "        _check_numbers(name, tensor, finite)\n    return File",
        "        pass\n    return File",
    ),
    Edit(
        "the reader's digest ends early",
        "file.py",
        "digest.update(view[DIGEST.stop :])",
        "digest.update(view[DIGEST.stop : -8])",
    ),
    Edit(
        "a header has more than one spelling",
        "header.py",
        "if encode(about, slots) != head[: DIGEST.start] + ZEROS + head[DIGEST.stop :]:",
        "if False:",
    ),
    Edit(
        "a living writer's file is removed",
        "atomic.py",
        "            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n            orphan.unlink()",
        "            orphan.unlink()",
    ),
    Edit("the folder is not flushed", "atomic.py", "        os.fsync(folder)\n", "        pass\n"),
)

CELLS = (
    Edit("a long gap never fully decays", "solvers.py", ".clamp(max=LONGEST_DECAY)", ".clamp(max=6)"),
    Edit("RK4 takes longer steps", "solvers.py", '"rk4", dt * rate, 2.78', '"rk4", dt * rate, 2.9'),
    Edit(
        "the mask reaches the first layer only",
        "sequence.py",
        "            x, part = layer(x, dt, mask, part)\n            states.append(part)",
        "            x, part = layer(x, dt, mask, part)\n            mask = None\n            states.append(part)",
    ),
    Edit(
        "the wrong gap where padding is on the left",
        "sequence.py",
        "dt.gather(1, first))",
        "dt[:, -1:].expand_as(gaps))",
    ),
    Edit("an overflow is named at its last step", "sequence.py", "bad[:, 1].argmin()", "bad[:, 1].argmax()"),
    Edit("a signed gate is let through", "gated_ltc.py", "if activation not in INVERSE:", "if False:"),
    Edit("a conductance may be zero", "ltc.py", "F.softplus(raw).clamp(min=SMALLEST)", "F.softplus(raw)"),
    Edit(
        "a hull three times too wide",
        "ctrnn.py",
        "torch.full_like(rate, self.sigma.high) / rate",
        "3 * torch.full_like(rate, self.sigma.high) / rate",
    ),
    Edit(
        "an unbounded activation's bound is too small",
        "analysis/proof/cell.py",
        "/ (1 - self.gain.max())",
        "/ (1 + self.gain.max())",
    ),
    Edit("float64 inputs of any size", "numbers.py", "torch.float64: 1e300", 'torch.float64: float("inf")'),
    Edit("a CfC in a stream jumps at dt = 0", "stream.py", 'not layer.cell.flow and layer.zero_dt == "hold"', "False"),
)

TABLES = (
    Edit(
        "the minutes of an offset are lost",
        "stamps.py",
        "(hours * 60 + minutes) * 60 * SECOND * (",
        "hours * 60 * 60 * SECOND * (",
    ),
    Edit(
        "the hour that came twice is guessed in disorder",
        "zones.py",
        "if disorder or len(back) != 1",
        "if len(back) != 1",
    ),
    Edit("NUL is read", "text.py", r'if b"\0" in data:', "if False:"),
    Edit(
        "numbers among words are categories",
        "values.py",
        "if self.known is None and chunk.is_text and numbers.any():",
        "if False:",
    ),
    Edit(
        "infinity is taken",
        "table.py",
        "infinite = np.isinf(columns[name])",
        "infinite = np.zeros(len(columns[name]), bool)",
    ),
    Edit("labels are read as mathematics", "drawing/canvas.py", '"text.parse_math": False', '"text.parse_math": True'),
)

NETWORK = (
    Edit(
        "a masked sample counts in a pooled mean", "pools.py", "counted * real[:, :, None]], dim=1)", "counted], dim=1)"
    ),
    Edit(
        "an episode starts from the one before", "episodes.py", "initial(pieces), state[row]", "state[row], state[row]"
    ),
    Edit("gaps are not told in periods", "network.py", "gaps / self.period, mask", "gaps, mask"),
    Edit("padding is in the scale of the inputs", "learning.py", "batch.x[mask] for", "batch.x.flatten(0, 1) for"),
    Edit(
        "padding is in the scale of the targets",
        "learning.py",
        "batch.y if of_all else batch.y[mask]",
        "batch.y if of_all else batch.y.flatten(0, 1)",
    ),
    Edit(
        "what is given once is not scaled",
        "network.py",
        "static if self.static_scale is None else self.static_scale(static)",
        "static",
    ),
    Edit("quantiles cross", "heads.py", "[F.softplus(part) for part in parts]", "parts"),
    Edit(
        "a committee averages logarithms",
        "heads.py",
        "torch.logsumexp(ys, dim=0) - math.log(len(ys))",
        "ys.mean(dim=0)",
    ),
    Edit(
        "a committee that disagrees is as sure as its members",
        "heads.py",
        "deviation.square() + (mean - of_all).square()",
        "deviation.square()",
    ),
    Edit(
        "a rare class counts no more than others",
        "heads.py",
        "torch.tensor(losses.balanced(target, self.columns))",
        "torch.ones_like(self.weights)",
    ),
    Edit("a doubt costs nothing", "heads.py", "0.5 * far.square() + deviation.log() +", "0.5 * far.square() +"),
    Edit("time passes at masked samples", "missing.py", "(dt if mask is None else dt * mask)", "dt"),
    Edit(
        "a convolution sees what comes",
        "windowed.py",
        "(2 * convolution.dilation[0], 0)",
        "(convolution.dilation[0], convolution.dilation[0])",
    ),
    Edit("no straight line around the core", "readouts.py", ") + self.line(u)", ")"),
    Edit("time constants learn as fast as all else", "learning.py", "lr if time is None else time", "lr"),
    Edit("a size is the nearest from above", "learning.py", "made = make(low)", "made = make(high)"),
    Edit(
        "a refreshed stream starts anew",
        "ops/stream.py",
        "            self._begin(self._given)\n        self.state = state\n",
        "            self._begin(self._given)\n        self.reset()\n",
    ),
    Edit("rows that do not move show an answer", "many.py", "            y[~moved] = np.nan\n", "            pass\n"),
)

METRICS = (
    Edit("RMSE of answers without its root", "tauflow/metrics/answers.py", "np.sqrt(np.square(", "np.abs(np.square("),
    Edit("ties count in full", "tauflow/metrics/answers.py", "first + (counts + 1) / 2", "first + counts"),
    Edit(
        "each of equal scores is a step",
        "tauflow/metrics/answers.py",
        "np.append(np.diff(score[order]) != 0, True)",
        "np.ones(len(score), bool)",
    ),
    Edit("R2 around the mean of all columns", "tauflow/metrics/answers.py", "targets.mean(axis=0)", "targets.mean()"),
    Edit("the best of several classes alone", "tauflow/metrics/answers.py", "else present.tolist()", "else [1]"),
)

EDITS = (*SURVIVED, *LOOK_AHEAD, *FORECAST, *TRAINING, *FILES, *CELLS, *TABLES, *NETWORK, *METRICS)
