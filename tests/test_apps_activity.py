"""Trials are read or refused in a sentence, windows look back alone, scores count what they should, and the command runs whole."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from chromium import BINARY
from chromium import Page as Browser

pytest.importorskip("sklearn")

import tauflow
from tauflow.apps import activity
from tauflow.apps.activity import models, page, seen
from tauflow.apps.activity.study import SCORES, Study, confusion, f1_of
from tauflow.apps.activity.trials import LABELS, parsed
from tauflow.apps.scored import Score

TEXT = "".join(f"{k / 4},1.1,0.04,0.5,{k % 4 + 1},-57.5,5.5,920.25,{k // 3 % 4 + 1}\n" for k in range(12))


def trial(
    times: list[float], front: list[float], label: list[int] | None = None, name: str = "d1p01M"
) -> activity.Trial:
    n = len(times)
    body = np.stack([np.array(front), np.ones(n), np.zeros(n)], axis=1)
    signal = np.tile([-60.0, 0.0, 920.0], (n, 1))
    return activity.Trial(name, np.array(times), body, np.zeros(n, int), signal, np.array(label or [0] * n))


# ---- reading


@pytest.mark.parametrize("packed", [False, True])
def test_trials_are_read(tmp_path: Path, packed: bool) -> None:
    names = [f"d1p{k:02d}{'MF'[k % 2]}" for k in (3, 1, 2, 4)]
    if packed:
        with tarfile.open(tmp_path / "S1_Dataset.tar.gz", "w:gz") as file:
            for name in names:
                member = tarfile.TarInfo(f"S1_Dataset/{name}")
                member.size = len(TEXT)
                file.addfile(member, io.BytesIO(TEXT.encode()))
    else:
        for name in names:
            (tmp_path / name).write_text(TEXT)
        (tmp_path / "README.txt").write_text("not a trial")
    found = activity.read(tmp_path)
    assert [one.name for one in found] == ["d1p01F", "d1p02M", "d1p03F", "d1p04M"]
    one = found[0]
    assert len(one) == 12 and one.label.tolist()[:4] == [0, 0, 0, 1] and one.antenna.tolist()[:5] == [0, 1, 2, 3, 0]
    assert (
        one.dt.tolist() == [0.25] * 12
        and one.acceleration[0].tolist() == [1.1, 0.04, 0.5]
        and one.signal[0, 0] == -57.5
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT + "9.0,1,1\n", "row 13 has 3 columns, expected 9"),
        (TEXT.replace("0.04", "up"), "holds what is no number"),
        (TEXT.replace(",1\n", ",7\n"), "label 7 is unknown, expected 1 to 4"),
        (TEXT.replace("0.5,1,-57", "0.5,9,-57"), "antenna 9 is unknown, expected 1 to 4"),
        (TEXT + TEXT[:60].split("\n")[0] + "\n", "the time goes back at row 13"),
        (TEXT.replace("-57.5", "nan"), "holds numbers that are not finite"),
    ],
)
def test_a_trial_that_cant_be_used_is_refused(text: str, words: str) -> None:
    with pytest.raises(tauflow.TauflowError, match=words):
        parsed("d1p01M", text)


def test_folders_that_hold_too_little_are_refused(tmp_path: Path) -> None:
    with pytest.raises(tauflow.TauflowError, match="is no folder"):
        activity.read(tmp_path / "missing")
    with pytest.raises(tauflow.TauflowError, match="holds no trial"):
        activity.read(tmp_path)
    for k in range(2):
        (tmp_path / f"d1p0{k}M").write_text(TEXT)
    with pytest.raises(tauflow.TauflowError, match="holds 2 trials; expected 4"):
        activity.read(tmp_path)
    for k in range(5):
        (tmp_path / f"d1p0{k}M").write_text("\n".join(line[:-1] + "3" for line in TEXT.split()) + "\n")
    with pytest.raises(tauflow.TauflowError, match="every row is labelled 'lies'"):
        activity.read(tmp_path)


# ---- what models see


def test_windows_are_means_and_deviations_of_the_last_seconds() -> None:
    times, front = [0.0, 1.0, 2.5, 9.0, 60.0], [1.0, 3.0, 5.0, 7.0, 9.0]
    found = seen.seen(trial(times, front))
    assert found.x.shape == (5, seen.WIDTH) and seen.WIDTH == 60
    width = seen.ROW + seen.BODY + 1
    mean = [found.x[:, seen.ROW + k * width] for k in range(3)]
    deviation = [found.x[:, 2 * seen.ROW + k * width] for k in range(3)]
    np.testing.assert_allclose(mean[0], [1, 2, 4, 7, 9], rtol=1e-6)  # 2 s
    np.testing.assert_allclose(mean[1], [1, 2, 3, 4, 9], rtol=1e-6)  # 10 s
    np.testing.assert_allclose(mean[2], [1, 2, 3, 4, 9], rtol=1e-6)  # 40 s
    np.testing.assert_allclose(deviation[1], [0, 1, np.sqrt(8 / 3), np.sqrt(5), 0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.x[:, seen.ROW + width - 1], np.log([1, 2, 2, 1, 1]), atol=1e-6)
    np.testing.assert_allclose(found.x[:, -1], np.log1p([0.25, 1, 1.5, 6.5, 51]), rtol=1e-6)
    np.testing.assert_allclose(found.x[:, 3], np.arctan2(front, 1), rtol=1e-6)
    assert found.dt.tolist() == [0.25, 1.0, 1.5, 6.5, 51.0]
    assert seen.seen(trial([0.0, 100.0], [1, 1])).dt.tolist() == [0.25, 60.0]


def test_nothing_comes_from_the_future() -> None:
    one = activity.simulate(1, 60.0)[0]
    whole = seen.seen(one)
    part = seen.seen(
        activity.Trial("a", one.times[:50], one.acceleration[:50], one.antenna[:50], one.signal[:50], one.label[:50])
    )
    np.testing.assert_allclose(whole.x[:50], part.x, atol=1e-5)


def test_pieces_hold_every_row_once_at_other_places_each_epoch() -> None:
    some = [seen.seen(one) for one in activity.simulate(3, 60.0)]
    recipe = activity.Recipe(piece=50, batch=4, noise=0.0)
    source = models.Pieces(some, recipe, 0)
    rows = sum(len(one.x) for one in some)
    batches = list(source.batches(0))
    assert len(batches) == len(source) and sum(int(b.mask.sum()) for b in batches) == rows
    found = np.concatenate([b.x[b.mask].numpy() for b in batches])
    wanted = np.concatenate([one.x for one in some])
    np.testing.assert_array_equal(np.sort(found[:, 0]), np.sort(wanted[:, 0]))
    assert all(b.x.shape[1] <= 50 for b in batches)
    spans = [sorted(t for b in source.batches(epoch) for t in b.dt.sum(dim=1).tolist()) for epoch in (0, 0, 1)]
    assert spans[0] == spans[1] != spans[2]
    loud = np.concatenate(
        [b.x[b.mask].numpy() for b in models.Pieces(some, activity.Recipe(piece=50, batch=4), 0).batches(0)]
    )
    off = (loud - found)[:, 0]
    assert off.std() == pytest.approx(0.1 * wanted[:, 0].std(), rel=0.15)


def test_rare_classes_count_more() -> None:
    weights = models.class_weights(np.repeat([0, 1, 3], [64, 32, 4]))
    np.testing.assert_allclose(weights, [np.sqrt(100 / 3 / 64), np.sqrt(100 / 3 / 32), 0, np.sqrt(100 / 3 / 4)])


def test_both_is_the_mean_of_log_probabilities() -> None:
    a, b = np.log([[0.8, 0.2]]), np.log([[0.2, 0.8]])
    np.testing.assert_allclose(np.exp(models.mixed(a, b)), [[0.5, 0.5]])
    np.testing.assert_allclose(models.mixed(a, a), a)


# ---- judging


def test_confusion_and_scores() -> None:
    truth, told = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    counts = confusion(truth, told)
    assert counts[0].tolist() == [1, 1, 0, 0] and counts[2].tolist() == [1, 0, 1, 0] and counts.sum() == 5
    np.testing.assert_allclose(f1_of(counts), [2 / 4, 2 / 3, 2 / 3, np.nan])
    assert SCORES["accuracy"](counts) == 0.6 and SCORES["macro_f1"](counts) == pytest.approx((1 / 2 + 4 / 3) / 3)
    assert SCORES["macro_f1"](counts) == pytest.approx(tauflow_macro(np.eye(4)[told], truth))


def tauflow_macro(answers: np.ndarray, truth: np.ndarray) -> float:
    from tauflow import metrics

    return metrics.macro_f1(answers, truth)


def scored(**means: tuple[float, float]) -> Study:
    found = Study(source="here", learned=3, held=[])
    for model, (accuracy, f1) in means.items():
        found.scores.append(
            Score(model.replace("_and_", " + "), 0, 1, {"accuracy": accuracy, "macro_f1": f1, "log_loss": 0.1}, 10, 2.0)
        )
    return found


def test_who_leads_is_said_first() -> None:
    lags = scored(liquid=(0.96, 0.88), boosting=(0.99, 0.95), liquid_and_boosting=(0.99, 0.94)).sentence()
    assert lags.startswith(
        "Boosting leads with 99.0%, macro F1 0.950. In trials never seen the liquid committee labels 96.0%"
    )
    assert "together with boosting 99.0% and 0.940" in lags
    assert (
        "; boosting, the best beside it, 90.0%, macro F1 0.900."
        in scored(liquid=(0.96, 0.92), boosting=(0.9, 0.9)).sentence()
    )
    assert "boosting is level with" in scored(liquid=(0.96, 0.92), boosting=(0.96, 0.921)).sentence()


def test_right_labels_by_gap_and_trial() -> None:
    found = Study(source="here", learned=3, held=[seen.seen(trial([0.0, 0.05, 0.5, 5.0], [1, 1, 1, 1], [0, 1, 2, 3]))])
    told = np.eye(4)[[0, 1, 0, 3]]
    found.said = {"liquid": told[None]}
    right = found.by_gap("liquid")
    np.testing.assert_allclose(right, [1, 1, 0, np.nan, 1])  # the first row: a gap of 0.25 s
    assert found.of_trial("liquid", 0).tolist() == [0, 1, 0, 3]
    assert page.longest(found) == [0]


def test_simulated_trials_go_on_and_have_every_label() -> None:
    some, again = activity.simulate(6), activity.simulate(6)
    np.testing.assert_array_equal(some[2].acceleration, again[2].acceleration)
    assert all((np.diff(one.times) > 0).all() and one.dt.max() > 2 for one in some)
    label = np.concatenate([one.label for one in some])
    assert sorted(np.unique(label)) == [0, 1, 2, 3]
    tilt = np.concatenate([one.acceleration[:, 0] for one in some])
    assert tilt[label == LABELS.index("lies")].mean() > 0.8 > 0.4 > tilt[label == LABELS.index("walks")].mean()


# ---- the command


def test_the_command_runs_whole_without_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from tauflow.cli.commands import run

    monkeypatch.chdir(tmp_path)
    assert (
        run(["activity", "--quick", "--page", "a.html", "--json", "a.json", "--save", "a.tau", "--format", "json"]) == 0
    )
    said = capsys.readouterr()
    assert "no folder was given: 8 simulated trials" in said.err
    kept = json.loads((tmp_path / "a.json").read_text())
    assert json.loads(said.out) == kept and {row["model"] for row in kept} == {
        "liquid",
        "boosting",
        "logistic",
        "liquid + boosting",
    }
    needed = "task model kind metric mean std seeds parameters seconds settings commit machine"
    assert all(set(row) == set(needed.split()) for row in kept)
    whole = tauflow.load("a.tau")
    one = seen.seen(activity.simulate(1, 30.0)[0])
    stream, told = whole.stream(), models.asked(whole, one)
    np.testing.assert_allclose([stream(x, dt) for x, dt in zip(one.x, one.dt.tolist(), strict=True)], told, atol=1e-5)
    assert (
        run(["activity", "--models", "nope"]) == 1
        and run(["activity", "--quick", "--models", "logistic", "--save", "b.tau"]) == 1
    )
    assert "--models does not name liquid" in capsys.readouterr().err
    if BINARY is None:
        pytest.skip("no chromium on this machine")
    with Browser(tmp_path, 390, scheme="dark") as browser:
        browser.open(tmp_path / "a.html")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 390
        assert browser.evaluate("document.querySelectorAll('svg').length") >= 4
        assert browser.complaints() == []


def test_room_one_is_read() -> None:
    folder = os.environ.get("TAUFLOW_RFID", "")
    if not folder:
        pytest.skip("TAUFLOW_RFID names no folder with S1_Dataset.tar.gz")
    assert len(activity.read(Path(folder))) == 60
