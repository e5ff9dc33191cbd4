"""No network: nothing from the first import to a stream's last sample opens a socket, asks for a name, or starts a program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WHOLE_WAY = """
import sys
seen = set()
WATCHED = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "urllib.", "http.", "ftplib.", "smtplib.")
def hook(event, arguments):
    if event.startswith(WATCHED):
        seen.add(f"{event} {arguments!r:.200}")
sys.addaudithook(hook)

import numpy as np
import tauflow
from tauflow import cells, training
from tauflow.cli import app
from typer.testing import CliRunner

table, model, network = sys.argv[1:]
frame = {"ds": np.arange(200) * np.timedelta64(1, "h") + np.datetime64("2024-01-01"), "y": np.sin(np.arange(200.0))}
tauflow.datasets.load("ecb_rates")
forecaster = tauflow.Forecaster("ctrnn", h=2, context=4, units=4, epochs=1).fit(frame, progress=False)
forecaster.save(model)
tauflow.Forecaster.load(model).predict(frame)

import torch
recurrent = tauflow.Recurrent(tauflow.CTRNN(3, 5))
tauflow.save(recurrent, network)
stream = tauflow.load(network).stream()
stream([0.1, 0.2, 0.3], 1.0)
y, _ = recurrent(torch.ones(2, 5, 3))
y.sum().backward()

with open(table, "w") as file:
    file.writelines(["ds,y\\n", *(f"2024-01-{1 + i // 24:02d} {i % 24:02d}:00,{i % 7}.5\\n" for i in range(200))])
for words in (["check", table], ["predict", model, table], ["--help"]):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
print(*sorted(seen), sep="\\n")
"""


def test_nothing_opens_a_socket_or_starts_a_program(tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("table.csv", "forecaster.tau", "network.tau")]
    done = subprocess.run([sys.executable, "-c", WHOLE_WAY, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_watch_sees_a_socket() -> None:
    code = (
        WHOLE_WAY.partition("\nimport numpy")[0]
        + '\nimport socket\nsocket.socket()\nsocket.getaddrinfo("localhost", 1)\nprint(*sorted(seen))'
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "socket.__new__" in said and "socket.getaddrinfo" in said
