"""Committee: networks of one kind that start differently, and the mean of their answers.

    y = average of y_1 ... y_n         the head says how: values by their mean, classes by the mean of their probabilities

While it trains a batch goes to one member, drawn at random, so all members together take as many steps as one network would. The state
is the members' states side by side. Source: Hansen and Salamon 1990, Neural network ensembles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ... import validate
from ...validate import packed
from ..network import Network
from ..parts.part import NetworkError


class Committee(nn.Module):
    """`Committee(lambda: Network(3, 1), 4)`, or of networks that exist: `Committee([first, second])`.

    size: how many a function makes, 4 unless given. NetworkError where the members read or answer differently.

    >>> committee = tauflow.Committee(lambda: tauflow.Network(3, 1, units=8), 4).eval()
    >>> y, state = committee(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> y.shape, state.shape  # the mean of four answers; four states side by side
    (torch.Size([2, 20, 1]), torch.Size([2, 32]))
    """

    def __init__(self, members: Iterable[Network] | Callable[[], Network], size: int | None = None) -> None:
        super().__init__()
        made = [members() for _ in range(size or 4)] if callable(members) else list(members)
        if not made or not all(isinstance(member, Network) for member in made):
            raise NetworkError("a committee needs networks: Committee(lambda: Network(3, 1), 4)")
        if len(set(map(id, made))) < len(made):
            raise NetworkError(
                "a network stands twice in this committee: make a new one for each, Committee(lambda: Network(3, 1))"
            )
        if len({(member.inputs, member.outputs, type(member.head)) for member in made}) > 1:
            raise NetworkError(
                "the members of a committee read the same inputs and give the same answers, but these differ"
            )
        self.members = nn.ModuleList(made)
        self.inputs, self.outputs, self.static = made[0].inputs, made[0].outputs, made[0].static

    def networks(self) -> list[Network]:
        return [member for member in self.members if isinstance(member, Network)]

    @property
    def head(self) -> Any:
        return self.networks()[0].head

    @property
    def measured(self) -> Tensor:
        return torch.stack([member.measured for member in self.networks()]).all()

    @property
    def state_size(self) -> int:
        return sum(member.state_size for member in self.networks())

    def initial_state(self, batch: int) -> Tensor:
        """The members' states side by side, (batch, state)."""
        return torch.cat([member.initial_state(batch) for member in self.networks()], dim=1)

    def forward(
        self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None, first: Any = None, static: Any = None
    ) -> tuple[Tensor, Tensor]:
        """As Network; in training one member answers and moves its state."""
        return self._each("forward", x, dt, mask, state, first, static)

    def prefixes(
        self, x: Tensor, dt: Any = None, mask: Any = None, state: Any = None, first: Any = None, static: Any = None
    ) -> tuple[Tensor, Tensor]:
        """As Network."""
        return self._each("prefixes", x, dt, mask, state, first, static)

    def _each(self, how: str, x: Any, dt: Any, mask: Any, state: Any, first: Any, static: Any) -> tuple[Any, Tensor]:
        if isinstance(x, PackedSequence):
            rows, dt, mask = packed.unpack(x, dt, mask)
            answer, h = self._each(how, rows, dt, mask, state, first, static)
            return (packed.pack_like(x, answer) if answer.ndim == 3 else answer), h
        members = self.networks()
        x = validate.as_sequence(x, validate.parameter_dtype(self))
        h = validate.as_state(state, self.initial_state(len(x)))
        parts = list(h.split([member.state_size for member in members], dim=1))
        chosen = [int(torch.randint(len(members), ()))] if self.training else range(len(members))
        answers = []
        for number in chosen:
            y, parts[number] = getattr(members[number], how)(x, dt, mask, parts[number], first, static)
            answers.append(y)
        return (answers[0] if len(answers) == 1 else self.average(torch.stack(answers))), torch.cat(parts, dim=1)

    def average(self, answers: Tensor) -> Tensor:
        """(members, ..., outputs) -> (..., outputs)."""
        how = getattr(self.head, "average", None)
        averaged: Tensor = answers.mean(dim=0) if how is None else how(answers)
        return averaged

    def step(self, x: Tensor, dt: Any = None, state: Any = None, static: Any = None) -> tuple[Tensor, Tensor]:
        """As Network."""
        x, dt = validate.as_one_sample(x, dt, validate.parameter_dtype(self))
        y, state = self.prefixes(x, dt, None, state, static=static)
        return y[:, 0], state

    def stream(self, backend: str | None = None, static: Any = None, rounding: bool = False) -> Together:
        """As Network: the members' streams, and the average of their answers."""
        return Together([member.stream(backend, None, static, rounding) for member in self.networks()], self.average)

    def measure(self, *batches: Any) -> None:
        """As Network, for every member."""
        for member in self.networks():
            member.measure(*batches)

    def loss(self, output: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        """As Network."""
        return self.networks()[0].loss(output, target, mask, weight)

    @property
    def output_names(self) -> list[str]:
        return self.networks()[0].output_names


class Together:
    """Streams of the members, each with a state of its own, and the average of their answers; as `ops.stream.Stream`."""

    def __init__(self, streams: Sequence[Any], average: Callable[[Tensor], Tensor]) -> None:
        self.streams, self.average = list(streams), average
        self.inputs, self.outputs = streams[0].inputs, streams[0].outputs
        self.state_size = sum(stream.state_size for stream in streams)
        self.backend, self.why_not = streams[0].backend, streams[0].why_not

    def __call__(self, x: Any, dt: float = 1.0) -> NDArray[Any]:
        """The answer (outputs,) after one sample; one that is refused leaves every member where it was."""
        before = [stream.state for stream in self.streams]
        try:
            answers = np.stack([stream(x, dt) for stream in self.streams])
        except Exception:
            for stream, state in zip(self.streams, before, strict=True):
                stream.state = state
            raise
        averaged: NDArray[Any] = self.average(torch.from_numpy(answers)).numpy()
        return averaged

    @property
    def state(self) -> NDArray[Any]:
        """The members' states side by side, (state_size,); set it to go on from there."""
        return np.concatenate([stream.state for stream in self.streams])

    @state.setter
    def state(self, state: Any) -> None:
        ends = np.cumsum([stream.state_size for stream in self.streams])[:-1]
        for stream, part in zip(self.streams, np.split(np.asarray(state), ends), strict=True):
            stream.state = part

    def skip(self, dt: float) -> None:
        """Time that passes without a sample."""
        for stream in self.streams:
            stream.skip(dt)

    def reset(self) -> None:
        """Back to the state before the first sample."""
        for stream in self.streams:
            stream.reset()

    def another(self) -> Together:
        """New streams of the same members in their first state."""
        return Together([stream.another() for stream in self.streams], self.average)
