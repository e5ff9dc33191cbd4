"""What a model computes in, and which of its numbers is none."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import DtypeError

WIDE = (torch.float32, torch.float64)


def parameter_dtype(module: nn.Module) -> torch.dtype:
    """float32 or float64, the number type that `module` computes in; half precision is refused.

    Time constants and states lose their small steps in 16 bits: h + dt * small = h. Use autocast around other layers.
    """
    dtypes = {parameter.dtype for parameter in module.parameters()} or {torch.get_default_dtype()}
    if len(dtypes) > 1 or not dtypes.issubset(WIDE):
        raise DtypeError(
            f"the parameters are {', '.join(sorted(map(str, dtypes)))}, but all must be float32 or all float64, as the "
            "state is: call model.float(), and use torch.autocast for the layers around it"
        )
    return dtypes.pop()


def non_finite(module: nn.Module) -> str | None:
    """The first parameter or buffer that holds NaN or infinity, None if there is none."""
    for kind in (module.named_parameters(), module.named_buffers()):
        for name, value in kind:
            if value.is_floating_point() and value.device.type != "meta" and not torch.isfinite(value.detach()).all():
                return name
    return None
