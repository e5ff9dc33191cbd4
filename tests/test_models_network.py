"""A network's file brings back the same network: parts, scales, names, period; and only a network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import tauflow
from tauflow import CTRNN, Bidirectional, CfC, Committee, Network, files
from tauflow.errors import ModelFileError, TauflowError
from tauflow.models import describe, load, save
from tauflow.network import REGISTRY, Dense, Linear, Missing, NetworkError, Part, Scale, names
from tests.test_models import COST
from tests.test_network import INPUTS, KINDS, Doubled, build, data

MORE: dict[str, dict[str, Any]] = {
    "learned time": {"core": "ctrnn", "period": "auto", "tau": "auto"},
    "tokens": {"encoder": {"name": "tokens", "vocabulary": 7, "units": 3}},
    "both ways": {"core": Bidirectional(CfC(INPUTS, 4), CTRNN(INPUTS, 4)), "pool": "mean"},
    "no scale": {"scale": None, "static": 2, "head": {"name": "actions", "low": [-1, 0, 2], "high": 3}},
    "options": {
        "waves": {"name": "waves", "periods": [2.5], "columns": (0, 2)},
        "pool": {"name": "several", "kinds": ("mean", "attention")},
        "head": {"name": "quantiles", "levels": [0.2, 0.5, 0.7]},
        "readout": {"name": "skip", "units": [7, 6], "activation": "tanh", "dropout": 0.25},
    },
    **{core: {"core": core, "units": 4} for core in names("core")},
}


def again(model: nn.Module, folder: Path) -> Any:
    save(model, folder / "model.tau")
    return load(folder / "model.tau")


def made(kind: str) -> Network:
    if kind in KINDS:
        return build(kind)
    return Network(1 if kind == "tokens" else INPUTS, 3, **{"units": 6, **MORE[kind]}).eval()


def given_to(network: Network, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    if network.inputs == INPUTS:
        return data(network, dtype)
    return {"x": torch.randint(7, (3, 5, 1)), "dt": torch.rand(3, 5).to(dtype)}


def same(ours: Any, theirs: Any, given: dict[str, Any]) -> None:
    for mine, other in zip(ours(**given), theirs(**given), strict=True):
        assert mine.dtype == other.dtype and torch.equal(mine, other)
    assert describe(theirs) == describe(ours)
    state, found = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(found) and all(torch.equal(state[name], found[name]) for name in state)
    assert [m.training for m in ours.modules()] == [m.training for m in theirs.modules()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [*KINDS, *MORE])
def test_a_network_is_what_it_was(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    network = made(kind).to(dtype)
    given = given_to(network, dtype)
    found = again(network, tmp_path)
    same(network, found, given)
    with torch.no_grad():  # by the kernels
        same(network, found, given)
    assert vars(found).keys() == vars(network).keys()
    for name in (
        "input_names",
        "target_names",
        "output_names",
        "static",
        "auto_period",
        "auto_tau",
        "inputs",
        "outputs",
    ):
        assert getattr(found, name) == getattr(network, name)
    assert torch.equal(found.period, network.period) and torch.equal(found.measured, network.measured)
    assert found.summary() == network.summary()


def test_names_modes_frozen_and_shared_parts_come_back(tmp_path: Path) -> None:
    encoder = Dense(2, [5, 4])
    members = [
        Network(["temp [C]", "wind [m/s]"], ["load [MW]"], "cfc", 4, encoder=encoder, head="normal") for _ in range(2)
    ]
    members[0].encoder.layers[0].weight.requires_grad_(False)
    members[1].readout.map.bias = members[0].readout.map.bias
    committee = Committee(members).train()
    members[1].core.eval()
    found = again(committee, tmp_path)
    assert found.members[0].encoder is found.members[1].encoder
    assert found.members[1].readout.map.bias is found.members[0].readout.map.bias
    assert not found.members[0].encoder.layers[0].weight.requires_grad
    assert found.training and not found.members[1].core.training and found.members[0].core.training
    assert found.output_names == ["load [MW] mean", "load [MW] deviation"]
    assert found.members[0].input_names == ["temp [C]", "wind [m/s]"]
    same(committee.eval(), found.eval(), {"x": torch.randn(2, 4, 2)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_has_run_learned_streamed_and_been_recorded_is_saved(kind: str, tmp_path: Path) -> None:
    network = build(kind).train()
    given = data(network)
    for _ in range(2):
        network(**given)[0].square().mean().backward()
    torch.optim.Adam(network.parameters()).step()
    network.stream(static=None if given["static"] is None else given["static"][0])
    network.trace(given["x"], given["dt"], static=given["static"])
    same(network.eval(), again(network, tmp_path), given)


def test_a_loaded_network_streams_and_learns_on(tmp_path: Path) -> None:
    network = build("records with gaps")
    given = data(network)
    found = again(network, tmp_path)
    y, _ = found.train()(**given)
    found.loss(y, torch.zeros(*y.shape[:2], 3)).backward()
    stream = found.eval().stream("cpu")
    with torch.no_grad():
        assert torch.equal(
            torch.tensor(stream(given["x"][0, 0].numpy(), 1.0)), network(given["x"][:1, :1], 1.0)[0][0, 0]
        )


def replaced() -> nn.Module:
    network = Network(3, 1, readout="deep")
    network.readout.layers[0] = nn.Bilinear(1, 1, 1)
    return network


def other_activation() -> nn.Module:
    network = Network(3, 1, encoder="dense")
    network.encoder.sigma = torch.tanh
    return network


def hooked() -> nn.Module:
    network = Network(3, 1)
    network.core.register_forward_hook(lambda *_: None)
    return network


def narrow() -> nn.Module:
    network = Network(3, 1)
    network.scale.width[1] = 0
    return network


class Mine(nn.Module):
    inputs = outputs = 3
    state_size = 3

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 3)


class Derived(Dense):
    """A part's subclass without a name of its own."""


