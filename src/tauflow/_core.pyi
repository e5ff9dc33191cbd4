"""The C++ core: a contiguous tensor's data_ptr() and size in, numbers out. The caller keeps the tensor."""

from typing import Any

def version() -> str:
    """The version that this core was built from."""

def isa() -> str:
    """The best instruction set of this machine: x86-64-v4, x86-64-v3, x86-64-v2, neon or scalar."""

def check_gaps(ptr: int, n: int, is_double: bool) -> int:
    """The index of the first of n time gaps that is negative, NaN or infinite, else -1."""

def isa_in_use() -> str:
    """The instruction set that the kernels use."""

def use_isa(name: str) -> bool:
    """Use another instruction set, for tests; False when this machine or build has none."""

# A kernel takes sizes and addresses as tuples, in the order of the structs in csrc/tauflow.h.
Numbers = tuple[int, ...]

def layer_forward(is_double: bool, sequence: Numbers, cell: Numbers) -> float: ...
def layer_backward(
    is_double: bool, sequence: Numbers, cell: Numbers, of_sequence: Numbers, of_cell: Numbers
) -> None: ...
def cfc_forward(is_double: bool, sequence: Numbers, cell: Numbers) -> float: ...
def cfc_backward(is_double: bool, sequence: Numbers, cell: Numbers, of_sequence: Numbers, of_cell: Numbers) -> None: ...
def ltc_forward(is_double: bool, sequence: Numbers, cell: Numbers) -> float: ...
def ltc_backward(is_double: bool, sequence: Numbers, cell: Numbers, of_sequence: Numbers, of_cell: Numbers) -> None: ...
def gruode_forward(is_double: bool, sequence: Numbers, cell: Numbers) -> float: ...
def gruode_backward(
    is_double: bool, sequence: Numbers, cell: Numbers, of_sequence: Numbers, of_cell: Numbers
) -> None: ...

# A cell of a stream's chain; around: the fields of Stage in csrc/stream.h, up to read_b.
Around = tuple[bool, bool, list[float], list[float], list[int], list[float], list[float]]

class Network:
    """A chain of packed cells that streams share; each call adds a cell."""

    def __init__(self, is_double: bool) -> None: ...
    def layer(self, inputs: int, units: int, cell: Numbers, around: Around) -> None: ...
    def cfc(self, inputs: int, units: int, cell: Numbers, around: Around) -> None: ...
    def gruode(self, inputs: int, units: int, cell: Numbers, around: Around) -> None: ...
    def ltc(self, inputs: int, units: int, cell: Numbers, around: Around) -> None: ...

BAD_INPUT: int
BAD_GAP: int
LONG_STEP: int

class Stream:
    """A state that moves by a sample a call; see ops/stream.py for what it asks of the class that derives from it."""

    inputs: int
    outputs: int
    state_size: int
    network: Network

    def __init__(self, network: Network) -> None: ...
    def __call__(self, x: Any, dt: float | None = 1.0, out: Any = None) -> Any: ...
    def _save(self, h: Any) -> None: ...
    def _load(self, h: Any) -> None: ...

def call_directly(derived: type[Stream]) -> None:
    """Let calls of a class derived from Stream go as directly as its own."""
