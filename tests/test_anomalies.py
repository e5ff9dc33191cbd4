"""Anomalies: planted ones are found, what follows them is not blamed, ordinary rows are flagged as rarely as alpha says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tauflow import Forecaster, files
from tauflow.errors import DataError, ModelFileError, NotFittedError
from tauflow.estimators import AnomalyDetector, ForecastError
from tests.test_bands import noisy

QUICK: dict[str, Any] = {"context": 24, "season": None}
SPIKES = (2100, 2230, 2301, 2350)


def ordinary(rows: int = 2400, seed: int = 3, uneven: bool = False) -> pd.DataFrame:
    """A wave with noise, without the rounding of counts."""
    frame = noisy(rows, seed=seed, uneven=uneven)
    return frame.assign(y=frame["y"] + np.random.default_rng(seed + 1).normal(size=rows))


@pytest.fixture(scope="module", params=[False, True], ids=["even", "uneven"])
def planted(request: Any) -> tuple[AnomalyDetector, pd.DataFrame]:
    frame = ordinary(uneven=request.param)
    for k, row in enumerate(SPIKES):
        frame.loc[row, "y"] += (-1) ** k * 60
    detector = AnomalyDetector("ridge", alpha=0.001, **QUICK).fit(frame, until=frame["ds"].iloc[1800])
    return detector, frame


def test_planted_anomalies_come_first_and_their_neighbours_do_not(planted: Any) -> None:
    detector, frame = planted
    found = detector.predict(frame)
    times = set(frame["ds"].iloc[list(SPIKES)])
    assert times == set(found.found["ds"].iloc[: len(SPIKES)])
    after = set(frame["ds"].iloc[[row + 1 for row in SPIKES]])
    assert not after & set(found.found["ds"])
    assert len(found.found) <= len(SPIKES) + 3
    table = found.frame()
    assert (table["ds"] > frame["ds"].iloc[1799]).all() and len(table) > 550
    spikes = table[table["ds"].isin(times)]
    assert ((spikes["y"] < spikes["y-lo"]) | (spikes["y"] > spikes["y-hi"])).all()
    assert (spikes["y-score"] > 3).all() and (spikes["y-p"] <= 0.001).all()
    assert found.plot().axes and "<svg" in found._repr_html_()


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_ordinary_rows_are_flagged_as_rarely_as_alpha_says(alpha: float) -> None:
    frame = ordinary(4000, seed=5)
    detector = AnomalyDetector("ridge", alpha=alpha, **QUICK).fit(frame, until=frame["ds"].iloc[1500])
    p = detector.predict(frame).frame()["y-p"].to_numpy()
    assert (p <= alpha).mean() == pytest.approx(alpha, abs=0.012)


def test_a_value_is_judged_by_the_hour_and_the_gap() -> None:
    """The noise is small before noon: the same deviation is one anomaly there and none after noon."""
    frame = ordinary()
    quiet, rough = (next(k for k in range(2200, 2300) if frame["ds"].iloc[k].hour == hour) for hour in (6, 18))
    frame.loc[[quiet, rough], "y"] = 40 + 8 * np.sin(2 * np.pi * np.array([6, 18]) / 24) + 11
    found = AnomalyDetector("ridge", **QUICK).fit(frame, until=frame["ds"].iloc[1800]).predict(frame)
    table = found.frame().set_index("ds")
    assert table.loc[frame["ds"].iloc[quiet], "anomaly"] and not table.loc[frame["ds"].iloc[rough], "anomaly"]


def test_what_lasts_becomes_ordinary() -> None:
    frame = ordinary()
    frame.loc[2100:, "y"] += 40
    found = AnomalyDetector("persistence", **QUICK).fit(frame, until=frame["ds"].iloc[1800]).predict(frame)
    flagged = found.frame().set_index("ds")["anomaly"]
    assert flagged[frame["ds"].iloc[2100]]
    assert flagged[frame["ds"].iloc[2100] : frame["ds"].iloc[2110]].sum() <= 6
    assert flagged[frame["ds"].iloc[2120] :].mean() < 0.02


def test_nothing_after_a_row_moves_its_score(planted: Any) -> None:
    detector, frame = planted
    whole = detector.predict(frame).frame()
    part = detector.predict(frame.iloc[:2250]).frame()
    assert np.allclose(whole["y-score"].iloc[: len(part)], part["y-score"], rtol=0.15)
    assert np.array_equal(whole["y-expected"].iloc[: len(part)], part["y-expected"])


def test_each_id_and_target_is_judged_by_itself() -> None:
    frame = noisy(1500, ids=("a", "b")).assign(z=lambda f: 100 - f["y"])
    frame.loc[(frame["unique_id"] == "b") & (frame.index % 1500 == 1400), "z"] = 400.0
    cut = frame["ds"].iloc[1100]
    found = AnomalyDetector("ridge", alpha=0.002, **QUICK).fit(frame, until=cut, target=["y", "z"]).predict(frame)
    first = found.found.iloc[0]
    assert first["unique_id"] == "b" and first["z"] == 400.0 and found.targets == ("y", "z")
    assert first["z-score"] > 5 > first["y-score"]
    score = AnomalyDetector.score(_fitted(frame, cut), frame)
    assert np.argmax(score) == np.argmax(found.frame()["z-score"])


def _fitted(frame: pd.DataFrame, cut: Any) -> AnomalyDetector:
    return AnomalyDetector("ridge", alpha=0.002, **QUICK).fit(frame, until=cut, target=["y", "z"])


def test_a_detector_comes_back_from_its_file(planted: Any, tmp_path: Any) -> None:
    detector, frame = planted
    detector.save(tmp_path / "one.tau")
    again = AnomalyDetector.load(tmp_path / "one.tau")
    again.save(tmp_path / "two.tau")
    assert (tmp_path / "one.tau").read_bytes() == (tmp_path / "two.tau").read_bytes()
    assert again.alpha == detector.alpha
    pd.testing.assert_frame_equal(again.predict(frame).frame(), detector.predict(frame).frame(), check_exact=True)
    file = files.read(tmp_path / "one.tau")
    for config in ({**file.config, "alpha": 3}, {"alpha": 0.1}, {**file.config, "alpha": "x"}):
        files.write(tmp_path / "bad.tau", dict(file.tensors), config, kind="anomaly-detector")
        with pytest.raises(ModelFileError):
            AnomalyDetector.load(tmp_path / "bad.tau")
    Forecaster("persistence", h=2).fit(frame, progress=False).save(tmp_path / "model.tau")
    with pytest.raises(ModelFileError):
        AnomalyDetector.load(tmp_path / "model.tau")


def test_what_makes_no_detector_is_refused() -> None:
    for given in ({"alpha": 0}, {"alpha": 0.9}, {"alpha": "x"}, {"bands": None}, {"strategy": "recursive"}):
        with pytest.raises(ForecastError):
            AnomalyDetector(**given)  # type: ignore[arg-type]
    with pytest.raises(NotFittedError):
        AnomalyDetector().predict(ordinary())
    frame = ordinary(400)
    with pytest.raises(DataError, match="no row can be judged"):
        AnomalyDetector("persistence", **QUICK).fit(frame).predict(frame)


def test_too_few_scores_for_alpha_are_told() -> None:
    detector = AnomalyDetector("persistence", alpha=1e-6, **QUICK).fit(ordinary(600))
    assert any("p-values begin at" in note for note in detector.notes)


def test_the_command_and_its_page(planted: Any, tmp_path: Any) -> None:
    from tauflow.cli import app

    _, frame = planted
    data = tmp_path / "data.csv"
    frame.to_csv(data, index=False)
    words = ["anomalies", str(data), "--test", "0.25", "--context", "24", "--page", str(tmp_path / "page.html")]
    words += ["-o", str(tmp_path / "rows.csv"), "--save", str(tmp_path / "model.tau")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "unique_id,ds,y,y-expected,y-lo,y-hi,y-p,y-score,anomaly"
    assert str(frame["ds"].iloc[SPIKES[0]]) in done.stdout and "anomalies at alpha 0.001" in done.stderr
    assert len(pd.read_csv(tmp_path / "rows.csv")) > 550
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") >= 5 and "least likely" in page
    assert AnomalyDetector.load(tmp_path / "model.tau").predict(frame).frame()["anomaly"].sum() >= len(SPIKES)
    table = CliRunner().invoke(app, ["anomalies", str(data), "--context", "24", "--format", "table", "-q"])
    assert table.exit_code == 0 and "score" in table.stdout and "by chance" in table.stdout
