"""Number types: float32 and float64 throughout; a narrower one is refused and never a silent NaN."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tauflow.errors import DtypeError
from tests.contract.common import MakeModel, close, data, same_bits

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_double_throughout(model: MakeModel) -> None:
    m = model().double()
    x, dt, h = data(m, dtype=torch.float64)
    for arguments in [(x, dt, None, h), (x, dt), (x,), (x.float(), dt.float())]:
        y, last = m(*arguments)
        assert y.dtype == last.dtype == torch.float64
    y, last = m.step(x[:, 0], dt[:, 0]) if not hasattr(m, "back") else m(x, dt)
    assert y.dtype == last.dtype == torch.float64


def check_float_agrees_with_double(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    y, last = m(x, dt, None, h)
    y64, last64 = model().double()(x.double(), dt.double(), None, h.double())
    close(y.double(), y64, 1e-5)
    close(last.double(), last64, 1e-5)


def check_double_is_more_exact_than_float(model: MakeModel) -> None:
    """A float32 constant or buffer inside would show here: one step rounded differently in two orders of the batch."""
    m = model().double()
    x, dt, h = data(m, dtype=torch.float64)
    y, _ = m(x, dt, None, h)
    z, _ = m(x.flip(0), dt.flip(0), None, h.flip(0))
    close(z.flip(0), y)
    nudged, _ = m(x + 1e-12, dt, None, h)
    assert 0 < (nudged - y).abs().max() < 1e-9


def check_table_of_number_types(model: MakeModel) -> None:
    """Each pair of parameters and input, with and without autocast: the right numbers, or DtypeError and no numbers."""
    x, dt, h = data(model())
    x, dt, h = (v.bfloat16().half().double() for v in (x, dt, h))  # numbers that every type holds
    exact, _ = model().double()(x, dt, None, h)
    for parameters in DTYPES:
        m = model().to(parameters)
        for inputs in DTYPES:
            for autocast in (False, True):
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
                    try:
                        y, last = m(x.to(inputs), dt.to(inputs), None, h.to(inputs))
                    except DtypeError:
                        assert parameters in (torch.bfloat16, torch.float16) or (parameters, inputs) == (
                            torch.float32,
                            torch.float64,
                        )
                        continue
                assert y.dtype == last.dtype == parameters
                close(y.double(), exact, 1e-5)


def check_half_parameters_are_refused(model: MakeModel) -> None:
    m = model()
    x, dt, _ = data(m)
    for dtype in (torch.bfloat16, torch.float16):
        with pytest.raises(DtypeError, match=r"all must be float32 or all float64"):
            model().to(dtype)(x, dt)


def check_mixed_parameters_are_refused(model: MakeModel) -> None:
    """One parameter narrower than the others, whichever it is."""
    for name, _ in model().named_parameters():
        for dtype in (torch.float64, torch.bfloat16):
            m = model()
            owner, _, leaf = name.rpartition(".")
            p = m.get_parameter(name)
            setattr(m.get_submodule(owner), leaf, nn.Parameter(p.detach().to(dtype), requires_grad=p.requires_grad))
            if len(list(m.parameters())) > 1:
                with pytest.raises(DtypeError):
                    m(*data(m)[:2])


def check_autocast_changes_nothing(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    expected = m(x, dt, None, h)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            y, last = m(x, dt, None, h)
            y.sum().backward()
        assert same_bits(y, expected[0])
        assert same_bits(last, expected[1])


def check_wider_input_is_refused(model: MakeModel) -> None:
    m = model()
    x, dt, h = data(m)
    for arguments in [(x.double(), dt), (x, dt.double()), (x, dt, None, h.double())]:
        with pytest.raises(DtypeError, match=r"float64, but the model is float32"):
            m(*arguments)


def check_complex_input_is_refused(model: MakeModel) -> None:
    m = model()
    x, dt, _ = data(m)
    with pytest.raises(DtypeError, match=r"real numbers"):
        m(x.to(torch.complex64), dt)


def check_whole_numbers_are_taken(model: MakeModel) -> None:
    m = model()
    x = torch.randint(-3, 4, (4, 7, m.inputs))
    dt = torch.randint(0, 2, (4, 7))
    assert same_bits(m(x, dt)[0], m(x.float(), dt.float())[0])


def check_default_dtype_is_respected(model: MakeModel) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        m = model()
        y, last = m(*data(m, dtype=torch.float64)[:2])
    finally:
        torch.set_default_dtype(torch.float32)
    assert y.dtype == last.dtype == torch.float64
