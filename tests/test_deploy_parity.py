"""Every target that runs here gives the numbers of stream(), from one table of networks: the same samples for all of them."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from tauflow.deploy import TARGETS, plan
from tauflow.deploy.c99 import host
from tauflow.deploy.record import Record
from tests import deployed

NEEDS = {
    "c": host.compiler() is not None,
    "numpy": True,
    "onnx": importlib.util.find_spec("onnx") is not None and importlib.util.find_spec("onnxruntime") is not None,
}
LIMIT = 1e-6  # of the range, in float32

CELLS = ("ctrnn", "gated_ltc", "ltc", "cfc", "wired_cfc", "gruode", "rnn", "lstm", "gru", "gru_decay")
SOLVERS = tuple(
    kind
    for kind in deployed.MADE
    if kind.split()[-1] in ("euler", "semi", "exponential", "ncps", "pure", "no_gate", "updates")
)
NETWORKS = (
    "network",
    "records with gaps",
    "attention",
    "classes of a sequence",
    "largest",
    "controller",
    "pictures",
    "tokens",
    "sensors",
)
TOGETHER = ("stack", "committee of values", "committee of classes", "committee of normals")


def test_the_table_has_all_that_there_is() -> None:
    assert set(CELLS + SOLVERS + NETWORKS + TOGETHER) | {
        "ctrnn relu",
        "ltc wired",
        "wired_cfc_ncps",
        "softplus",
        "softsign",
    } == set(deployed.MADE)


@pytest.mark.parametrize(
    "kind", [*CELLS, *NETWORKS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in SOLVERS + TOGETHER)]
)
def test_every_target_answers_as_the_stream(kind: str) -> None:
    network = deployed.make(kind)
    made = plan(network)
    x, dt, given = deployed.samples(network, 300)
    record = Record(x, dt, given, deployed.streamed(network, x, dt, given))
    errors: dict[str, Any] = {}
    for to in NEEDS:
        if NEEDS[to]:
            files = TARGETS[to].files(made, "walker", record)
            errors[to] = TARGETS[to].measure(made, "walker", files, record).error
    assert len(errors) >= 2 and "numpy" in errors
    assert all(error is not None and error <= LIMIT for error in errors.values()), errors
