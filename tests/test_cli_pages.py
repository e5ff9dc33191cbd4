"""The command on a page is the one that was typed, whole: run again it makes the page again."""

from __future__ import annotations

import html
import shlex
from pathlib import Path

import pytest
from test_outlook import frame

from tauflow.cli.commands import run
from tauflow.cli.output import TYPED

SETTINGS = {
    "compare": ("--cells", "ridge", "--horizon", "6", "--context", "12", "--test", "0.3", "--seed", "3"),
    "backtest": (
        "--cell",
        "ridge",
        "--horizon",
        "6",
        "--context",
        "12",
        "--windows",
        "2",
        "--seed",
        "3",
        "--bands",
        "none",
    ),
    "anomalies": ("--context", "12", "--seed", "3", "--alpha", "0.01"),
}


@pytest.mark.parametrize("command", SETTINGS)
def test_the_command_that_was_typed_stands_on_the_page_and_makes_it_again(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frame().to_csv("my data.csv", index=False)
    words = [command, "my data.csv", *SETTINGS[command], "--quiet", "--page", "page.html"]
    assert run(words) == 0, capsys.readouterr().err
    (shown,) = (one for one in (tmp_path / "page.html").read_text().split("<pre>")[1:] if "tauflow" in one)
    typed = html.unescape(shown.partition("</pre>")[0])
    assert shlex.split(typed) == ["tauflow", *words]
    assert TYPED.get() == "", "a program that calls a command later would print this one"
