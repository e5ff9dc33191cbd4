"""A model file brings back the same model, and only a model."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import tauflow
from tauflow import cells, files, solvers, wirings
from tauflow.activations import ACTIVATIONS, activation
from tauflow.cells import CTRNN, LTC, CfC, LeakCell
from tauflow.cells.cfc import MODES
from tauflow.cells.ltc import INITIALISATIONS
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.errors import ModelFileError, TauflowError
from tauflow.models import build, describe, load, save
from tauflow.ops import BACKENDS
from tauflow.sequence import Bidirectional, Recurrent, Stack

NCP = wirings.auto_ncp(3, 12, 2)
# Of every option of every cell, the values that differ from the default; a new option without one fails below.
OPTIONS: dict[str, list[Any]] = {
    "activation": [name for name in ACTIVATIONS if name not in ("gelu", "silu", "identity", "relu")],
    "tau": [3.0, (0.5, 20.0), 7],
    "learn_tau": [False],
    "learn_A": [False],
    "solver": list(solvers.SOLVERS),
    "substeps": [3],
    "memory": [5.0],
    "init": list(INITIALISATIONS),
    "epsilon": [1e-8],
    "mode": list(MODES),
    "backbone_layers": [0, 2],
    "backbone_units": [9],
    "dropout": [0.25],
}
SIGNED = [("gated_ltc", value) for value in ("tanh", "softsign", "lecun_tanh")]  # no gates
EVERY_OPTION = [
    (name, {option: value})
    for name in cells.names()
    for option, parameter in cells.parameters(cells.get(name)).items()
    if option not in ("inputs", "units")
    for value in OPTIONS[option]
    if value != parameter.default and (name, value) not in SIGNED
]
MODELS: dict[str, Callable[[], nn.Module]] = {
    **{name: (lambda name=name: Recurrent(cells.build(name, 3, 5))) for name in cells.names()},
    "ncp": lambda: Recurrent(LTC(3, NCP)),
    "wired": lambda: Recurrent(cells.build("wired_cfc", 3, NCP)),
    "mixed memory": lambda: Recurrent(MixedMemory(cells.build("cfc", 3, 5)), zero_dt="update"),
    "mixed twice": lambda: Recurrent(MixedMemory(MixedMemory(cells.build("ctrnn", 3, 5)))),
    "stack": lambda: Stack(cells.build("ctrnn", 3, 4, tau=(1.0, 3.0)), cells.build("cfc", 4, 5, mode="pure")),
    "deep": lambda: Stack(cells.build("gru", 3, 4), Recurrent(cells.build("rnn", 4, 5), "reference", "update")),
    "bidirectional": lambda: Bidirectional(cells.build("gru", 3, 4), cells.build("ctrnn", 3, 4)),
    "a bare cell": lambda: cells.build("ctrnn", 3, 4),
    "a bare memory": lambda: MixedMemory(cells.build("ctrnn", 3, 4)),
}


def again(model: nn.Module, folder: Path) -> Any:
    """The model, saved and loaded."""
    save(model, folder / "model.tau")
    return load(folder / "model.tau")


def stirred(model: nn.Module) -> nn.Module:
    """All numbers moved a little from where the constructor put them."""
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.1 * torch.rand_like(value))
    return model


def answer(model: nn.Module, steps: int = 6) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    dtype = next(model.parameters()).dtype
    x, dt = (torch.rand(2, steps, *size, generator=generator, dtype=torch.float64).to(dtype) for size in ((3,), ()))
    dt = 0.01 * dt  # short enough for explicit solvers
    torch.manual_seed(3)  # of dropout
    if isinstance(model, cells.Cell):
        return (model.step(x[:, 0], dt[:, 0], model.initial_state(2)),)
    y, state = model(x, dt)
    return y, state


def check_same(ours: nn.Module, theirs: nn.Module) -> None:
    """All that makes a model what it is."""
    assert type(theirs) is type(ours)
    assert describe(theirs) == describe(ours)
    for part in ("named_parameters", "named_buffers", "named_modules"):
        mine, other = (dict(getattr(model, part)(remove_duplicate=False)) for model in (ours, theirs))
        assert list(mine) == list(other)
        names = {}
        for name in mine:
            if isinstance(mine[name], Tensor):
                assert mine[name].dtype == other[name].dtype
                assert torch.equal(mine[name], other[name])
                assert mine[name].requires_grad == other[name].requires_grad
            else:
                assert mine[name].training == other[name].training
            assert names.setdefault(id(mine[name]), id(other[name])) == id(other[name])  # shared where it was shared
        assert len(set(names.values())) == len(names)
    for a, b in zip(answer(ours), answer(theirs), strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_is_what_it_was(name: str, training: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    model = stirred(MODELS[name]().to(dtype)).train(training)
    check_same(model, again(model, tmp_path))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_has_run_learned_and_streamed_is_saved(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    for _ in range(2):
        sum(part.square().mean() for part in answer(model)).backward()
    torch.optim.Adam(model.parameters()).step()
    if isinstance(model, (Recurrent, Stack)):
        model.stream()
    check_same(model, again(model, tmp_path))


@pytest.mark.parametrize(("name", "options"), EVERY_OPTION, ids=[f"{n}-{o}" for n, o in EVERY_OPTION])
def test_every_option_of_every_cell_comes_back(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    model = stirred(Recurrent(cells.build(name, 3, 5, **options)))
    found = again(model, tmp_path)
    check_same(model, found)
    value = next(iter(options.items()))
    assert found.cell.config()[value[0]] == (list(value[1]) if isinstance(value[1], tuple) else value[1])


@pytest.mark.parametrize("zero_dt", ["hold", "update"])
@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
def test_backend_and_zero_dt_come_back(backend: str, zero_dt: Any, tmp_path: Path) -> None:
    both = Bidirectional(cells.build("cfc", 3, 4), cells.build("ctrnn", 3, 4), backend)
    both.back.zero_dt = zero_dt
    found = again(both, tmp_path)
    assert (found.ahead.backend, found.back.backend) == (backend, backend)
    assert (found.ahead.zero_dt, found.back.zero_dt) == ("hold", zero_dt)
    one = again(Recurrent(cells.build("cfc", 3, 4), backend, zero_dt), tmp_path)
    assert (one.backend, one.zero_dt) == (backend, zero_dt)


def tied_cells() -> nn.Module:
    a, b = CTRNN(3, 4), CTRNN(3, 4)
    b.W, b.log_tau = a.W, a.log_tau
    return Bidirectional(a, b)


def tied_within() -> nn.Module:
    cell = CfC(3, 4)
    cell.time_a.weight = cell.ff2.weight
    return Recurrent(cell)


def shared_cell() -> nn.Module:
    cell = CTRNN(3, 4)
    return Bidirectional(cell, cell)


def shared_layer() -> nn.Module:
    layer = Recurrent(CfC(3, 3))
    return Stack(layer, CTRNN(3, 3), layer)


def shared_cells() -> nn.Module:
    cell = CTRNN(3, 3)
    return Stack(cell, cell, Recurrent(cell, "reference"))


def shared_buffer() -> nn.Module:
    a, b = LTC(3, NCP), LTC(3, NCP)
    b.sparsity_mask = a.sparsity_mask
    return Bidirectional(a, b)


@pytest.mark.parametrize(
    "make", [tied_cells, tied_within, shared_cell, shared_layer, shared_cells, shared_buffer], ids=lambda f: f.__name__
)
def test_what_is_shared_stays_shared(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    model = stirred(make())
    found = again(model, tmp_path)
    check_same(model, found)
    assert len(list(found.parameters())) == len(list(model.parameters()))


def test_frozen_parameters_and_mixed_modes_come_back(tmp_path: Path) -> None:
    model = Stack(CfC(3, 4, dropout=0.5, backbone_layers=2), CTRNN(4, 4, learn_tau=False))
    model.layers[0].cell.ff1.weight.requires_grad_(False)
    model.layers[1].cell.log_tau.requires_grad_(True)
    model.layers[0].cell.backbone[3].eval()
    check_same(model, again(model, tmp_path))
    check_same(model.eval(), again(model, tmp_path))


def test_buffers_come_back_as_they_are_now(tmp_path: Path) -> None:
    model = Recurrent(LTC(3, NCP))
    model.cell.sparsity_mask[model.cell.sparsity_mask.nonzero()[0].tolist()] = 0.0  # a synapse cut by hand
    check_same(model, again(model, tmp_path))


def test_loading_moves_no_random_number_and_keeps_weights_apart(tmp_path: Path) -> None:
    save(Recurrent(MixedMemory(LTC(3, NCP))), tmp_path / "model.tau")
    torch.manual_seed(0)
    before = torch.get_rng_state()
    model = load(tmp_path / "model.tau")
    assert torch.equal(before, torch.get_rng_state())
    memory = [tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]]
    assert len(set(memory)) == len(memory)


def test_numbers_of_numpy_in_options_are_plain_in_the_file(tmp_path: Path) -> None:
    model = Recurrent(CTRNN(3, 4, tau=(np.float64(1.0), np.float32(5.0))))
    assert again(model, tmp_path).cell.config()["tau"] == [1.0, 5.0]


def test_the_public_names_save_and_load(tmp_path: Path) -> None:
    model = tauflow.Recurrent(tauflow.CfC(3, 5))
    tauflow.save(model, tmp_path / "model.tau")
    assert isinstance(tauflow.load(tmp_path / "model.tau"), tauflow.Recurrent)


def test_build_makes_what_describe_says() -> None:
    for name, make in MODELS.items():
        assert describe(build(describe(make()))) == describe(make()), name


# What load could not bring back


def replaced() -> nn.Module:
    model = Recurrent(CfC(3, 4))
    model.cell.backbone[1] = nn.Mish()
    return model


class LoRA(nn.Linear):
    """A Linear with something beside it."""


def subclassed_layer() -> nn.Module:
    model = Recurrent(CfC(3, 4))
    model.cell.ff1 = LoRA(128, 4)
    return model


def appended() -> nn.Module:
    model = Recurrent(CfC(3, 4))
    model.cell.backbone.append(nn.LayerNorm(128))
    return model


def beside() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.readout = nn.Linear(4, 1)
    return model


def taken_away() -> nn.Module:
    model = Recurrent(CfC(3, 4, backbone_layers=2))
    del model.cell.backbone[2:]
    return model


def hooked() -> nn.Module:
    model = Recurrent(CfC(3, 4))
    model.cell.ff1.register_forward_hook(lambda *_: None)
    return model


def gradient_hook() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.W.register_hook(lambda g: 2 * g)
    return model


def pruned() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    prune.l1_unstructured(model.cell, "W", 0.3)
    return model


def parametrized() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    parametrizations.orthogonal(model.cell, "W")
    return model


def other_activation() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.sigma = activation("relu")
    return model


def other_solver() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.solver = "semi_implicit"
    return model


def other_step() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.leak = lambda u, h: (u, h)
    return model


def other_shape() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.b = nn.Parameter(torch.zeros(1))
    return model


def buffer_for_parameter() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    b = model.cell.b.detach()
    del model.cell.b
    model.cell.register_buffer("b", b)
    return model


def extra_parameter() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.gain = nn.Parameter(torch.ones(4))
    return model


def a_note() -> nn.Module:
    model = Recurrent(CTRNN(3, 4))
    model.cell.scale = torch.ones(4)
    return model


def overlapping() -> nn.Module:
    model = Recurrent(CTRNN(4, 4))
    model.cell.U.data = model.cell.W.data
    return model


class Deeper(Recurrent):
    """A subclass of a known model."""


class Cf2(CfC):
    """A subclass of a known cell that bears its name."""


class Nameless(CTRNN):
    name = ""


class Stranger(CTRNN):
    name = "stranger"


UNSAVEABLE: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a linear": (lambda: nn.Linear(2, 2), "can't save a Linear, expected a Recurrent.*state_dict"),
    "a sequential": (lambda: nn.Sequential(Recurrent(CTRNN(3, 4))), "Sequential"),
    "a subclass": (lambda: Deeper(CTRNN(3, 4)), "can't save a Deeper"),
    "a subclass inside": (lambda: Stack(Deeper(CTRNN(3, 4))), "can't save a Deeper at layers.0"),
    "a cell's subclass": (lambda: Recurrent(Cf2(3, 4)), "Cf2 at cell.*'cfc' is the name of CfC"),
    "no name": (lambda: Recurrent(Nameless(3, 4)), r"Nameless at cell.*not registered: cells.register\(Nameless\)"),
    "not registered": (lambda: Recurrent(Stranger(3, 4)), r"Stranger at cell.*not registered"),
    "in a memory": (lambda: Recurrent(MixedMemory(Stranger(3, 4))), r"Stranger at cell.cell.*not registered"),
    "replaced": (replaced, r"cell.backbone.1: it is a Mish, load would make a Nonlinearity"),
    "subclassed": (subclassed_layer, "cell.ff1: it is a LoRA, load would make a Linear"),
    "appended": (appended, "cell.backbone.2, a LayerNorm that was added"),
    "beside": (beside, "readout, a Linear that was added"),
    "taken away": (taken_away, "without cell.backbone.2, a Linear"),
    "hooked": (hooked, "cell.ff1: it has forward hooks"),
    "gradient hook": (gradient_hook, "cell.W: it has hooks on its gradient"),
    "pruned": (pruned, "cell: it has forward pre hooks"),
    "parametrized": (parametrized, "parametrizations"),
    "activation": (other_activation, "cell: its sigma is Activation.*relu"),
    "solver": (other_solver, "cell: its solver is 'semi_implicit', but load would make 'exponential'"),
    "step": (other_step, "cell: its leak is"),
    "shape": (other_shape, r"cell.b: it is of shape \(1,\), but load would make of shape \(4,\)"),
    "buffer": (buffer_for_parameter, "cell.b: it is a Tensor, load would make a Parameter"),
    "extra": (extra_parameter, "cell.gain"),
    "a tensor beside": (a_note, "cell: its scale"),
    "overlapping": (overlapping, "share memory"),
    "half of it quantised": (lambda: torch.ao.quantization.QuantWrapper(Recurrent(CTRNN(3, 4))), "QuantWrapper"),
}


@pytest.mark.parametrize("name", UNSAVEABLE)
def test_what_cannot_come_back_is_refused_by_name_before_anything_is_written(name: str, tmp_path: Path) -> None:
    make, message = UNSAVEABLE[name]
    model = make()
    (tmp_path / "model.tau").write_bytes(b"the old one")
    with pytest.raises(TauflowError, match=message) as caught:
        save(model, tmp_path / "model.tau")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "model.tau").read_bytes() == b"the old one"


# Cells of one's own


def own_cell(name: str = "mine", **body: Any) -> type[cells.Cell]:
    class Mine(LeakCell):
        """dh/dt = -gain h + U x."""

        def __init__(self, inputs: int, units: int, gain: float = 1.0, ratio: Any = (1, 2)) -> None:
            super().__init__()
            self.inputs, self.state_size, self.outputs = inputs, units, units
            self.solver, self.substeps, self.gain = "exponential", 1, gain
            self.U = nn.Parameter(torch.randn(units, inputs))
            self.register_buffer("shift", torch.linspace(0, 1, units), persistent=False)

        def leak(self, u: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
            return u @ self.U.T + self.shift, torch.full_like(h, self.gain)

    Mine.name = name
    for key, value in body.items():
        setattr(Mine, key, value)
    return Mine


@pytest.mark.usefixtures("registry")
def test_a_cell_of_ones_own_is_known_once_registered(tmp_path: Path) -> None:
    Mine = cells.register(own_cell())
    assert "mine" in cells.names()
    assert cells.get("mine") is Mine
    model = stirred(Stack(Recurrent(Mine(3, 4, gain=2.5)), MixedMemory(cells.build("mine", 4, 3))).double())
    model.layers[0].cell.shift.mul_(2)
    check_same(model, again(model, tmp_path))
    del cells.REGISTRY["mine"]
    with pytest.raises(ModelFileError, match=r"no cell is called 'mine'.*registered first: cells.register\(MyCell\)"):
        load(tmp_path / "model.tau")


@pytest.mark.usefixtures("registry")
def test_a_constructor_that_looks_at_numbers_is_built_in_memory(tmp_path: Path) -> None:
    class Reservoir(CTRNN):
        name = "reservoir"

        def __init__(self, inputs: int, units: int) -> None:
            super().__init__(inputs, units)
            with torch.no_grad():
                self.W.mul_(0.9 / float(torch.linalg.eigvals(self.W).abs().max()))

    cells.register(Reservoir)
    model, state = Recurrent(Reservoir(3, 4)), torch.get_rng_state()
    found = again(model, tmp_path)
    assert torch.equal(state, torch.get_rng_state())
    check_same(model, found)
    file = files.read(tmp_path / "model.tau")
    file.config["structure"]["cell"]["options"]["units"] = 20_000
    files.write(tmp_path / "big.tau", file.tensors, file.config, kind="model")
    with pytest.raises(ModelFileError, match="more weights than the file"):
        load(tmp_path / "big.tau")


@pytest.mark.usefixtures("registry")
def test_registering_again(tmp_path: Path) -> None:
    first = cells.register(own_cell())
    assert cells.register(first) is first
    second = cells.register(own_cell())  # the same lines of a notebook, run again
    assert cells.get("mine") is second
    with pytest.raises(TauflowError, match="'mine' is the name of Mine"):
        save(Recurrent(first(3, 4)), tmp_path / "model.tau")


def takes_anything(self: Any, *sizes: int, **options: Any) -> None: ...


def takes_size(self: Any, size: int) -> None: ...


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: 3, "takes a class of cells, got 3"),
        (lambda: CTRNN(3, 4), "takes a class of cells, got CTRNN"),
        (lambda: nn.Linear, "takes a class of cells"),
        (lambda: LeakCell, "LeakCell is not a whole cell: it has no leak"),
        (lambda: own_cell(""), "Mine is called '', expected a name"),
        (lambda: own_cell("My Cell"), "called 'My Cell'"),
        (lambda: own_cell("ridge"), "called 'ridge'"),
        (lambda: own_cell("auto"), "called 'auto'"),
        (lambda: own_cell("ctrnn"), "CTRNN is called 'ctrnn' already: give Mine another name"),
        (lambda: Stranger, None),
        (lambda: own_cell(__init__=takes_anything), "expected inputs, units and options, each by its name"),
        (lambda: own_cell(__init__=takes_size), "expected inputs, units and options"),
    ],
)
def test_what_is_no_cell_of_ones_own_is_refused(make: Callable[[], Any], message: str | None) -> None:
    before = dict(cells.REGISTRY)
    if message is None:
        assert cells.register(make()) is make()
        return
    with pytest.raises(cells.CellError, match=message):
        cells.register(make())
    assert before == cells.REGISTRY


def test_reserved_names_are_the_forecasters() -> None:
    from tauflow.estimators.settings import BASELINES

    assert set(BASELINES) | {"auto"} == set(cells.TAKEN)


OWN = """
import torch
from tauflow import cells