class Deeper(Network):
    """A subclass."""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network(3, 1, encoder=Doubled()), "can't save a Doubled at encoder"),
        (lambda: Network(3, 1, Mine()), "can't save a Mine at core"),
        (lambda: Network(3, 1, encoder=Derived(3, 4)), r"can't save Derived at encoder.*'dense' is the name of Dense"),
        (lambda: Deeper(3, 1), "can't save a Deeper"),
        (lambda: Committee([Network(3, 1), Deeper(3, 1)]), "can't save a Deeper at members.1"),
        (replaced, "readout.layers.0: it is a Bilinear, load would make a Linear"),
        (other_activation, "encoder: its sigma is"),
        (hooked, "core: it has forward hooks"),
        (narrow, r"scale.width at \[1\] can't be right, expected numbers > 0"),
        (lambda: nn.Sequential(Network(3, 1)), "Sequential"),
    ],
)
def test_what_cannot_come_back_is_refused_before_anything_is_written(
    make: Callable[[], nn.Module], message: str, tmp_path: Path
) -> None:
    (tmp_path / "model.tau").write_bytes(b"the old one")
    with pytest.raises(TauflowError, match=message) as caught:
        save(make(), tmp_path / "model.tau")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "model.tau").read_bytes() == b"the old one"


def squares() -> type[Part]:
    class Squares(Part):
        name, place = "squares", "encoder"

        def __init__(self, inputs: int, gain: Any = 2.0) -> None:
            super().__init__()
            self.inputs, self.outputs = inputs, 2 * inputs
            self.gains = nn.Parameter(torch.full((inputs,), float(gain)))

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, self.gains * x * x], dim=-1)

    return Squares


@pytest.mark.usefixtures("registry")
def test_a_part_of_ones_own_is_known_once_its_class_is(tmp_path: Path) -> None:
    squares()
    network = Network(3, 1, encoder={"name": "squares", "gain": 0.5}).eval()
    found = again(network, tmp_path)
    same(network, found, {"x": torch.randn(2, 4, 3)})
    squares()  # the same lines of a notebook, run again
    with pytest.raises(TauflowError, match="'squares' is the name of Squares"):
        save(network, tmp_path / "other.tau")
    with pytest.raises(TauflowError, match=r"can't save Squares at encoder: options\['gain'\] is a torch.Tensor"):
        save(Network(3, 1, encoder=REGISTRY["encoder", "squares"](3, torch.ones(()))), tmp_path / "other.tau")
    del REGISTRY["encoder", "squares"]
    with pytest.raises(ModelFileError, match=r"no encoder is called 'squares'.*the module that defines it is imported"):
        load(tmp_path / "model.tau")


@pytest.mark.usefixtures("registry")
def test_a_name_has_one_part() -> None:
    assert type(Network(3, 1, encoder="dense").encoder) is Dense  # Derived did not take its place
    with pytest.raises(NetworkError, match="of its own there"):
        type("Other", (Part,), {"name": "dense", "place": "encoder"})
    with pytest.raises(NetworkError, match="place is 'nowhere', expected one of scale"):
        type("Other", (Part,), {"name": "new", "place": "nowhere"})
    assert REGISTRY["encoder", "dense"] is Dense


