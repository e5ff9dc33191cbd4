"""The clients of docs/serve.md: both run against a real server, the JavaScript one by node, and the page is as it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from tauflow.cli.networks.serve import serve as command
from tauflow.serve import Limits
from tests.serving import serving

PAGE = (Path(__file__).parents[1] / "docs" / "serve.md").read_text()
READINGS = ((0.1, 0.0), (0.2, 1.5), (0.2, -0.4))


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def pendulum():
    torch.manual_seed(0)
    return tauflow.Network(["angle", "speed"], ["torque"], "ltc", 8)


def expected():
    stream = pendulum().stream()
    return np.array([stream(np.array(x, np.float32), 0.02) for x in READINGS], np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    file = tmp_path_factory.mktemp("docs") / "token"
    file.write_text("a-token-of-the-docs")
    file.chmod(0o600)
    with serving(pendulum(), token_file=file) as found:
        yield found


def at(code, server):
    """The code, for the port and the token of this server."""
    code = code.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    return code.replace('/v1/stream", None', "/v1/stream\", 'a-token-of-the-docs'").replace(
        "token = null", "token = 'a-token-of-the-docs'"
    )


def test_the_python_client(server, capsys):
    client, use = blocks("python")
    assert len([line for line in client.splitlines() if line.strip()]) <= 20
    names = {}
    exec(at(client, server), names)
    exec(use, names)
    *answers, same = capsys.readouterr().out.splitlines()
    assert same == "True"
    assert (np.array([json.loads(line) for line in answers], np.float32) == expected()).all()
    with names["opened"]() as session, pytest.raises(ValueError, match="expected"):
        names["step"](session, [1], 0.1)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_javascript_client(server):
    client, use = blocks("js")
    assert len([line for line in client.splitlines() if line.strip()]) <= 20
    done = subprocess.run(
        ["node", "--experimental-websocket", "--no-warnings", "--input-type=module", "-e", at(client + use, server)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "bad option" in done.stderr or "WebSocket is not defined" in done.stderr:
        pytest.skip("this node has no WebSocket")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert (np.array(answers, np.float32) == expected()).all()


def test_the_limits_are_those_of_the_page_and_of_the_command():
    import inspect

    rows = dict(re.findall(r"^\| `--(\w+)` \| ([\d,]+)", PAGE, re.MULTILINE))
    said = {name: float(value.replace(",", "")) for name, value in rows.items()}
    limits, options = Limits(), inspect.signature(command).parameters
    assert set(said) == {"sessions", "rate", "frame", "body", "idle", "timeout"}
    for name, value in said.items():
        real = getattr(limits, name)
        assert options[name].default == real
        assert value in (real, real / 1024, real / 1024**2), name
