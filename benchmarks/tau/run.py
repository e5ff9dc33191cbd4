"""tau="auto" (suggest_tau) against the default time constants, (1, 30) in the unit of dt, on four sets with dt as the data have it.

Every choice learns the same rows with the same seeds; the best epoch is chosen on rows kept for that, and only then the test rows are
looked at. `reached` is the first epoch whose score on the kept rows is what the default ends with: fewer is faster.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch

import tauflow
from tauflow.network import Network, suggest_tau
from tauflow.training import ArraySource, Callback, Epoch

from .data import TASKS, Part, Task


class Curve(Callback):
    """The score of the kept and the test rows after every epoch."""

    def __init__(self, task: Task) -> None:
        self.task, self.judged, self.tested = task, list[float](), list[float]()

    def on_epoch(self, epoch: Epoch) -> None:
        self.judged.append(score(epoch.model, self.task, self.task.judge))
        self.tested.append(score(epoch.model, self.task, self.task.test))


@torch.no_grad()
def score(model: Any, task: Task, part: Part) -> float:
    was = model.training
    answer = torch.cat(
        [model.eval()(p.x, p.dt, p.mask)[0] for p in (part.rows(k) for k in torch.arange(len(part)).split(64))]
    )
    model.train(was)
    return task.score(answer, part)


def choices(task: Task) -> dict[str, Any]:
    """What tau is in each of the two."""
    found = suggest_tau(list(task.learn.x.numpy()), list(task.learn.dt.numpy()), list(task.learn.mask.numpy()))
    return {"default": None, "auto": (found.shortest, found.longest)}


def trained(task: Task, cell: str, tau: Any, seed: int) -> Curve:
    torch.manual_seed(seed)
    net = Network(task.learn.x.shape[2], task.outputs, cell, 24, tau=tau, **task.options)
    whole = task.learn.y.ndim == 1
    y = task.learn.y.long() if task.options["head"] == "classes" else task.learn.y[:, :, None]
    batch = 32 if whole else 8
    source = ArraySource(task.learn.x, y, task.learn.dt, task.learn.mask, batch_size=batch, seed=seed)
    curve = Curve(task)
    tauflow.fit(
        net, source, epochs=task.epochs, lr=task.lr, schedule="cosine", seed=seed, callbacks=[curve], progress=False
    )
    return curve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, help="the folder with mitdb, physionet2012, rfid and shippable")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--cells", default="gated_ltc")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=None)


def run(options: argparse.Namespace) -> None:
    for name in options.tasks.split(","):
        task = TASKS[name](options.data)
        for cell in options.cells.split(","):
            curves: dict[str, list[Curve]] = {}
            for what, tau in choices(task).items():
                began = process_time()
                curves[what] = [trained(task, cell, tau, seed) for seed in range(options.seeds)]
                line = row(name, cell, what, tau, curves[what], curves["default"], process_time() - began)
                print(json.dumps(line), flush=True)
                if options.output is not None:
                    with options.output.open("a") as file:
                        file.write(json.dumps(line) + "\n")


def row(
    task: str, cell: str, what: str, tau: Any, found: list[Curve], default: list[Curve], seconds: float
) -> dict[str, Any]:
    """Mean and spread over the seeds."""
    kept, tested, reached = list[float](), list[float](), list[float]()
    for one, other in zip(found, default, strict=True):
        best = int(np.argmax(one.judged))
        kept.append(one.judged[best])
        tested.append(one.tested[best])
        first = [k for k, value in enumerate(one.judged, start=1) if value >= max(other.judged)]
        reached.append(first[0] if first else len(one.judged) + 1)
    numbers = {"kept": kept, "test": tested, "reached": reached}
    return {
        "task": task, "cell": cell, "tau": what, "range": tau, "seconds": round(seconds, 1),
        **{k: [round(float(np.mean(v)), 4), round(float(np.std(v, ddof=1)) if len(v) > 1 else 0.0, 4)] for k, v in numbers.items()},
    }  # fmt: skip
