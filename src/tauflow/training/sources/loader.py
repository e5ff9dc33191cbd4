"""torch's DataLoader as a source: `fit(model, loader)`, or `LoaderSource(loader, seed=1)` for another order.

A loader draws its order from random numbers that go on from epoch to epoch; a source gives the same batches whenever the same
epoch is asked for, or no run could be resumed. So each epoch has random numbers of its own, from `seed` and the epoch, and the
caller's are left as they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader

from ..settings import SettingsError, check_seed
from .batch import Batch

PARTS = tuple(Batch.__dataclass_fields__)
BY_PLACE = 4  # (x, y, dt, mask); what comes behind is known by its name alone


class LoaderSource:
    """Batches of a loader; tuples (x, y), (x, y, dt), (x, y, dt, mask) and dicts of a Batch's parts become a `Batch`.

    >>> data = torch.utils.data.TensorDataset(torch.zeros(6, 5, 3), torch.zeros(6, 5, 1))
    >>> source = tauflow.training.LoaderSource(torch.utils.data.DataLoader(data, batch_size=3))
    >>> len(source), tuple(next(source.batches(epoch=0)).y.shape)
    (2, (3, 5, 1))
    """

    def __init__(self, loader: DataLoader[Any], *, seed: int = 0) -> None:
        if not isinstance(loader, DataLoader):
            raise SettingsError(f"loader is a {type(loader).__name__}, expected a DataLoader of torch")
        check_seed(seed)
        try:
            self.steps = len(loader)
        except TypeError:
            raise SettingsError(
                "the loader has no length, expected a data set that knows how many samples it has"
            ) from None
        self._loader, self.seed = loader, seed

    def __len__(self) -> int:
        return self.steps

    def batches(self, epoch: int) -> Iterator[Any]:
        seed = (self.seed * 1_000_003 + epoch) % 2**63
        if isinstance(self._loader.generator, torch.Generator):
            self._loader.generator.manual_seed(seed)
        state, batches = torch.Generator().manual_seed(seed).get_state(), None
        while True:
            with torch.random.fork_rng(devices=[]):  # the loader and its data set draw from torch's own generator
                torch.set_rng_state(state)
                batches = iter(self._loader) if batches is None else batches
                batch = next(batches, None)
                state = torch.get_rng_state()
            if batch is None:
                return
            yield as_batch(batch)


def as_batch(batch: Any) -> Any:
    """A `Batch` of tensors that are known by their place or name; anything else as it is."""
    if isinstance(batch, Mapping) and "x" in batch and set(batch) <= set(PARTS):
        return Batch(**batch)
    rows = isinstance(batch, (list, tuple)) and not isinstance(batch, PackedSequence)
    tensors = rows and all(isinstance(part, (Tensor, PackedSequence)) for part in batch)
    return Batch(*batch) if tensors and 2 <= len(batch) <= BY_PLACE else batch


def as_source(given: Any) -> Any:
    """A source as it is, a DataLoader as a source."""
    return LoaderSource(given) if isinstance(given, DataLoader) else given
