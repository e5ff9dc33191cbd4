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
        '(*LISTS, "best")',
        '(*LISTS, "best", "first_norm")',
        RESUME,
    ),
    Edit(
        "a run resumes under another loss", "loop.py", "seed=seed, objective=name_of(objective),", "seed=seed,", RESUME
    ),
    Edit("a run resumes with another number of steps", "checkpoint.py", '"steps": len(train),', "", RESUME),
    Edit(
        "the digest of the data reads 64 bytes a tensor",
        "checkpoint.py",
        ".view(torch.uint8).numpy().tobytes())",
        ".view(torch.uint8).numpy().tobytes()[:64])",
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
        "forecaster.py",
        "mostly_full(windows(table, self.encoder, settings.context, end=validation_start))",
        "mostly_full(windows(table, self.encoder, settings.context))",
    ),
    Edit(
        "compare trains on the test part", "compare.py", "model.fit(job.table, until=job.start,", "model.fit(job.table,"
    ),
    Edit(
        "RMSE without its root",
        "metrics.py",
        "np.sqrt(np.nanmean((truth - forecast) ** 2))",
        "np.nanmean((truth - forecast) ** 2)",
    ),
    Edit("ridge keeps the worst penalty", "baselines.py", "if error < best:", "if error > best or best == np.inf:"),
    Edit(
        "recursive forecasts never see what is known ahead",
        "tables.py",
        "ahead = known_ahead.future[index[0]] if found[0] else ahead",
        "pass",
    ),
    Edit(
        "MASE by the mean scale of all series",
        "metrics.py",
        "/ naive[:, None, :]",
        "/ naive.mean(axis=0)[None, None, :]",
    ),
    Edit(
        "missing history is filled with the first row",
        "windows.py",
        "np.where(real[:, :, None], self.features[number][back.clip(0)], 0)",
        "self.features[number][back.clip(0)]",
    ),
    Edit("float64 nanoseconds are taken", "times.py", "scale == 1 and np.abs(values).max(initial=0) > 2**53", "False"),
    Edit(
        "the same order of windows in every pass",
        "network.py",
        "default_rng([self.seed, int(turn)])",
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
        "forecaster.py",
        "torch.manual_seed(settings.seed)",
        "torch.manual_seed(0)",
    ),
    Edit(
        "lags reach back to the origin only",
        "encoder.py",
        "_lags(periods, h * step, span)",
        "_lags(periods, step, span)",
    ),
    Edit("the network is left in training mode", "forecaster.py", "            predictor.eval()\n", ""),
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
        "models.py",
        "            _check_sizes(build(file.config), file.tensors)\n",
        "            pass\n",
    ),
    Edit(
        "the writer's digest covers 64 KiB a tensor",
        "files.py",
        "    for body in bodies:\n        digest.update(body)",
        "    for body in bodies:\n        digest.update(bytes(body)[:65536])",
    ),
    Edit(
        "the page has no content security policy",
        "comparison.html",
        "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"",
        'content=""',
    ),
)

LOOK_AHEAD = (
    Edit(
        "the season may lie after the origin",
        "encoder.py",
        "index <= np.repeat(rows, horizon)",
        "index <= np.repeat(rows, horizon) + 1",
    ),
    Edit(
        "training windows reach into the validation part",
        "windows.py",
        "series.time + encoder.h * encoder.step < end",
        "series.time < end",
    ),
    Edit(
        "targets are scaled by all rows",
        "encoder.py",
        "robust_scale(series.y) for series in known if",
        "robust_scale(series.y) for series in table.series if",
    ),
    Edit(
        "the last value is taken one row too late",
        "encoder.py",
        "last_known(y)[rows][:, None, :]",
        "last_known(y)[(rows + 1).clip(max=len(y) - 1)][:, None, :]",
    ),
    Edit(
        "an encoder looks at the row at until",
        "encoder.py",
        "np.searchsorted(series.time, until))",
        'np.searchsorted(series.time, until, "right"))',
    ),
    Edit(
        "backtest from origins before its start",
        "forecaster.py",
        "windows(table, asked, self.settings.context, start=start, end=end)",
        "windows(table, asked, self.settings.context, end=end)",
    ),
    Edit("until is ignored", "forecaster.py", "            table = before(table, until)\n", "            pass\n"),
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
        "encoder.py",
        "for multiple in (first, first + 1)",
        "for multiple in (first + 1, first + 2)",
    ),
    Edit(
        "gaps in another unit",
        "windows.py",
        "np.diff(series.time) / encoder.step",
        "np.diff(series.time) * 60 / encoder.step",
    ),
    Edit("the calendar reads UTC", "calendar.py", ".tz_convert(zone).tz_localize(None)", ".tz_localize(None)"),
    Edit(
        "a missing season is filled from the worst lag",
        "encoder.py",
        "for k in self.ranking[target] if",
        "for k in tuple(reversed(self.ranking[target])) if",
    ),
    Edit("unknown fields of a forecaster's file are ignored", "storage.py", 'extra="forbid"', 'extra="ignore"'),
)

TRAINING = (
    Edit("a checkpoint forgets the best weights", "checkpoint.py", '**_named("best", run.best),', "", RESUME),
    Edit(
        "settings are not compared on a resume",
        "checkpoint.py",
        '        _check_settings(self.path, file.config["settings"], self.settings)\n',
        "",
        RESUME,
    ),
    Edit(
        "ties keep the last epoch",
        "history.py",
        "watched[-1] < watched[self.best_epoch]",
        "watched[-1] <= watched[self.best_epoch]",
    ),
    Edit("the state is not carried over the chunks", "sources.py", "state = state.detach()", "state = None"),
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
        "files.py",
        "        _check_numbers(name, tensor, finite)\n    return File",
        "        pass\n    return File",
    ),
    Edit(
        "the reader's digest ends early",
        "files.py",
        "digest.update(view[DIGEST.stop :])",
        "digest.update(view[DIGEST.stop : -8])",
    ),
    Edit(
        "a header has more than one spelling",
        "fileheader.py",
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
        "certify.py",
        "/ (1 - self.gain.max())",
        "/ (1 + self.gain.max())",
    ),
    Edit("float64 inputs of any size", "validate.py", "torch.float64: 1e300", 'torch.float64: float("inf")'),
    Edit("a CfC in a stream jumps at dt = 0", "stream.py", 'not layer.cell.flow and layer.zero_dt == "hold"', "False"),
)

TABLES = (
    Edit(
        "the minutes of an offset are lost",
        "timestamps.py",
        "stamp -= (hours * 60 + minutes) * 60",
        "stamp -= hours * 60 * 60",
    ),
    Edit(
        "the hour that came twice is guessed in disorder",
        "timestamps.py",
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
    Edit("labels are read as mathematics", "figures.py", '"text.parse_math": False', '"text.parse_math": True'),
)

EDITS = (*SURVIVED, *LOOK_AHEAD, *FORECAST, *TRAINING, *FILES, *CELLS, *TABLES)
