"""The door to C++: every number that passes is within its range, or refused by name before anything is read."""

from __future__ import annotations

import re
from pathlib import Path

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


NAMES = ("standardize", "affine", "carry", "waves", "dense", "convolve", "lookup", "pool", "slice", "add", "average", "quantiles",
         "positive", "log_softmax", "squash")  # fmt: skip
# A step of each kind on a source of six numbers (lookup: of one): outputs, memory, whether it has a and b, options, and for each option
# values out of its range.
STEPS: dict[str, tuple[int, int, bool, bool, list[int], list[tuple[int, ...]]]] = {
    "standardize": (6, 0, True, True, [], []),
    "affine": (6, 0, True, True, [], []),
    "carry": (18, 12, False, False, [], []),
    "waves": (6 + 1 + 2 * 3 * 3, 0, True, False, [3, 2, 0, 5], [(0, -1, 2**24), (-1, 7, 1), (-1, 6), (-1, 6)]),
    "dense": (4, 0, True, True, [0], [(-1, 9)]),
    "convolve": (2 * 2 * 2, 0, True, True, [8, 2, 1, 2, 3, 1, 2, 1, 1, 0, 0],
                 [(-1, 9), (0, 1, 2**24), (0, 2), (0, 3), (0, 2), (0, 3, 2), (0, 4, 1), (0, 2), (0, 2), (-1, 1), (-1, 1, 2**24)]),
    "lookup": (4, 0, True, False, [5], [(0, -1, 2**25)]),
    "pool": (6, 8, True, False, [3], [(-1, 4, 0, 1, 2)]),
    "slice": (2, 0, False, False, [4], [(-1, 5)]),
    "add": (3, 0, False, False, [], []),
    "average": (2, 0, False, False, [2, 1], [(-1, 3), (0, 2)]),
    "quantiles": (6, 0, False, False, [2, 1], [(0, 4, 7), (-1, 3)]),
    "positive": (6, 0, True, False, [2], [(-1, 7)]),
    "log_softmax": (6, 0, False, False, [], []),
    "squash": (6, 0, True, True, [], []),
}  # fmt: skip


def add(kind: str, address: int, /, **more: object) -> None:
    """A step of this kind with some of its numbers changed, alone in a program."""
    outputs, remembered, a, b, options, _ = STEPS[kind]
    step = {
        "outputs": outputs,
        "memory": remembered,
        "a": address if a else 0,
        "b": address if b else 0,
        "options": options,
    }
    program = _core.Program(False, 1 if kind == "lookup" else 6, 0, 1.0, False)
    program.step(**{"kind": NAMES.index(kind), "sources": [0], **step, **more})


@pytest.mark.parametrize("kind", STEPS)
def test_numbers_of_a_step(kind: str, memory: int) -> None:
    outputs, remembered, a, b, options, wrong = STEPS[kind]
    add(kind, memory)
    for bad in (0, -1, outputs + 1, 2**24 + 1, 2**31, 2**32 + outputs, 2**62):
        if kind not in ("dense", "lookup") or not 0 < bad <= 2**24:  # these make as many as one likes
            with pytest.raises(ValueError, match=r"outputs|first number|vectors of"):
                add(kind, memory, outputs=bad)
    for bad in (-1, remembered + 1, 2**31, 2**32 + remembered, 2**62):
        with pytest.raises(ValueError, match="memory is"):
            add(kind, memory, memory=bad)
    for name, there in (("a", a), ("b", b)):
        with pytest.raises(ValueError, match=f"{name} is a null pointer" if there else f"{name} is given"):
            add(kind, memory, **{name: 0 if there else memory})
        if there:
            with pytest.raises(ValueError, match=f"{name} stands at an address"):
                add(kind, memory, **{name: memory + 2})
    for at, values in enumerate(wrong):
        for bad in (*values, 2**31, 2**62, -(2**31)):
            with pytest.raises(ValueError, match=f"{kind}: |options is"):
                add(kind, memory, options=[*changed(options, at, bad)])
    with pytest.raises(ValueError, match="number of options"):
        add(kind, memory, options=[*options, 0])
    if options:
        with pytest.raises(ValueError, match=r"none of them|options"):
            add(kind, memory, options=options[:-1])
    for bad in (2**63, 1.5, "1", None):
        with pytest.raises(ValueError, match="no whole number"):
            add(kind, memory, options=[*options, bad])
    for sources, words in (([], "width of the sources is 0"), ([1], "source is 1"), ([-1], "source is -1"), ([2**32], "sources is"),
                           ([0, 0], r"expected|outputs|width|vectors|levels")):  # fmt: skip
        if sources != [0, 0] or kind not in ("dense", "slice", "add", "average"):
            with pytest.raises(ValueError, match=words):
                add(kind, memory, sources=sources)
    for bad in (-1, len(NAMES), 2**32):
        with pytest.raises(ValueError, match="kind is"):
            add(kind, memory, kind=bad)


