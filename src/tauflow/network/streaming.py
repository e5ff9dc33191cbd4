"""The whole network sample by sample, and over a whole sequence with the same numbers, on the kernels.

Both run the same program of steps (csrc/program.h): a stream one sample at a time, a sequence what stands before the core for all
samples, then the core's own kernel, then what stands behind it. So they are equal to the bit.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .. import validate
from ..errors import BackendError, NonFiniteError, TauflowError
from ..ops import program
from ..ops.many import Rows
from ..ops.packing import STREAM_ALONE
from ..ops.record import through
from ..ops.stream import KernelStream, StepStream, Stream
from . import core as cores
from .lowering import lower
from .parts.part import NetworkError, check_count
from .static import check_static

FEW = 4  # rows: below, a kernel of the core has too few samples side by side, and one after the other is faster

if TYPE_CHECKING:
    from .network import Network


def why_not(network: Network) -> str | None:
    """Why the kernels can't run this network sample by sample, in a sentence; None when they can."""
    try:
        graph = lower(network)
    except NetworkError as error:
        return str(error)
    layers = cores.layers_of(network.core) or []
    for layer in layers:
        if layer.backend not in ("auto", "cpu"):
            return f"backend {layer.backend!r} was named"
    return program.why_not(graph)


def pack(network: Network) -> program.Packed:
    """The network as it is now, packed; NonFiniteError names a weight that is NaN."""
    for name, parameter in network.named_parameters():
        if not validate.is_true(torch.isfinite(parameter.detach()).all()):
            raise NonFiniteError(f"{name} holds NaN or infinity, expected finite weights: load or train them again")
    with torch.no_grad():
        return program.pack(lower(network), validate.parameter_dtype(network))


def stream(network: Network, backend: str | None, rows: int | None, static: Any, rounding: bool) -> Any:
    """See Network.stream."""
    if not cores.is_causal(network.core):
        raise TauflowError("Bidirectional reads the future, so it can't stream: stream a Recurrent instead")
    reason = why_not(network) if backend in (None, "auto", "cpu") else f"backend {backend!r} was named"
    given = _given(network, static, rows)
    if reason is None:
        packed = pack(network)
        if rows is not None:
            return Rows(packed, check_count("rows", rows), given, rounding)
        made = KernelStream.on(packed, None if given is None else given[0])
        made.rounding = rounding
        return made
    if backend == "cpu":
        raise BackendError(f"backend 'cpu' can't stream this: {reason}; try backend='auto' or 'reference'")
    if rows is not None:
        raise BackendError(
            f"rows= streams on the kernels alone, and they can't run this: {reason}; use step(x, dt, state)"
        )
    return _by_steps(network, reason, given)


def _by_steps(network: Network, reason: str, given: Any) -> Stream:
    still = copy.deepcopy(network).eval()
    if given is not None:
        raise BackendError(f"static= streams on the kernels alone, and they can't run this: {reason}")
    return StepStream(still, "reference", reason)


def _given(network: Network, static: Any, rows: int | None) -> Any:
    """What is given once, (rows, static), as an array of the network's type; one row of it is for all."""
    like = torch.empty(rows or 1, 0, dtype=validate.parameter_dtype(network))
    if static is not None:
        values = validate.as_tensor(static, "static", like.dtype)
        static = values.expand(len(like), -1) if values.ndim == 1 or len(values) == 1 else values
    given = check_static(static, network.static, like)
    return None if given is None else given.contiguous().numpy(force=True)


def covers(network: Network, *tensors: Tensor | None) -> bool:
    """Whether `over_time` gives what the parts give: nothing learns, nobody records, and the kernels know every part."""
    if network.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    if torch._C._len_torch_dispatch_stack() or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    if torch._C._get_tracing_state() is not None:
        return False
    if any(tensor is not None and (type(tensor) is not Tensor or tensor.device.type != "cpu") for tensor in tensors):
        return False
    return why_not(network) is None


def over_time(
    network: Network, x: Tensor, t: Tensor, mask: Tensor | None, state: Tensor, static: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Answers after every sample, (batch, time, outputs), and the state; t (batch, time) in periods."""
    packed = pack(network)
    batch, time, _ = x.shape
    before, h, behind = (
        part.clone(memory_format=torch.contiguous_format) for part in state.split(network.sizes, dim=1)
    )
    x, t, real = x.contiguous(), t.contiguous(), None if mask is None else mask.contiguous()
    core, address = network.core, 0 if real is None else real.data_ptr()
    u = x.new_empty(batch, time, core.inputs)
    bad = packed.program.before(batch, time, x.data_ptr(), t.data_ptr(), address, before.data_ptr(), u.data_ptr())
    if bad >= 0:
        row, step = divmod(bad, time)
        raise NonFiniteError(
            f"x[{row}, {step}] is {x[row, step].tolist()}, expected whole numbers of tokens that the table has"
        )
    if batch <= FEW or any(type(cell) in STREAM_ALONE for cell in cores.cells_of(core)):
        y, h, _ = through(packed, u, t, real, h, core.outputs)
    else:
        y, h = core(u, t, mask, h)
    y = y.contiguous()
    out = x.new_empty(batch, time, network.outputs)
    given = None if static is None else static.contiguous()
    packed.program.behind(
        batch,
        time,
        y.data_ptr(),
        u.data_ptr(),
        0 if given is None else given.data_ptr(),
        address,
        behind.data_ptr(),
        out.data_ptr(),
    )
    return out, torch.cat([before, h, behind], dim=1)
