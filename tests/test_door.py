"""A kernel computes what the cell is now, or is not taken: whatever someone did to it, `auto` is the reference."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

from tauflow import ops, wirings
from tauflow.activations import Activation
from tauflow.cells import CTRNN, GRU, GRUODE, LSTM, LTC, RNN, Cell, CfC, GatedLTC, NcpsWiredCfC, WiredCfC
from tauflow.cells.cfc import Nonlinearity
from tauflow.compat.ncps import torch as ncps
from tauflow.errors import BackendError, ShapeError, TauflowError
from tauflow.sequence import Recurrent, Stack

Change = Callable[[Any], Any]  # changes the cell, or returns another one

CELLS: dict[str, Callable[[], Cell]] = {
    "ctrnn": lambda: CTRNN(3, 5),
    "gated_ltc": lambda: GatedLTC(3, 5),
    "cfc": lambda: CfC(3, 5, backbone_layers=2, backbone_units=6),
    "cfc pure": lambda: CfC(3, 5, "pure", backbone_layers=1, backbone_units=6, activation="tanh"),
    "gruode": lambda: GRUODE(3, 5),
    "ltc": lambda: LTC(3, wirings.auto_ncp(3, 8, 2)),
    "wired_cfc": lambda: WiredCfC(3, 8),
    "wired_cfc_ncps": lambda: NcpsWiredCfC(3, 8),
    "ncps ltc": lambda: ncps.LTC(3, 5).rnn_cell,
    "ncps cfc": lambda: ncps.CfC(3, 5, backbone_units=6).rnn_cell,
    "ncps wired": lambda: ncps.CfC(3, ncps.WiredCfCCell(3, wirings.auto_ncp(3, 8, 2)).wired).rnn_cell,
}


class Lora(nn.Module):
    """An adapter with the attributes of what it wraps, as peft's."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base, self.a, self.b = base, nn.Linear(base.in_features, 2), nn.Linear(2, base.out_features)
        self.in_features, self.out_features = base.in_features, base.out_features

    @property
    def weight(self) -> Tensor:
        return self.base.weight

    @property
    def bias(self) -> Tensor:
        return self.base.bias

    def forward(self, z: Tensor) -> Tensor:
        return self.base(z) + self.b(self.a(z))


class Doubled(nn.Linear):
    def forward(self, z: Tensor) -> Tensor:
        return 2 * super().forward(z)


