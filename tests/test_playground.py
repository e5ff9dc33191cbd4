"""The playground: its step is the library's, and its page moves in a real browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from tauflow import CTRNN, Recurrent
from tests import chromium

FOLDER = Path(__file__).parent.parent / "docs" / "_static" / "playground"
NODE = shutil.which("node")


def said(script: str) -> object:
    """What a line of JavaScript gives, with `core` at hand."""
    line = f"const core = require({json.dumps(str(FOLDER / 'core.js'))}); console.log(JSON.stringify({script}))"
    return json.loads(subprocess.run([str(NODE), "-e", line], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize(("units", "inputs"), [(1, 1), (5, 3)])
def test_the_step_is_the_librarys(units, inputs):
    torch.manual_seed(units)
    cell = CTRNN(inputs, units, tau=(0.2, 5.0)).double()
    with torch.no_grad():
        cell.W.mul_(3), cell.b.normal_()
    x, dt = torch.randn(40, inputs).double(), 2 * torch.rand(40).double()
    dt[7] = 0.0
    dt[8] = 500.0
    with torch.no_grad():
        wanted, _ = Recurrent(cell)(x[None], dt[None])
    numbers = {name: getattr(cell, name).tolist() for name in ("W", "U", "b", "tau")}
    found = said(f"core.run({json.dumps(numbers)}, {x.tolist()}, {dt.tolist()}, {[0.0] * units})")
    assert torch.allclose(torch.tensor(found, dtype=torch.float64), wanted[0], atol=1e-12, rtol=0)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_a_network_has_its_time_constants_and_scales():
    net = said("core.network(8, 0.1, 10, 2, 3, 7)")
    assert net["tau"][0] == pytest.approx(0.1) and net["tau"][-1] == pytest.approx(10)
    ratio = [b / a for a, b in zip(net["tau"], net["tau"][1:], strict=False)]
    assert ratio == pytest.approx([ratio[0]] * 7)
    weights = torch.tensor(net["W"]) * torch.tensor(net["tau"])  # of sender j times its tau
    assert weights.abs().max() <= 2 / 8**0.5 and weights.abs().max() > 1.5 / 8**0.5
    assert max(abs(one[0]) for one in net["U"]) <= 3
    assert said("core.network(8, 0.1, 10, 2, 3, 7)") == net != said("core.network(8, 0.1, 10, 2, 3, 8)")


@pytest.mark.skipif(chromium.BINARY is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_moves_and_fits(width, tmp_path):
    with chromium.Page(tmp_path, width) as page:
        page.open(FOLDER / "index.html")
        state = "document.querySelector('#one .state').getAttribute('d')"
        before, many = page.evaluate(state), page.evaluate("document.querySelector('#many .n3').getAttribute('d')")
        page.evaluate("const s = document.getElementById('tau'); s.value = 1; s.dispatchEvent(new Event('input'))")
        assert page.evaluate(state) != before
        assert page.evaluate("document.getElementById('tau-is').textContent") == "10.0"
        assert (
            page.evaluate("document.querySelector('#many .n3').getAttribute('d')") == many
        )  # tau is the neuron's alone
        page.evaluate("const g = document.getElementById('gain'); g.value = 6; g.dispatchEvent(new Event('input'))")
        assert page.evaluate("document.querySelector('#many .n3').getAttribute('d')") != many
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not page.complaints()
        assert all(url.startswith("file://") for url in page.requests())
        page.screenshot(tmp_path / "page.png")
