"""What the site is made of: the reference has every name and command, links that leave docs/ lead to pages, and it opens in a browser."""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

import tauflow
from tests import chromium

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BUILT = ROOT / "build" / "docs"


@pytest.fixture
def generate(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    from generate import api, commands, docstrings, outside

    yield {"api": api, "commands": commands, "docstrings": docstrings, "outside": outside}
    for name in [name for name in sys.modules if name.partition(".")[0] == "generate"]:
        del sys.modules[name]


def test_a_docstring_is_safe_and_keeps_its_columns(generate):
    as_rst = generate["docstrings"].as_rst
    text = "A rule_ of *h*, `dt` and `a`.\n\n    dh/dt = -h * tau\n\n- one `x`\n  and more\n- two\n\nx  (units)   what\nrate  (units)   how"
    assert as_rst(text) == [
        r"A rule\_ of \*h\*, ``dt``\  and ``a``\ .", "",
        "::", "", "        dh/dt = -h * tau", "",
        r"- one ``x``\  and more", "- two", "",
        "::", "", "    x  (units)   what", "    rate  (units)   how", "",
    ]  # fmt: skip
    assert as_rst("a **leak**, 2**3") == [r"a **leak**\ , 2\*\*3", ""]
    assert as_rst("prose\n    code") == ["prose", "", "::", "", "        code", ""]
    example = [">>> go(*a)", "Traceback (most recent call last):", "    ...", "tauflow.errors.TimeError: *dt*"]
    assert as_rst("\n".join(example)) == ["::", "", *("    " + line for line in example), ""]


def test_the_reference_has_every_public_name(generate, tmp_path):
    api = generate["api"]
    api.write(tmp_path)
    text = "\n".join(path.read_text() for path in tmp_path.glob("*.rst"))
    documented = set(
        re.findall(r"\.\. (?:autoclass|autofunction|py:data):: tauflow\.[\w.]*?(\w+)$", text, re.MULTILINE)
    )
    front = (tmp_path / "index.rst").read_text()
    for name in tauflow.__all__:
        value = getattr(tauflow, name)
        if not name.startswith("_") and not inspect.ismodule(value):
            assert name in documented and f"<tauflow.{name}>" not in front and f"{name} <tauflow." in front, name
    rooms = [name for name in tauflow.__all__ if inspect.ismodule(getattr(tauflow, name))]
    assert set(rooms) <= set(api.ROOMS)
    for room in rooms:
        missing = set(api.names(getattr(tauflow, room))) - documented
        assert not missing, f"tauflow.{room} has {missing}"
    assert all(cell.__name__ in documented for cell in tauflow.cells.REGISTRY.values())
    assert "dh/dt = -h / tau + sigma(W h + U x + b)" in (tmp_path / "cells.rst").read_text()
    assert "<../../files/src/tauflow/cells/ctrnn.py.html>" in text and "<../../files/tests/test_ctrnn.py.html>" in text
    assert all((tmp_path / target).suffix == ".html" for target in re.findall(r"<(\.\./\.\./files/[^>]+)>", text))


def test_the_reference_has_every_command_with_its_options(generate):
    page = generate["commands"].page()
    from tauflow.cli.commands import ROOMS

    for panel, commands in ROOMS.items():
        assert f"## {panel}\n" in page
        assert all(f"### tauflow {command.__name__}\n" in page for command in commands), panel
    assert "#### tauflow classify compare\n" in page
    compare = page.split("### tauflow compare\n")[1].split("\n### ")[0]
    assert "| `--horizon`" in compare and "| `--target`" in compare
    assert "[bold]" not in page


def test_links_that_leave_the_docs_are_turned(generate):
    turned = generate["outside"].turned
    text = "[a](../src/tauflow/cells/ctrnn.py) [b](../CONTRIBUTING.md#x) [c](solvers.md) [d](https://a.b)\n```python\n[e](../Makefile)\n```"
    assert turned(text, DOCS, DOCS) == (
        '<a class="reference internal" href="files/src/tauflow/cells/ctrnn.py.html">a</a> [b](generated/contributing.md#x) [c](solvers.md) '
        "[d](https://a.b)\n```python\n[e](../Makefile)\n```"
    )
    wanted = generate["outside"].wanted()
    assert ROOT / "src" / "tauflow" / "cells" / "ctrnn.py" in wanted and ROOT / "tests" / "test_solvers.py" in wanted
    assert turned("[k](docs/kernels.md)", ROOT, DOCS / "generated") == "[k](../kernels.md)"


def test_the_versions_of_the_site_are_pinned():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert {re.split(r"[<>=]", one)[0].lower() for one in extras["docs"]} <= pinned


def test_every_paper_is_cited_by_a_key_that_exists():
    keys = set(re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(), re.MULTILINE))
    pages = [page for page in DOCS.rglob("*.md") if "generated" not in page.parts]
    cited = {
        key
        for page in pages
        for found in re.findall(r"\{cite\}`([^`]+)`", page.read_text())
        for key in found.split(",")
    }
    assert cited == keys


@pytest.mark.skipif(chromium.BINARY is None, reason="chromium is not installed")
@pytest.mark.skipif(not (BUILT / "index.html").exists(), reason="the site is not built: make docs")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["index", "primer/1-what-it-is", "generated/api/cells", "playground"])
def test_a_page_of_the_site_opens(name, width, tmp_path):
    with chromium.Page(tmp_path, width) as page:
        page.open(BUILT / f"{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
        assert page.evaluate("document.querySelector('h1').innerText.length > 3")
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids)), "an id stands twice"
        assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
        assert all(url.startswith(("file://", "data:")) for url in page.requests())
        assert not [line for line in page.complaints() if "exception" in line.lower()]