class Shifted(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight + 0.3


def weights(cell: Cell) -> list[str]:
    """The names of its learned parameters, masks and the affine maps of the outputs left out."""
    return [name for name, p in cell.named_parameters() if p.requires_grad and "put_" not in name]


def linear(cell: Cell, pick: int = 0) -> tuple[nn.Module, str]:
    """(holder, name) of a Linear in the cell; skips where there is none."""
    found = [name for name, layer in cell.named_modules() if type(layer) is nn.Linear]
    if not found:
        pytest.skip("no layers")
    holder, _, leaf = found[pick].rpartition(".")
    return cell.get_submodule(holder), leaf


def replace(cell: Cell, make: Callable[[nn.Linear], nn.Module], pick: int = 0) -> None:
    holder, leaf = linear(cell, pick)
    setattr(holder, leaf, make(getattr(holder, leaf)))


def doubled(layer: nn.Linear) -> nn.Linear:
    other = Doubled(layer.in_features, layer.out_features)
    other.load_state_dict(layer.state_dict())
    return other


def patched(layer: nn.Linear) -> nn.Linear:
    layer.forward = lambda z: nn.functional.linear(z, layer.weight, layer.bias) * 3
    return layer


def hook_on_a_layer(cell: Cell) -> None:
    holder, leaf = linear(cell)
    getattr(holder, leaf).register_forward_hook(lambda layer, given, y: y * 2)


def pruned_layer(cell: Cell, pick: int = 0) -> None:
    holder, leaf = linear(cell, pick)
    prune.l1_unstructured(getattr(holder, leaf), "weight", 0.5)


def weight_norm(cell: Cell) -> None:
    holder, leaf = linear(cell)
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(getattr(holder, leaf))
    getattr(holder, leaf).weight_g.data.mul_(2)  # which the next call makes the weight of


def pruned_cell(cell: Cell) -> None:
    own = [name for name in weights(cell) if "." not in name]
    if not own:
        pytest.skip("no weights of its own")
    prune.l1_unstructured(cell, own[0], 0.5)
    getattr(cell, own[0] + "_orig").data.mul_(2)


def backbone(cell: Cell) -> nn.Sequential:
    if not isinstance(cell, CfC):
        pytest.skip("no backbone")
    return cell.backbone


def layer_norm(cell: Cell) -> None:
    if isinstance(cell, CfC):
        cell.backbone.append(nn.LayerNorm(6))
    elif isinstance(cell, (WiredCfC, NcpsWiredCfC)):
        cell.layers()[0].backbone.append(nn.LayerNorm(cell.inputs + cell.layers()[0].units))
    else:
        pytest.skip("no backbone")


def another_activation(cell: Cell) -> None:
    own = Activation("tanh", torch.atan, -2, 2, 1)
    if isinstance(cell, CfC):
        cell.backbone[1] = Nonlinearity(own, 0.0)
    elif hasattr(cell, "sigma") and isinstance(cell.sigma, Activation):
        cell.sigma = own
    else:
        pytest.skip("no activation")


def overriding(name: str) -> Change:
    def change(cell: Cell) -> Cell:
        if not hasattr(type(cell), name):
            pytest.skip(f"no {name}")
        method = getattr(type(cell), name)

        def other(self: Any, *arguments: Any) -> Any:
            found = method(self, *arguments)
            return tuple(2 * part for part in found) if isinstance(found, tuple) else 0.5 * found

        cell.__class__ = type("Mine", (type(cell),), {name: other, "__module__": "theirs"})
        return cell

    return change


def on_the_instance(name: str) -> Change:
    def change(cell: Cell) -> None:
        if not hasattr(type(cell), name):
            pytest.skip(f"no {name}")
        method = getattr(cell, name)
        cell.__dict__[name] = MethodType(lambda self, x, *rest: method(x * 2, *rest), cell)

    return change


def mask(factor: float) -> Change:
    def change(cell: Cell) -> None:
        masks = [part for name, part in [*cell.named_buffers(), *cell.named_parameters()] if name.endswith("mask")]
        if not masks:
            pytest.skip("no mask")
        for part in masks:
            with torch.no_grad():
                part[0].mul_(factor)

    return change


def parameter(make: Callable[[Tensor], Tensor], pick: int = 0) -> Change:
    def change(cell: Cell) -> None:
        holder, _, leaf = weights(cell)[pick].rpartition(".")
        module = cell.get_submodule(holder)
        setattr(module, leaf, nn.Parameter(make(getattr(module, leaf).detach())))

    return change


def parametrised(cell: Cell) -> None:
    holder, _, leaf = weights(cell)[0].rpartition(".")
    parametrize.register_parametrization(cell.get_submodule(holder), leaf, Shifted())


def strided(p: Tensor) -> Tensor:
    return torch.stack([p, p * 0], dim=-1)[..., 0]


CHANGES: dict[str, Change] = {
    "lora": lambda cell: replace(cell, Lora),
    "lora in the last layer": lambda cell: replace(cell, Lora, -1),
    "linear subclass": lambda cell: replace(cell, doubled),
    "patched layer": lambda cell: replace(cell, patched),
    "no bias": lambda cell: replace(cell, lambda layer: nn.Linear(layer.in_features, layer.out_features, bias=False)),
    "hook on a layer": hook_on_a_layer,
    "hook on the cell": lambda cell: cell.register_forward_hook(
        lambda cell, given, y: tuple(p * 2 for p in y) if isinstance(y, tuple) else y * 2
    ),
    "pre-hook on the cell": lambda cell: cell.register_forward_pre_hook(lambda cell, given: (given[0] * 2, *given[1:])),
    "pruned layer": pruned_layer,
    "pruned last layer": lambda cell: pruned_layer(cell, -1),
    "pruned cell": pruned_cell,
    "weight_norm": weight_norm,
    "parametrised": parametrised,
    "layer norm": layer_norm,
    "mish": lambda cell: backbone(cell).__setitem__(1, nn.Mish()),
    "own activation": another_activation,
    "another activation in layer two": lambda cell: backbone(cell).extend([nn.Linear(6, 6), nn.ReLU()]),
    "wider in the middle": lambda cell: backbone(cell).extend([nn.Linear(6, 400), nn.Tanh(), nn.Linear(400, 6)]),
    **{f"{name} overridden": overriding(name) for name in ("step", "forward", "leak", "output", "affine", "project")},
    **{f"{name} on the instance": on_the_instance(name) for name in ("step", "forward", "leak", "output", "positive")},
    "half masks": mask(0.5),
    "negative masks": mask(-0.3),
    **{
        f"{name}, parameter {pick}": parameter(make, pick)
        for pick in (0, -1)
        for name, make in {
            "one number": lambda p: p.flatten()[:1].clone(),
            "one row": lambda p: p[:1].clone(),
            "too small": lambda p: p[..., :2].clone(),
            "too large": lambda p: torch.cat([p, p]),
            "transposed": lambda p: p.t().contiguous(),
            "strided": strided,
            "float64": lambda p: p.double(),
            "float16": lambda p: p.half(),
            "meta": lambda p: p.to("meta"),
            "sparse": lambda p: p.to_sparse(),
        }.items()
    },
}


def outcome(run: Callable[[], Any]) -> Any:
    """What it gives, or the kind of error."""
    try:
        return run()
    except (TauflowError, RuntimeError, TypeError, ValueError, IndexError) as error:
        return error


def same(a: Any, b: Any, tolerance: float = 1e-4) -> bool:
    if isinstance(a, Exception) or isinstance(b, Exception):
        return isinstance(a, Exception) and isinstance(b, Exception)
    return all(torch.allclose(p, q, tolerance, tolerance / 10) for p, q in zip(a, b, strict=True))


def given(cell: Cell) -> tuple[Tensor, Tensor, None, Tensor]:
    rng = torch.Generator().manual_seed(1)
    x, dt = torch.randn(2, 4, cell.inputs, generator=rng), torch.rand(2, 4, generator=rng)
    return x, dt, None, torch.randn(2, cell.state_size, generator=rng)


def gradients(cell: Cell, backend: str) -> Any:
    y, h = ops.run(cell, *given(cell), backend)
    learned = [p for p in cell.parameters() if p.requires_grad]
    found = torch.autograd.grad(y.sum() + (h * h).sum(), learned, allow_unused=True)
    return [y.detach(), h.detach(), *(p.new_zeros(()) if g is None else g for p, g in zip(learned, found, strict=True))]


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_auto_is_the_reference(name: str, change: str) -> None:
    torch.manual_seed(3)
    cell = CELLS[name]()
    CHANGES[change](cell)
    tolerance = 1e-2 if "float16" in change else 1e-4
    truth = outcome(lambda: gradients(cell, "reference"))
    assert same(outcome(lambda: gradients(cell, "auto")), truth, tolerance)
    kernel = outcome(lambda: gradients(cell, "cpu"))
    assert isinstance(kernel, BackendError) or same(kernel, truth, tolerance)
    x, dt, _, _ = given(cell)
    truth = outcome(lambda: [*Recurrent(cell, "reference")(x[:1], dt[:1])[0][0].detach()])
    assert same(outcome(lambda: run_stream(Recurrent(cell), x[0], dt[0])), truth)


def run_stream(net: Recurrent, x: Tensor, dt: Tensor) -> list[Tensor]:
    stream = net.stream()
    return [torch.from_numpy(stream(sample.numpy(), float(gap))) for sample, gap in zip(x, dt, strict=True)]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("mish", r"backbone\.1 is Mish"),
        ("lora", r"backbone\.0 is Lora"),
        ("layer norm", r"backbone\.4 is LayerNorm"),
        ("own activation", "tanh of your own"),
        ("patched layer", r"backbone\.0\.forward was replaced"),
        ("pruned layer", r"backbone\.0 has hooks"),
        ("hook on the cell", "the cell has hooks"),
        ("step overridden", r"Mine\.step is not CfC\.step"),
        ("step on the instance", "step was replaced"),
        ("another activation in layer two", r"backbone\.5 is ReLU"),
        ("wider in the middle", r"backbone\.5 is Tanh"),
        ("one row, parameter 0", r"backbone\.0\.bias"),
    ],
)
def test_the_reason_names_what_was_changed(change: str, word: str) -> None:
    cell = CELLS["cfc"]()
    CHANGES[change](cell)
    assert ops.choose(cell) == "reference"
    with pytest.raises(BackendError, match=word):
        Recurrent(cell, "cpu").stream()
    with pytest.raises(BackendError, match=word):
        ops.run(cell, *given(cell), "cpu")


