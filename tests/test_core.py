"""The door to C++: every number that passes is within its range, or refused by name before anything is read."""

from __future__ import annotations

import pytest
import torch

from tauflow import _core
from tauflow.cells import CTRNN, GRUODE, LTC, Cell, CfC, GatedLTC
from tauflow.ops import cpu
from tauflow.sequence import Recurrent, Stack

HUGE = (2**31, 2**31 + 1, 2**32, 2**32 + 1, 2**62, -(2**31), -1, 0)
SIZES = ["batch", "time", "inputs", "units", "first", "outputs", "threads"]
ADDRESSES = ["x", "dt", "keep", "h", "y", "last", "saved"]
LAYER = ["W", "U", "b", "rate", "A", "activation", "solver", "substeps"]
# A kernel, the places of its whole numbers, and values out of their range.
WHOLE = {
    "layer": (8, {5: (-1, 5), 6: (-1, 3), 7: HUGE}),
    "cfc": (20, {16: (-1, 4, 2**32), 17: HUGE, 18: (-1, 5, 2**32), 19: (-1, 3, 2**32)}),
    "gruode": (5, {3: (-1, 3, 2**32), 4: HUGE}),
    "ltc": (15, {13: (-1, 4, 2**32), 14: HUGE}),
}
GOOD = {
    "layer": (0, 0, 1),
    "cfc": (1, 4, 0, 0),
    "gruode": (0, 1),
    "ltc": (0, 1),
}


BLOCK = torch.ones(1 << 14)


@pytest.fixture
def memory() -> int:
    """An address at a multiple of 64 bytes, of more numbers than these calls read or write."""
    return (BLOCK.data_ptr() + 63) // 64 * 64


def sequence(memory: int) -> list[int]:
    return [2, 3, 2, 4, 0, 4, 1, memory, memory, 0, memory, memory + 4096, memory + 8192, 0]


def cell(kernel: str, memory: int) -> list[int]:
    size, _ = WHOLE[kernel]
    return [memory] * (size - len(GOOD[kernel])) + list(GOOD[kernel])


def changed(numbers: list[int], at: int, to: object) -> tuple:
    return (*numbers[:at], to, *numbers[at + 1 :])


@pytest.mark.parametrize("kernel", WHOLE)
def test_sizes_of_a_sequence(kernel: str, memory: int) -> None:
    forward = getattr(_core, f"{kernel}_forward")
    s, c = sequence(memory), cell(kernel, memory)
    forward(False, tuple(s), tuple(c))
    for at, name in enumerate(SIZES):
        for bad in (2**47, 2**62, -1, -(2**31), *((0,) if name != "first" else ())):
            with pytest.raises(ValueError, match=f"{name} is {bad}, expected"):
                forward(False, changed(s, at, bad), tuple(c))
    for at in (2, 3, 6):
        with pytest.raises(ValueError, match="expected"):
            forward(False, changed(s, at, 2**32 + 2), tuple(c))
    with pytest.raises(ValueError, match="outputs is 4, expected a whole number from 1 to 3"):
        forward(False, changed(s, 4, 1), tuple(c))
    for at, name in enumerate(ADDRESSES, len(SIZES)):
        if name not in ("keep", "saved"):
            with pytest.raises(ValueError, match=f"{name} is a null pointer"):
                forward(False, changed(s, at, 0), tuple(c))
            with pytest.raises(ValueError, match=f"{name} stands at an address"):
                forward(False, changed(s, at, memory + 2), tuple(c))
    with pytest.raises(ValueError, match="64 bytes"):
        forward(False, changed(s, 13, memory + 4), tuple(c))
    with pytest.raises(ValueError, match="samples are 16777216 times"):
        forward(False, changed(changed(s, 0, 2**24), 1, 2**40), tuple(c))