@cells.register
class Mine(cells.CTRNN):
    name = "{name}"
"""


@pytest.mark.usefixtures("registry")
def test_cells_from_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN.format(name="from_a_file"))
    assert cells.import_file(tmp_path / "own.py") == ["from_a_file"]
    assert cells.import_file(tmp_path / "own.py") == []  # again
    assert type(cells.build("from_a_file", 3, 4)).__name__ == "Mine"
    (tmp_path / "none.py").write_text("import torch")
    with pytest.raises(cells.CellError, match="registers no cell"):
        cells.import_file(tmp_path / "none.py")
    for path in (tmp_path, tmp_path / "missing.py", tmp_path / "model.tau"):
        with pytest.raises(cells.CellError, match="not a Python file"):
            cells.import_file(path)


# Files that are no model


def cell(name: str = "ctrnn", **options: Any) -> dict[str, Any]:
    return {"type": "cell", "name": name, "options": {"inputs": 3, "units": 5, **options}}


def recurrent(inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "recurrent", "cell": inner, "backend": "auto", "zero_dt": "hold"}


STATE = {"training": True, "otherwise": [], "frozen": [], "tied": {}}
NOT_MODELS: dict[str, Any] = {
    "empty": {},
    "no type": {"a": 1},
    "a name to import": {"type": "os.system"},
    "a module": {"type": "cell", "name": "os", "options": {"inputs": 1, "units": 1}},
    "no such option": cell(nonsense=1),
    "an option missing": {"type": "cell", "name": "ctrnn", "options": {"inputs": 3}},
    "options no dict": {"type": "cell", "name": "ctrnn", "options": [3, 5]},
    "inputs text": cell(inputs="3"),
    "inputs a dict": cell(inputs={}),
    "units a dict": cell("ltc", units={"a": 1}),
    "units true": cell(units=True),
    "units negative": cell(units=-5),
    "tau of one": cell(tau=[1.0]),
    "tau of three": cell(tau=[1.0, 2.0, 3.0]),
    "tau of text": cell(tau="slow"),
    "activation a number": cell(activation=3),
    "activation a dict": cell(activation={}),
    "solver a list": cell(solver=[]),
    "layers in a stack": {"type": "stack", "layers": [{"type": "stack", "layers": []}]},
    "layers no dict": {"type": "stack", "layers": [3, None]},
    "layers no list": {"type": "stack", "layers": {"a": 1}},
    "no backend": {"type": "recurrent", "cell": cell()},
    "odd backend": {**recurrent(cell()), "backend": "os"},
    "odd zero": {**recurrent(cell()), "zero_dt": "os"},
    "more": {**recurrent(cell()), "more": 1},
    "a recurrent in a recurrent": recurrent(recurrent(cell())),
    "same as itself": {"type": "same", "as": ""},
    "same as what comes": {"type": "stack", "layers": [{"type": "same", "as": "layers.1"}, recurrent(cell())]},
    "weights of another size": cell(),
}
BOMBS: dict[str, Any] = {
    "units": cell(units=10**7),
    "units 2**62": cell(units=2**62),
    "units 2**100": cell(units=2**100),
    "ltc units": cell("ltc", units=20_000),
    "ltc inputs": cell("ltc", inputs=10**8),
    "wired units": cell("wired_cfc", units=200_000),
    "ncps wired": cell("wired_cfc_ncps", units=10**9),
    "wired inputs": cell("wired_cfc", inputs=10**9),
    "cfc layers": cell("cfc", backbone_layers=10**9),
    "cfc layers 20000": cell("cfc", backbone_layers=20_000),
    "cfc layers 2**62": cell("cfc", backbone_layers=2**62),
    "cfc width": cell("cfc", backbone_units=2**62),
    "gru units": cell("gru", units=10**9),
    "lstm 2**62": cell("lstm", units=2**61),
    "in a memory": {"type": "mixed_memory", "cell": cell("ltc", units=20_000)},
    "many layers": {"type": "stack", "layers": [recurrent(cell(inputs=5)) for _ in range(3000)]},
}


def structure_file(path: Path, structure: Any, tensors: dict[str, Tensor] | None = None, **state: Any) -> Path:
    tensors = {"W": torch.zeros(20, 20)} if tensors is None else tensors
    files.write(path, tensors, {"structure": structure, "state": {**STATE, **state}}, kind="model")
    return path


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 700
    assert str(path) in text
    return text


@pytest.mark.parametrize("name", NOT_MODELS)
def test_a_structure_that_is_not_a_model_is_refused(name: str, tmp_path: Path) -> None:
    refused(structure_file(tmp_path / "model.tau", NOT_MODELS[name]))
    refused(structure_file(tmp_path / "model.tau", recurrent(NOT_MODELS[name])))


COST = """
import json, resource, sys, time
from pathlib import Path
import torch
import tauflow
from tauflow import files
tauflow.load, tauflow.Recurrent
resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, 4 * 2**30))
for path in sorted(Path(sys.argv[1]).iterdir()):
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        tauflow.load(path)
        error = "loaded"
    except tauflow.errors.ModelFileError as wrong:
        error = str(wrong)
    took = time.process_time() - began
    print(json.dumps([path.name, error, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""


def test_a_small_file_that_asks_for_much_costs_nothing(tmp_path: Path) -> None:
    for name, structure in BOMBS.items():
        structure_file(tmp_path / name, structure)
        structure_file(tmp_path / f"{name}, ties", structure, tied={f"a{i}": "W" for i in range(500)})
    done = subprocess.run([sys.executable, "-c", COST, str(tmp_path)], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 2 * len(BOMBS)
    for name, error, seconds, kib in found:
        assert error != "loaded", name
        assert "\n" not in error, name
        assert len(error) < 600, error
        assert seconds < 2, (name, seconds)
        assert kib < 64 * 1024, (name, kib)


def good(tmp_path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    model = Bidirectional(CTRNN(3, 4), LTC(3, 4))
    model.back.cell.gleak = model.ahead.cell.b
    save(model, tmp_path / "good.tau")
    file = files.read(tmp_path / "good.tau")
    return file.tensors, file.config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ahead.cell.W": torch.zeros(4, 4, dtype=torch.bool)}, "ahead.cell.W is torch.bool, expected torch.float32"),
        ({"ahead.cell.W": torch.zeros(4, 4, dtype=torch.int64)}, "torch.int64"),
        ({"ahead.cell.W": torch.zeros(4, 5)}, r"of shape \(4, 5\), expected of shape \(4, 4\)"),
        ({"ahead.cell.W": None}, "missing"),
        ({"ahead.cell.more": torch.zeros(1)}, "ahead.cell.more is of shape .*expected missing"),
        ({"back.cell.gleak": torch.zeros(4)}, "back.cell.gleak"),  # it is tied
        ({"back.cell.sparsity_mask": None}, "missing"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, Tensor | None], message: str, tmp_path: Path) -> None:
    tensors, config = good(tmp_path)
    changed = {name: value for name, value in {**tensors, **change}.items() if value is not None}
    files.write(tmp_path / "bad.tau", changed, config, kind="model")
    assert re.search(message, refused(tmp_path / "bad.tau"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("training", 1),
        ("training", None),
        ("otherwise", ["ahead.cell.no"]),
        ("otherwise", [""]),
        ("otherwise", ["back", "ahead"]),
        ("otherwise", ["ahead", "ahead"]),
        ("otherwise", "ahead"),
        ("frozen", ["ahead.cell.no"]),
        ("frozen", ["back.cell.gleak"]),
        ("frozen", ["back.cell.sparsity_mask"]),
        ("frozen", [3]),
        ("tied", {"ahead.cell.W": "ahead.cell.W"}),
        ("tied", {"back.cell.gleak": "back.cell.nothing"}),
        ("tied", {"nothing": "ahead.cell.b"}),
        ("tied", {"back.cell.gleak": "ahead.cell.W"}),
        ("tied", {"back.cell.gleak": "back.cell.vleak", "back.cell.vleak": "back.cell.gleak"}),
        ("tied", {}),
        ("tied", ["a"]),
        ("tied", {"back.cell.gleak": 3}),
        ("more", 1),
    ],
)
def test_a_state_that_does_not_fit_is_refused(field: str, value: Any, tmp_path: Path) -> None:
    tensors, config = good(tmp_path)
    files.write(tmp_path / "bad.tau", tensors, {**config, "state": {**config["state"], field: value}}, kind="model")
    refused(tmp_path / "bad.tau")


def test_numbers_of_any_width_stay_what_they_are(tmp_path: Path) -> None:
    """1e300 in float64 is a number, and is not squeezed into float32."""
    model = Recurrent(CTRNN(3, 5)).double()
    with torch.no_grad():
        model.cell.W.fill_(1e300)
    assert again(model, tmp_path).cell.W[0, 0].item() == 1e300


def test_nan_and_infinity_are_refused_by_name(tmp_path: Path) -> None:
    model = Recurrent(CTRNN(3, 5))
    with torch.no_grad():
        model.cell.W[1, 2] = float("nan")
    with pytest.raises(ModelFileError, match=r"cell\.W holds NaN"):
        save(model, tmp_path / "model.tau")


def test_a_forecaster_is_not_a_model(tmp_path: Path) -> None:
    files.write(tmp_path / "model.tau", {}, {}, kind="forecaster")
    with pytest.raises(ModelFileError, match="forecaster"):
        load(tmp_path / "model.tau")


def test_every_model_type_of_the_library_is_tried() -> None:
    from tauflow import sequence

    public = {
        kind for kind in vars(sequence).values() if inspect.isclass(kind) and kind.__module__ == sequence.__name__
    }
    tried = {type(make()) for make in MODELS.values()}
    assert {kind for kind in public if issubclass(kind, nn.Module)} <= tried


@pytest.mark.usefixtures("registry")
def test_the_page_on_files_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parent.parent / "docs" / "files.md").read_text()
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    assert type(names["model"].cell) is names["Mine"]