NETWORK = Network(3, 1, "ctrnn", 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network(3, 1, "cfc", 5, readout=Linear(6, 1)), "readout has inputs=6, .* needs 5"),
        (lambda: Network(3, 1, "cfc", 5, readout=Linear(5, 2)), "readout has outputs=2"),
        (lambda: Network(3, 1, "cfc", 5, readout=Linear(5, 1, 2)), "readout has static=2, .* needs 0"),
        (lambda: Network(3, 1, head=tauflow.network.Values(2)), "head has columns=2"),
        (lambda: Network(3, 1, pool=tauflow.network.Mean(4)), "pool has inputs=4"),
        (lambda: Network(3, 1, head=None), "head is None, but a network needs one"),
        (lambda: Network(3, 1, CfC(3, 4), tau=2.0), "tau is 2.0, but goes to a cell that is built by its name"),
        (lambda: Network(3, 1, "tcn", 4, tau=2.0), "tau is 2.0"),
        (lambda: Network(3, 1, {"name": "tcn", "blocks": 50}, 4), "at most 20"),
        (lambda: Network(3, 1, {"name": "transformer", "layers": 65}, 4), "at most 64"),
        (lambda: Committee([NETWORK, NETWORK]), "stands twice"),
        (lambda: Network(3, 1, scale=Scale(4)), "the scale takes 4 numbers, but what comes before it gives 3"),
        (lambda: Network(3, 1, missing=Missing(2)), "the missing takes 2"),
        (
            lambda: Network(3, 1, readout=Dense(32, 1)),
            "readout is a Dense, a part for encoder; there are both, deep, linear, skip, wide",
        ),
    ],
)
def test_parts_that_do_not_meet_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        make()


# Files that are no network


def content(network: nn.Module, folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    save(network, folder / "good.tau")
    file = files.read(folder / "good.tau")
    return file.tensors, file.config


def refused(tensors: dict[str, Tensor], config: dict[str, Any], folder: Path) -> str:
    files.write(folder / "bad.tau", tensors, config, kind="model")
    with pytest.raises(ModelFileError) as caught:
        load(folder / "bad.tau")
    text = str(caught.value)
    assert "\n" not in text and len(text) < 700
    return text


def change(config: dict[str, Any], keys: tuple[Any, ...], value: Any) -> None:
    holder = config["structure"]
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value


def part(place: str, name: str, **options: Any) -> dict[str, Any]:
    return {"type": "part", "place": place, "name": name, "options": options}


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("inputs",), 4),
        (("inputs",), ["a", "b"]),
        (("inputs",), ["a", "a", "b", "c"]),
        (("inputs",), ["a", "b", "c", 3]),
        (("outputs",), []),
        (("static",), 1),
        (("static",), True),
        (("static",), "0"),
        (("auto",), ["tau", "period"]),
        (("auto",), ["tau", "tau"]),
        (("auto",), [{}]),
        (("auto",), {}),
        (("parts",), {}),
        (("parts", "more"), None),
        (("parts", "core"), None),
        (("parts", "core"), part("encoder", "dense", inputs=3, units=4)),
        (("parts", "core"), {"type": "network"}),
        (("parts", "head"), None),
        (("parts", "readout"), None),
        (("parts", "readout"), 3),
        (("parts", "readout"), part("readout", "linear", inputs=4, outputs=3)),
        (("parts", "readout"), part("readout", "linear", inputs=6, outputs=3, static=1)),
        (("parts", "encoder"), part("encoder", "os.system")),
        (("parts", "encoder"), part("nowhere", "dense", inputs=3)),
        (("parts", "encoder"), part("encoder", "dense", inputs=3, more=1)),
        (("parts", "encoder"), part("encoder", "dense", inputs="3")),
        (("parts", "encoder"), {**part("encoder", "dense", inputs=3), "more": 1}),
        (("parts", "scale"), {"type": "same", "as": "head"}),
        (("more",), 1),
        (("type",), "committee"),
    ],
)
def test_a_structure_that_is_no_network_is_refused(keys: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    tensors, config = content(Network(4, 3, "ctrnn", 6), tmp_path)
    change(config, keys, value)
    refused(tensors, config, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period", 0.0),
        ("period", -1.0),
        ("scale.width", 0.0),
        ("scale.width", -2.0),
        ("head.low", 7.0),
        ("waves.periods", 0.0),
        ("measured", 1.0),
    ],
)
def test_numbers_that_no_network_has_are_refused(name: str, value: float, tmp_path: Path) -> None:
    tensors, config = content(Network(4, 3, "ctrnn", 6, waves="waves", head="actions"), tmp_path)
    like = tensors[name] if name != "measured" else torch.zeros(())
    assert name in refused({**tensors, name: torch.full_like(like, value)}, config, tmp_path)


