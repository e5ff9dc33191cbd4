"""Any cell in Stable-Baselines3's recurrent PPO: `RecurrentPPO(policy("cfc"), env)`. Needs the extra `sb3`.

The cell takes the place of the LSTM of actor and critic; whole sequences go through it at once, also where episodes begin in them.
`TellTime` puts the time that the last action took (`info["dt"]`) behind what is seen, and `policy(..., tells_dt=True)` tells it the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import MissingExtraError
from .adapted import core_of, over

try:
    import gymnasium
    import numpy as np
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
except ImportError:
    raise MissingExtraError('this needs sb3-contrib and gymnasium: pip install "tauflow[sb3]"') from None


class Memory(nn.Module):
    """A cell where the library expects an LSTM: its state is h, what would be c stays zero."""

    num_layers = 1

    def __init__(self, cell: str | Mapping[str, Any], inputs: int, units: int, tells_dt: bool, period: float) -> None:
        super().__init__()
        self.input_size, self.tells_dt, self.period = inputs, tells_dt, period
        self.core = core_of(cell, inputs - tells_dt, units)
        self.hidden_size = self.core.state_size

    def forward(self, x: Tensor, first: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (batch, time, inputs), first (batch, time), states (1, batch, state) each."""
        gap = x[..., -1] / self.period if self.tells_dt else torch.ones_like(x[..., 0])
        y, h = over(self.core, x[..., : self.core.inputs], gap, first, states[0][0])
        return y, (h[None], torch.zeros_like(states[1]))


def policy(
    cell: str | Mapping[str, Any] = "cfc", units: int = 64, *, tells_dt: bool = False, period: float = 1.0
) -> type[RecurrentActorCriticPolicy]:
    """A class of policy for `RecurrentPPO`.

    cell      a name, or {"name": "cfc", "tau": (1, 20)} with options; time constants in periods
    tells_dt  the last thing seen is the time that passed, as `TellTime` puts it there; `period` is its usual length
    """

    class Liquid(RecurrentActorCriticPolicy):  # type: ignore[misc]
        lstm_critic: Any
        optimizer: Any

        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **{**options, "lstm_hidden_size": units})
            self.lstm_actor = Memory(cell, self.features_dim, units, tells_dt, period)
            self.lstm_hidden_state_shape = (1, 1, self.lstm_actor.hidden_size)
            if self.lstm_critic is not None:
                self.lstm_critic = Memory(cell, self.features_dim, units, tells_dt, period)
            rate = self.optimizer.param_groups[0]["lr"]
            self.optimizer = self.optimizer_class(self.parameters(), lr=rate, **self.optimizer_kwargs)

        @staticmethod
        def _process_sequence(
            features: Tensor, lstm_states: tuple[Tensor, Tensor], episode_starts: Tensor, lstm: Any
        ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            rows = lstm_states[0].shape[1]
            x, first = features.reshape(rows, -1, lstm.input_size), episode_starts.reshape(rows, -1) != 0
            y, states = lstm(x, first, lstm_states)
            return y.flatten(0, 1), states

    return Liquid


class TellTime(gymnasium.Wrapper):
    """The time that the last action took behind what is seen: `info["dt"]`, or `period` where nobody says."""

    def __init__(self, env: Any, period: float = 1.0) -> None:
        super().__init__(env)
        self.period = period
        space = env.observation_space
        low, high = (np.append(values, np.float32(end)) for values, end in ((space.low, 0), (space.high, np.inf)))
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float32)

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        seen, info = self.env.reset(**options)
        return np.append(seen, np.float32(self.period)).astype(np.float32), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        seen, reward, ended, cut, info = self.env.step(action)
        return np.append(seen, np.float32(info.get("dt", self.period))).astype(np.float32), reward, ended, cut, info
