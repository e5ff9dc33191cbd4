"""The benchmark of classifiers: its readers on files made here, rows that are kept, and the table."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.classify import run as bench
from benchmarks.classify.sets import SETS, find
from tauflow.errors import TauflowError
from tauflow.estimators.sequences.rivals import Rival


def packed(path: Path, files: dict[str, str]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(text.encode())
            archive.addfile(about, io.BytesIO(text.encode()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for part in ("TRAIN", "TEST"):
        lines = [
            ":".join([*(",".join(f"{v:.3f}" for v in draw.normal(k % 2, 0.3, 10 + k % 3)) for _ in "ab"), "xy"[k % 2]])
            for k in range(30)
        ]
        (tmp_path / f"JapaneseVowels_{part}.ts").write_text("@problemName x\n@data\n" + "\n".join(lines) + "\n")
    stays = {
        f"set-a/{100 + k}.txt": "Time,Parameter,Value\n00:00,RecordID,1\n00:00,Age,60\n00:00,Height,-1\n00:00,ICUType,2\n"
        f"00:30,HR,{80 + 20 * (k % 2)}\n01:30,HR,90\n01:30,Temp,37\n"
        for k in range(20)
    }
    packed(tmp_path / "set-a.tar.gz", stays)
    rows = [f"{100 + k},6,1,1,1,{k % 2}" for k in range(20)]
    (tmp_path / "Outcomes-a.txt").write_text("\n".join(["RecordID,SAPS-I,SOFA,Length,Survival,Death", *rows]))
    record = "\n".join(f"{0.5 * k},0.1,{k % 5},0.2,{1 + k % 4},-60,1.0,920,{1 + k // 5 % 2}" for k in range(20))
    packed(tmp_path / "S1_Dataset.tar.gz", {f"S1_Dataset/d1p{k:02}F": record for k in range(8)})
    return tmp_path


def test_sets_are_read_as_published(folder: Path) -> None:
    vowels = SETS["vowels"](folder, 0)
    assert (len(vowels.train), vowels.train.channels, vowels.train.lengths[:3].tolist()) == (30, 2, [10, 11, 12])
    ward = SETS["ward"](folder, 1)
    assert (len(ward.train), len(ward.test), ward.train.names) == (16, 4, ("HR", "Temp"))
    assert ward.train.times is not None and ward.train.static is not None
    assert ward.train.times[0].tolist() == [0.5, 1.5] and ward.train.static.shape == (16, 7)
    assert np.isnan(ward.train.values[0][0, 1]) and np.isnan(ward.train.static[0, 2])
    assert all(x[0, 0] == 80 + 20 * y for x, y in zip(ward.train.values, ward.labels, strict=True))
    other = SETS["ward"](folder, 2)
    assert other.truth.tolist() != ward.truth.tolist() or other.test.times != ward.test.times
    activity = SETS["activity"](folder, 0)
    assert (len(activity.train), len(activity.test), activity.causal, activity.train.channels) == (6, 2, True, 11)
    assert activity.labels[0].tolist() == [1 + k // 5 % 2 for k in range(20)]
    with pytest.raises(TauflowError, match=r"no GunPoint_TRAIN\.ts"):
        find(folder / "nowhere", "GunPoint_TRAIN.ts")


def test_rows_are_kept_and_not_done_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "classify",
        "--data",
        str(folder),
        "--sets",
        "vowels",
        "ward",
        "--models",
        "summaries",
        "--seeds",
        "0",
        "1",
    ]
    words += ["--results", str(folder / "kept.json")]
    main(words)
    table = capsys.readouterr().out
    assert "| summaries | 100.0 ± 0.0 |" in table and "ward, auroc %" in table
    monkeypatch.setattr(bench, "rivals", lambda *_, **__: pytest.fail("a kept row was done again"))
    main(words)
    assert table.endswith(capsys.readouterr().out)


def test_a_row_takes_its_place(tmp_path: Path) -> None:
    for score in (0.5, 0.7):
        bench.keep(
            tmp_path / "kept.json", bench.row_of("ecg200", 0, Rival("liquid", {"accuracy": score}, 1.0, 10, ("a",)))
        )
    (row,) = bench.read(tmp_path / "kept.json")
    assert row.scores == {"accuracy": 0.7} and row.notes == ("a",)
    assert "| liquid | 70.0 | 1 |" in bench.table([row])
