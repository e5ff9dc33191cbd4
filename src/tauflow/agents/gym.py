"""Any environment of gymnasium as a world: n of them side by side, in one process.

`info["dt"]`, where an environment reports it, is the time that a frame took. All its chance comes from `np_random`, as gymnasium
asks of every environment: then a run that is resumed ends like one never stopped. Needs the extra `rl`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError
from .chance import place_of, put
from .world import World, WorldError

Array = NDArray[Any]


class Gym(World):
    """`Gym("Acrobot-v1", 16)`: observations that are vectors; actions that are whole numbers, or vectors between two bounds."""

    def __init__(
        self, name: str, n: int, seed: int = 0, skip: tuple[int, int] = (1, 1), hide: Sequence[int] = (), **options: Any
    ) -> None:
        try:
            import gymnasium
        except ImportError:
            raise MissingExtraError('environments by their id need gymnasium: pip install "tauflow[rl]"') from None
        try:
            self.copies = [gymnasium.make(name, **options) for _ in range(n)]
        except gymnasium.error.Error as error:
            raise WorldError(f"no world is called {name!r}: {error}") from None
        self.id, one = name, self.copies[0]
        space, acts = one.observation_space, one.action_space
        if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
            raise WorldError(f"{name} shows a {space}, expected a vector of numbers: wrap it in FlattenObservation")
        if isinstance(acts, gymnasium.spaces.Discrete):
            self.actions, self.first = tuple(f"action {k}" for k in range(int(acts.n))), int(acts.start)
        elif isinstance(acts, gymnasium.spaces.Box) and len(acts.shape) == 1 and acts.is_bounded():
            self.actions, self.continuous = tuple(f"action {k}" for k in range(acts.shape[0])), True
            self.low, self.high = acts.low.astype(np.float64), acts.high.astype(np.float64)
        else:
            raise WorldError(f"{name} takes a {acts}, expected Discrete, or a bounded Box of one axis")
        self.names = tuple(f"seen {k}" for k in range(space.shape[0]))
        self.limit = int(one.spec.max_episode_steps or 10**9) if one.spec is not None else 10**9
        self.solved = None if one.spec is None else one.spec.reward_threshold
        self.period = float(getattr(one.unwrapped, "dt", 1.0) or 1.0)
        self.spread = (1.0,) * len(self.names)
        super().__init__(n, seed, skip, hide)
        self.now = np.zeros((n, len(self.names)))
        self.time = np.full(n, self.period)
        for copy, own in zip(self.copies, np.random.SeedSequence(seed).generate_state(n), strict=True):
            copy.reset(seed=int(own))  # from then on each goes on with its own generator
        self.places = [place_of(self._chance(i)) for i in range(n)]  # where each generator stood before its episode
        self.acted: list[list[Array]] = [[] for _ in range(n)]  # what was done in it since

    def _chance(self, i: Any) -> np.random.Generator:
        found: np.random.Generator = self.copies[i].unwrapped.np_random
        return found

    def fresh(self, which: Array) -> None:
        for i in np.flatnonzero(which):
            self.places[i], self.acted[i] = place_of(self._chance(i)), []
            self.now[i], _ = self.copies[i].reset()

    def kept(self) -> dict[str, Array]:
        width, kind = (len(self.actions), np.float32) if self.continuous else (1, np.int64)
        acted = {f"acted.{i}": np.array(did, kind).reshape(-1, width) for i, did in enumerate(self.acted)}
        return {**super().kept(), **acted, "places": np.array(self.places)}

    def go_on(self, kept: dict[str, Array]) -> None:
        """Nobody can ask an environment for its state, so each episode under way is played again, with the chance that it had."""
        for i in range(self.n):
            self.places[i], self.acted[i] = kept["places"][i].copy(), []
            put(self._chance(i), self.places[i])
            self.copies[i].reset()
            for given in kept[f"acted.{i}"]:
                self.copies[i].step(self._given(given if self.continuous else given[0]))
                self.acted[i].append(given)
        super().go_on(kept)

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        reward, ended = np.zeros(self.n), np.zeros(self.n, dtype=bool)
        for i in np.flatnonzero(on):
            self.acted[i].append(np.array(action[i]).reshape(-1))
            self.now[i], reward[i], ended[i], cut, info = self.copies[i].step(self._given(action[i]))
            self.time[i] = float(info.get("dt", self.period))
            if cut:
                self.count[i] = self.limit - 1  # the step adds one
        return reward, ended

    def frame_time(self) -> Any:
        return self.time

    def _given(self, action: Any) -> Any:
        if not self.continuous:
            return int(action) + self.first
        share = (np.clip(np.asarray(action, dtype=np.float64), -1, 1) + 1) / 2
        return (self.low + share * (self.high - self.low)).astype(np.float32)

    def observe(self) -> Array:
        return self.now
