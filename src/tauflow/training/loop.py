"""The training loop: `fit` sets it up, `_train` counts epochs, `_epoch` learns. START with `_epoch`.

The words of the primer's figure are lines of `_epoch`, in this order:

    data                    for batch in ...
    forward, loss           for loss in ...           one a batch; one a chunk of time, if truncated
    BPTT, gradients         loss.backward()           d loss / d theta, back through every step of time
    (clipping)              clip_gradients(...)       g <- g * clip / |g| where |g| > clip
    update of weights,      optimizer.step()          theta <- theta - lr * direction(g), theta: W, U, b, tau
    biases, time constants

Source: Werbos 1990 (backpropagation through time).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import inf, isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import StateOverflowError, TrainingError
from . import optim
from .callbacks import Callback, Epoch, Step
from .checkpoint import Checkpoint, cuda_devices
from .fingerprint import fingerprint
from .guard import check_loss, clip_gradients, failure, told
from .health.gradients import diagnosis
from .health.steps import about_steps
from .history import History, Run, copy_weights, restore_weights
from .judge import Metric, evaluate, metric_of, modes, samples
from .measuring import measure
from .objectives import Objective, of_model
from .progress import Show, shown
from .settings import (
    SettingsError,
    check_counts,
    check_positive,
    check_seed,
    check_sources,
    name_of,
)
from .sources import Source, as_source

log = logging.getLogger("tauflow")


@dataclass(frozen=True)
class Plan:
    """What does not change while a run goes on."""

    model: nn.Module
    optimizer: Optimizer
    rates: tuple[float, ...]  # the learning rate of each of the optimiser's groups, before the schedule
    factor: Callable[[float], float]
    train: Source
    objective: Objective
    losses: Callable[[nn.Module, Any], Iterable[Tensor]]
    validation: Source | None
    validate: Objective
    metric: Metric | None
    epochs: int
    clip: float | None
    patience: int | None
    deadline: float
    watchers: Sequence[Callback]
    save: Callable[[Run], None]
    save_every: int | None


def fit(
    model: nn.Module,
    train: Source,
    *,
    objective: Objective | None = None,
    validation: Source | None = None,
    validate: Objective | None = None,
    metric: str | Callable[[Any, Any], float] | None = None,
    mode: str | None = None,
    epochs: int = 50,
    optimizer: str | Optimizer = "adam",
    lr: float | None = None,
    weight_decay: float | None = None,
    schedule: str | None = None,
    clip: float | None = 1.0,
    patience: int | None = None,
    truncate: int | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    progress: Show = "auto",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    time_budget: float | None = None,
) -> History:
    """Make the objective small over the batches of `train`, and tell how it went.

    model        without an objective its own loss is made small; a Network is measured first, unless it was (see measuring.py)
    train        a source, or torch's DataLoader
    validation   batches to judge each epoch by, in eval mode, with `validate` (default: the objective), or with a metric
    metric       "auroc", "mae", ... (see tauflow.metrics) of the whole validation set, or a function(answers, targets) with
                 its `mode`: "max", "min", or "zero" where nearest to zero is best
    optimizer    "adam", "adamw", "sgd", or one of torch's own, which brings its own lr and weight decay
    lr           0.01 unless given; `schedule` "cosine" or "one_cycle" (a warm-up, then cosine) moves it
    clip         the gradient's greatest norm; None leaves it
    patience     stop after so many epochs without a better validation loss (without one: training loss)
    truncate     cut time into chunks of so many steps, one update a chunk, the state carried over
    seed         of dropout and all that draws from torch's generator: the same seed gives the same weights,
                 bit for bit, on one machine; the caller's generator is left as it was
    progress     "auto": a bar on a terminal, silence elsewhere; True: a line an epoch there; False: silence
    checkpoint   a file kept up to date every `checkpoint_every` steps (default: every epoch). If it is there,
                 the run goes on from it (resume=False starts anew) and ends like one never stopped
    time_budget  seconds that this call may train; the epoch under way is then closed

    With a validation or a patience the model ends with the weights of its best epoch. Ctrl-C ends the run in
    the same way; its checkpoint stays where it was last written. The modules' train and eval modes come back.
    Raises TrainingError on a NaN or a runaway gradient (see guard.py), the best epoch's weights restored.

    >>> x = torch.sin(torch.arange(80) / 3).reshape(4, 20, 1)
    >>> source = tauflow.training.ArraySource(x[:, :-1], x[:, 1:])
    >>> history = tauflow.fit(tauflow.Network(1, 1, units=4), source, epochs=3, progress=False)  # a History
    >>> history.train[-1] < history.train[0], history.message
    (True, 'stopped at epoch 3: all epochs done')
    """
    check_counts(epochs=epochs, patience=patience, truncate=truncate, checkpoint_every=checkpoint_every)
    check_positive(clip=clip, time_budget=time_budget)
    check_seed(seed)
    train, validation = as_source(train), as_source(validation)
    check_sources(train=train, validation=validation)
    judge = metric_of(metric, mode)
    if judge is not None and (validation is None or validate is not None):
        raise SettingsError(f"metric={judge.name!r} needs validation=source, and takes the place of validate")
    objective = objective or of_model(model)
    validate = validate or objective
    optimizer = optim.build(model, optimizer, lr, weight_decay)
    deadline = perf_counter() + (time_budget or inf)
    with _scope(model, optimizer, seed), shown(progress, epochs, len(train)) as bars:
        notes = measure(model, train)
        for note in notes:
            log.info(note)
            for bar in bars:
                bar.note(note)
        run = Run(best=copy_weights(model))
        save: Callable[[Run], None] = _nowhere
        if checkpoint is not None:
            judges = {"validate": validate} if judge is None else {"metric function": judge.function}
            settings = fingerprint(
                model, optimizer, train, validation, {"objective": objective, **judges}, epochs=epochs,
                schedule=schedule, clip=clip, patience=patience, truncate=truncate, seed=seed,
                metric="loss" if judge is None else judge.name, mode="min" if judge is None else judge.mode,
            )  # fmt: skip
            run, save = _open(Checkpoint(Path(checkpoint), model, optimizer, settings), run, resume)
        run.notes = notes
        if judge is not None:
            run.metric, run.mode = judge.name, judge.mode
        watchers = [*callbacks, *bars]
        rates = tuple(float(group["lr"]) for group in optimizer.param_groups)
        losses = _losses(objective, truncate)
        plan = Plan(
            model, optimizer, rates, optim.schedule(schedule), train, objective, losses, validation, validate, judge, epochs,
            clip, patience, deadline, watchers, save, checkpoint_every,
        )  # fmt: skip
        _run(plan, run)
        restored = run.best_epoch is not None and (validation is not None or patience is not None)
        if restored:
            restore_weights(model, run.best)
        late = about_steps(model, train) if run.stopped != "interrupted" else ()
        for note in late:
            if not bars:
                log.log(logging.INFO if progress is False else logging.WARNING, note)
            for bar in bars:
                bar.note(note)
        run.notes = (*notes, *late)
        history = run.close(restored)
        log.info(history.message)
        for watcher in watchers:
            watcher.on_end(history)
    return history


def _run(plan: Plan, run: Run) -> None:
    """Train until it ends in one of the ways it can."""
    try:
        _train(plan, run)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    except StateOverflowError as error:
        told = failure(run, plan.model, str(error), plan.optimizer.param_groups[0]["lr"])
        restore_weights(plan.model, run.best)
        raise told from error
    except TrainingError:
        restore_weights(plan.model, run.best)
        raise
    finally:
        plan.optimizer.zero_grad()
        for group, rate in zip(plan.optimizer.param_groups, plan.rates, strict=True):
            group["lr"] = rate


def _train(plan: Plan, run: Run) -> None:
    began = perf_counter() - run.seconds
    while not run.stopped:
        enough = _epoch(plan, run)
        run.seconds = perf_counter() - began
        if enough:
            plan.save(run)  # before the epoch is closed: a resumed run does the rest of it
        validation = None
        if plan.validation is not None:
            validation = (
                evaluate(plan.model, plan.validation, plan.validate)
                if plan.metric is None
                else plan.metric(plan.model, plan.validation, plan.validate)
            )
            if not isfinite(validation):
                raise failure(run, plan.model, f"the validation {run.metric} is {validation}", run.last_lr)
        run.close_epoch(plan.model, validation)
        run.seconds = perf_counter() - began
        asked = _tell_epoch(plan, run)
        if enough:
            run.stopped = enough
            return
        if run.epoch == plan.epochs:
            run.stopped = "finished"
        elif plan.patience is not None and run.waited() >= plan.patience:
            run.stopped = "early"
        if run.stopped or plan.save_every is None:
            plan.save(run)
        if asked:
            run.stopped = run.stopped or "callback"


def _epoch(plan: Plan, run: Run) -> str:
    """The batches of one epoch that are still to do; "", or why it was left before its end."""
    model, optimizer = plan.model, plan.optimizer
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    model.train()
    for batch in islice(plan.train.batches(run.epoch), run.step, None):  # data
        lr = _set_rate(plan, run)
        values = []
        try:
            for loss in plan.losses(model, batch):  # forward, loss
                values.append(check_loss(run, model, loss, lr))
                optimizer.zero_grad()
                loss.backward()  # BPTT, gradients
                norm = clip_gradients(run, model, parameters, plan.clip, lr)
                optimizer.step()  # update of weights, biases, time constants
                run.updates += 1
        except TrainingError as error:
            raise told(error, diagnosis(model, batch, plan.objective)) from None
        run.record(sum(values) / len(values), samples(batch), lr)
        step = Step(run.epoch + 1, run.step, run.last_loss or 0.0, norm, lr, model)
        asked = [watcher.on_step(step) for watcher in plan.watchers]
        if plan.save_every is not None and run.steps % plan.save_every == 0:
            plan.save(run)
        if any(asked) or perf_counter() > plan.deadline:
            return "callback" if any(asked) else "time"
    return ""


def _set_rate(plan: Plan, run: Run) -> float:
    """Set the learning rate of the step to come."""
    factor = plan.factor((run.epoch + run.step / len(plan.train)) / plan.epochs)
    for group, rate in zip(plan.optimizer.param_groups, plan.rates, strict=True):
        group["lr"] = rate * factor
    return plan.rates[0] * factor


def _tell_epoch(plan: Plan, run: Run) -> bool:
    """Tell the callbacks of the epoch just closed; whether one of them wants to stop."""
    validation = run.validation[-1] if run.validation else None
    best = (run.best_epoch or 0) + 1
    epoch = Epoch(run.epoch, run.train[-1], validation, best, run.lr[-1], run.seconds, run.judged(), plan.model)
    asked = [watcher.on_epoch(epoch) for watcher in plan.watchers]  # all are told before one may stop
    return any(asked)


def _losses(objective: Objective, truncate: int | None) -> Callable[[nn.Module, Any], Iterable[Tensor]]:
    """The losses of one batch, each of which makes an update."""
    if truncate is None:
        return lambda model, batch: (objective(model, batch),)
    truncated = getattr(objective, "truncated", None)
    if truncated is None:
        raise SettingsError(
            f"truncate={truncate} needs an objective that can cut time, and {name_of(objective)} can't: "
            "use supervised(loss), or write its method truncated(model, batch, steps), one loss a chunk"
        )
    return lambda model, batch: truncated(model, batch, truncate)


def _open(place: Checkpoint, run: Run, resume: bool) -> tuple[Run, Callable[[Run], None]]:
    """The run on the disk, or the new one, saved at once: an unwritable folder shows now, not in an hour."""
    if resume and place.path.exists():
        return place.load(), place.save
    place.save(run)
    return run, place.save


def _nowhere(run: Run) -> None:
    """Without a checkpoint, nothing is saved."""


@contextmanager
def _scope(model: nn.Module, optimizer: Optimizer, seed: int) -> Iterator[None]:
    """Gradients on, random numbers from `seed`; generators and modes come back as they were."""
    devices = cuda_devices(model)
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices), modes(model):
        torch.default_generator.manual_seed(seed)
        for device in devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