def test_what_was_undone_runs_on_the_kernel_again() -> None:
    cell = CELLS["cfc"]()
    assert ops.choose(cell) == "cpu"
    handle = cell.ff1.register_forward_hook(lambda layer, given, y: y * 2)
    prune.l1_unstructured(cell.ff2, "weight", 0.5)
    assert ops.choose(cell) == "reference"
    handle.remove()
    prune.remove(cell.ff2, "weight")
    assert ops.choose(cell) == "cpu"
    parametrize.register_parametrization(cell.ff1, "weight", Shifted())
    assert ops.choose(cell) == "cpu"
    assert ops.choose(copy.deepcopy(cell)) == "cpu"
    with torch.nn.modules.module.register_module_forward_hook(lambda layer, given, y: None):
        assert ops.choose(cell) == "reference"


def test_a_method_of_the_class_itself_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = CTRNN(3, 5)
    monkeypatch.setattr(CTRNN, "leak", lambda self, u, h: (h, torch.ones_like(h)))
    assert "leak" in str(ops.why_not("cpu", cell))


def test_pruned_weights_train() -> None:
    net = Recurrent(CTRNN(3, 5))
    prune.l1_unstructured(net.cell, "W", 0.3)
    x, before = torch.randn(2, 4, 3), net.cell.W_orig.detach().clone()
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(3):
        optimiser.zero_grad()
        net(x)[0].square().sum().backward()
        optimiser.step()
    assert (net.cell.W_orig != before).any()
    assert (net.cell.W_orig == before).any()


