"""The live page in a real browser: by itself, by hand, by a recording, by a client; on a phone too; it asks nobody else for anything."""

from __future__ import annotations

import json
import time

import pytest
import torch

import tauflow
from tauflow import wirings
from tauflow.serve import ServeError, Server
from tauflow.serve.models import served
from tauflow.serve.page import wires
from tauflow.serve.page.look import Look
from tests import chromium
from tests.serving import Client, serving

NAMES = ["distance [m]", "angle [deg]", "light"]


def rover(cell="ltc"):
    torch.manual_seed(0)
    units = wirings.auto_ncp(3, 12, 2) if cell in ("ltc", "wired_cfc") else 12
    return tauflow.Network(NAMES, ["left", "right"], cell, units)


def wait(page, expression, seconds=20.0):
    """What the expression says, once it is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = page.evaluate(expression)
        except RuntimeError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{expression} did not come; {page.complaints()}")


SEEN = "window.tauflow && window.tauflow.history.items.length"
LAST = "JSON.stringify(window.tauflow.history.items.at(-1) ?? {})"
INKED = """(() => {{
  const c = document.getElementById('{}'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0;
  for (let i = 3; i < d.length; i += 4) n += d[i] > 0;
  return n;
}})()"""
browser = pytest.mark.skipif(chromium.BINARY is None, reason="no Chromium is installed")


@browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_moves_by_itself_by_hand_and_by_a_client(tmp_path, width):
    with serving(rover(), name="rover") as server, chromium.Page(tmp_path, width) as page:
        page.ask("Page.navigate", url=server.url)
        wait(page, f"{SEEN} > 5")
        assert "driven by slow waves" in page.evaluate("document.getElementById('status').textContent")
        for canvas in ("net", "states"):
            assert page.evaluate(INKED.format(canvas)) > 1000
        shown = json.loads(page.evaluate(LAST))
        assert len(shown["cells"][0]["h"]) == len(shown["cells"][0]["tau"]) == 12 and len(shown["y"]) == 2
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(
            "(s => { s.value = s.max; s.dispatchEvent(new Event('input')); })(document.querySelectorAll('#sliders input')[1])"
        )
        wait(page, f"JSON.parse({LAST}).x[1] === Number(document.querySelectorAll('#sliders input')[1].max)")
        assert "your hand" in page.evaluate("document.getElementById('status').textContent")
        stream = rover().stream()
        with Client(server.port) as client:
            for step in range(200):
                y = client.ask({"x": [1.5, 0.25, -1], "dt": 0.5})["y"]
                stream([1.5, 0.25, -1], 0.5)
                if step > 3 and page.evaluate(f"JSON.parse({LAST}).from") == "client":
                    break
                time.sleep(0.02)
            wait(
                page,
                f"JSON.parse({LAST}).from === 'client' && document.getElementById('status').className === 'client'",
            )
            wait(page, f"JSON.parse({LAST}).steps === {step + 1}")
            shown = json.loads(page.evaluate(LAST))
            assert shown["x"] == [1.5, 0.25, -1] and shown["y"] == pytest.approx(y, rel=1e-4)
            assert shown["cells"][0]["h"] == pytest.approx(stream.state.tolist(), rel=1e-3, abs=1e-4)
        wait(page, f"JSON.parse({LAST}).from === 'page'")
        assert page.complaints() == []
        assert all(address.startswith((server.url, "data:", "ws://127.0.0.1")) for address in page.requests())


@browser
@pytest.mark.slow
def test_the_page_plays_a_recording_and_says_when_the_server_is_away(tmp_path):
    file = tmp_path / "drive.csv"
    file.write_text("angle [deg],distance [m],light,dt\n" + "".join(f"{k},{k / 10},1,0.25\n" for k in range(7)))
    with chromium.Page(tmp_path, 1280, scheme="dark") as page:
        with serving(rover("cfc"), recording=file) as server:
            page.ask("Page.navigate", url=server.url)
            wait(page, f"{SEEN} > 9")
            seen = json.loads(
                page.evaluate("JSON.stringify(window.tauflow.history.items.slice(0, 9).map((i) => [i.x, i.dt]))")
            )
            assert seen == [[[k % 7 / 10, k % 7, 1], 0.25] for k in range(9)]
            assert "a recording" in page.evaluate("document.getElementById('status').textContent")
            assert page.evaluate(INKED.format("net")) > 1000
        wait(page, "document.getElementById('status').className === 'away'")


@browser
@pytest.mark.slow
def test_a_browser_gets_in_by_the_token_that_it_is_given(tmp_path):
    token = tmp_path / "token"
    token.write_text("a-token-of-the-page")
    token.chmod(0o600)
    with serving(rover(), token_file=token) as server, chromium.Page(tmp_path, 390) as page:
        page.ask("Page.navigate", url=server.url)
        wait(page, "document.querySelector('input[type=password]') && document.readyState === 'complete'")
        fill = "document.querySelector('input').value = {!r}; document.querySelector('form').requestSubmit()"
        page.evaluate(fill.format("a-wrong-token-of-it"))
        wait(page, "document.querySelector('p').textContent.includes('not the token')")
        page.evaluate(fill.format("a-token-of-the-page"))
        wait(page, f"{SEEN} > 3")
        assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "distance [m],angle [deg],light\n1,2,x\n", "distance [m],angle [deg],light,dt\n1,2,3,-1\n",
                                  "distance [m],angle [deg],light\n", "distance [m],angle [deg],light\n1,,3\n"])  # fmt: skip
def test_a_recording_that_is_none_is_refused_at_the_start(tmp_path, text):
    (tmp_path / "drive.csv").write_text(text)
    with pytest.raises(ServeError, match=r"drive\.csv"):
        Server(rover(), port=0, recording=tmp_path / "drive.csv")


@pytest.mark.parametrize("cell", tauflow.cells.names())
def test_what_is_shown_is_what_the_network_does(cell):
    """States as the stream has them, time constants as net.trace says, and a number 0..99 for every synapse that is drawn."""
    net = rover(cell).eval()
    look, stream = Look(net), net.stream()
    for step in range(3):
        before = stream.state
        y = stream([0.3, -0.2, step], 0.7)
    (now,) = look.now([0.3, -0.2, 2], 0.7, before)
    assert now["h"] == pytest.approx(stream.state[: len(now["h"])].tolist(), rel=1e-3, abs=1e-6)
    record = net.trace(torch.tensor([[[0.3, -0.2, 2.0]]]), torch.tensor([[0.7]]), state=torch.from_numpy(before)[None])
    assert record.answer[0, 0].tolist() == pytest.approx(y.tolist())
    layer = record.layers[0]
    shown = layer.tau if layer.tau is not None else layer.gates.get(now.get("gate_name"))
    assert ("tau" in now) == (layer.tau is not None) and ("gate" in now) == (layer.tau is None and cell != "rnn")
    if shown is not None:
        assert now["tau" if "tau" in now else "gate"] == pytest.approx(shown[0, 0].tolist(), rel=1e-3)
    (scene,) = look.scene()
    assert len(now["lit"]) == len(scene["synapses"]["source"]) > 0
    assert all(0 <= lit <= 99 for lit in now["lit"]) and any(now["lit"])
    assert sorted(neuron for column in scene["columns"] for neuron in column) == list(range(scene["shown"]))


def test_the_synapses_are_those_of_the_wiring():
    for cell in (tauflow.LTC(3, wirings.auto_ncp(3, 12, 2)), tauflow.WiredCfC(3, wirings.auto_ncp(3, 12, 2))):
        found = wires.of(cell)
        wiring = cell.wiring
        pairs = set(zip(found.source.tolist(), found.target.tolist(), strict=True))
        wired = {(s, t) for s, t in zip(*wiring.sensory.nonzero(), strict=True)} | {
            (s + 3, t) for s, t in zip(*wiring.synapses.nonzero(), strict=True)
        }
        own = (
            {(n + 3, n) for n in range(12)} if isinstance(cell, tauflow.WiredCfC) else set()
        )  # a CfC hears its own state
        assert pairs - own == {(int(s), int(t)) for s, t in wired} - own


def test_a_synapse_of_an_ltc_is_lit_as_its_conductance_opens():
    cell = tauflow.LTC(2, 4)
    found = wires.of(cell)
    u, h = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.1, 0.2, -0.3, 0.4]])
    lit = found.lit(u[0].numpy(), h[0].numpy())
    open_ = torch.sigmoid(cell.sigma.detach() * (h[0][:, None] - cell.mu.detach()))
    for source, target, value in zip(found.source, found.target, lit, strict=True):
        if source >= 2:
            assert value == pytest.approx(float(open_[source - 2, target]), rel=1e-4)


def test_a_core_without_neurons_says_so():
    look = Look(tauflow.Network(3, 1, "tcn"))
    assert look.scene() == [] and "keeps no state" in str(look.why_not)
    assert served(tauflow.Network(3, 1, "tcn")).notes
