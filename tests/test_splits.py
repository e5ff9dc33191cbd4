"""split_groups: groups stay whole, parts have their sizes, nothing is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tauflow.training import SettingsError, split_groups

RANDOM = np.random.default_rng(0)
GROUPS: dict[str, Any] = {
    "even": np.repeat(np.arange(40), 5),
    "uneven": RANDOM.geometric(0.08, 400),
    "texts": [f"patient {k}" for k in RANDOM.integers(30, size=300)],
    "a tensor": torch.from_numpy(RANDOM.integers(25, size=200)),
    "a column": pd.Series(RANDOM.integers(25, size=200).astype(str), index=range(7, 207)),
    "as many as parts": [7, 7, 7, 8, 9],
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.5, 0.5), (1.0,)])
@pytest.mark.parametrize("name", GROUPS)
def test_groups_stay_whole(name: str, shares: tuple[float, ...], seed: int) -> None:
    groups = np.asarray(GROUPS[name])
    parts = split_groups(GROUPS[name], shares, seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    held = [set(groups[part].tolist()) for part in parts]
    assert all(held) and sum(map(len, held)) == len(set(groups.tolist()))
    if name != "as many as parts":
        largest = max(np.unique(groups, return_counts=True)[1])
        for part, share in zip(parts, shares, strict=True):
            assert abs(len(part) - share * len(groups)) <= largest
    again = split_groups(GROUPS[name], shares, seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_another_seed_is_another_split() -> None:
    assert not np.array_equal(split_groups(GROUPS["even"], seed=0)[0], split_groups(GROUPS["even"], seed=1)[0])


@pytest.mark.parametrize(
    ("groups", "options", "message"),
    [
        ([1, 1, 2], {}, "2 groups for 3 parts"),
        ([1, 2, 3], {"shares": (0.7, 0.2)}, "add up to 1"),
        ([1, 2, 3], {"shares": (1.2, -0.2)}, "numbers > 0"),
        ([1, 2, 3], {"shares": ()}, "shares are"),
        ([[1, 2], [3, 4]], {}, "one, \\(samples,\\)|expected the group of each sample"),
        ([1.0, np.nan, 2.0, 3.0], {}, r"groups\[1\] is nan"),
        (["a", None, "b", "c"], {}, r"groups\[1\] is None"),
        ([1, 2, 3], {"seed": -1}, "seed is -1"),
    ],
)
def test_splits_asked_for_wrongly(groups: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        split_groups(groups, **options)
