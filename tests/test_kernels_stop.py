"""What ends a kernel before its time: Ctrl-C within a second, and an allocation that fails on any of its threads."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from tauflow.cells import LTC
from tauflow.ops import cpu

INTERRUPTED = """
import os, signal, threading, time
import torch
from tauflow.cells import CTRNN, GRUODE, LTC, CfC, GatedLTC
from tauflow.ops import cpu

def press(after):
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return time.monotonic() + after, timer

def forward(cell, batch=1, time=1):
    x = torch.ones(batch, time, cell.inputs)
    with torch.no_grad():
        return cpu.run(cell, x, torch.ones(batch, time), None, cell.initial_state(batch))[0]

def heard(name, call):
    pressed, timer = press(0.2)
    try:
        call()
        raise SystemExit(f"{name} was not interrupted: it ended too early, or heard nothing")
    except KeyboardInterrupt:
        late = time.monotonic() - pressed
    timer.join()
    assert late < 1, (name, late)
    print(name, round(late, 2), flush=True)

torch.set_num_threads(1)
heard("ctrnn", lambda: forward(CTRNN(1, 30, substeps=2**24)))
heard("gated_ltc", lambda: forward(GatedLTC(1, 30, substeps=2**24)))
heard("gruode", lambda: forward(GRUODE(1, 30, substeps=2**24)))
heard("ltc", lambda: forward(LTC(1, 30, substeps=2**13), 2000, 10))
heard("cfc", lambda: forward(CfC(1, 64), 1, 2**20))
heard("many short tasks", lambda: [forward(CTRNN(1, 30, substeps=20), 2**18, 3) for _ in range(20)])

cell = CTRNN(1, 512)
y, _ = cpu.run(cell, torch.ones(2, 3000, 1), torch.ones(2, 3000), None, cell.initial_state(2))
heard("backward", lambda: [y.sum().backward(retain_graph=True) for _ in range(50)])

torch.set_num_threads(2)
torch.ones(1000, 1000).sum()  # torch's threads are there
for number in range(3):
    heard("a team", lambda: forward(CTRNN(1, 30, substeps=2**24), 48))
cell = CTRNN(1, 30, substeps=2**24)
child = os.fork()
if child == 0:  # no team, a pool of its own
    heard("a pool", lambda: forward(cell, 48))
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

presses = []
signal.signal(signal.SIGINT, lambda *_: presses.append(forward(CTRNN(1, 3), 48, 5)))  # raises nothing, and runs a kernel itself
cell = CTRNN(1, 30, substeps=2**18)
truth = forward(cell, 48)
while not presses:
    _, timer = press(0.05)
    assert torch.equal(forward(cell, 48), truth)
    timer.join()
print("went on", flush=True)
"""


def test_ctrl_c_is_heard_within_a_second() -> None:
    run = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "went on" in run.stdout


@contextmanager
def no_more_memory_than(bytes_more: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + bytes_more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def run(cell: LTC) -> torch.Tensor:
    """Of two groups, each with work memory for all of a sample's evaluations."""
    with torch.no_grad():
        return cpu.run(cell, torch.ones(32, 1, 1), torch.ones(32, 1), None, torch.zeros(32, 10))[0]


def check_memory_error(small: LTC, large: LTC) -> None:
    truth = run(small)
    for _ in range(2):
        with no_more_memory_than(2**28), pytest.raises(MemoryError):
            run(large)
        assert torch.equal(run(small), truth)


@pytest.mark.parametrize("threads", [1, 2])
def test_memory_that_can_not_be_had_is_an_error_on_any_thread(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    cells = LTC(1, 10, substeps=3), LTC(1, 10, substeps=2**22)  # the second one asks for 8 GB
    try:
        check_memory_error(*cells)
        child = os.fork()  # where a pool of our own serves
        if child == 0:
            try:
                check_memory_error(*cells)
                os._exit(0)
            except BaseException as error:
                print(error, file=sys.stderr, flush=True)
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        torch.set_num_threads(before)
