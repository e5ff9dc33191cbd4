"""What can be proved of a cell or a network before it runs: is its state bounded, and how fast does it forget?"""

from __future__ import annotations

from torch import nn

from ... import validate
from ...cells import Cell
from ...network import Committee, Network
from ...sequence import Bidirectional, Recurrent, Stack
from .cell import certify_cell
from .certificate import AnalysisError, Certificate
from .network import certify_both, certify_committee, certify_network, certify_stack


def certify(model: nn.Module) -> Certificate:
    """Is the state of a cell, Recurrent, Stack, Bidirectional, Network or Committee bounded for every dt >= 0, and by what?

    "not certified" is not "unstable". Of a network the core is certified, and `beside` names what is not.

    >>> tauflow.certify(tauflow.CfC(2, 3)).certified  # of a Certificate
    True
    >>> found = tauflow.certify(tauflow.CTRNN(2, 3))
    >>> found.certified, found.low.shape, found.reason
    (True, torch.Size([3]), 'tanh is bounded, so |h| stays within tau times its range')
    """
    if (broken := validate.non_finite(model)) is not None:
        return Certificate(False, f"not certified: {broken} holds NaN or infinity")
    if isinstance(model, Cell):
        return certify_cell(model)
    if isinstance(model, Recurrent):
        return certify_cell(model.cell)
    if isinstance(model, Stack):
        return certify_stack(model, certify)
    if isinstance(model, Bidirectional):
        return certify_both(model, certify)
    if isinstance(model, Network):
        return certify_network(model, certify)
    if isinstance(model, Committee):
        return certify_committee(model, certify)
    raise AnalysisError(
        f"certify takes a cell, a Recurrent, a Stack, a Network, ..., got a {type(model).__name__}: certify its parts"
    )