N = 10**9
BOMBS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "units": (("parts", "encoder"), part("encoder", "dense", inputs=4, units=N)),
    "many layers": (("parts", "encoder"), part("encoder", "dense", inputs=4, units=[2] * 100_000)),
    "wide layers": (("parts", "encoder"), part("encoder", "dense", inputs=4, units=[N, N])),
    "a picture": (("parts", "encoder"), part("encoder", "images", inputs=N * N, shape=[1, N, N])),
    "filters": (("parts", "encoder"), part("encoder", "images", inputs=4, shape=[1, 2, 2], filters=[1] * 100_000)),
    "a wide filter": (("parts", "encoder"), part("encoder", "images", inputs=4, shape=[1, 2, 2], filters=[2**50])),
    "channels": (("parts", "encoder"), part("encoder", "convolution", inputs=N, channels=N)),
    "vocabulary": (("parts", "encoder"), part("encoder", "tokens", inputs=1, vocabulary=10**12)),
    "deep": (("parts", "readout"), part("readout", "deep", inputs=6, outputs=3, units=[10**12])),
    "outputs": (("parts", "readout"), part("readout", "linear", inputs=6, outputs=N)),
    "seen": (("parts", "readout"), part("readout", "skip", inputs=6, outputs=3, seen=N)),
    "columns": (("parts", "head"), part("head", "actions", columns=N)),
    "classes": (("parts", "head"), part("head", "classes", columns=N)),
    "values": (("parts", "head"), part("head", "values", columns=2**62)),
    "levels": (("parts", "head"), part("head", "quantiles", columns=3, levels=[k / 90_000 for k in range(1, 50_000)])),
    "blocks": (("parts", "core"), part("core", "tcn", inputs=4, units=6, blocks=10**6)),
    "steps": (("parts", "core"), part("core", "window_mlp", inputs=4, units=6, steps=2**62)),
    "layers": (("parts", "core"), part("core", "transformer", inputs=4, units=4, layers=10**6)),
    "a scale": (("parts", "scale"), part("scale", "scale", inputs=N)),
    "missing": (("parts", "missing"), part("missing", "missing", inputs=2**62)),
    "periods": (("parts", "waves"), part("waves", "waves", inputs=4, periods=[1.0] * 100_000)),
    "columns of waves": (("parts", "waves"), part("waves", "waves", inputs=4, columns=[0] * 100_000)),
    "static": (("static",), 10**12),
    "kinds": (("parts", "pool"), part("pool", "several", inputs=N, kinds=["attention"])),
}


def test_a_small_file_that_asks_for_much_costs_nothing(tmp_path: Path) -> None:
    tensors, good = content(Network(4, 3, "ctrnn", 6), tmp_path)
    folder = tmp_path / "bombs"
    folder.mkdir()
    for name, (keys, value) in BOMBS.items():
        config = json.loads(json.dumps(good))
        change(config, keys, value)
        files.write(folder / name, tensors, config, kind="model")
    member, same_as = good["structure"], {"type": "same", "as": "members.0"}
    for name, members in (("committee", [member] * 600), ("one member", [member] + [same_as] * 20_000)):
        config = {**good, "structure": {"type": "committee", "members": members}}
        files.write(folder / name, tensors, config, kind="model")
    done = subprocess.run([sys.executable, "-c", COST, str(folder)], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(BOMBS) + 2
    for name, error, seconds, kib in found:
        assert error != "loaded", name
        assert "\n" not in error and len(error) < 600, error
        assert seconds < 2, (name, seconds)
        assert kib < 64 * 1024, (name, kib)


def test_a_picture_may_have_more_pixels_than_the_network_has_weights(tmp_path: Path) -> None:
    encoder = {"name": "images", "shape": [1, 64, 64], "filters": [1], "kernel": 1, "stride": 32, "units": 2}
    network = Network(4096, 1, "ctrnn", 2, scale=None, encoder=encoder)
    assert sum(p.numel() for p in network.parameters()) < 100
    same(network, again(network, tmp_path), {"x": torch.randn(1, 2, 4096)})


QUICK = """
import sys
from pathlib import Path
import torch
import tauflow
for path in Path(sys.argv[1]).iterdir():
    tauflow.load(path)
    assert not {"sympy", "torch._dynamo"} & set(sys.modules), path.name
"""


def test_a_program_that_loads_a_model_does_not_load_the_compiler_of_torch(tmp_path: Path) -> None:
    """It takes a second or more, and arithmetic on the meta device is enough to bring it."""
    for kind in (*KINDS, *MORE):
        save(made(kind), tmp_path / f"{kind}.tau")
    subprocess.run([sys.executable, "-c", QUICK, str(tmp_path)], check=True)
