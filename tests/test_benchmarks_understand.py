"""The proofs of the page on understanding: what is kept is what the page shows, and a run goes on where another stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import understand
from benchmarks.__main__ import main

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not understand.KEPT.exists(), reason="no results are kept")
def test_the_page_shows_what_is_kept() -> None:
    page = (ROOT / "docs" / "understand.md").read_text().splitlines()
    kept = json.loads(understand.KEPT.read_text())
    assert set(kept) == set(understand.WORK)
    for line in understand.tables(kept).splitlines():
        assert line in page, line


def test_a_run_goes_on_where_another_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    work = [(name, lambda name=name: asked.append(name) or {"off": 0.5, "kind": name}) for name in "abc"]
    monkeypatch.setitem(understand.WORK, "exponents", lambda: iter(work))
    arguments = ["understand", "--parts", "exponents", "--results", str(tmp_path / "kept.json")]
    main([*arguments, "--seconds", "0"])
    assert not asked
    (tmp_path / "kept.json").write_text(json.dumps({"exponents": {"b": {"off": 0.25, "kind": "old"}}}))
    main(arguments)
    assert asked == ["a", "c"]
    main(arguments)
    assert asked == ["a", "c"] and "| b | 2.5e-01 | old |" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["exponents", "bounds"])
def test_what_is_measured_is_right(part: str) -> None:
    name, measure = next(understand.WORK[part]())
    row = measure()
    assert name and (row["off"] < 1e-9 if part == "exponents" else row["proved"] <= row["found"] + 1e-9)
