"""A worker of a DataLoader is a fork: it has none of its parent's threads, and an operator that waits for them never returns.

One process stands for all such parents: torch has used threads in it. It is held to the baseline of torch, where small
operators already ask for threads; on some processors they do so only when they are large.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tauflow import cells

PARENT = """
import json, os, signal
import torch
from tauflow import cells, wirings
from tauflow.cells.mixed_memory import MixedMemory

torch.set_num_threads(3)
torch.ones(1000, 1000).sum()

def build(name, units): cells.build(name, 3, units)
def wired(name, units): cells.build(name, 3, wirings.auto_ncp(3, units, 2, sparsity=0.5, seed=3))
def memory(name, units): MixedMemory(cells.build(name, 3, units))
options = {
    "sigmoid": lambda: cells.build("gated_ltc", 3, 9, activation="sigmoid", tau=2.0),
    "softplus": lambda: cells.build("gated_ltc", 3, 9, activation="softplus"),
    "ncps": lambda: cells.build("ltc", 3, 9, init="ncps"),
}

ends = {}
def forked(label, work):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # ends one that waits for ever
        torch.set_num_threads(3)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    ends[label] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for name in cells.names():
    for units in (9, 256):
        forked(f"build {name} {units}", lambda: build(name, units))
for name in ("ltc", "wired_cfc"):
    forked(f"wired {name}", lambda: wired(name, 30))
forked("mixed memory", lambda: memory("cfc", 9))
for label, work in options.items():
    forked(f"option {label}", work)
print(json.dumps(ends))
"""


@pytest.fixture(scope="module")
def ends() -> dict[str, int]:
    """How each fork ended: 0, or minus the number of the signal that ended it."""
    held = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=False, env=held)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_cell_is_built_in_a_worker(ends: dict[str, int]) -> None:
    assert len(ends) > 2 * len(cells.names())
    assert {label: end for label, end in ends.items() if end != 0} == {}
