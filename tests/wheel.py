"""Is an installed wheel whole? It has a kernel for this processor, and the kernel equals the reference. For cibuildwheel."""

from __future__ import annotations

import torch

from tauflow import _core
from tauflow.cells import LTC
from tauflow.ops import cpu, reference

torch.manual_seed(0)
cell = LTC(3, 9).double()
sequence = torch.randn(5, 7, 3).double(), torch.rand(5, 7).double(), None, torch.zeros(5, 9).double()
for got, truth in zip(cpu.run(cell, *sequence), reference.run(cell, *sequence), strict=True):
    torch.testing.assert_close(got, truth, rtol=1e-12, atol=1e-12)
print(f"kernels for {_core.isa_in_use()}: equal to the reference")
