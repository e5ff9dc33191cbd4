"""Stays are read or refused in a sentence, scores and summaries are right to the number, folds keep deaths, and the command runs whole."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from chromium import BINARY
from chromium import Page as Browser

pytest.importorskip("sklearn")

import tauflow
from tauflow.apps import ward
from tauflow.apps.scored import Score, kind_of
from tauflow.apps.ward import models, page, seen, solved
from tauflow.apps.ward.stays import PLACE, checked
from tauflow.apps.ward.study import Study, figure, folds_of

HEAD = "Time,Parameter,Value\n00:00,RecordID,{id}\n00:00,Age,54\n00:00,Gender,1\n00:00,Height,-1\n00:00,ICUType,4\n00:00,Weight,-1\n"
ROWS = "00:07,HR,73\n00:37,HR,77\n00:37,Temp,35.1\n02:10,HR,80\n47:59,TroponinT,0.2\n47:59,SAPS,9\n"


def written(
    folder: Path, count: int = 24, died: int = 10, rows: str = ROWS, outcomes: bool = True, packed: bool = False
) -> Path:
    names = [str(132500 + k) for k in range(count)]
    texts = {f"set-a/{name}.txt": HEAD.format(id=name) + rows for name in names}
    if packed:
        with tarfile.open(folder / "set-a.tar.gz", "w:gz") as file:
            for path, text in texts.items():
                member = tarfile.TarInfo(path)
                member.size = len(text.encode())
                file.addfile(member, io.BytesIO(text.encode()))
    else:
        (folder / "set-a").mkdir(exist_ok=True)
        for path, text in texts.items():
            (folder / path).write_text(text)
    if outcomes:
        lines = "".join(f"{name},6,1,5,-1,{int(k < died)}\n" for k, name in enumerate(names))
        (folder / "Outcomes-a.txt").write_text(
            f"RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n{lines}"
        )
    return folder


# ---- reading


@pytest.mark.parametrize("packed", [False, True])
def test_stays_of_physionet_are_read(tmp_path: Path, packed: bool) -> None:
    found = ward.read(written(tmp_path, packed=packed))
    assert len(found) == 24 and found.died.sum() == 10 and found.died[0] and not found.died[-1]
    assert found.names[0] == "132500"
    np.testing.assert_allclose(found.times[0], [7 / 60, 37 / 60, 130 / 60, 47 + 59 / 60], rtol=1e-6)
    np.testing.assert_allclose(found.values[0][:, PLACE["HR"]], [73, 77, 80, np.nan])
    assert found.values[0][1, PLACE["Temp"]] == np.float32(35.1) and found.values[0][
        3, PLACE["TroponinT"]
    ] == np.float32(0.2)
    assert np.isfinite(found.values[0]).sum() == 5  # -1 is no weight, SAPS is no variable
    np.testing.assert_allclose(found.once[0], [54, 1, np.nan, 4])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"outcomes": False}, "has no Outcomes-a.txt"),
        ({"died": 0}, "nobody of 24 died"),
        ({"died": 24}, "everybody of 24 died"),
        ({"died": 3}, "3 of 24 died; expected at least 10"),
        ({"rows": "00:07,HR,fast\n"}, "the row '00:07,HR,fast' is no Time,Parameter,Value"),
        ({"rows": "7,HR,80\n"}, "is no Time,Parameter,Value"),
        ({"count": 0, "died": 0}, "holds no stay of its outcomes"),
    ],
)
def test_what_cant_be_used_is_refused_in_a_sentence(tmp_path: Path, made: dict, words: str) -> None:
    with pytest.raises(tauflow.TauflowError, match=words):
        ward.read(written(tmp_path, **made))


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(tauflow.TauflowError, match="is no folder"):
        ward.read(tmp_path / "missing")
    written(tmp_path)
    (tmp_path / "set-a" / "132500.txt").write_text("hello\n")
    with pytest.raises(tauflow.TauflowError, match="stay 132500 begins with 'hello'"):
        ward.read(tmp_path)
    (tmp_path / "Outcomes-a.txt").write_text("RecordID,In-hospital_death\n132500,maybe\n")
    with pytest.raises(tauflow.TauflowError, match="is 'maybe', expected 0 or 1"):
        ward.read(tmp_path)
    (tmp_path / "Outcomes-a.txt").write_text("id,dead\n1,0\n")
    with pytest.raises(tauflow.TauflowError, match="expected RecordID and In-hospital_death"):
        ward.read(tmp_path)
    (other := tmp_path / "broken").mkdir()
    (other / "set-a.tar.gz").write_bytes(b"nothing")
    (other / "Outcomes-a.txt").write_text("RecordID,In-hospital_death\n1,0\n")
    with pytest.raises(tauflow.TauflowError, match="can't be unpacked"):
        ward.read(other)


# ---- what models see


def test_steps_hold_the_last_value_of_two_hours() -> None:
    values = np.full((4, 2), np.nan, np.float32)
    values[:, 0] = [1, 2, 3, np.nan]
    values[1, 1], values[3, 1] = 5, 6
    x, dt, mask = seen.steps(values, np.array([0.1, 1.9, 2.0, 9.5], np.float32))
    np.testing.assert_allclose(x[:3], [[2, 5], [3, np.nan], [np.nan, 6]])
    assert dt[:4].tolist() == [2, 2, 6, 0] and mask.tolist() == [True] * 3 + [False] * 21
    long, gaps, real = seen.steps(np.ones((60, 2), np.float32), np.arange(60, dtype=np.float32))
    assert real.all() and gaps.tolist() == [2.0] * 24 and long.shape == (24, 2)


def test_summaries() -> None:
    values = np.array([[np.nan, 4, np.nan], [1, np.nan, np.nan], [4, np.nan, np.nan]], np.float32)
    found = seen.summarised(values).reshape(3, 8)
    np.testing.assert_allclose(found[0], [2, 4, 2.5, 1, 4, 1, 1.5, 3])
    np.testing.assert_allclose(found[1], [1, 4, 4, 4, 4, 4, 0, 0])
    assert found[2, 0] == 0 and np.isnan(found[2, 1:]).all()


def test_scores_come_from_the_learning_part_alone_and_once_stands_in_the_first_step() -> None:
    some = seen.seen(ward.simulate(40))
    one, two = seen.ranks_of(some.summary[:20]), seen.ranks_of(some.summary[:20])
    assert torch.equal(one.knots, two.knots)
    table = seen.scores(one, some.summary)
    assert table.shape == (40, 2 * (37 * 8 + 7)) and np.isfinite(table).all() and (table[:, 303:] >= 0).all()
    x, dt, mask = some.tensors()
    assert x.shape == (40, 24, 44) == (*dt.shape, len(seen.INPUTS)) and mask.any(dim=1).all() and not dt.isnan().any()
    assert (x[:, 0, 40:].sum(dim=1) == 1).all() and x[:, 1:, 37:].isnan().all()


# ---- the simulated ward


def test_the_simulated_ward_is_sicker_where_death_is_near() -> None:
    stays, again = ward.simulate(300), ward.simulate(300)
    np.testing.assert_array_equal(stays.values[7], again.values[7])
    assert 0.08 < stays.died.mean() < 0.3
    late = np.array([np.nanmean(v[t > 24, PLACE["HR"]]) for v, t in zip(stays.values, stays.times, strict=True)])
    assert late[stays.died].mean() - late[~stays.died].mean() > 5
    often = np.array([np.isfinite(v).sum() for v in stays.values])
    assert often[stays.died].mean() > 1.15 * often[~stays.died].mean()


# ---- judging


def test_folds_share_the_deaths() -> None:
    died = np.arange(100) < 23
    fold = folds_of(died, 5)
    assert sorted(np.bincount(fold)) == [19, 19, 20, 21, 21] and sorted(np.bincount(fold[died])) == [4, 4, 5, 5, 5]
    assert (fold != folds_of(died, 5, seed=1)).any()


def test_figures_of_log_odds() -> None:
    odds, died = np.array([0.0, 2.0, -1.0]), np.array([False, True, False])
    assert figure(odds, died, "auroc") == 1 and figure(-odds, died, "auroc") == 0
    wanted = np.mean([np.log(2), np.log(1 + np.exp(-2)), np.log(1 + np.exp(-1))])
    assert figure(odds, died, "log_loss") == pytest.approx(wanted)
    told, came = page.calibration(np.array([2.0, -2.0, 0.0, 0.1]), np.array([True, False, False, True]), 2)
    np.testing.assert_allclose(came, [0, 1])
    np.testing.assert_allclose(
        told, [(1 / (1 + np.exp(2)) + 0.5) / 2, (1 / (1 + np.exp(-2)) + 1 / (1 + np.exp(-0.1))) / 2]
    )


def scored(**means: float) -> Study:
    stays = ward.simulate(4)
    found = Study(source="here", stays=stays, seen=seen.seen(stays), fold=np.array([0, 0, 1, 1]))
    for model, mean in means.items():
        for fold, off in ((1, -0.01), (2, 0.01)):
            name = model.replace("_and_", " + ")
            found.scores.append(Score(name, 0, fold, {"auroc": mean + off, "auprc": 0.5}, 10, 2.0 + fold))
    return found


@pytest.mark.parametrize(
    ("means", "words"),
    [
        ({"liquid": 0.80, "boosting": 0.85}, "Boosting leads with AUROC 0.850: on stays never seen, liquid tells"),
        (
            {"liquid": 0.86, "boosting": 0.85},
            "On stays never seen, liquid tells who will die with AUROC 0.860; boosting, the best beside it",
        ),
        ({"liquid": 0.851, "boosting": 0.85}, "boosting is level with 0.850"),
        (
            {"liquid": 0.84, "boosting": 0.85, "liquid_and_boosting": 0.87},
            "Boosting leads the liquid network alone by 0.010. On stays never seen, liquid + boosting tells who will die with AUROC 0.8",
        ),
        (
            {"liquid": 0.861, "line": 0.86, "boosting": 0.85},
            "AUROC 0.861 (0.860 without its states, which add little); boosting, the best beside it, has 0.850",
        ),
        ({"liquid": 0.87, "line": 0.86}, "AUROC 0.870 (0.860 without its states, which add +0.010)."),
        ({"liquid": 0.8}, "On stays never seen, liquid tells who will die with AUROC 0.800."),
    ],
)
def test_who_leads_is_said_first(means: dict, words: str) -> None:
    assert words in scored(**means).sentence()


def test_scores_have_means_over_folds_and_rows() -> None:
    found = scored(liquid=0.8, boosting=0.85)
    assert found.values("liquid") == [pytest.approx(0.8)] and found.best_first() == ["boosting", "liquid"]
    assert found.apart("liquid", ["boosting", "liquid"]) == ("boosting", pytest.approx(-0.05))
    first = found.rows("ward", {"data": "here"})[0]
    assert first["mean"] == pytest.approx(0.8) and first["seconds"] == pytest.approx(3.5) and first["kind"] == "liquid"
    assert first["settings"] == {"data": "here", "spread of folds": pytest.approx(0.01)} and first["seeds"] == 1
    assert [kind_of(m) for m in ("liquid + boosting", "gru_d", "logistic")] == ["liquid", "static", "baseline"]
    assert np.isnan(found.mean("lstm"))


def test_forgetting_is_drawn_anew_and_leaves_the_rest() -> None:
    x = torch.ones(50, 6, 37)
    source = models.Forgetful(tauflow.training.ArraySource(x, batch_size=50), 0.4, 3)
    (one,), (two,) = list(source.batches(0)), list(source.batches(1))
    assert len(source) == 1 and torch.isnan(one.x).float().mean() == pytest.approx(0.2, abs=0.04)
    assert torch.isnan(one.x).float().mean(dim=(1, 2)).max() < 0.5 and not torch.equal(one.x.isnan(), two.x.isnan())
    assert torch.equal(next(source.batches(0)).x.isnan(), one.x.isnan()) and (one.x[~one.x.isnan()] == 1).all()


def test_both_is_the_mean_and_a_risk_after_every_step_ends_with_the_answer() -> None:
    some = seen.seen(ward.simulate(80))
    made = {name: models.learn(name, some, 0, ward.QUICK) for name in ("liquid", "boosting")}
    both = models.learn(models.BOTH, some, 0, ward.QUICK, parts=made)
    np.testing.assert_allclose(both.answer(some), (made["liquid"].answer(some) + made["boosting"].answer(some)) / 2)
    network = made["liquid"].network
    assert network is not None
    one = some.part(np.array([3]))
    risk = models.risk(network, one)
    assert len(risk) == one.mask.sum() and risk[-1] == pytest.approx(
        1 / (1 + np.exp(-made["liquid"].answer(one)[0])), abs=1e-5
    )
    with pytest.raises(tauflow.TauflowError, match="no model is called 'nope'"):
        models.learn("nope", some)
    for name in ("gru_d", "lstm", "attention"):
        other = models.learn(name, some.part(np.arange(40)), 0, ward.Recipe(taught=8, members=1, epochs=1))
        assert np.isfinite(other.answer(some)).all() and other.parameters > 500


def test_a_readout_that_is_solved_is_the_best_there_is() -> None:
    torch.manual_seed(0)
    z, penalty = torch.randn(200, 4, dtype=torch.float64), torch.tensor([2.0, 2.0, 5.0, torch.inf], dtype=torch.float64)
    y = (z[:, 0] - z[:, 3] + torch.randn(200) > 0.5).long()
    w, b = solved.ridge(z, y, penalty)
    assert w[3] == 0 and w[0] > 0.5
    given = torch.cat([w[:3], b[None]]).requires_grad_()
    odds = z[:, :3] @ given[:3] + given[3]
    cost = torch.nn.functional.binary_cross_entropy_with_logits(odds, y.double(), reduction="sum")
    (slope,) = torch.autograd.grad(cost + (penalty[:3] * given[:3] ** 2).sum() / 2, given)
    assert slope.abs().max() < 1e-6
    with pytest.raises(tauflow.TauflowError, match="the same outcome: there is nothing"):
        solved.ridge(z, torch.zeros(200), penalty)
    linear = pytest.importorskip("sklearn.linear_model")
    same = linear.LogisticRegression(C=0.5, tol=1e-8).fit(z[:, :2].numpy(), y.numpy())
    np.testing.assert_allclose(solved.ridge(z[:, :2], y, penalty[:2])[0], same.coef_[0], atol=1e-5)


def test_a_liquid_core_reads_what_is_measured_and_its_readout_the_history() -> None:
    some = seen.seen(ward.simulate(60))
    one = models.learn("liquid", some, 0, ward.Recipe(units=8)).network
    assert one is not None
    reads = one.core.cell.U
    assert (reads[:, : 3 * 44] != 0).all() and (reads[:, 3 * 44 :] == 0).all()
    line = one.readout.map.weight
    assert torch.equal(line[0], -line[1]) and (line[:, 24 + 21 * 44 :] == 0).all() and (line[:, :24] != 0).any()
    z = solved.read(one, *some.tensors())
    parts = solved.shares(one, z[3], z.mean(dim=0))
    bias = one.readout.map.bias
    odds = z @ (line[1] - line[0]).detach().double()[: z.shape[1]] + float((bias[1] - bias[0]).detach())
    with torch.no_grad():
        told, _ = one(*some.tensors())
    np.testing.assert_allclose(told[:, 1] - told[:, 0], odds, atol=1e-4)
    assert parts.shape == (45,) and float(parts.sum()) == pytest.approx(float(odds[3] - odds.mean()), abs=1e-6)
    again = models.learn("liquid", some, 0, ward.Recipe(units=8)).answer(some)
    np.testing.assert_array_equal(again, models.learn("liquid", some, 0, ward.Recipe(units=8)).answer(some))


def test_the_interval_holds_the_value_and_a_fold_can_be_asked_for() -> None:
    stays = ward.simulate(150)
    found = ward.study(stays, ["logistic"], [0], "here", lambda text: None, folds=2, only=2)
    assert [one.fold for one in found.scores] == [2] and found.judged.sum() == (found.fold == 1).sum()
    low, high = found.interval("logistic", beside="logistic")
    assert low == high == 0 and page.lead(found) == ""
    low, high = found.interval("logistic")
    assert low < found.mean("logistic") < high and found.protocol == "2 folds over stays, of which 1 judged"
    with pytest.raises(tauflow.TauflowError, match="fold 3 was asked for, expected 1 to 2"):
        ward.study(stays, ["logistic"], [0], "here", folds=2, only=3)
    with pytest.raises(tauflow.TauflowError, match="too few for 50 folds"):
        ward.study(stays, ["logistic"], [0], "here", folds=50)
    with pytest.raises(tauflow.TauflowError, match="nobody of"):
        checked(stays.part(np.flatnonzero(~stays.died)), "here")


# ---- the command


def test_the_command_runs_whole_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    assert run(["ward", "--quick", "--page", "w.html", "--json", "w.json", "--save", "w.tau", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert "no folder was given: a simulated ward, 150 stays" in said.err
    kept = json.loads((tmp_path / "w.json").read_text())
    assert json.loads(said.out) == kept and {row["model"] for row in kept} == {
        "liquid",
        "line",
        "boosting",
        "logistic",
        "liquid + boosting",
    }
    assert {row["metric"] for row in kept} == {"auroc", "auprc", "log_loss"}
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    assert run(["ward", "--models", "nope"]) == 1 and run(["ward", "empty"]) == 1
    assert "is no folder" in capsys.readouterr().err
    assert tauflow.load(tmp_path / "w.tau").output_names == ["lives", "dies"]
    assert run(["ward", "--quick", "--models", "boosting", "--save", "w.tau"]) == 1
    assert "--save keeps what is liquid, but --models does not name liquid" in capsys.readouterr().err
    text = (tmp_path / "w.html").read_text()
    assert (
        "Not a medical device" in text
        and "<script" not in text
        and "150 stays" in text
        and "liquid + boosting less boosting: " in text
    )
    if BINARY is None:
        pytest.skip("no chromium on this machine")
    with Browser(tmp_path, 390, scheme="dark") as browser:
        browser.open(tmp_path / "w.html")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        assert browser.evaluate("document.querySelectorAll('svg').length") == 5
        assert browser.evaluate("document.querySelector('footer').innerText").startswith("Not a medical device")
        assert browser.complaints() == []


def test_set_a_is_read() -> None:
    folder = os.environ.get("TAUFLOW_PHYSIONET2012", "")
    if not folder:
        pytest.skip("TAUFLOW_PHYSIONET2012 names no folder with set-a.tar.gz and Outcomes-a.txt")
    found = ward.read(Path(folder))
    assert len(found) == 4000 and found.died.sum() == 554