def chain_of_two(inputs: int, memory: int) -> _core.Network:
    network = _core.Network(False)
    network.layer(inputs, 4, tuple(cell("layer", memory)), (False, True, [], [], [0, 1, 2, 3], [], []))
    return network


def program_around(memory: int, statics: int = 2) -> _core.Program:
    """x (3) -> carry (9) -> cells (4) -> mean, with the statics (2) behind."""
    program = _core.Program(False, 3, statics, 1.0, True)
    program.step(NAMES.index("carry"), [0], 9, 6, 0, 0, [])
    program.chain(2 if statics else 1, chain_of_two(9, memory))
    return program


def test_a_program_of_numbers_out_of_range(memory: int) -> None:
    for inputs in (0, -1, 2**24 + 1, 2**32 + 1, 2**62):
        with pytest.raises(ValueError, match="inputs is"):
            _core.Program(False, inputs, 0, 1.0, False)
    for statics in (-1, 2**24 + 1, 2**32 + 1):
        with pytest.raises(ValueError, match="statics is"):
            _core.Program(False, 1, statics, 1.0, False)
    for is_double in (False, True):
        for period in (0.0, -1.0, float("nan"), float("inf"), *(() if is_double else (1e-60, 1e60))):
            with pytest.raises(ValueError, match="period is"):
                _core.Program(is_double, 1, 0, period, False)


def test_a_program_whose_parts_do_not_fit_together(memory: int) -> None:
    mean, slices = NAMES.index("pool"), NAMES.index("slice")
    with pytest.raises(ValueError, match="statics, which are read behind"):
        _core.Program(False, 3, 2, 1.0, True).step(slices, [1], 1, 0, 0, 0, [0])
    with pytest.raises(ValueError, match="statics, which are read behind"):
        _core.Program(False, 3, 2, 1.0, True).chain(1, chain_of_two(2, memory))
    with pytest.raises(ValueError, match="read 2 numbers, but their source has 3"):
        _core.Program(False, 3, 0, 1.0, False).chain(0, chain_of_two(2, memory))
    with pytest.raises(ValueError, match="another number type"):
        _core.Program(True, 3, 0, 1.0, False).chain(0, chain_of_two(3, memory))
    for bad in (-1, 1, 2**32):
        with pytest.raises(ValueError, match="source is"):
            _core.Program(False, 3, 0, 1.0, False).chain(bad, chain_of_two(3, memory))
    program = program_around(memory)
    with pytest.raises(ValueError, match="second one"):
        program.chain(2, chain_of_two(9, memory))
    with pytest.raises(ValueError, match="not what they read"):
        program.step(slices, [0], 1, 0, 0, 0, [0])
    for kind, outputs, remembered, options in (("carry", 12, 8, []), ("waves", 7, 0, [1, 0]), ("lookup", 1, 0, [5])):
        source = [3]
        if kind == "lookup":
            continue
        with pytest.raises(ValueError, match="stand before them"):
            program.step(NAMES.index(kind), source, outputs, remembered, memory if kind == "waves" else 0, 0, options)
    program.step(mean, [3, 2], 13, 14, 0, 0, [1])
    program.step(slices, [4, 1], 1, 0, 0, 0, [14])
    program.step(NAMES.index("slice"), [3], 1, 0, 0, 0, [0])
    with pytest.raises(ValueError, match="stand before them"):
        program.step(NAMES.index("lookup"), [6], 1, 0, memory, 0, [5])
    assert _core.Stream(program).outputs == 1
    with pytest.raises(ValueError, match="can't grow"):
        program.step(slices, [3], 1, 0, 0, 0, [0])
    with pytest.raises(ValueError, match="can't grow"):
        program.chain(2, chain_of_two(9, memory))


def test_a_program_without_cells_does_not_run(memory: int) -> None:
    program = _core.Program(False, 3, 0, 1.0, False)
    program.step(NAMES.index("slice"), [0], 1, 0, 0, 0, [0])
    for run in (
        lambda: _core.Stream(program),
        lambda: _core.Sessions(program, 2),
        lambda: program.before(1, 1, memory, memory, 0, memory, memory),
        lambda: program.through(1, 1, memory, memory, 0, memory, memory, 0),
        lambda: program.behind(1, 1, memory, memory, 0, 0, memory, memory),
    ):
        with pytest.raises(ValueError, match="without cells"):
            run()


