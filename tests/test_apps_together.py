"""One core for many: sets are read or refused in a sentence, the test part only judges, cores are carried as they say, the command runs."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chromium import BINARY
from chromium import Page as Browser

import tauflow
from tauflow.apps import together
from tauflow.apps.together import judged as found
from tauflow.apps.together import made, nets, sets
from tauflow.training import Batch

study = importlib.import_module("tauflow.apps.together.study")
SHORT = together.Settings(units=4, updates=2, few=2, longer=2, epochs=1)


def quiet(text: str) -> None:
    """Nobody listens."""


# ---- sets


def written(folder: Path, name: str, train: str, test: str, suffix: str = "ts") -> None:
    (folder / f"{name}_TRAIN.{suffix}").write_text(train)
    (folder / f"{name}_TEST.{suffix}").write_text(test)


def test_a_set_is_read_as_it_was_published(tmp_path: Path) -> None:
    head = "#about\n@problemName A\n@data\n"
    written(tmp_path, "A", head + "1,2,3:4,5,6:x\n7,?,9,10:0,1,NaN,3:y\n", head + "\n5:6:y\n")
    (one,) = together.read_folder(tmp_path)
    assert (one.name, one.inputs, one.classes, one.unit) == ("A", 2, 2, "sample")
    torch.testing.assert_close(one.learn.x[0, :3], torch.tensor([[1.0, 4], [2, 5], [3, 6]]))
    torch.testing.assert_close(
        one.learn.x[1], torch.tensor([[7.0, 0], [7, 1], [9, 1], [10, 3]])
    )  # the last known value
    assert one.learn.mask is not None and one.learn.mask.sum(1).tolist() == [3, 4] and one.test.mask is None
    assert one.learn.y is not None and one.learn.y.tolist() == [0, 1] and one.test.y.tolist() == [1]  # type: ignore[union-attr]
    assert one.learn.dt is not None and (one.learn.dt == 1).all()


def test_long_series_are_read_in_pieces_and_time_is_the_sets_own(tmp_path: Path) -> None:
    line = "\t".join(str(v) for v in range(90))
    written(tmp_path, "GunPoint", f"-1\t{line}\tNaN\tNaN\n2\t{line}\n", f"2\t{line}\n", "tsv")
    (one,) = together.read_folder(tmp_path, ["GunPoint"])
    assert one.unit == "s" and one.learn.x.shape == (2, 30, 3)  # 90 / 32 -> pieces of three
    torch.testing.assert_close(one.learn.x[0, 1], torch.tensor([3.0, 4.0, 5.0]))
    torch.testing.assert_close(one.learn.dt, torch.full((2, 30), 0.1))
    np.testing.assert_array_equal(sets.pieces(np.arange(5.0)[:, None], 2), [[0, 1], [2, 3], [4, 4]])


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        ("@data\n1,2:a\n3,4:a\n", "@data\n1,2:a\n", "one class alone, 'a'"),
        ("@data\n1,2:a\n3,4:b\n", "@data\n1,2:c\n", "the class 'c', which its learning part has not"),
        ("@data\n(1,2),(3,4):a\n", "@data\n1,2:a\n", "time stamps are not read"),
        ("@data\n?,?:a\n1,2:b\n", "@data\n1,2:a\n", "without a single known value"),
        ("1,2:a\n", "@data\n1,2:a\n", "has no series"),
    ],
)
def test_what_is_no_set_is_refused(train: str, test: str, told: str, tmp_path: Path) -> None:
    written(tmp_path, "A", train, test)
    with pytest.raises(tauflow.TauflowError, match=told):
        together.read_folder(tmp_path)


def test_folders_without_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(tauflow.TauflowError, match=r"has no set: expected files NAME_TRAIN\.ts"):
        together.read_folder(tmp_path)
    (tmp_path / "A_TRAIN.ts").write_text("@data\n1:a\n2:b\n")
    with pytest.raises(tauflow.TauflowError, match=r"has neither A_TEST.ts nor A_TEST.tsv"):
        together.read_folder(tmp_path)
    with pytest.raises(tauflow.TauflowError, match="has no set 'B'; it has A"):
        together.read_folder(tmp_path, ["B"])


def test_domains_are_made_up_each_in_its_own_time() -> None:
    domains = together.made_up()
    assert [one.name for one in domains] == ["pulse", "house", "bearing", "river", "stride"]
    for one in domains:
        period = made.KINDS[one.name][1]
        dt = one.learn.dt
        assert dt is not None and one.learn.y is not None
        assert float(dt.mean() / period) == pytest.approx(1.0, abs=0.03)
        assert 0.5 <= float(dt.min() / period) < 0.52 and 1.48 < float(dt.max() / period) <= 1.5
        assert one.learn.y.bincount().tolist() == [len(one.learn.x) // one.classes] * one.classes
        assert not torch.equal(one.learn.x[:20], one.test.x[:20])
    again, other = together.made_up()[0], together.made_up(1)[0]
    assert torch.equal(again.learn.x, domains[0].learn.x) and not torch.equal(other.learn.x, domains[0].learn.x)
    t, rng = np.linspace(0, 40, 4001)[None], np.random.default_rng(0)
    fast_rise, slow_rise = (made.river(t, np.array([[k]]), rng)[0, :, 0] for k in (0, 1))
    for curve, rise, fall in ((fast_rise, 1.0, 5.0), (slow_rise, 5.0, 1.0)):
        peak = curve.argmax()
        assert curve[peak - 100] == pytest.approx(np.exp(-1 / rise), rel=0.02)
        assert curve[peak + 100] == pytest.approx(np.exp(-1 / fall), rel=0.02)


# ---- networks


def test_sizes_are_as_asked() -> None:
    domains = together.made_up(0, 12, 6)
    whole = nets.numbers(nets.build(domains, 12, 0))
    assert nets.units_for(lambda u: 10 * u, 35) == 3 and nets.units_for(lambda u: 10 * u, 5) == 1
    alone = sum(nets.numbers(nets.build([one], 12, 0)) for one in domains)
    core = nets.numbers(nets.build(domains, 12, 0).core)
    assert alone - whole == 4 * core and core == 12 * 12 + 12 * 8 + 3 * 12
    first, again, other = (nets.build(domains, 4, seed).core.cell.W for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_series_are_drawn_from_each_class_in_turn() -> None:
    y = torch.tensor([0] * 10 + [1] * 3)
    batch = Batch(torch.arange(13.0)[:, None, None], y)
    few = nets.some(batch, 6, 0)
    assert few.y is not None and few.y.bincount().tolist() == [3, 3] and len(few.x.unique()) == 6
    assert nets.some(batch, 8, 0).y.bincount().tolist() == [5, 3]  # type: ignore[union-attr]
    assert len(nets.some(batch, 99, 0).x) == 13
    assert not torch.equal(nets.some(batch, 6, 1).x, few.x)


@pytest.mark.parametrize("way", nets.WAYS)
def test_a_core_is_carried_as_it_says(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = together.made_up(0, 12, 6)[0]
    core = nets.build(together.made_up(0, 12, 6)[1:3], 4, 0).core
    before = {name: p.detach().clone() for name, p in core.named_parameters()}
    kept: list[Any] = []
    monkeypatch.setattr(nets, "right", lambda net, one: kept.append(net) or 50.0)
    assert nets.take_to(core, domain, 6, way, SHORT, 0) == 50.0
    after = dict(kept[0].core.named_parameters())
    moved = {name: float((after[name].detach() - before[name]).abs().max()) for name in before}
    assert all(torch.equal(before[name], p) for name, p in core.named_parameters())  # a copy was carried
    assert (moved["cell.log_tau"] > 0) == (way in ("slow", "free"))
    assert (moved["cell.b"] > 0) == (way != "frozen")
    if way == "slow":
        assert moved["cell.b"] < 0.3 * SHORT.rate
    with pytest.raises(tauflow.TauflowError, match="way is 'nope', expected one of frozen"):
        nets.take_to(core, domain, 6, "nope", SHORT, 0)


def test_per_cent_right_are_those_of_the_test_series() -> None:
    domain = together.made_up(0, 12, 30)[1]
    net = nets.build([domain], 4, 0)["house"]
    with torch.no_grad():
        said = net.eval()(domain.test.x, domain.test.dt)[0].argmax(1)
    assert domain.test.y is not None
    assert nets.right(net, domain) == pytest.approx(100 * float((said == domain.test.y).double().mean()))


# ---- the study


@pytest.fixture(scope="module")
def small() -> tuple[Any, Any, list[Any]]:
    """A study of three domains, and whatever was learned from in it."""
    domains = [together.made_up(0, count, 10)[k] for k, count in ((0, 12), (1, 30), (3, 20))]
    taught: list[Any] = []
    learn = nets.learn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            nets, "learn", lambda multi, parts, *rest: taught.append((multi, parts, rest)) or learn(multi, parts, *rest)
        )
        judged, one = together.study(domains, [0, 1], SHORT, quiet, counts=(6,))
    return judged, one, taught


def test_the_test_part_only_judges(small: tuple[Any, Any, list[Any]]) -> None:
    _, _, taught = small
    tests = [together.made_up(0, count, 10)[k].test.x for k, count in ((0, 12), (1, 30), (3, 20))]
    for _, parts, _ in taught:
        for part in parts.values():
            assert not any(part.x.shape[2] == x.shape[2] and (part.x[0] == x).all((1, 2)).any() for x in tests)


def test_approaches_differ_as_they_say(small: tuple[Any, Any, list[Any]]) -> None:
    judged, one, taught = small
    assert judged.models == [found.ONE, found.HALF, found.EACH, found.SMALL, found.MORE, found.LONG]
    size = {model: judged.of(model)[0].numbers for model in judged.models}
    assert size[found.HALF] <= size[found.ONE] / 2 and size[found.SMALL] <= size[found.ONE] < size[found.EACH]
    assert size[found.LONG] == size[found.EACH] and size[found.MORE] == size[found.ONE] == nets.numbers(one)
    updates = [rest[1] for _, parts, rest in taught if len(parts) == 1 and rest[1] in (2, 4)]
    assert updates[:9] == [2] * 6 + [4] * 3  # a network each of two sizes, then with twice as many updates
    assert judged.seen == ["pulse", "house", "river"][:0] + [
        n for n in ("pulse", "river", "house") if n not in judged.unseen
    ]
    assert judged.unseen == ["house"] and len(judged.of(found.ONE)) == 2
    assert set(judged.arms) == set(study.ARMS) and all(len(judged.carries(arm, 6)) == 2 for arm in judged.arms)
    assert all(
        len(judged.tau[name]) == SHORT.units and (judged.tau[name] > 0).all() for name in ("pulse", "house", "river")
    )


def test_tau_is_told_in_the_domains_own_time() -> None:
    domain = together.made_up(0, 12, 10)[1]
    one = nets.build([domain], 4, 0)
    one["house"].period.fill_(0.8)
    hours = study.tau_of(one, domain)
    assert domain.test.dt is not None
    seconds = Batch(domain.test.x, domain.test.y, 3600 * domain.test.dt)
    one["house"].period.fill_(0.8 * 3600)
    slow = study.tau_of(one, together.Domain("house", "", "s", 2, domain.learn, seconds))
    np.testing.assert_allclose(slow, 3600 * hours, rtol=1e-4)


def test_no_seed_begins_when_the_minutes_are_up() -> None:
    said: list[str] = []
    domains = [together.made_up(0, 8, 5)[k] for k in (1, 3)]
    judged, _ = together.study(domains, [0, 1], SHORT, said.append, 1e-6, counts=(4,))
    assert len(judged.of(found.ONE)) == 1 and any("seed 1 and those after it were left out" in text for text in said)
    with pytest.raises(tauflow.TauflowError, match="there is 1 domain"):
        together.study(domains[:1], [0], SHORT, quiet)


def made_judged(one: float, long: float, learned: float, random: float) -> together.Judged:
    def result(model: str, right: float, numbers: int) -> together.Result:
        return together.Result(model, 0, {"a": right - 1, "b": right + 1}, numbers, 1.0, 4)

    results = [
        result(found.ONE, one, 100),
        result(found.EACH, 70, 300),
        result(found.SMALL, 60, 100),
        result(found.LONG, long, 300),
    ]
    arms = ((found.LEARNED, learned), (found.RANDOM, random), (found.SCRATCH, 50.0))
    return together.Judged(
        [("a", "", "s"), ("b", "", "h")], results, [together.Carried(arm, 0, "b", 5, 10, right) for arm, right in arms]
    )  # fmt: skip


def test_the_sentence_says_who_lost() -> None:
    def said(*values: float) -> str:
        return made_judged(*values).sentence()

    assert said(80, 75, 60, 50).startswith("One core leads: one core 80.0 % right on 2 sets with 100 numbers, the best")
    assert "a network each, more updates 75.0 % with 300" in said(80, 75, 60, 50)
    assert said(80, 82, 60, 50).startswith("Many networks lead: a network each, more updates 82.0 %")
    assert [found.sign(a, b) for a, b in (([5, 7], [4, 6]), ([5, 7], [4, 7.5]), ([4, 6], [5, 7]), ([5], [4.6]))] == [
        1,
        0,
        -1,
        0,
    ]
    assert said(80, 80.4, 60, 50).startswith("Level: ") and not said(80, 80.6, 60, 50).startswith("Level")
    assert "is ahead of a random one with 10 series (60.0 % against 50.0 %)" in said(80, 75, 60, 50)
    assert "behind a random one" in said(80, 75, 50, 60) and "level with a random one" in said(80, 75, 50.4, 50)
    more = made_judged(80, 75, 60, 50)
    more.carried += [
        together.Carried(arm, 0, "b", 5, n, n - 20) for arm in (found.LEARNED, found.SCRATCH) for n in (30, 99)
    ]
    more.carried += [together.Carried(found.RANDOM, 0, "b", 5, n, right) for n, right in ((30, 50), (99, 10))]
    assert "ahead of a random one with 10 and 99 series, behind a random one with 30 series" in more.sentence()


def test_rows_are_those_of_the_benchmarks() -> None:
    rows = made_judged(80, 75, 60, 50).rows()
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in rows)
    value: Callable[[str, str, str], float] = lambda task, model, metric: next(  # noqa: E731
        row["mean"] for row in rows if (row["task"], row["model"], row["metric"]) == (task, model, metric)
    )
    assert value("together, mean", found.ONE, "right") == 80 and value("together, b", found.ONE, "right") == 81
    assert {row["parameters"] for row in rows if row["model"] == found.EACH} == {300}
    assert value("together, 10 series", found.LEARNED, "carried") == 60
    assert value("together, b, 10 series", found.RANDOM, "carried each") == 50


def test_the_command_runs_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    words = ["together", "--quick", "--page", "a.html", "--json", "a.json", "--save", "a.tau", "--format", "json"]
    assert run(words) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == json.loads((tmp_path / "a.json").read_text())
    assert "five domains are made up" in printed.err
    one = tauflow.load("a.tau")
    assert isinstance(one, tauflow.Multi) and one["pulse"].core is one["stride"].core
    assert one["river"].stream()([0.1], 1.0).shape == (2,)
    text = (tmp_path / "a.html").read_text()
    assert "One core, many clocks" in text and "random core, frozen" in text and "<script" not in text
    assert run(["together", "--data", "nowhere"]) == 1
    assert "nowhere has no set" in capsys.readouterr().err
    if BINARY is None:
        pytest.skip("no Chromium here: the page is not looked at")
    for width in (390, 1280):
        with Browser(tmp_path, width) as browser:
            browser.open(tmp_path / "a.html")
            assert browser.complaints() == []
            assert browser.evaluate("document.documentElement.scrollWidth") <= width
