"""Gradient health: how much of the loss's gradient reaches back in time, and how far back an input still moves the end.

    g_t = rms over rows of |dL/dh_t|            the whole derivative, through all that comes after t, (time,)
    m_t = rms over rows of |dh_T/dx_t|          how far the last state hears input t, by random projections of h_T, (time,)

    vanished   share of the steps before the last whose g_t is below a thousandth of the largest
    exploded   share of the steps whose g_t is above a thousand times that of the last step which the loss looks at
    horizon    how long ago the first input lies that still moves h_T by a hundredth of what the one that moves it most does

A copy learns nothing and is run step by step in float64, so this costs about as much as ten batches. Sources: Pascanu, Mikolov and
Bengio 2013, section 2; Hasani et al. 2021 on why leaks vanish rather than explode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...drawing import Drawn
from ...network import Network
from ...sequence import Recurrent, Stack, copy_of
from ..callbacks import Callback, Epoch
from ..objectives import Objective, of_model
from ..settings import SettingsError
from ..sources import Source, as_source

SMALL, LARGE = 1e-3, 1e3
HEARD = 1e-2
PROBES = 4
MOST_SATURATED = 0.5

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GradientHealth(Drawn):
    """gradient g_t and memory m_t (time,), at `ago` (time,): how long before the end, in the unit of dt; see above.

    saturation   mean over neurons, rows and steps; None where a cell has no such number
    slowest      the slowest time constant, in the unit of dt; None for a core without
    """

    picture, pixels = "training.gradient_health", (440, 300)

    ago: Array
    gradient: Array
    memory: Array
    vanished: float
    exploded: float
    horizon: float
    saturation: float | None
    slowest: float | None
    epoch: int | None = None

    @property
    def length(self) -> float:
        """Of the sequence, in the unit of dt."""
        return float(self.ago[0])

    @property
    def healthy(self) -> bool:
        return self.vanished < 0.5 and self.exploded == 0 and bool(np.isfinite(self.gradient).all())

    @property
    def sentence(self) -> str:
        """What is seen, why, and what to try."""
        if not np.isfinite(self.gradient).all():
            return "the gradient is not finite: try clip=1.0, a smaller lr, or a bounded activation such as tanh"
        if self.exploded > 0:
            return (
                f"the gradient explodes back in time: in {100 * self.exploded:.0f} % of the steps it is over {LARGE:g} times what it is at "
                "the end: recurrent weights too strong for the time constants; try clip=1.0, smaller initial weights, weight_decay, or a "
                "bounded activation"
            )
        if self.vanished < 0.5:
            return (
                f"healthy: the gradient reaches {100 * (1 - self.vanished):.0f} % of the steps, and the end hears "
                f"{self.horizon:.3g} back, of {self.length:.3g}"
            )
        return f"the gradient vanishes: in {100 * self.vanished:.0f} % of the steps less than a thousandth arrives: {self._why()}"

    def _why(self) -> str:
        if self.saturation is not None and self.saturation > MOST_SATURATED:
            return (
                f"neurons are saturated ({100 * self.saturation:.0f} % of their slope is gone); try inputs scaled to about 1, smaller "
                "weights, weight_decay"
            )
        slow = "" if self.slowest is None else f"; the slowest time constant is {self.slowest:.3g}"
        return (
            f"the end hears {self.horizon:.3g} back, of {self.length:.3g}{slow}; try tau='auto' or longer time constants, a longer period, "
            "or a loss at every step"
        )

    def frame(self) -> Any:
        """A line a step."""
        import pandas as pd

        return pd.DataFrame({"ago": self.ago, "gradient": self.gradient, "memory": self.memory})


class _Stepped(nn.Module):
    """A Recurrent or Stack, one step at a time, whose states are kept for their gradients."""

    def __init__(self, inner: Recurrent | Stack) -> None:
        super().__init__()
        self.inner = inner
        self.kept: list[Tensor] = []
        self.read: Tensor | None = None
        self.gaps: Tensor | None = None

    def __getattr__(self, name: str) -> Any:
        if name in ("inputs", "outputs", "state_size", "initial_state"):
            return getattr(self.inner, name)
        return super().__getattr__(name)

    def forward(self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None) -> tuple[Tensor, Tensor]:
        x = x if x.requires_grad else x.detach().clone().requires_grad_()
        x.retain_grad()
        self.read = x
        ones = x.new_ones(x.shape[:2])
        self.gaps = ones if dt is None else torch.as_tensor(dt).to(x) * ones
        h = self.inner.initial_state(len(x)) if state is None else state
        found, self.kept = [], []
        for t in range(x.shape[1]):
            here = slice(t, t + 1)
            _, h = self.inner(x[:, here], self.gaps[:, here], None if mask is None else mask[:, here], h)
            h = h if h.requires_grad else h.detach().requires_grad_()
            h.retain_grad()
            self.kept.append(h)
            found.append(_shown(self.inner, h))  # of the state that is kept, so that all of the gradient passes it
        return torch.stack(found, dim=1), h


def gradient_health(
    model: nn.Module,
    batch: Any,
    objective: Objective | None = None,
    *,
    rows: int = 16,
    epoch: int | None = None,
    seed: int = 0,
) -> GradientHealth:
    """Of a Network, a Recurrent or Stack, or a module that has one inside, on the first rows of a batch; the model stays as it is.

    objective: unless given, the model's own, as `fit` takes it. SettingsError for a model without a Recurrent or a Stack.

    >>> batch = tauflow.training.Batch(torch.ones(4, 30, 1), torch.ones(4, 30, 1))
    >>> found = tauflow.training.gradient_health(tauflow.Network(1, 1, units=4), batch)  # a GradientHealth
    >>> found.sentence
    'healthy: the gradient reaches ... % of the steps, and the end hears ... back, of 29'
    """
    objective = of_model(model) if objective is None else objective
    still = copy_of(model).double().eval()
    place, core = _core(still)
    stepped = _Stepped(core)
    whole = stepped if place == "" else still
    if place:
        parent, _, name = place.rpartition(".")
        setattr(still.get_submodule(parent), name, stepped)
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(seed)
        loss = objective(whole, _double(batch, rows))
        loss.backward(retain_graph=True)
        gradient = _rms([torch.zeros_like(h) if h.grad is None else h.grad for h in stepped.kept])
        memory = _memory(stepped)
    if stepped.gaps is None or stepped.read is None:
        raise SettingsError("the model did not run its core: give a batch of at least one step")
    period = float(still.period) if isinstance(still, Network) else 1.0
    gaps = stepped.gaps.detach().mean(dim=0).numpy() * period
    ago = np.concatenate([np.cumsum(gaps[:0:-1])[::-1], [0.0]])
    looked = gradient > 0
    last = float(gradient[looked][-1]) if looked.any() else 0.0
    before = gradient[: int(np.flatnonzero(looked)[-1])] if looked.any() else gradient
    heard = np.flatnonzero(memory >= HEARD * memory.max()) if memory.max() > 0 else np.array([len(memory) - 1])
    return GradientHealth(
        ago, gradient, memory,
        float((before < SMALL * gradient.max()).mean()) if len(before) else 0.0,
        float((before > LARGE * last).mean()) if len(before) else 0.0,
        float(ago[heard[0]]), _saturation(core, stepped), _slowest(core, period), epoch,
    )  # fmt: skip


class WatchGradients(Callback):
    """Looks at the gradients after every epoch (or every `every`-th), on the first batch of a source; `found` holds what was seen.

    `WatchGradients(source)` as a callback of `fit`; `watch.found[-1].sentence` says how it stands.

    >>> source = tauflow.training.ArraySource(torch.ones(4, 9, 1), torch.ones(4, 9, 1))
    >>> watch = tauflow.training.WatchGradients(source)
    >>> history = tauflow.fit(tauflow.Network(1, 1, units=2), source, epochs=2, callbacks=[watch], progress=False)
    >>> [found.epoch for found in watch.found]
    [1, 2]
    """

    def __init__(self, source: Source, objective: Objective | None = None, every: int = 1, rows: int = 16) -> None:
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise SettingsError(f"every is {every!r}, expected a whole number >= 1")
        self.batch = next(iter(as_source(source).batches(0)), None)
        if self.batch is None:
            raise SettingsError("the source gave no batch to look at")
        self.objective, self.every, self.rows = objective, every, rows
        self.found: list[GradientHealth] = []

    def on_epoch(self, epoch: Epoch) -> None:
        if epoch.epoch % self.every == 0:
            self.found.append(
                gradient_health(epoch.model, self.batch, self.objective, rows=self.rows, epoch=epoch.epoch)
            )


def diagnosis(model: nn.Module, batch: Any, objective: Objective) -> str:
    """A sentence for an error message; empty where none can be made, since the error itself must be told."""
    try:
        return gradient_health(model, batch, objective, rows=4).sentence
    except Exception:  # whatever broke the training may break this too
        return ""


def _core(model: nn.Module) -> tuple[str, Recurrent | Stack]:
    """(where it stands, the first Recurrent or Stack)."""
    for place, module in model.named_modules():
        if isinstance(module, (Recurrent, Stack)):
            return place, module
    raise SettingsError(f"a {type(model).__name__} has no Recurrent or Stack inside, whose states could be looked at")


def _double(batch: Any, rows: int) -> Any:
    """The first rows of a batch, in float64."""
    parts = {name: getattr(batch, name) for name in getattr(batch, "__dataclass_fields__", vars(batch))}
    cut = {
        name: (part[:rows].double() if part.is_floating_point() else part[:rows]) if isinstance(part, Tensor) else part
        for name, part in parts.items()
    }
    return type(batch)(**cut)


def _shown(core: Recurrent | Stack, h: Tensor) -> Tensor:
    """What the last layer shows of the state."""
    last = core if isinstance(core, Recurrent) else core.layers[-1]
    if not isinstance(last, Recurrent):
        raise SettingsError(
            "a Stack that reads both ways has no state at every step: give a Recurrent or a Stack of cells"
        )
    return last.cell.output(h[:, h.shape[1] - last.state_size :])


def _rms(parts: Sequence[Tensor]) -> Array:
    """Over the rows, (time,)."""
    found: Array = torch.stack([part.norm(dim=1).square().mean().sqrt() for part in parts]).detach().numpy()
    return found


def _memory(stepped: _Stepped) -> Array:
    """|dh_T/dx_t|, by the mean square of random projections."""
    if stepped.read is None or not stepped.kept:
        return np.zeros(0)
    end, total = stepped.kept[-1], torch.zeros(stepped.read.shape[1], dtype=torch.float64)
    for _ in range(PROBES):
        (by_x,) = torch.autograd.grad(
            end, stepped.read, torch.randn_like(end), retain_graph=True, materialize_grads=True
        )
        total += by_x.square().sum(dim=2).mean(dim=0)
    memory: Array = (total / PROBES).sqrt().detach().numpy()
    return memory


@torch.no_grad()
def _saturation(core: Recurrent | Stack, stepped: _Stepped) -> float | None:
    if stepped.read is None:
        return None
    record = core.trace(stepped.read.detach(), stepped.gaps)
    found = [layer.saturation for layer in record.layers if layer.saturation is not None]
    return float(torch.cat([each.flatten() for each in found]).mean()) if found else None


@torch.no_grad()
def _slowest(core: Recurrent | Stack, period: float) -> float | None:
    layers = [core] if isinstance(core, Recurrent) else [one for one in core.layers if isinstance(one, Recurrent)]
    found = [tau.max() for layer in layers if (tau := layer.cell.time_constants()) is not None]
    return float(torch.stack(found).max()) * period if found else None