def test_sequences_of_a_program(memory: int) -> None:
    statics = torch.zeros(8)
    plain, given = program_around(memory, 0), program_around(memory)
    for program, s in ((plain, 0), (given, statics.data_ptr())):
        program.step(NAMES.index("pool"), [3 if s else 2], 4, 5, 0, 0, [1])
        calls = {
            "before": ["x", "t", "real", "memory", "out"],
            "through": ["u", "t", "real", "h", "y", "states"],
            "behind": ["y", "u", "statics", "real", "memory", "out"],
        }
        for name, arrays in calls.items():
            room = {array: torch.zeros(400) for array in arrays}
            good = [0 if array == "real" else room[array].data_ptr() for array in arrays]
            good = [s if array == "statics" else address for array, address in zip(arrays, good, strict=True)]
            call = getattr(program, name)
            call(2, 3, *good)
            for sizes in ((0, 3), (2, 0)):
                call(*sizes, *[0] * len(arrays))  # nothing to run
            for bad in (-1, 2**47, 2**62):
                with pytest.raises(ValueError, match="batch is"):
                    call(bad, 3, *good)
                with pytest.raises(ValueError, match="time is"):
                    call(2, bad, *good)
            with pytest.raises(ValueError, match="samples are"):
                call(2**40, 2**40, *good)
            with pytest.raises(ValueError, match="are 70368744177664 times"):
                call(2**6, 2**40, *good)
            for at, array in enumerate(arrays):
                optional = array in ("real", "states") or (name, array) == ("through", "y")
                if not (optional or (array == "statics" and not s)):
                    with pytest.raises(ValueError, match=f"{array} is a null pointer"):
                        call(2, 3, *changed(good, at, 0))
                if array != "real" and good[at]:
                    with pytest.raises(ValueError, match=f"{array} stands at"):
                        call(2, 3, *changed(good, at, good[at] + 2))
        if not s:
            with pytest.raises(ValueError, match="statics are given, but"):
                program.behind(2, 3, memory, memory, memory, 0, memory, memory)
        with pytest.raises(ValueError, match="can't grow"):
            program.step(NAMES.index("slice"), [0], 1, 0, 0, 0, [0])


def test_rows_of_a_program(memory: int) -> None:
    program = program_around(memory)
    for bad in (0, -1, 2**24 + 1, 2**32 + 1):
        with pytest.raises(ValueError, match="rows is"):
            _core.Sessions(program, bad)
    rows, zeros, some = _core.Sessions(program, 2), torch.zeros(64), torch.zeros(64)
    good = [zeros.data_ptr(), zeros.data_ptr(), 0, some.data_ptr()]
    first, both = torch.zeros(40), torch.ones(2, dtype=torch.bool)
    rows.load(first.data_ptr(), both.data_ptr())
    assert rows.step(*good) is None
    for at, name in ((0, "x"), (1, "dt"), (3, "y")):
        for bad, words in ((0, "is a null pointer"), (good[at] + 2, "stands at")):
            with pytest.raises(ValueError, match=f"{name} {words}"):
                rows.step(*changed(good, at, bad))
    for call in (rows.skip, rows.skipped, rows.save, lambda h: rows.load(h, memory), lambda h: rows.begin(h, 2)):
        for bad in (0, memory + 2):
            with pytest.raises(ValueError, match=r"pointer|stands at"):
                call(bad)
    for count in (0, 1, 3, -1, 2**32 + 2):
        with pytest.raises(ValueError, match="count is"):
            rows.begin(zeros.data_ptr(), count)
    with pytest.raises(ValueError, match="has none"):
        _core.Sessions(program_around(memory, 0), 2).begin(zeros.data_ptr(), 2)
    with pytest.raises(ValueError, match="chosen is a null"):
        rows.load(zeros.data_ptr(), 0)
    state = torch.zeros(20)
    rows.save(state.data_ptr())
    some[:2] = torch.tensor([0.5, -1.0])
    assert not rows.skip(some.data_ptr())
    rows.skipped(zeros.data_ptr())
    assert not zeros.any()


def test_code_for_an_instruction_set_shares_no_function_with_others() -> None:
    """Of a template or an inline function of the library the linker keeps one copy for all sets, perhaps that of the newest processor."""
    root = Path(__file__).parents[1]
    files = re.findall(
        r"csrc/\w+\.cpp", re.search(r"set\(CELLS([^)]*)\)", (root / "CMakeLists.txt").read_text()).group(1)
    )  # type: ignore[union-attr]
    headers = [f"csrc/{name}.h" for name in ("activations", "batch", "matrix", "neurons", "simd", "solvers")]
    types = {
        "size_t",
        "int32_t",
        "int64_t",
        "uint8_t",
        "uint32_t",
        "uint64_t",
        "integral_constant",
        "ptrdiff_t",
        "index_sequence",
        "make_index_sequence",
    }
    plain = {"memcpy", "memset", "memcmp"}  # of C
    assert len(files) > 10
    for file in [*files, *headers]:
        used = set(re.findall(r"\bstd::(\w+)", (root / file).read_text()))
        assert used <= types | plain, (file, used - types - plain)
