"""The C on emulated boards, Cortex-M, RISC-V and AVR: built without a warning, the same bits as here, and no more instructions than said.

What is not installed is left out by name; in Debian: gcc-arm-none-eabi qemu-system-arm gcc-riscv64-unknown-elf
picolibc-riscv64-unknown-elf qemu-system-misc gcc-avr avr-libc simavr.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.deploy import boards
from tauflow import Recurrent, WiredCfC
from tauflow.deploy import c99, fixed, plan
from tauflow.deploy.record import record
from tauflow.wirings import auto_ncp
from tests import deployed

STEPS = 12  # recorded samples that fit the smallest of them
QUICK = ("wired_cfc", "ltc wired", "classes of a sequence")
SLOW = ("ctrnn euler", "ctrnn semi", "gated_ltc", "ltc ncps", "cfc", "cfc pure", "wired_cfc no_gate", "gruode", "rnn", "gru_decay",
        "lstm", "stack", "network", "largest", "tokens", "softplus", "pictures", "committee of normals", "records with gaps")  # fmt: skip


def board(name: str) -> boards.Board:
    found = boards.BOARDS[name]
    if (missing := found.missing()) is not None:
        pytest.skip(f"{missing} is not installed")
    return found


def on(name: str, *made: Any) -> boards.Ran:
    """Run there; a network that has no room on a board is left out by name."""
    found = board(name)
    try:
        return boards.run(found, *made)
    except RuntimeError as error:
        if "not within region" in str(error):
            pytest.skip(f"no room on the {found.title}")
        raise


@cache
def exported(kind: str, numbers: str) -> tuple[dict[str, str], Any, Any, Any]:
    """The files, samples and gaps as the board reads them, and what the answers of floats must be near."""
    if kind == "ncp":
        torch.manual_seed(0)
        network: Any = Recurrent(WiredCfC(24, auto_ncp(24, 19, 4)))
    else:
        network = deployed.make(kind)
    made = plan(network)
    known = record(network, made).first(STEPS)
    if numbers == "float":
        return c99.write(made, "net"), known.x, known.dt, known.y
    seen = fixed.measure(made, known.seen.x, known.seen.dt)
    x, dt = fixed.samples(made, seen, known.x, known.dt)
    return fixed.write(made, "net", int(numbers[3:]), seen), x, dt, np.zeros(known.y.shape, np.int32)


@cache
def here(kind: str, numbers: str) -> boards.Ran:
    flags = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all")
    return boards.run(replace(boards.HOST, flags=flags), *_named(exported(kind, numbers)), "-O1")


def _named(made: tuple[Any, ...]) -> tuple[Any, ...]:
    return (made[0], "net", *made[1:])


@pytest.mark.parametrize("name", boards.BOARDS)
@pytest.mark.parametrize("numbers", ["int16", "int8"])
@pytest.mark.parametrize("kind", [*QUICK, *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW)])
def test_the_same_bits_everywhere(kind: str, numbers: str, name: str) -> None:
    ran = on(name, *_named(exported(kind, numbers)))
    assert ran.status == here(kind, numbers).status == 0
    assert ran.sum == here(kind, numbers).sum


@pytest.mark.parametrize("name", boards.BOARDS)
@pytest.mark.parametrize(
    "kind", ["wired_cfc", *(pytest.param(one, marks=pytest.mark.slow) for one in ("ltc wired", "gruode", "lstm"))]
)
def test_floats_answer_as_the_stream(kind: str, name: str) -> None:
    made = exported(kind, "float")
    ran = on(name, *_named(made))
    reach = float(np.abs(made[3]).max())
    assert ran.status == 0 and ran.worst <= 1e-6 * reach + 2 / boards.WORST_UNIT


@pytest.mark.parametrize(
    ("numbers", "size", "count"), [("float", 9500, 11_000), ("int16", 6500, 7000), ("int8", 4500, 7000)]
)
def test_a_network_of_19_neurons_on_a_cortex_m4f(numbers: str, size: int, count: int) -> None:
    """Code and constants, and instructions a step, of an NCP-CfC with 24 inputs."""
    m4f = board("m4f")
    small, fast = (boards.run(m4f, *_named(exported("ncp", numbers)), how) for how in ("-Os", "-O2"))
    assert small.size <= size and fast.size <= size
    assert 1000 < fast.count <= count
