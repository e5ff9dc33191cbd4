"""SequenceSource: sequences of unequal length, in batches of like length.

    order of an epoch    shuffle, cut into chunks of some batches, sort each chunk by length, cut it into batches,
                         shuffle the batches
    a batch              the rectangle up to its longest sequence, and the mask that says what is real

So a batch holds little padding, and the batches differ from epoch to epoch. Source: Khomenko et al. 2016 (bucketing).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import DtypeError, ShapeError
from ...network.padding import pad
from ..settings import check_counts, check_seed
from .arrays import generator, prepared
from .batch import Batch

CHUNK = 16  # batches that are sorted together: padding falls with it, and so does chance


class SequenceSource:
    """`SequenceSource(xs, ys, dts)`: lists of arrays or tensors, xs[i] (time_i, inputs).

    ys        one target a step: a list of arrays as long as their sequences; else one a sequence: an array, or a list
    dts       dts[i] (time_i,), time since the previous sample
    weights   one a sequence, or a list of arrays as long as their sequences
    static    (sequences, n)
    prepare   a function on the padded x of a batch: frames of bytes into numbers
    shuffle   False keeps the sequences in the order in which they came

    >>> source = tauflow.training.SequenceSource([torch.ones(2, 3), torch.ones(4, 3)], [0.5, 1.5], batch_size=2, shuffle=False)
    >>> batch = next(source.batches(epoch=0))
    >>> tuple(batch.x.shape), batch.mask.int().tolist()
    ((2, 4, 3), [[1, 1, 0, 0], [1, 1, 1, 1]])
    """

    def __init__(
        self,
        xs: Sequence[Any],
        ys: Any = None,
        dts: Sequence[Any] | None = None,
        *,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        weights: Any = None,
        static: Any = None,
        prepare: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        check_counts(batch_size=batch_size)
        check_seed(seed)
        self.xs = _alike("xs", xs)
        if not self.xs or min(map(len, self.xs)) == 0:
            raise ShapeError("xs holds no sequence, or one without samples: expected at least one sample in each")
        self.ys, self.weights = self._each("ys", ys), self._each("weights", weights)
        self.dts = None if dts is None else _alike("dts", dts)
        self._check("dts", self.dts, each=True)
        self.static = None if static is None else torch.as_tensor(static)
        self._check("static", self.static, each=False)
        self.batch_size, self.seed, self.shuffle, self.prepare = batch_size, seed, shuffle, prepare
        self.lengths = torch.tensor([len(x) for x in self.xs])

    def __len__(self) -> int:
        return -(-len(self.xs) // self.batch_size)

    def fingerprint(self) -> dict[str, Any]:
        """All that a resumed run needs to find the same."""
        return dict(vars(self))

    def batches(self, epoch: int) -> Iterator[Batch]:
        for chosen in self._order(epoch):
            rows = chosen.tolist()
            x, mask = pad([self.xs[row] for row in rows])
            y, dt, weight = (_rows(part, rows) for part in (self.ys, self.dts, self.weights))
            static = None if self.static is None else self.static[chosen]
            yield prepared(Batch(x, y, dt, mask, weight, static), self.prepare)

    def _order(self, epoch: int) -> list[Tensor]:
        """The sequences of every batch."""
        if not self.shuffle:
            return list(torch.arange(len(self.xs)).split(self.batch_size))
        draw = generator(self.seed, epoch)
        order = torch.randperm(len(self.xs), generator=draw)
        found: list[Tensor] = []
        chunks = max(1, len(self) // CHUNK)  # the rest that is no whole chunk goes to the others
        for chunk in order.split(-(-len(self) // chunks) * self.batch_size):
            found += chunk[self.lengths[chunk].argsort(stable=True)].split(self.batch_size)
        return [found[k] for k in torch.randperm(len(found), generator=draw).tolist()]

    def _each(self, name: str, given: Any) -> Any:
        """What is given for every step, a list of tensors, or for every sequence, one tensor."""
        if given is None:
            return None
        steps = isinstance(given, (list, tuple)) and all(
            getattr(one, "ndim", int(isinstance(one, (list, tuple)))) > 0 for one in given
        )
        if not steps:
            whole = torch.as_tensor(given)
            self._check(name, whole, each=False)
            return whole
        tensors = _alike(name, given)
        self._check(name, tensors, each=False)
        if [len(one) for one in tensors] == [len(x) for x in self.xs]:
            return tensors
        if len({tuple(one.shape) for one in tensors}) == 1:
            return torch.stack(tensors)
        self._check(name, tensors, each=True)
        return tensors

    def _check(self, name: str, parts: Any, each: bool) -> None:
        if parts is None:
            return
        if len(parts) != len(self.xs):
            raise ShapeError(f"{name} has {len(parts)} sequences, but xs has {len(self.xs)}")
        for number, (part, x) in enumerate(zip(parts, self.xs, strict=True)):
            if each and len(part) != len(x):
                raise ShapeError(f"{name}[{number}] has {len(part)} samples, but xs[{number}] has {len(x)}")


def _alike(name: str, given: Sequence[Any]) -> list[Tensor]:
    """Tensors of one number type."""
    tensors = [torch.as_tensor(one) for one in given]
    for number, one in enumerate(tensors):
        if one.dtype != tensors[0].dtype or one.ndim == 0:
            raise DtypeError(
                f"{name}[{number}] is {one.dtype} with {one.ndim} axes, expected {tensors[0].dtype} as {name}[0], time first"
            )
    return tensors


def _rows(part: Any, rows: list[int]) -> Tensor | None:
    if isinstance(part, list):
        return pad([part[row] for row in rows])[0]
    return None if part is None else part[rows]
