"""A digest tells what differs, and nothing else, in every process."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from tauflow import wirings
from tauflow.activations import activation
from tauflow.files.digest import digest


class Plain:
    def __init__(self, **values: Any) -> None:
        vars(self).update(values)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: int) -> None:
        self.a = a


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any = 2


def closing_over(value: Any) -> Any:
    return lambda x: x + value


def network(p: float) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.Dropout(p))


LONG = torch.arange(10_000.0)
LATE = LONG.clone()
LATE[9_999] += 1
NAN = float("nan")
# Pairs that differ.
DIFFER: dict[str, tuple[Any, Any]] = {
    "none and false": (None, False),
    "one and true": (1, True),
    "numbers": (1.0, 1.0000000000000002),
    "text and number": ("1", 1),
    "text and bytes": ("a", b"a"),
    "zero and no": (0, None),
    "order": ([1, 2], [2, 1]),
    "nesting": ([1, [2]], [[1], 2]),
    "empty": ([], {}),
    "keys": ({"a": 1}, {"b": 1}),
    "the last number": (LONG, LATE),
    "a batch that was not seen first": ([LONG, LONG], [LONG, LATE]),
    "number types": (torch.ones(2), torch.ones(2, dtype=torch.float64)),
    "shapes": (torch.ones(4), torch.ones(2, 2)),
    "zero's sign": (torch.tensor(0.0), torch.tensor(-0.0)),
    "transposed": (torch.eye(3)[:2], torch.eye(3)[:2].T.contiguous().T + torch.ones(2, 3)),
    "arrays": (np.arange(3), np.array([0, 1, 3])),
    "objects": (np.array(["a", None], dtype=object), np.array(["a", 1], dtype=object)),
    "frames": (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})),
    "meta": (torch.empty(2, device="meta"), torch.empty(3, device="meta")),
    "attributes": (Plain(a=1), Plain(a=2)),
    "attributes' names": (Plain(a=1), Plain(b=1)),
    "slots": (Slotted(1), Slotted(2)),
    "fields": (Frozen(1), Frozen(2)),
    "classes": (Frozen, Plain),
    "functions": (torch.tanh, torch.relu),
    "operators": (lambda x: x + 2, lambda x: x * 2),
    "constants": (lambda x: x + 2, lambda x: x + 3),
    "what is called": (lambda x: x.sin(), lambda x: x.cos()),
    "inner functions": (lambda: lambda x: x + 2, lambda: lambda x: x + 3),
    "closures": (closing_over(2), closing_over(3)),
    "closed tensors": (closing_over(LONG), closing_over(LATE)),
    "partials": (functools.partial(max, 2), functools.partial(max, 3)),
    "methods": (Plain(a=1).__eq__, Plain(a=2).__eq__),
    "bound methods": (Frozen(1).__hash__, Frozen(2).__hash__),
    "generators of numpy": (np.random.default_rng(1), np.random.default_rng(2)),
    "generators of torch": (torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)),
    "activations": (activation("tanh"), activation("relu")),
    "wirings": (wirings.auto_ncp(3, 12, 2, seed=1), wirings.auto_ncp(3, 12, 2, seed=2)),
    "modules": (network(0.1), network(0.2)),
    "data sets": (torch.utils.data.TensorDataset(LONG), torch.utils.data.TensorDataset(LATE)),
    "paths": (Path("a"), Path("b")),
    "sets": ({1, 2}, {1, 3}),
    "number types by name": (torch.float32, torch.float64),
}
SAME: dict[str, tuple[Any, Any]] = {
    "whole numbers": (1, 1.0),
    "numpy's numbers": (np.int64(3), 3),
    "lists and tuples": ((1, 2), [1, 2]),
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "strides": (torch.eye(3).T, torch.eye(3)),
    "not a number": (NAN, float("nan")),
    "objects": (Plain(a=[1]), Plain(a=[1])),
    "the same lines": (closing_over(2), closing_over(2)),
    "locks": (threading.Lock(), threading.Lock()),
    "paths": (Path("a/b"), Path("a") / "b"),
    "sets": ({"a", "b", "c"}, {"c", "b", "a"}),
    "networks": (network(0.1), network(0.1)),
    "wirings": (wirings.auto_ncp(3, 12, 2), wirings.auto_ncp(3, 12, 2)),
}


@pytest.mark.parametrize("name", DIFFER)
def test_what_differs_has_another_digest(name: str) -> None:
    one, other = DIFFER[name]
    assert digest(one) != digest(other)
    assert digest(one) == digest(one)
    assert digest(Plain(deep=[{"a": one}])) != digest(Plain(deep=[{"a": other}]))


@pytest.mark.parametrize("name", SAME)
def test_what_is_equal_has_the_same(name: str) -> None:
    one, other = SAME[name]
    assert digest(one) == digest(other)


def test_who_holds_itself_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    other: list[Any] = [2]
    other.append(other)
    assert digest(loop) == digest(loop) != digest(other)


def test_it_is_the_same_in_every_process() -> None:
    script = (
        "import torch; from tauflow.files.digest import digest; from tauflow.activations import activation;"
        "print(digest([{'a', 'b', 'c'}, activation('tanh'), torch.arange(9.0), {'x': 1.5}]))"
    )
    found = {subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout}
    assert found == {digest([{"c", "a", "b"}, activation("tanh"), torch.arange(9.0), {"x": 1.5}]) + "\n"}
