"""Network, from raw readings to answers: READ THIS after cells/ctrnn.py.

    u = encoder(waves(missing(scale(x)), dt / period))      every part but core, readout and head may be left out
    y, state = core(u, dt / period, mask, state)            a liquid cell, or layers of them
    answer = head(readout(pool(y), u, static))              in the units of the targets

    x (batch, time, inputs)   dt, mask, first (batch, time)   static (batch, n)   answer (batch, time, outputs), pooled (batch, outputs)

The contract is that of `Recurrent`: a masked sample changes nothing, a gap of zero leaves the cells' states (a reading is carried on
and pooled all the same), rows do not see each other, chunks give what the whole gives, `step` and `stream()` give the same numbers
sample by sample; autocast changes none of them. The state holds all that is remembered:
[what Missing carries, the core's state, what the pool carries].
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .. import validate
from ..errors import ShapeError, TauflowError
from ..ops.graph import Graph
from ..sequence import wide
from ..validate import packed
from . import core as cores
from . import learning, lowering, streaming, summary
from . import trace as tracing
from .episodes import by_episode, check_first
from .parts.part import Given, NetworkError, build, check_count, check_width, class_of, fit
from .parts.scale import Scale
from .static import check_static


class Network(nn.Module):
    """`Network(3, 1)`: scales, a CfC of 32 units, a linear readout. `Network(6, 4, "gated_ltc", 48, pool="mean", head="classes")`.

    inputs, outputs   how many, or their names: ["temp [C]", "wind [m/s]"]; for a head of classes, the classes
    core, units       a cell's name and size (or its wiring); {"name": "ctrnn", "solver": "euler"} for options, with
                      "bidirectional": True to read both ways; or a Recurrent, Stack, ...
    scale ... head    parts: a name ("dense"), a name with options ({"name": "dense", "units": 64}), a module, None for none
    static            how many features enter once, beside the state
    period            dt is given in the user's unit (seconds, say) and told to the cells in periods; "auto": the median gap
    tau               time constants in periods, for a core built by name; "auto": by the data's correlation times, see `suggest_tau`
    Raises NetworkError where parts don't exist or don't fit.

    >>> network = tauflow.Network(["temp [C]", "wind [m/s]"], ["load [MW]"], "gated_ltc", 16)
    >>> y, state = network(torch.randn(4, 50, 2), torch.rand(4, 50))  # 4 records of 50 samples, and the gaps before them
    >>> y.shape, state.shape, network.output_names
    (torch.Size([4, 50, 1]), torch.Size([4, 16]), ['load [MW]'])
    >>> print(network.summary())
    part     what                    width  parameters
    scale    scale                       2           0
    core     Recurrent of gated_ltc     16         336
    readout  linear                      1          17
    head     values                      1           0
    in all                                         353
    period 1; state of 16 numbers; scales not measured yet (fit does it, or network.measure(batch))
    """

    period: Tensor
    measured: Tensor
    scale: Any
    missing: Any
    waves: Any
    encoder: Any
    core: Any
    pool: Any
    readout: Any
    head: Any

    def __init__(
        self,
        inputs: int | Sequence[str],
        outputs: int | Sequence[str],
        core: Any = "cfc",
        units: Any = 32,
        *,
        scale: Given = "scale",
        missing: Given = None,
        waves: Given = None,
        encoder: Given = None,
        pool: Given = None,
        readout: Given = "linear",
        head: Given = "values",
        static: int = 0,
        period: float | Literal["auto"] = 1.0,
        tau: Any = None,
    ) -> None:
        super().__init__()
        self.input_names, self.inputs = summary.names("inputs", inputs)
        self.target_names, columns = summary.names("outputs", outputs)
        self.auto_period, self.auto_tau = period == "auto", tau == "auto"
        if not self.auto_period and not 0 < float(period) < float("inf"):
            raise NetworkError(f"period is {period!r}, expected a positive time in the unit of dt, or 'auto'")
        self.register_buffer("period", torch.tensor(1.0 if self.auto_period else float(period)))
        self.register_buffer("measured", torch.tensor(False))
        self.static = check_count("static", static, least=0)

        raw = encoder is not None and getattr(class_of("encoder", encoder), "takes_raw", False)
        self.scale = build("scale", None if raw else scale, inputs=self.inputs)
        self.static_scale = Scale(static) if static and scale is not None else None
        width = _behind("scale", self.scale, self.inputs)
        self.missing = build("missing", missing, inputs=width)
        width = _behind("missing", self.missing, width)
        self.waves = build("waves", waves, inputs=width)
        width = _behind("waves", self.waves, width)
        self.encoder = build("encoder", encoder, inputs=width)
        width = _behind("encoder", self.encoder, width)
        self.core = cores.build_core(core, width, units, None if self.auto_tau else tau)
        check_width("core", self.core.inputs, "what comes before it", width)
        self.sees_input = getattr(class_of("readout", readout), "sees_input", False)
        pooled = self.core.outputs + (width if self.sees_input else 0)
        self.pool = build("pool", pool, inputs=pooled)
        fit("pool", self.pool, inputs=pooled)
        kinds = 1 if self.pool is None else len(self.pool.kinds)
        self.head = build("head", head, columns=columns)
        fit("head", self.head, columns=columns)
        self.outputs = int(self.head.outputs)
        sizes = {"inputs": kinds * self.core.outputs, "static": static, "outputs": self.head.inputs}
        self.readout = build("readout", readout, seen=kinds * width, **sizes)
        fit("readout", self.readout, of_input=kinds * width, **sizes)

    def initial_state(self, batch: int) -> Tensor:
        """The state before the first sample, (batch, state)."""
        h: Tensor = self.core.initial_state(batch)
        before = h.new_zeros(batch, self.sizes[0])
        after = h.new_zeros(batch, 0) if self.pool is None else self.pool.first_memory(batch).to(h)
        return torch.cat([before, h, after], dim=1)

    @property
    def sizes(self) -> list[int]:
        """How many numbers of the state are Missing's, the core's and the pool's."""
        return [getattr(self.missing, "memory", 0), self.core.state_size, getattr(self.pool, "memory", 0)]

    @property
    def state_size(self) -> int:
        return sum(self.sizes)

    def forward(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        state: Tensor | None = None,
        first: Tensor | None = None,
        static: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Answers (batch, time, outputs), or (batch, outputs) of a pooled network, and the state (batch, state).

        dt: time since the previous sample, in the unit of `period`; None is one period everywhere. NaN in x is an error, unless the
        network has a `missing` part. first: True where an episode begins: the state is reset there and no gradient passes.
        Raises what Recurrent raises, each naming the sample and the step.
        """
        return self._over_time(x, dt, mask, state, first, static, every=False)

    def prefixes(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        state: Tensor | None = None,
        first: Tensor | None = None,
        static: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As forward, with the answer after every sample, (batch, time, outputs), also of a pooled network."""
        if not cores.is_causal(self.core):
            raise TauflowError(
                "a network that reads both ways has no answer for a prefix: use a Recurrent or a Stack of cells"
            )
        return self._over_time(x, dt, mask, state, first, static, every=True)

    def step(
        self, x: Tensor, dt: Tensor | float | None = None, state: Tensor | None = None, static: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One sample: x (batch, inputs), dt (batch,) or a number -> the answer (batch, outputs) and the state (batch, state)."""
        x, dt = validate.as_one_sample(x, dt, validate.parameter_dtype(self))
        y, state = self.prefixes(x, dt, None, state, static=static)
        return y[:, 0], state

    def _over_time(
        self, x: Any, dt: Any, mask: Any, state: Any, first: Any, static: Any, every: bool
    ) -> tuple[Any, Tensor]:
        if isinstance(x, PackedSequence):
            rows, dt, mask = packed.unpack(x, dt, mask)
            y, h = self._over_time(rows, dt, mask, state, first, static, every)
            return (packed.pack_like(x, y) if y.ndim == 3 else y), h
        x, dt, mask = self._checked(x, dt, mask, self.state_size if state is None else None)
        h = validate.as_state(state, self.initial_state(len(x)))
        static = check_static(static, self.static, x)
        run, one_a_row = partial(self._run, every=every), self.pool is not None and not every
        with wide(x):
            if first is None:
                return run(x, dt, mask, h, static)
            return by_episode(run, self.initial_state, x, dt, mask, h, static, check_first(first, x), one_a_row)

    def _run(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: Tensor, static: Tensor | None, every: bool
    ) -> tuple[Tensor, Tensor]:
        """The equations at the top, in their order; dt in periods. The kernels take over where nothing learns."""
        if x.shape[1] > 0 and streaming.covers(self, x, dt, state):
            answer, state = streaming.over_time(self, x, dt, mask, state, static)
            return (answer if every or self.pool is None else answer[:, -1]), state
        carried, h, kept = state.split(self.sizes, dim=1)
        u, carried = self.encode(x, dt, mask, carried)
        y, h = self.core(u, dt, mask, h)
        if self.pool is not None:
            y, u, kept = self._pooled(y, u, mask, kept, every)
            if not every:
                y, u = y[:, -1], u[:, -1]
        if static is not None:
            static = static if self.static_scale is None else self.static_scale(static)
            static = static[:, None].expand(-1, y.shape[1], -1) if y.ndim == 3 else static
        answer = self.head(self.readout(y, u, static))
        return answer, torch.cat([carried, h, kept], dim=1)

    def encode(self, x: Tensor, dt: Tensor, mask: Tensor | None, carried: Tensor) -> tuple[Tensor, Tensor]:
        """What the core reads, (batch, time, width), and what Missing carries on."""
        u = x if self.scale is None else self.scale(x)
        if self.missing is not None:
            u, carried = self.missing(u, dt, mask, carried)
        if self.waves is not None:
            u = self.waves(u, dt)
        return (u if self.encoder is None else self.encoder(u)), carried

    def _pooled(
        self, y: Tensor, u: Tensor, mask: Tensor | None, kept: Tensor, every: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The pooled outputs of the core and, for a readout that sees it, the pooled input: (batch, time, kinds * n)."""
        if not every and y.shape[1] == 0:
            raise ShapeError("x has no samples, but a pooled network answers for a sequence of at least one")
        both = torch.cat([y, u], dim=2) if self.sees_input else y
        z, kept = self.pool(both, mask, kept, every)
        z = z.unflatten(2, (len(self.pool.kinds), both.shape[2]))  # (batch, time, kinds, n)
        return z[..., : y.shape[2]].flatten(2), z[..., y.shape[2] :].flatten(2), kept

    def _checked(self, x: Any, dt: Any, mask: Any, units: int | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
        """x, dt in periods, and mask, as the inside expects them."""
        dtype = validate.parameter_dtype(self)
        x = validate.as_sequence(x, dtype)
        unknown = torch.isnan(x) if self.missing is not None else None
        x, mask = validate.as_input(x if unknown is None else torch.where(unknown, 0, x), self.inputs, dtype, mask)
        gaps = validate.as_gaps(self.period if dt is None else dt, x, mask, units)
        return (x if unknown is None else torch.where(unknown, torch.nan, x)), gaps / self.period, mask

    def measure(self, *batches: Any) -> None:
        """Learn from training data what is no weight: scales, and the period and time constants where they are "auto".

        batches: anything with x, and y, dt, mask, static where there are such, like `tauflow.training.Batch`. `tauflow.fit` does
        it before it begins, unless it was done.
        """
        learning.measure(self, batches)

    def loss(self, output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        """What the head's loss gives; `tauflow.fit` takes it unless it is given another objective."""
        return learning.loss(self, output, target, mask, weight)

    def groups(self, lr: float, time: float | None = None) -> list[dict[str, Any]]:
        """Parameter groups for an optimiser: time constants learn at the rate `time`, all else at `lr`."""
        return learning.groups(self, lr, time)

    @classmethod
    def of_size(cls, parameters: int, inputs: Any, outputs: Any, core: Any = "cfc", **parts: Any) -> Network:
        """The network of so many parameters, by the number of its units; as near as it comes from below."""
        return learning.of_size(lambda units: cls(inputs, outputs, core, units, **parts), parameters)

    def stream(
        self, backend: str | None = None, rows: int | None = None, static: Any = None, rounding: bool = False
    ) -> Any:
        """The network as it is now, sample by sample: `y = stream(x, dt)`, raw readings in, answers out; see `ops.stream.Stream`.

        rows: so many streams side by side, `y = rows(x, dt)` with x (rows, inputs); see `ops.many.Rows`. static: what enters once.
        rounding: take float64 samples for a float32 network, as simulators give them.
        backend: "cpu" runs on the kernels or raises BackendError; unless given, what they do not cover streams through `step`.
        """
        return streaming.stream(self, backend, rows, static, rounding)

    def trace(
        self,
        x: Tensor,
        dt: Tensor | float | None = None,
        mask: Tensor | None = None,
        state: Tensor | None = None,
        static: Tensor | None = None,
    ) -> tracing.Record:
        """The record of a run: states, rates and time constants of every neuron at every sample; see `trace.Record`."""
        return tracing.trace(self, x, dt, mask, state, static)

    def lower(self) -> Graph:
        """The network as steps on vectors, one sample at a time, which streams and exports are made from."""
        return lowering.lower(self)

    @property
    def output_names(self) -> list[str]:
        """The names of the answers: the columns', with what the head adds to each."""
        return [f"{name} {block}".strip() for block in getattr(self.head, "names", ("",)) for name in self.target_names]

    def parts(self) -> dict[str, nn.Module]:
        """The parts that this network has, in the order of the data."""
        places = ("scale", "missing", "waves", "encoder", "core", "pool", "readout", "head")
        return {place: part for place in places if (part := getattr(self, place)) is not None}

    def summary(self) -> str:
        """A line a part: what it is, how wide, how many parameters."""
        return summary.text(self)

    def _repr_html_(self) -> str:
        return summary.html(self)


def _behind(place: str, part: Any, width: int) -> int:
    """How wide the data is behind a part; a module of the user's own is asked with a sample of zeros."""
    if part is None:
        return width
    if hasattr(part, "inputs"):
        check_width(place, int(part.inputs), "what comes before it", width)
    if hasattr(part, "outputs"):
        return int(part.outputs)
    was = part.training
    with torch.no_grad():
        made = part.eval()(torch.zeros(1, 1, width))
    part.train(was)
    return int(made.shape[-1])
