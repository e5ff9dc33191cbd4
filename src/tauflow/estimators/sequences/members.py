"""Members: the liquid networks of a committee, each learned without its own fold.

u = [patch of samples], missing values carried with "known now" and "time since"         (Network's `missing`)
y = cell over u, both ways unless it has to be causal
answer = head(deep([last, mean, max of y, summaries]) + V summaries)                     one answer a sequence
answer = head(deep([y, u]) + V u)                                                        one at every row
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ... import cells
from ...data.sequences import Array
from ...network import Committee, Network
from ...training import History, SequenceSource
from ...training import fit as train
from .form import Form

RATES = {"gated_ltc": 0.02, "ltc": 0.02}  # learning rates; 0.005 for the others
UPDATES, FEWEST_EPOCHS = 300, 8
JUDGES = 100  # so many held-out answers may choose the best epoch; fewer would choose by luck
CHUNK = 256  # rows that are learned in one piece, where every row has a label


@dataclass(frozen=True)
class Recipe:
    """How a member is built and learns; see `Classifier`."""

    cell: str
    units: int
    options: dict[str, Any]
    tau: Any
    encoder: Any
    dropout: float
    epochs: int | None
    batch_size: int
    lr: float | None
    weight_decay: float
    patience: int | None
    head: dict[str, Any]
    outputs: int
    seed: int


@dataclass(frozen=True, eq=False)
class Encoded:
    """xs[i] (steps_i, inputs), dts[i] (steps_i,), static (n, s) or None."""

    xs: list[Array]
    dts: list[Array]
    static: Array | None

    def part(self, index: Array) -> Encoded:
        some = [int(k) for k in index]
        static = None if self.static is None else self.static[some]
        return Encoded([self.xs[k] for k in some], [self.dts[k] for k in some], static)

    def source(self, targets: Any, dtype: torch.dtype, **how: Any) -> SequenceSource:
        xs, dts = ([torch.as_tensor(one, dtype=dtype) for one in part] for part in (self.xs, self.dts))
        static = None if self.static is None else torch.as_tensor(self.static, dtype=dtype)
        return SequenceSource(xs, targets, dts, static=static, **how)


def build(form: Form, recipe: Recipe, static: int) -> Network:
    """An untrained member."""
    width = form.inputs * (3 if any(form.missing) else 1)
    encoder = recipe.encoder
    if encoder == "auto":
        encoder = {"name": "dense", "units": recipe.units} if width > recipe.units else None
    known = inspect.signature(cells.get(recipe.cell).__init__).parameters
    core = {"name": recipe.cell, **({} if form.causal else {"bidirectional": True})}
    if "backbone_units" in known:
        core["backbone_units"] = recipe.units
    own_tau = recipe.tau not in ("auto", None)
    core |= {"tau": tuple(recipe.tau)} if own_tau else {}
    readout = "skip" if form.every else "wide" if static else "deep"
    return Network(
        form.inputs, recipe.outputs, {**core, **recipe.options}, recipe.units,
        missing="missing" if any(form.missing) else None,
        waves="gap" if form.uneven else None,
        encoder=encoder,
        pool=None if form.every else "several",
        readout={"name": readout, "units": recipe.units, "dropout": recipe.dropout},
        head=recipe.head,
        static=static,
        period=1.0 if own_tau else "auto",
        tau="auto" if recipe.tau == "auto" else None,
    )  # fmt: skip


def learn_member(
    form: Form,
    recipe: Recipe,
    data: Encoded,
    targets: Any,
    held: Array,
    number: int,
    progress: Any,
    limit: float | None,
) -> tuple[Network, History]:
    """A member that does not learn from the sequences `held`; number: which one."""
    rest = np.setdiff1d(np.arange(len(data.xs)), held)
    seed = recipe.seed + number
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(form, recipe, 0 if data.static is None else data.static.shape[1])
    learning, wanted = data.part(rest), _some(targets, rest)
    if form.every:
        learning, wanted = _cut(learning, wanted)
    batch = min(recipe.batch_size, max(4, -(-len(learning.xs) // 4)))
    source = learning.source(wanted, torch.float32, batch_size=batch, seed=seed)
    epochs = recipe.epochs or max(FEWEST_EPOCHS, -(-UPDATES // len(source)))
    judges = sum(len(data.xs[k]) for k in held) if form.every else len(held)
    judge = data.part(held).source(_some(targets, held), torch.float32, batch_size=256) if judges >= JUDGES else None
    history = train(
        network, source, validation=judge, epochs=epochs, optimizer="adamw", seed=seed, schedule="cosine",
        lr=recipe.lr or RATES.get(recipe.cell, 0.005), weight_decay=recipe.weight_decay, progress=progress,
        patience=recipe.patience if judge is not None else None, time_budget=limit,
    )  # fmt: skip
    return network.double().eval(), history


@torch.no_grad()
def answers(network: Network | Committee, data: Encoded, every: bool, prefixes: bool = False) -> list[Array]:
    """What a network in float64 says: (n, outputs) rows, or (steps_i, outputs) of each sequence."""
    found: list[Array] = []
    ask = network.prefixes if prefixes else network
    for batch in data.source(None, torch.float64, batch_size=128, shuffle=False).batches(0):
        y, _ = ask(batch.x, batch.dt, batch.mask, static=batch.static)
        if every or prefixes:
            lengths = (torch.ones_like(batch.x[..., 0]) if batch.mask is None else batch.mask).sum(dim=1).int().tolist()
            found += [one[:length].numpy() for one, length in zip(y, lengths, strict=True)]
        else:
            found.append(y.numpy())
    return found if every or prefixes else [np.concatenate(found)]


def share_of_time(began: float, limit: float | None, members_left: int) -> float | None:
    """Seconds for the next member."""
    return None if limit is None else max(0.1, (limit - (time.perf_counter() - began)) / members_left)


def _some(targets: Any, index: Array) -> Any:
    if isinstance(targets, list):
        return [targets[int(k)] for k in index]
    return targets[torch.as_tensor(index)]


def _cut(data: Encoded, targets: Sequence[Any]) -> tuple[Encoded, list[Any]]:
    """Long sequences in pieces of CHUNK rows, each beginning anew."""
    xs, dts, ys, of = [], [], [], []
    for number, (x, dt, y) in enumerate(zip(data.xs, data.dts, targets, strict=True)):
        for begin in range(0, len(x), CHUNK):
            xs.append(x[begin : begin + CHUNK])
            dts.append(dt[begin : begin + CHUNK])
            ys.append(y[begin : begin + CHUNK])
            of.append(number)
    return Encoded(xs, dts, None if data.static is None else data.static[of]), ys
