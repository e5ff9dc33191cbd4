"""One core for several kinds of series: the weights are one, gradients add, files keep it so, each kind has its own unit of time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import tauflow
from tauflow import Door, Multi, Network, files
from tauflow.errors import ModelFileError
from tauflow.network import NetworkError
from tauflow.training import ArraySource, Batch, KindSource, OfKind, SettingsError, evaluate
from tauflow.training.objectives import by_kind


def multi(core: Any = "gated_ltc", **more: Any) -> Multi:
    torch.manual_seed(0)
    doors = {
        "heart": Door(2, 3, pool="last", head="classes", period=0.5),
        "a house": Door(["kW"], ["kW"], period=3600.0),
    }
    return Multi(doors, core, 6, width=4, **more)


def heart(count: int = 20, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 7, 2, generator=draw)
    return Batch(
        x, (x[..., 0].mean(1) > 0).long() + (x[..., 1].mean(1) > 0.3), 0.4 + 0.2 * torch.rand(count, 7, generator=draw)
    )


def house(count: int = 20, seed: int = 1) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    x = 3 + torch.randn(count, 5, 1, generator=draw)
    return Batch(x, x.cumsum(1), 3600 * (0.5 + torch.rand(count, 5, generator=draw)))


def source(part: Batch, **more: Any) -> ArraySource:
    return ArraySource(part.x, part.y, part.dt, **{"batch_size": 8, **more})


def both(**more: Any) -> KindSource:
    return KindSource({"heart": source(heart()), "a house": source(house())}, **more)


def test_the_core_is_one_and_the_doors_are_not() -> None:
    m = multi()
    assert m["heart"].core is m["a house"].core is m.core and isinstance(m["heart"], Network)
    alone = sum(p.numel() for kind in m for p in m[kind].parameters())
    core = sum(p.numel() for p in m.core.parameters())
    assert core == 6 * 6 + 6 * 4 + 3 * 6 and sum(p.numel() for p in m.parameters()) == alone - core
    doors = [{id(p) for name, p in m[kind].named_parameters() if not name.startswith("core.")} for kind in m]
    assert not doors[0] & doors[1] and all(doors)
    assert list(m) == ["heart", "a house"] and len(m) == 2
    assert m["heart"].encoder.outputs == m["a house"].encoder.outputs == m.core.inputs == 4


def test_gradients_of_two_kinds_add() -> None:
    m = multi().double()
    parts = {"heart": heart(), "a house": house()}
    parts = {
        k: Batch(b.x.double(), b.y if b.y is not None and not b.y.is_floating_point() else b.y.double(), b.dt.double())
        for k, b in parts.items()
    }  # type: ignore[union-attr]

    def gradient(*kinds: str) -> list[torch.Tensor]:
        m.zero_grad()
        torch.stack([by_kind(m, OfKind(kind, parts[kind])) for kind in kinds]).sum().backward()
        return [p.grad.clone() for p in m.core.parameters()]

    for whole, a, b in zip(gradient("heart", "a house"), gradient("heart"), gradient("a house"), strict=True):
        assert a.abs().max() > 1e-6 and b.abs().max() > 1e-6
        torch.testing.assert_close(whole, a + b, rtol=1e-10, atol=1e-12)
    m.zero_grad()
    by_kind(m, OfKind("heart", parts["heart"])).backward()
    assert all(p.grad is None for n, p in m["a house"].named_parameters() if not n.startswith("core."))


@pytest.mark.parametrize("core", ["gated_ltc", {"name": "cfc", "bidirectional": True}])
def test_a_file_keeps_what_is_shared(core: Any, tmp_path: Path) -> None:
    m = multi(core).eval()
    m.core.requires_grad_(False)
    tauflow.save(m, tmp_path / "m.tau")
    found = tauflow.load(tmp_path / "m.tau")
    assert isinstance(found, Multi) and found.kinds == m.kinds
    assert found["heart"].core is found["a house"].core and not any(p.requires_grad for p in found.core.parameters())
    for kind, part in (("heart", heart()), ("a house", house())):
        assert torch.equal(found[kind](part.x, part.dt)[0], m[kind](part.x, part.dt)[0])
    with torch.no_grad():
        next(found["heart"].core.parameters()).add_(1.0)
    assert not torch.equal(found["a house"](house().x)[0], m["a house"](house().x)[0])
    tauflow.save(m["heart"], tmp_path / "heart.tau")
    alone = tauflow.load(tmp_path / "heart.tau")
    assert type(alone) is Network and torch.equal(alone(heart().x)[0], m["heart"](heart().x)[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(kinds=["heart", "heart"]),
        lambda s: s.update(kinds=["heart"]),
        lambda s: s.update(kinds=["heart", 3]),
        lambda s: s["networks"].pop(),
        lambda s: s.update(more=1),
        lambda s: s.update(networks=[s["networks"][0], {"type": "same", "as": "networks.0.core"}]),
        lambda s: s["networks"][1]["parts"].update(core=s["networks"][0]["parts"]["core"]),
    ],
)
def test_files_that_are_no_multi_are_refused(change: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    tauflow.save(multi(), tmp_path / "m.tau")
    file = files.read(tmp_path / "m.tau", kind="model")
    config = json.loads(json.dumps(file.config))
    change(config["structure"])
    files.write(tmp_path / "bad.tau", file.tensors, config, kind="model")
    with pytest.raises(ModelFileError):
        tauflow.load(tmp_path / "bad.tau")


def test_each_kind_streams_explains_and_exports_as_a_network(tmp_path: Path) -> None:
    m = multi().eval()
    m["a house"].measure(house())
    for kind, part in (("heart", heart(1)), ("a house", house(1))):
        stream = m[kind].stream(backend="cpu")
        assert part.dt is not None
        told = [stream(x, dt) for x, dt in zip(part.x[0].numpy(), part.dt[0].tolist(), strict=True)]
        with torch.no_grad():
            whole = m[kind].prefixes(part.x, part.dt)[0][0].numpy()
        np.testing.assert_array_equal(np.stack(told), whole)
    shares = tauflow.explain.explain(m["a house"], house().x[0], house().dt[0])  # type: ignore[index]
    assert "kW" in shares.names
    tauflow.deploy.export(m["heart"], "numpy", tmp_path / "heart")
    assert any(tmp_path.rglob("*.py"))


def test_a_period_is_each_kinds_own() -> None:
    m = multi().eval()
    part = house()
    assert part.dt is not None
    seconds = m["a house"](part.x, part.dt)[0]
    m["a house"].period.fill_(1.0)  # hours now
    assert torch.allclose(m["a house"](part.x, part.dt / 3600)[0], seconds, rtol=1e-5, atol=1e-6)
    assert float(m["heart"].period) == 0.5
    x = torch.zeros(1, 1, 2)
    m["a house"].period.fill_(3600.0)
    slow = m["a house"].trace(x[..., :1], torch.tensor([[3600.0]])).tau
    fast = m["heart"].trace(x, torch.tensor([[0.5]])).tau
    assert slow is not None and fast is not None and 1000 < float(slow.median() / fast.median()) < 40000


def test_fit_measures_each_kind_by_its_own_series() -> None:
    torch.manual_seed(0)
    m = Multi({"heart": Door(2, 3, pool="last", head="classes"), "a house": Door(1, 1)}, "ctrnn", 6)
    tauflow.fit(m, both(), epochs=1, progress=False)
    for kind, part in (("heart", heart()), ("a house", house())):
        assert part.dt is not None and float(m[kind].period) == pytest.approx(float(part.dt.double().median()))
        torch.testing.assert_close(m[kind].scale.mean, part.x.flatten(0, 1).mean(0))
        assert bool(m[kind].measured)
    assert m.core.inputs == 32


def test_it_learns_both_and_losses_are_balanced() -> None:
    m = multi()
    held = both(rounds=4)
    with torch.no_grad():
        guess, target = torch.full((9, 3), -math.log(3)), torch.arange(9) % 3
        assert float(m.loss("heart", guess, target)) == pytest.approx(1.0)
        m["a house"].measure(house())
        y = house().y
        assert y is not None
        mean = y.flatten(0, 1).mean(0).expand_as(y)
        assert float(m.loss("a house", mean, y)) == pytest.approx(1.0 - 1 / y.numel())  # the spread is that of a sample
    before = {kind: evaluate(m[kind], both().sources[kind]) for kind in m}
    tauflow.fit(m, both(rounds=10), epochs=8, lr=0.01, progress=False)
    after = {kind: evaluate(m[kind], both().sources[kind]) for kind in m}
    assert all(after[kind] < 0.9 * before[kind] for kind in m), (before, after)
    with torch.no_grad():
        whole = np.mean([float(by_kind(m.eval(), one)) for one in held.batches(0)])
    assert evaluate(m, held) == pytest.approx(whole, rel=1e-5)


def test_kinds_take_turns_and_the_shorter_begins_again() -> None:
    told = KindSource({"long": source(heart(24), batch_size=4), "short": source(house(8), batch_size=4)}, seed=3)
    assert told.rounds == 6 and len(told) == 12
    drawn = list(told.batches(0))
    assert [len({a.kind, b.kind}) for a, b in zip(drawn[::2], drawn[1::2], strict=True)] == [2] * 6
    assert len({one.kind for one in drawn[::2]}) == 2  # the order is drawn
    rows = torch.cat([one.batch.x[:, 0, 0] for one in drawn if one.kind == "short"]).view(3, 8)
    assert (rows.sort(1).values == rows[0].sort().values).all() and not torch.equal(rows[0], rows[1])
    again, other = list(told.batches(0)), list(told.batches(1))
    assert all(a.kind == b.kind and torch.equal(a.batch.x, b.batch.x) for a, b in zip(drawn, again, strict=True))
    assert any(a.kind != b.kind or not torch.equal(a.batch.x, b.batch.x) for a, b in zip(drawn, other, strict=True))
    assert len(both(rounds=2)) == 4


def test_a_resumed_run_ends_like_one_never_stopped(tmp_path: Path) -> None:
    class Stop(tauflow.training.Callback):
        def on_epoch(self, epoch: Any) -> bool:
            return True

    whole, cut = multi(), multi()
    tauflow.fit(whole, both(seed=1), epochs=3, progress=False)
    for callbacks in ((Stop(),), ()):
        tauflow.fit(cut, both(seed=1), epochs=3, progress=False, checkpoint=tmp_path / "c", callbacks=callbacks)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), cut.parameters(), strict=True))
    with pytest.raises(tauflow.TauflowError, match="seed"):
        tauflow.fit(multi(), both(seed=2), epochs=3, progress=False, checkpoint=tmp_path / "c")


def test_a_core_goes_to_a_kind_it_never_saw() -> None:
    m = multi()
    new = Multi({"new": Door(3, 2)}, m.core)
    assert new.core is m.core and new["new"].encoder.outputs == 4
    assert new("new", torch.zeros(1, 2, 3))[0].shape == (1, 2, 2)
    shared = Multi({"a": Network(4, 1, m.core), "b": Network(4, 2, m.core)})
    assert shared.core is m.core


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(NetworkError, match="no kind of series"):
        Multi({})
    with pytest.raises(NetworkError, match="a door was given core, units"):
        Door(2, 3, core="cfc", units=3)
    with pytest.raises(NetworkError, match="cores of their own"):
        Multi({"a": Network(1, 1), "b": Network(1, 1)})
    with pytest.raises(NetworkError, match="'b' is a Network, expected a Door"):
        Multi({"a": Door(1, 1), "b": Network(1, 1)})
    with pytest.raises(NetworkError, match="networks were given, which have their core already"):
        Multi({"a": Network(4, 1, multi().core)}, "ltc")
    with pytest.raises(SettingsError, match="a is a Tensor, expected a source"):
        KindSource({"a": torch.zeros(3)})  # type: ignore[dict-item]
    with pytest.raises(NetworkError, match="no kind 'lung', but heart, a house"):
        multi()["lung"]
    with pytest.raises(NetworkError, match="tau"):
        Multi({"a": Door(1, 1)}, multi().core, tau=3.0)
    with pytest.raises(SettingsError, match="expected KindSource"):
        tauflow.fit(multi(), source(heart()), epochs=1, progress=False)
    with pytest.raises(SettingsError, match="doesn't say of which kind"):
        by_kind(multi(), heart())  # type: ignore[arg-type]
    with pytest.raises(tauflow.TauflowError, match="there is no source"):
        KindSource({})
    with pytest.raises(SettingsError, match="rounds"):
        both(rounds=0)
    with pytest.raises(tauflow.TauflowError, match="can't save"):
        tauflow.save(nn.ModuleList([multi()]), "nowhere.tau")
