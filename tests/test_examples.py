"""The examples: each is the code of its tutorial, and runs from the first line to the last."""

from __future__ import annotations

import ast
import importlib.util
import runpy
from pathlib import Path

import pytest

from tauflow import cells

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
PROMISED = {  # the lines that a script prints of what it found out
    "first_network": ["less than a third of the error of no change: True", "the same answers: True"],
    "your_csv": ["better than the last value: True"],
    "irregular_sensors": ["knowing the gaps helps: True", "what is masked never matters"],
    "classify": ["nine in ten are right: True"],
    "controller": ["it holds the cart: True  left alone it is away: True"],
    "understand": ["learned: True"],
    "microcontroller": ["['README.md', 'pendulum.c', 'pendulum.h', 'pendulum_check.c']"],
    "many_series": ["better than a week ago: True"],
    "own_cell": ["it learns: True", "Startled"],
    "from_ncps": ["True"],
    "from_torch": ["True"],
}


def twins():
    spec = importlib.util.spec_from_file_location("twins", ROOT / "docs" / "generate" / "twins.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_tutorial_has_its_script():
    made = twins()
    for page in made.pages():
        code = ast.dump(ast.parse(made.script(page)))
        assert code == ast.dump(ast.parse(made.place(page).read_text())), f"python docs/generate/twins.py: {page.name}"
    assert {made.place(page) for page in made.pages()} == set(SCRIPTS)
    assert {script.stem for script in SCRIPTS} == set(PROMISED)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_runs(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cells, "REGISTRY", dict(cells.REGISTRY))
    runpy.run_path(str(script), run_name="__main__")
    out = capsys.readouterr().out
    assert all(line in out for line in PROMISED[script.stem]), out