@pytest.mark.parametrize("name", CELLS)
def test_functional_calls_with_other_shapes(name: str) -> None:
    cell = CELLS[name]()
    x, dt, _, _ = given(cell)
    for key in [key for key, p in cell.named_parameters() if p.requires_grad]:
        for make in (lambda p: torch.randn(p.shape), lambda p: torch.randn(3, 3), lambda p: torch.randn(1)):
            values = {f"cell.{key}": make(cell.get_parameter(key))}
            nets = [Recurrent(cell, backend) for backend in ("auto", "reference")]
            found = [outcome(lambda n=n, v=values: torch.func.functional_call(n, v, (x, dt))) for n in nets]
            assert same(*found)


@pytest.mark.parametrize("name", CELLS)
def test_sequences_of_other_shapes_and_types(name: str) -> None:
    """Straight at ops.run, where nobody has looked at them."""
    cell = CELLS[name]()
    x, dt, _, h = given(cell)
    keep = torch.ones(2, 4, dtype=torch.bool)
    for given_, kernel in (
        ((x[..., :2], dt, None, h), False),
        ((x[0], dt, None, h), False),
        ((x, dt[:1], None, h), False),
        ((x, dt[:, :2], None, h), False),
        ((x, dt, None, h[:1]), False),
        ((x, dt, None, h[:, :2]), False),
        ((x.double(), dt, None, h), False),
        ((x, dt.double(), None, h), False),
        ((x, dt, keep[:, :1], h), False),
        ((x, dt, keep.float(), h), False),
        ((x.to("meta"), dt, None, h), False),
        ((torch.view_as_complex(torch.stack([x, x], -1)).conj().imag, dt, keep, h), True),
    ):
        found, truth = (outcome(lambda b=b, g=given_: ops.run(cell, *g, b)) for b in ("auto", "reference"))
        assert same(found, truth)
        assert isinstance(outcome(lambda g=given_: ops.run(cell, *g, "cpu")), BackendError) is not kernel


