"""Any cell as a module of TorchRL, in the place of its GRUModule: `module("cfc", 4, 64)`. Needs the extra `torchrl`.

    in    observation (..., inputs), recurrent_state (..., state), is_init, and the time that passed where `dt_key` names it
    out   embed (..., outputs), ("next", "recurrent_state")

Step by step by default; within `torchrl.modules.set_recurrent_mode(True)` over the last axis of the batch, which is time, with the same
numbers. `make_tensordict_primer` is what an environment needs to carry the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import MissingExtraError
from .adapted import core_of, over

try:
    from tensordict.nn import TensorDictModuleBase
    from torchrl.data import Unbounded
    from torchrl.envs import TensorDictPrimer
    from torchrl.modules import recurrent_mode
except ImportError:
    raise MissingExtraError('this needs torchrl and tensordict: pip install "tauflow[torchrl]"') from None


class Module(TensorDictModuleBase):  # type: ignore[misc]
    """See `module`."""

    def __init__(
        self,
        cell: str | Mapping[str, Any],
        inputs: int,
        units: int,
        names: tuple[str, str, str],
        dt_key: str | None,
        period: float,
    ) -> None:
        super().__init__()
        self.core, self.period, self.dt_key = core_of(cell, inputs, units), period, dt_key
        self.seen, self.shown, self.memory = names
        self.in_keys = [self.seen, self.memory, "is_init", *([] if dt_key is None else [dt_key])]
        self.out_keys = [self.shown, ("next", self.memory)]

    def forward(self, data: Any) -> Any:
        """data: a TensorDict, of one step (...), or in recurrent mode (..., time)."""
        whole, shape = bool(recurrent_mode()), tuple(data.shape)
        rows = (-1, shape[-1]) if whole else (-1, 1)
        x: Tensor = data[self.seen].reshape(*rows, self.core.inputs)
        first = data["is_init"].reshape(x.shape[:2])
        gap = (
            torch.ones_like(x[..., 0]) if self.dt_key is None else data[self.dt_key].reshape(x.shape[:2]) / self.period
        )
        state = data.get(self.memory, None)
        before = x.new_zeros(len(x), self.core.state_size) if state is None else state.reshape(*x.shape[:2], -1)[:, 0]
        y, after = over(self.core, x, gap, first, before)
        kept = torch.cat([after.new_zeros(len(x), x.shape[1] - 1, after.shape[1]), after[:, None]], dim=1)
        data.set(self.shown, y.reshape(*shape, -1))
        data.set(("next", self.memory), kept.reshape(*shape, -1))
        return data

    def make_tensordict_primer(self) -> Any:
        """What tells an environment that there is a state."""
        return TensorDictPrimer({self.memory: Unbounded(shape=(self.core.state_size,))}, expand_specs=True)


def module(
    cell: str | Mapping[str, Any] = "cfc",
    inputs: int = 1,
    units: int = 64,
    *,
    in_key: str = "observation",
    out_key: str = "embed",
    state_key: str = "recurrent_state",
    dt_key: str | None = None,
    period: float = 1.0,
) -> Module:
    """A recurrent module for a TensorDictSequential.

    cell    a name, or {"name": "cfc", "tau": (1, 20)} with options; time constants in periods
    dt_key  where the data hold the time that passed; unless named each step is one period
    Within recurrent mode only the last step of ("next", state_key) holds a state, as of TorchRL's own modules.
    """
    return Module(cell, inputs, units, (in_key, out_key, state_key), dt_key, period)
