"""Static against liquid: what disturbs a test, what learns on, what is kept and what the page says of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.__main__ import main
from benchmarks.paper import models
from benchmarks.paper.data import Files
from benchmarks.versus import adapt, cuts, figure, job, page, rules, run, verdict
from benchmarks.versus.job import Row
from benchmarks.versus.sets import LENGTH, SETS, UNITS, Data, Recording, even

ROWS = 400


def recording(seed: int, outputs: int = 3) -> Recording:
    x = np.random.default_rng(seed).standard_normal((ROWS, outputs)).cumsum(axis=0) / 10
    return even(x[:-1], x[1:].astype(np.float32))


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(
        [recording(0), recording(1)], [recording(2)], [recording(3)], lambda x, y, level: (x + np.float32(level), y)
    )


@pytest.fixture(scope="module")
def of():
    return replace(
        SETS["half_cheetah"], outputs=3, epochs=2, cells=("gated_ltc", "lstm", "hybrid"), sizes={"lstm": (8, UNITS)}
    )


def test_a_row_that_is_lost_leaves_its_time_and_its_target(data):
    one = data.test[0]
    whole, kept = cuts.cut([one], 5), cuts.cut([one], 5, cuts.each(3))
    assert torch.equal(kept.batch.x[0], torch.from_numpy(one.x[: 3 * LENGTH : 3]))
    assert torch.equal(kept.batch.y[0], torch.from_numpy(one.y[: 3 * LENGTH : 3]))
    assert kept.batch.dt[0].tolist() == [1] + [3] * (LENGTH - 1)
    assert (whole.batch.dt == 1).all()


def test_time_that_was_uneven_before_the_loss_is_added_up():
    dt = np.arange(1, 101, dtype=np.float32)
    one = Recording(np.zeros((100, 1), np.float32), np.zeros((100, 1), np.float32), dt)
    found = cuts.cut([one], 1, cuts.each(2)).batch.dt[0]
    assert found[1:4].tolist() == [2 + 3, 4 + 5, 6 + 7]


@pytest.mark.parametrize("spread", [0, 1, 3])
def test_uneven_gaps_keep_the_mean_rate(spread):
    kept = cuts.gaps(spread)(40_000, np.random.default_rng(0))
    steps = np.diff(kept)
    assert steps.min() == cuts.MEAN_GAP - spread and steps.max() == cuts.MEAN_GAP + spread
    assert steps.mean() == pytest.approx(cuts.MEAN_GAP, rel=0.02)


@pytest.mark.parametrize("name", cuts.DISTURBANCES)
def test_the_first_level_changes_nothing_but_the_sampling(name, of, data):
    one = cuts.DISTURBANCES[name]
    first, again = one.cut(of, data, one.levels[0]), one.cut(of, data, one.levels[0])
    assert torch.equal(first.batch.x, again.batch.x)
    if name != "uneven":
        assert torch.equal(first.batch.x, cuts.cut(data.test, of.stride).batch.x)
    last = one.cut(of, data, one.levels[-1]).batch
    assert last.x.shape != first.batch.x.shape or not torch.equal(last.x, first.batch.x)


def test_the_shift_comes_in_the_middle_and_is_scored_from_there(of, data):
    plain, found = cuts.cut(data.test, of.stride).batch, cuts.shifted(of, data, 2.0)
    half = LENGTH // 2
    assert found.begin == half
    assert torch.equal(found.batch.x[:, :half], plain.x[:, :half])
    torch.testing.assert_close(found.batch.x[:, half:], plain.x[:, half:] + 2)


def test_a_recording_too_short_gives_no_window(data):
    short = Recording(*(part[: LENGTH - 1] for part in (data.test[0].x, data.test[0].y, data.test[0].dt)))
    assert len(cuts.cut([short, data.test[0]], 5).batch) == len(cuts.cut([data.test[0]], 5).batch)
    with pytest.raises(ValueError, match=f"no recording is left with {LENGTH} rows"):
        cuts.cut([short], 5)


def test_ridge_finds_a_linear_rule_of_eight_rows(of):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2_000, 3)).astype(np.float32)
    y = 2 * x + 1
    y[7:] += 3 * x[:-7]
    parts = job.split(of, Data(*([even(x[a:b], y[a:b])] for a, b in ((0, 1_000), (1_000, 1_500), (1_500, 2_000)))))
    model = rules.build("ridge", of, parts)
    output = model(parts.test.x, parts.test.dt)
    torch.testing.assert_close(output[:, 7:], parts.test.y[:, 7:], atol=0.001, rtol=0)
    assert rules.count(model) == sum(rows * 3 + 1 for rows in range(1, 9)) * 3  # dt never changes, so it has no weight


class Linear(nn.Module):
    """y = x, until it learns."""

    def __init__(self):
        super().__init__()
        self.readout = nn.Linear(1, 1)
        with torch.no_grad():
            self.readout.weight.fill_(1.0)
            self.readout.bias.zero_()

    def forward(self, x, dt):
        return self.readout(x)


def test_learning_on_helps_after_a_shift_and_predicts_before_it_learns(of):
    """The source flips its sign: a frozen weight stays wrong, a learned one follows; until the shift the frozen one is right."""
    x = np.ones((1_024, 1), np.float32)
    data = Data([], [], [even(x, x)], lambda x, y, level: (x, -y))
    model = Linear()
    frozen = adapt.errors(of, data, data.test, model, "frozen", 0.0)
    learned = adapt.errors(of, data, data.test, model, "readout", 0.1)
    half = len(frozen) // 2
    assert frozen == [0.0] * half + [4.0] * half
    assert learned[half] == pytest.approx(4.0) and learned[-1] < 0.1
    assert model.readout.weight.item() == 1.0  # streams learn copies


def made(of, data, folder):
    parts = job.split(of, data)
    found = [job.rule(of, data, parts, name) for name in of.rules]
    for name, units in (("gated_ltc", UNITS), ("lstm", UNITS), ("hybrid", UNITS), ("lstm", 8)):
        found += [job.network(of, data, parts, name, units, 0.01, seed, lambda text: None) for seed in range(2)]
    return found


def test_every_model_is_measured_in_every_way_and_the_page_says_so(of, data, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "REPEATS", 1)
    monkeypatch.setattr(adapt, "RATES", (0.001,))
    found = made(of, data, tmp_path)
    for row in found:
        assert np.isfinite(row.test)
        if row.units in (0, UNITS):
            assert {name: len(curve) for name, curve in row.robust.items()} == {
                name: len(one.levels) for name, one in cuts.DISTURBANCES.items()
            }
            assert row.robust["lost"][0] == row.robust["noise"][0] == row.robust["rate"][0] == row.test
    for name in {row.model for row in found if row.units}:
        sizes = {row.units: row.parameters for row in found if row.model == name}
        inputs = data.train[0].x.shape[1]
        assert sizes == {units: models.count(models.build(name, inputs, of.outputs, units, 0)) for units in sizes}
    networks = [row for row in found if row.units == UNITS]
    assert all(len(row.curve[name]) == of.epochs for row in networks for name in ("train", "validation", "seconds"))
    assert all(len(row.adapt["frozen"]) == len(row.adapt["all"]) for row in networks)
    text = page.write({"half_cheetah": found})
    for name in ("gated_ltc", "lstm", "hybrid", "ridge", "persistence"):
        assert f"| {page.TITLES[name]} |" in text
    figure.draw({"half_cheetah": found}, tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {
        f"versus-half_cheetah-{what}.png" for what in ("size", "convergence", "robustness", "adaptation")
    }


def row(model, kind, seed, test, **rest) -> Row:
    return Row(model, kind, UNITS, seed, 0.01, 10, test, 1.0, **rest)


@pytest.mark.parametrize(("static", "word"), [(3.0, "leads"), (1.0, "loses"), (2.05, "no difference")])
def test_who_leads_is_said_by_the_deviations(static, word):
    pairs = (("ltc", "liquid", 2.0), ("lstm", "static", static))
    found = [row(model, kind, seed, test + 0.1 * seed) for model, kind, test in pairs for seed in range(2)]
    lead = verdict.lead(verdict.models(found), lambda one: one.test, higher=False)
    assert lead is not None and lead.word == word


@pytest.mark.parametrize("static", [1.0, 3.0])
def test_where_liquid_loses_stands_first(static):
    curve = {"validation": [2.0], "train": [2.0], "seconds": [1.0]}
    pairs = (("ltc", "liquid", 2.0), ("lstm", "static", static))
    found = [row(model, kind, seed, test, curve=curve) for model, kind, test in pairs for seed in range(2)]
    text = page.write({"rates": found})
    loses = (
        "**Liquid loses:**\n\n- Exchange rates: tomorrow's returns; test score: LSTM 1.000, the best liquid LTC 2.000."
    )
    assert (loses in text) == (static < 2)
    assert ("Liquid loses nowhere" in text) == (static > 2)
    assert text.index("Liquid loses") < text.index("## Exchange rates")


def test_the_small_and_the_fast_are_asked_for_by_themselves():
    curve = {"validation": [2.0], "train": [2.0], "seconds": [1.0]}
    found = [
        Row(model, kind, units, 0, 0.01, parameters, test, cost, curve=curve)
        for model, kind, units, parameters, cost, test in (
            ("ltc", "liquid", 32, 5_000, 5.0, 1.0), ("ltc", "liquid", 8, 100, 2.5, 3.0), ("gated_ltc", "liquid", 64, 5_000, 2.0, 1.5),
            ("lstm", "static", 32, 5_000, 1.0, 2.5), ("lstm", "static", 8, 100, 0.5, 2.0),
        )
    ]  # fmt: skip
    text = page.write({"half_cheetah": found})
    assert "| test score | +: LTC 1.000; LSTM 2.500 |" in text
    assert "test score, at most 2,000 parameters: LSTM of 8 2.000, the best liquid LTC of 8 3.000." in text
    assert "| test score, at most 2 us a step | +: GatedLTC of 64 1.500; LSTM of 8 2.000 |" in text


def test_area_and_convergence():
    levels = cuts.DISTURBANCES["shift"].levels
    one = row("ltc", "liquid", 0, 1.0, robust={"shift": [1.0 + level for level in levels]})
    assert verdict.area(one, "shift") == pytest.approx(1 + levels[-1] / 2)
    curve = {"validation": [5.0, 3.0, 2.0], "seconds": [1.0, 1.0, 1.0]}
    assert verdict.reached(row("ltc", "liquid", 0, 1.0, curve=curve), 3.0, higher=False) == (2, 2.0)
    assert verdict.reached(row("ltc", "liquid", 0, 1.0, curve=curve), 1.0, higher=False)[0] == verdict.NEVER


def test_the_command_keeps_its_rows_and_goes_on_where_it_was(of, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(
        run.SETS, "rates", replace(of, name="rates", shifted="", read=lambda files: data, rules=("ridge",), sizes={})
    )
    command = ["compare", "--sets", "rates", "--cells", "gated_ltc", "--results", str(tmp_path)]
    main([*command, "--seeds", "1"])
    kept = json.loads((tmp_path / "rates.json").read_text())
    assert [(one["model"], one["seed"]) for one in kept] == [("ridge", 0), ("gated_ltc", 0)]
    main([*command, "--seeds", "2"])
    assert json.loads((tmp_path / "rates.json").read_text())[:2] == kept
    assert "seed 1" in capsys.readouterr().out
    assert len(run.read(tmp_path / "rates.json")) == 3
    monkeypatch.setitem(run.SETS, "rates", replace(run.SETS["rates"], epochs=1))
    main([*command, "--seeds", "1"])
    assert [len(one.curve.get("train", [])) for one in run.read(tmp_path / "rates.json")] == [0, 1]


def test_a_set_without_its_data_is_left_out_and_the_others_run(of, data, tmp_path, monkeypatch):
    monkeypatch.delenv("TAUFLOW_DATA", raising=False)
    monkeypatch.setitem(
        run.SETS, "rates", replace(of, name="rates", shifted="", read=lambda files: data, rules=("ridge",), sizes={})
    )
    command = [
        "compare",
        "--sets",
        "gesture",
        "rates",
        "--cells",
        "gated_ltc",
        "--seeds",
        "1",
        "--results",
        str(tmp_path),
    ]
    with pytest.raises(SystemExit, match=r"gesture was left out: .*gesture/a1_va3\.csv is needed: pass --data DIR"):
        main(command)
    assert (tmp_path / "rates.json").exists()


def test_real_sets_that_come_with_tauflow():
    for name in ("traffic", "rates"):
        found = SETS[name].read(Files(None))
        lengths = [len(part[0].x) for part in (found.train, found.validation, found.test)]
        assert min(lengths) > 500
        for one in (*found.train, *found.validation, *found.test):
            assert np.isfinite(one.x).all() and np.isfinite(one.y).all() and (one.dt > 0).all()
        assert np.array_equal(found.train[0].y[:-1, 0], found.train[0].x[1:, 0]) == (name == "traffic")


def test_the_page_is_what_the_kept_rows_make():
    found = {name: run.read(run.KEPT / f"{name}.json") for name in SETS}
    assert page.PAGE.read_text() == page.write(found)
