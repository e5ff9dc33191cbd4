"""The C++ core: a contiguous tensor's data_ptr() and size in, numbers out. The caller keeps the tensor."""

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