def test_operators_called_by_hand_look_at_what_they_get() -> None:
    x, dt, h = torch.ones(2, 3, 2), torch.ones(2, 3), torch.zeros(2, 5)
    good = [torch.ones(5, 5), torch.ones(5, 2), torch.ones(5), torch.ones(5), torch.ones(0)]
    run, back = torch.ops.tauflow.layer, torch.ops.tauflow.layer_backward
    y, last, saved = run(x, dt, None, h, good, [0, 0, 1], 0, 5, True)
    assert len(back(y, last, x, dt, None, h, good, saved, [0, 0, 1], 0, 5, True)) == 8
    for place in range(4):
        bad = [*good[:place], torch.ones(1), *good[place + 1 :]]
        with pytest.raises(ShapeError, match="layer"):
            run(x, dt, None, h, bad, [0, 0, 1], 0, 5, True)
        with pytest.raises(ShapeError, match="layer"):
            back(y, last, x, dt, None, h, bad, saved, [0, 0, 1], 0, 5, True)
    with pytest.raises(ShapeError, match="outputs"):
        run(x, dt, None, h, good, [0, 0, 1], 2, 5, True)
    with pytest.raises(ShapeError, match="saved"):
        back(y, last, x, dt, None, h, good, saved[:3], [0, 0, 1], 0, 5, True)
    with pytest.raises(ShapeError, match=r"x is"):
        run(x[0], dt, None, h, good, [0, 0, 1], 0, 5, True)


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_torchs_own_kernels_have_the_same_door(kind: type[Cell]) -> None:
    for change in (
        "hook on the cell",
        "pre-hook on the cell",
        "pruned cell",
        "step on the instance",
        "one row, parameter 0",
    ):
        cell = kind(3, 5)
        assert ops.choose(cell) == "fused"
        CHANGES[change](cell)
        found, truth = (outcome(lambda b=b, c=cell: gradients(c, b)) for b in ("auto", "reference"))
        assert same(found, truth)
        assert ops.choose(cell) == "reference"


def test_what_stands_around_a_cell_acts_in_a_stream() -> None:
    class Tripled(Recurrent):
        def forward(self, *arguments: Any, **named: Any) -> Any:
            y, h = super().forward(*arguments, **named)
            return 3 * y, h

    hooked, inside = Recurrent(CTRNN(3, 5)), Stack(CTRNN(3, 5), CfC(5, 4))
    hooked.register_forward_hook(lambda net, given, found: (found[0] * 2, found[1]))
    inside.layers[0].register_forward_hook(lambda net, given, found: (found[0] * 2, found[1]))
    for net in (hooked, inside, Tripled(CfC(3, 5)), Stack(Tripled(CTRNN(3, 5)), GRUODE(5, 4))):
        x, dt = torch.randn(4, 3), torch.rand(4)
        assert same(run_stream(net, x, dt), [*net(x[None], dt[None])[0][0].detach()])
        assert net.stream().why_not
        with pytest.raises(BackendError, match=r"forward|hooks"):
            net.stream("cpu")
    assert Stack(CTRNN(3, 5), CfC(5, 4)).stream("cpu").backend == "cpu"