@pytest.mark.parametrize("kernel", WHOLE)
def test_numbers_of_a_cell(kernel: str, memory: int) -> None:
    forward, backward = getattr(_core, f"{kernel}_forward"), getattr(_core, f"{kernel}_backward")
    s, c = sequence(memory), cell(kernel, memory)
    size, whole = WHOLE[kernel]
    for at, values in whole.items():
        for bad in values:
            for call in (
                lambda numbers: forward(False, tuple(s), numbers),
                lambda numbers: backward(False, changed(s, 13, memory), numbers, (0,) * 5, (0,) * (size - len(GOOD[kernel]))),
                lambda numbers: getattr(_core.Network(False), kernel)(2, 4, numbers, (False, True, [], [], [0], [], [])),
            ):  # fmt: skip
                with pytest.raises(ValueError, match=rf"is {bad}, expected a whole number from"):
                    call(changed(c, at, bad))
    for at in range(size - len(GOOD[kernel])):
        if (kernel, at) == ("layer", 4) or (kernel == "cfc" and (2 <= at < 6 or at >= 14)):
            continue  # not in every cell of this kind
        with pytest.raises(ValueError, match="null pointer"):
            forward(False, tuple(s), changed(c, at, 0))
    for wrong in (2**63, -(2**63) - 1, 1.5, "8", None):
        with pytest.raises(ValueError, match="no whole number"):
            forward(False, tuple(s), changed(c, size - 1, wrong))
    for wrong in (c[:-1], [*c, 1]):
        with pytest.raises(ValueError, match=f"expected {size}"):
            forward(False, tuple(s), tuple(wrong))
    with pytest.raises(ValueError, match="memory for backward is a null"):
        backward(False, tuple(s), tuple(c), (0,) * 5, (memory,) * (size - len(GOOD[kernel])))
    with pytest.raises(ValueError, match=r"the gradient of|W is a null"):
        backward(False, changed(s, 13, memory), tuple(c), (0,) * 5, (0,) * (size - len(GOOD[kernel])))


def test_steps_of_a_sequence_are_counted_in_64_bits(memory: int) -> None:
    s, c = sequence(memory), cell("layer", memory)
    s[0], s[1], s[2], s[3], s[5] = 1, 2**40, 1, 1, 1
    with pytest.raises(ValueError, match="the steps are"):
        _core.layer_forward(False, tuple(s), changed(c, 7, 2**24))
    with pytest.raises(ValueError, match="the synapses are"):
        _core.ltc_forward(False, changed(changed(sequence(memory), 3, 50_000), 5, 50_000), tuple(cell("ltc", memory)))


def test_a_chain_whose_cells_do_not_fit_together(memory: int) -> None:
    plain = (False, True, [], [], [0, 1, 2, 3], [], [])
    c = tuple(cell("layer", memory))
    for around, words in (
        ((False, True, [], [], [], [], []), "shows no neuron"),
        ((False, True, [], [], [0, 4], [], []), "neuron 4 is shown, of 4"),
        ((False, True, [], [], [-1], [], []), "is -1, expected"),
        ((False, True, [], [], [2**32], [], []), "is 4294967296, expected"),
        ((False, True, [1.0], [1.0], [0], [], []), "map of the inputs"),
        ((False, True, [1.0, 1.0], [1.0], [0], [], []), "map of the inputs"),
        ((False, True, [], [], [0, 1], [1.0], [1.0]), "map of the outputs"),
        ((False, True, [], [], [0], [1.0], []), "map of the outputs"),
        ((False, True, [], [], [0], []), "7 fields"),
    ):
        network = _core.Network(False)
        with pytest.raises(ValueError, match=words):
            network.layer(2, 4, c, around)
        with pytest.raises(ValueError, match="without cells"):
            _core.Program(False, 2, 0, 1.0, False).chain(0, network)
    network.layer(2, 4, c, plain)
    for wrong in (2, 5):
        with pytest.raises(ValueError, match=f"of {wrong} inputs hears one that shows 4"):
            network.layer(wrong, 4, c, plain)
    for sizes in ((2**32 + 4, 4), (4, 2**32 + 4), (0, 4), (4, -1)):
        with pytest.raises(ValueError, match="expected a whole number from 1"):
            network.layer(*sizes, c, plain)
    program = _core.Program(False, 2, 0, 1.0, False)
    program.chain(0, network)
    assert _core.Stream(program).state_size == 4


@pytest.mark.parametrize("substeps", [2**24 + 1, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**64 + 1])
@pytest.mark.parametrize("make", [CTRNN, GatedLTC, GRUODE, LTC])
def test_more_substeps_than_a_kernel_counts(make: type[Cell], substeps: int) -> None:
    with pytest.raises(ValueError, match=f"substeps is {substeps}"):
        make(3, 5, substeps=substeps)
    net = Recurrent(make(3, 5))
    net.cell.substeps = substeps
    with torch.no_grad(), pytest.raises(ValueError, match=r"substeps is|no whole number"):
        net(torch.ones(1, 3, 3))
    for chain in (net, Stack(CfC(3, 3), net)):
        with pytest.raises(ValueError, match=r"substeps is|no whole number"):
            chain.stream("cpu")


def test_as_many_substeps_as_a_kernel_counts() -> None:
    cell, one = CTRNN(1, 1, substeps=2**24).double(), torch.ones(1, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        many, _ = cpu.run(cell, one, one[0], None, 0 * one[0])
        cell.substeps = 2**10
        few, _ = cpu.run(cell, one, one[0], None, 0 * one[0])
    assert float((many - few).abs().max()) < 0.001
