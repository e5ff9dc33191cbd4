"""Copies: by torch.func, copy, pickle, state dict and file, each one the model it was made of and independent of it."""

from __future__ import annotations

import copy
import pickle

import safetensors.torch
import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from tests.contract.common import MakeModel, close, data, parts, same_bits


def check_functional_call_uses_the_given_weights(model: MakeModel) -> None:
    m, other = model(), model()
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(0.7).add_(0.05)
    x, dt, h = data(m)
    y, last = functional_call(m, dict(other.named_parameters()), (x, dt, None, h))
    z, last_z = other(x, dt, None, h)
    assert same_bits(y, z)
    assert same_bits(last, last_z)
    assert not torch.allclose(y, m(x, dt, None, h)[0])


def check_vmap_over_weights(model: MakeModel) -> None:
    models = [model() for _ in range(3)]
    with torch.no_grad():
        for k, m in enumerate(models):
            for p in m.parameters():
                p.add_(0.03 * k)
    x, dt, h = data(models[0])
    dt[1, 2] = 0.0
    weights, buffers = stack_module_state(models)
    ys, lasts = vmap(lambda w, b: functional_call(models[0], (w, b), (x, dt, None, h)))(weights, buffers)
    for k, m in enumerate(models):
        y, last = m(x, dt, None, h)
        close(ys[k], y)
        close(lasts[k], last)
    assert not torch.allclose(ys[0], ys[1])


def check_vmap_over_samples(model: MakeModel) -> None:
    """Gradients per sample, as differential privacy and meta-learning need them."""
    m = model()
    x, dt, _ = data(m)
    weights = {name: p.detach() for name, p in m.named_parameters() if p.requires_grad}

    def loss(w: dict[str, Tensor], x: Tensor, dt: Tensor) -> Tensor:
        return functional_call(m, w, (x[None], dt[None]))[0].square().sum()

    each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, dt)
    for row in range(4):
        alone = grad(loss)(weights, x[row], dt[row])
        for name in weights:
            close(each[name][row], alone[name], 1e-5)


def check_deepcopy(model: MakeModel) -> None:
    m = model()
    other = copy.deepcopy(m)
    x, dt, h = data(m)
    expected = m(x, dt, None, h)[0]
    assert same_bits(other(x, dt, None, h)[0], expected)
    with torch.no_grad():
        for p in other.parameters():
            p.add_(1.0)
    assert same_bits(m(x, dt, None, h)[0], expected)
    assert not torch.allclose(other(x, dt, None, h)[0], expected)


def check_pickle(model: MakeModel) -> None:
    m = model()
    other = pickle.loads(pickle.dumps(m))
    x, dt, h = data(m)
    assert same_bits(other(x, dt, None, h)[0], m(x, dt, None, h)[0])


def check_load_state_dict(model: MakeModel) -> None:
    m, other = model(), model()
    x, dt, h = data(m)
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(0.8)
    for assign in (False, True):
        other = model()
        other.load_state_dict(m.state_dict(), assign=assign)
        assert same_bits(other(x, dt, None, h)[0], m(x, dt, None, h)[0])
        weights = {name: 0.5 * p for name, p in other.named_parameters()}
        y = functional_call(other, weights, (x, dt, None, h))[0]
        assert not torch.allclose(y, other(x, dt, None, h)[0])


def check_meta_device(model: MakeModel) -> None:
    with torch.device("meta"):
        m = model()
    assert all(value.is_meta for value in [*m.parameters(), *m.buffers()])
    real = model()
    m.to_empty(device="cpu")
    with torch.no_grad():
        for value in [*m.parameters(), *m.buffers()]:
            value.fill_(77)  # whatever the memory held
    torch.manual_seed(0)
    for part in parts(m):
        part.cell.reset_parameters()
    torch.manual_seed(0)
    for part in parts(real):
        part.cell.reset_parameters()
    x, dt, h = data(m)
    assert same_bits(m(x, dt, None, h)[0], real(x, dt, None, h)[0])


def check_state_dict_holds_what_decides_the_numbers(model: MakeModel) -> None:
    """The parameters, the masks of a wiring and the order of its neurons: without them another seed's would give other numbers."""
    m = model()
    masks = {name for name, _ in m.named_buffers() if name.endswith(("_mask", ".neurons"))}
    assert set(m.state_dict()) == {name for name, _ in m.named_parameters()} | masks


def check_safetensors_round_trip(model: MakeModel) -> None:
    m, other = model(), model()
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(0.9)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(m.state_dict())))
    x, dt, h = data(m)
    assert same_bits(other(x, dt, None, h)[0], m(x, dt, None, h)[0])
