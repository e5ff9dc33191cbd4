"""A model file brings back the same model, and only a model."""

from __future__ import annotations

import pytest
import torch

import tauflow
from tauflow import cells, files
from tauflow.cells.mixed_memory import MixedMemory
from tauflow.errors import ModelFileError, TauflowError
from tauflow.models import build, describe, load, save
from tauflow.sequence import Bidirectional, Recurrent, Stack

MODELS = {
    **{name: (lambda name=name: Recurrent(cells.build(name, 3, 5))) for name in cells.names()},
    "ncp": lambda: Recurrent(cells.get("ltc")(3, tauflow.wirings.auto_ncp(3, 12, 2))),
    "mixed memory": lambda: Recurrent(MixedMemory(cells.build("cfc", 3, 5)), zero_dt="update"),
    "stack": lambda: Stack(cells.build("ctrnn", 3, 4, tau=(1.0, 3.0)), cells.build("cfc", 4, 5, mode="pure")),
    "bidirectional": lambda: Bidirectional(cells.build("gru", 3, 4), cells.build("ctrnn", 3, 4)),
    "a bare cell": lambda: cells.build("ctrnn", 3, 4),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_gives_the_same_numbers(name, tmp_path):
    model = MODELS[name]().eval()
    save(model, tmp_path / "model.tau")
    again = load(tmp_path / "model.tau").eval()
    assert type(again) is type(model)
    assert describe(again) == describe(model)
    if name != "a bare cell":
        x, dt = torch.randn(2, 6, 3), torch.rand(2, 6)
        for ours, theirs in zip(model(x, dt), again(x, dt), strict=True):
            assert torch.equal(ours, theirs)


def test_the_public_names_save_and_load(tmp_path):
    model = tauflow.Recurrent(tauflow.CfC(3, 5))
    tauflow.save(model, tmp_path / "model.tau")
    assert isinstance(tauflow.load(tmp_path / "model.tau"), tauflow.Recurrent)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"type": "os.system"},
        {"type": "cell", "name": "os", "options": {"inputs": 1, "units": 1}},
        {"type": "cell", "name": "ctrnn", "options": {"inputs": 3, "units": 4, "nonsense": 1}},
        {"type": "cell", "name": "ctrnn", "options": {"inputs": 3}},
        {"type": "cell", "name": "ctrnn", "options": {"inputs": 3, "units": 10**7}},
        {"type": "stack", "layers": [{"type": "stack", "layers": []}]},
        {"type": "recurrent", "cell": {"type": "cell", "name": "ctrnn", "options": {"inputs": 3, "units": 5}}},
        {"type": "cell", "name": "ctrnn", "options": {"inputs": 3, "units": 5}},  # weights of another size
    ],
)
def test_a_structure_that_is_not_a_model_is_refused(config, tmp_path):
    files.write(tmp_path / "model.tau", {"W": torch.zeros(2, 2)}, config, kind="model")
    with pytest.raises(ModelFileError):
        load(tmp_path / "model.tau")


def test_a_forecaster_is_not_a_model(tmp_path):
    files.write(tmp_path / "model.tau", {}, {}, kind="forecaster")
    with pytest.raises(ModelFileError, match="forecaster"):
        load(tmp_path / "model.tau")


def test_what_cannot_be_saved_is_refused(tmp_path):
    with pytest.raises(TauflowError, match="Linear"):
        save(torch.nn.Linear(2, 2), tmp_path / "model.tau")
    assert not (tmp_path / "model.tau").exists()


def test_build_makes_what_describe_says():
    model = MODELS["stack"]()
    assert describe(build(describe(model))) == describe(model)
