"""Sessions: the numbers of a stream to the bit, in text and in binary, each with a state of its own, kept and taken up again."""

from __future__ import annotations

import json
import math
import random
import threading

import numpy as np
import pytest
import torch

import tauflow
from tauflow import wirings
from tauflow.serve import ServeError
from tauflow.serve.errors import RefusedError
from tauflow.serve.models import read_model, served
from tauflow.serve.models.session import Session
from tests.serving import Client, serving


def network(cell="ltc", **parts):
    torch.manual_seed(0)
    units = wirings.auto_ncp(3, 19, 2) if cell in ("ltc", "wired_cfc") else 8
    return tauflow.Network(["a", "b", "c"], 2, cell, units, **parts)


@pytest.fixture(scope="module")
def server():
    with serving(network(), name="walker") as found:
        yield found


def samples(seed, n=40):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)).astype(np.float32), rng.exponential(size=n).astype(np.float32)


def offline(net, x, dt):
    stream = net.stream()
    return np.stack([stream(u, float(t)) for u, t in zip(x, dt, strict=True)])


def test_the_numbers_are_those_of_the_stream_to_the_bit(server):
    x, dt = samples(1)
    expected = offline(network(), x, dt)
    with Client(server.port) as one, Client(server.port) as two:
        text = [one.ask({"x": u.tolist(), "dt": float(t)})["y"] for u, t in zip(x, dt, strict=True)]
        assert (np.array(text, np.float32) == expected).all()
        lines = "\n".join(json.dumps({"x": u.tolist(), "dt": float(t)}) for u, t in zip(x[:5], dt, strict=False))
        two.send(1, lines.encode())
        _, payload = two.read()
        assert (
            np.array([json.loads(line)["y"] for line in payload.decode().split("\n")], np.float32) == expected[:5]
        ).all()
        frames = np.concatenate([dt[:, None], x], axis=1)
        two.send(2, frames[5].tobytes())
        two.send(2, frames[6:].tobytes())  # as many samples as there are
        rest = b"".join(two.read()[1] for _ in range(2))
        assert (np.frombuffer(rest, np.float32).reshape(-1, 2) == expected[5:]).all()


@pytest.mark.parametrize("cell", ["ctrnn", "cfc", "lstm"])
def test_a_network_of_float64_says_all_its_digits(cell):
    net = network(cell).double()
    session, stream = Session(served(net)), net.stream()
    x, dt = samples(2, 5)
    for u, t in zip(x.astype(float), dt.astype(float), strict=True):
        said = json.loads(session.line(json.dumps({"x": u.tolist(), "dt": t})))["y"]
        assert said == stream(u, t).tolist()


def test_interleaved_sessions_do_not_hear_each_other(server):
    """More threads than cores, each with sessions that take turns at random; some go away in the middle of a frame."""
    wrong, net = [], network()

    def talk(seed):
        order = random.Random(seed)
        clients = [Client(server.port) for _ in range(5)]
        data = [samples(seed * 100 + k, 12) for k in range(5)]
        got = [[] for _ in clients]
        while any(len(g) < 12 for g in got):
            k = order.choice([k for k in range(5) if len(got[k]) < 12])
            (x, dt), n = data[k], len(got[k])
            got[k].append(clients[k].ask({"x": x[n].tolist(), "dt": float(dt[n])})["y"])
            if order.random() < 0.05:
                with Client(server.port) as lost:
                    lost.raw.sendall(b"\x81\xfe\x01")
        for (x, dt), g in zip(data, got, strict=True):
            if not (np.array(g, np.float32) == offline(net, x, dt)).all():
                wrong.append(seed)
        for client in clients:
            client.close()

    threads = [threading.Thread(target=talk, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_snapshot_goes_on_where_it_was_taken(server):
    x, dt = samples(3)
    expected = offline(network(), x, dt)
    with Client(server.port) as one:
        for u, t in zip(x[:20], dt, strict=False):
            one.ask({"x": u.tolist(), "dt": float(t)})
        kept = one.ask({"snapshot": True})["snapshot"]
        assert kept["steps"] == 20
    with Client(server.port) as two:
        assert two.ask({"restore": kept}) == {"restored": 20}
        said = [two.ask({"x": u.tolist(), "dt": float(t)})["y"] for u, t in zip(x[20:], dt[20:], strict=True)]
        assert (np.array(said, np.float32) == expected[20:]).all()
        assert two.ask({"reset": True}) == {"reset": True}
        assert (np.array(two.ask({"x": x[0].tolist(), "dt": float(dt[0])})["y"], np.float32) == expected[0]).all()


def test_a_snapshot_of_another_model_or_a_broken_one_is_refused_and_nothing_moves():
    session, other = Session(served(network())), Session(served(network("cfc")))
    session.line('{"x": [1, 2, 3], "dt": 1}')
    before = session.stream.state.copy()
    kept = json.loads(session.line('{"snapshot": true}'))["snapshot"]
    with pytest.raises(RefusedError, match="is of the model"):
        other.line(json.dumps({"restore": kept}))
    for wrong in (
        {**kept, "state": kept["state"][:-1]},
        {**kept, "state": [None, *kept["state"][1:]]},
        {**kept, "state": [1e39, *kept["state"][1:]]},
        {**kept, "steps": -1},
        {**kept, "more": 1},
        [1],
    ):
        with pytest.raises(RefusedError):
            session.line(json.dumps({"restore": wrong}))
    assert (session.stream.state == before).all()


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("", "no JSON"),
        ("[1]", "expected an object"),
        ('{"x": [1, 2, 3]}', '"dt" is missing'),
        ('{"dt": 1}', '"dt" came without "x"'),
        ('{"x": [1, 2], "dt": 1}', r"shape \(2,\)"),
        ('{"x": 5, "dt": 1}', "expected a list of 3"),
        ('{"x": [1, 2, "3"], "dt": 1}', "no number"),
        ('{"x": [1, 2, [3]], "dt": 1}', "x "),
        ('{"x": [1, 2, null], "dt": 1}', "null, which only a network with a `missing` part takes"),
        ('{"x": [1, 2, NaN], "dt": 1}', "NaN is not JSON"),
        ('{"x": [1, 2, -Infinity], "dt": 1}', "not JSON"),
        ('{"x": [1, 2, 1e999], "dt": 1}', "inf"),
        ('{"x": [1, 2, 1' + "0" * 500 + '], "dt": 1}', "x"),
        ('{"x": [1, 2, 3], "dt": -1}', "dt is -1"),
        ('{"x": [1, 2, 3], "dt": "1"}', "expected a number"),
        ('{"x": [1, 2, 3], "dt": true}', "expected a number"),
        ('{"x": [1, 2, 3], "dt": 1e999}', "dt is inf"),
        ('{"x": [1, 2, 3], "dt": 1' + "0" * 500 + "}", "large"),
        ('{"x": [1, 2, 3], "dt": 1, "dt": 2}', "twice"),
        ('{"x": [1, 2, 3], "dt": 1, "mask": true}', "'mask' is not known"),
        ('{"reset": false}', "expected true"),
        ('{"reset": true, "snapshot": true}', "came together"),
        ('{"static": [1]}', "told nothing once"),
        ("[" * 100_000, "nested too deep"),
        ('{"x": ' + "[" * 50_000 + "]" * 50_000 + ', "dt": 1}', "nested too deep|x "),
    ],
)
def test_what_is_wrong_is_said_and_the_session_is_where_it_was(message, says):
    session = Session(served(network()))
    session.line('{"x": [1, 2, 3], "dt": 1}')
    before = session.stream.state.copy()
    with pytest.raises(RefusedError, match=says):
        session.line(message)
    assert (session.stream.state == before).all() and session.steps == 1


def test_a_binary_frame_is_taken_whole_or_not_at_all():
    session = Session(served(network()))
    good = np.array([[1, 1, 2, 3], [1, 4, 5, 6], [1, 0, 0, 0]], np.float32)
    session.binary(good.tobytes())
    before = session.stream.state.copy()
    for wrong, says in (([-1, 0, 0, 0], "sample 1 of 3: dt is -1"), ([1, math.nan, 0, 0], r"x\[0\] is nan")):
        bad = good.copy()
        bad[1] = wrong
        with pytest.raises(RefusedError, match=says):
            session.binary(bad.tobytes())
    for size in (0, 3, 15, 17):
        with pytest.raises(RefusedError, match=f"has {size} bytes"):
            session.binary(bytes(size))
    assert (session.stream.state == before).all() and session.steps == 3


def test_null_is_not_measured_now_for_a_network_that_takes_such():
    net = network("ctrnn", missing="missing")
    session, stream = Session(served(net)), net.stream()
    for x in ([1.0, None, 2.0], [None, None, 0.5]):
        said = json.loads(session.line(json.dumps({"x": x, "dt": 0.5})))["y"]
        u = np.array([math.nan if v is None else v for v in x], np.float32)
        assert (np.array(said, np.float32) == stream(u, 0.5)).all()


def test_static_numbers_are_told_once_before_the_first_sample():
    torch.manual_seed(0)
    net = tauflow.Network(3, 2, "cfc", 8, static=2, readout="wide")
    session, stream = Session(served(net)), net.stream(static=np.array([0.5, -1.0], np.float32))
    with pytest.raises(RefusedError, match="told 2 numbers once"):
        session.line('{"x": [1, 2, 3], "dt": 1}')
    assert json.loads(session.line('{"static": [0.5, -1]}')) == {"static": 2}
    said = json.loads(session.line('{"x": [1, 2, 3], "dt": 1}'))["y"]
    assert (np.array(said, np.float32) == stream(np.array([1, 2, 3], np.float32), 1.0)).all()
    with pytest.raises(RefusedError, match="before the first"):
        session.line('{"static": [0, 0]}')


def test_every_kind_of_network_is_served():
    torch.manual_seed(0)
    stack = tauflow.Stack(tauflow.CTRNN(3, 5), tauflow.GatedLTC(5, 4))
    for model in (
        tauflow.Recurrent(tauflow.CfC(3, 8)),
        tauflow.LTC(3, 8),
        stack,
        tauflow.Committee(lambda: network("cfc"), 2),
    ):
        said = served(model)
        session, stream = (
            Session(said),
            (tauflow.Recurrent(model) if isinstance(model, tauflow.LTC) else model).stream(),
        )
        got = json.loads(session.line('{"x": [1, -1, 0.5], "dt": 0.3}'))["y"]
        assert (np.array(got, np.float32) == stream(np.array([1, -1, 0.5], np.float32), 0.3)).all()


def test_what_cannot_stream_is_refused_by_name_with_the_reason(tmp_path):
    with pytest.raises(ServeError, match="a Bidirectional reads the future"):
        served(tauflow.Bidirectional(tauflow.CfC(3, 4), tauflow.CfC(3, 4)))
    both = tauflow.Stack(tauflow.Bidirectional(tauflow.CfC(3, 4), tauflow.CfC(3, 4)))
    with pytest.raises(ServeError, match=r"walker can't be served as a stream: .*Bidirectional"):
        served(both, "walker")
    with pytest.raises(ServeError, match="a Linear can't be served"):
        served(torch.nn.Linear(3, 1))
    with pytest.raises(ServeError, match="not fitted"):
        served(tauflow.Forecaster("ridge"))
    tauflow.files.write(tmp_path / "odd.tau", {}, {}, kind="odd")
    with pytest.raises(ServeError, match="holds a odd, which can't be served"):
        read_model(tmp_path / "odd.tau")


def test_serving_leaves_the_model_as_it_was(tmp_path):
    net = network().train()
    tauflow.save(net, tmp_path / "net.tau")
    assert served(net).network is not net and net.training
    assert served(read_model(tmp_path / "net.tau")).fingerprint == served(net).fingerprint
    with torch.no_grad():
        next(net.parameters()).add_(1e-6)
    assert served(net).fingerprint != served(read_model(tmp_path / "net.tau")).fingerprint


def test_a_million_steps_do_not_grow_a_session():
    """100,000 here, through the session alone; the rest of the million runs in `python -m benchmarks serve --million`."""
    from tauflow.serve.metrics import resident

    net = network()
    session, stream = Session(served(net)), net.stream()
    x, dt = samples(5, 1000)
    frames = np.concatenate([dt[:, None], x], axis=1)
    for _ in range(5):
        session.binary(frames.tobytes())
        for u, t in zip(x, dt, strict=True):
            stream(u, float(t))
    before = resident()
    for _ in range(95):
        session.binary(frames.tobytes())
        for u, t in zip(x, dt, strict=True):
            y = stream(u, float(t))
    assert resident() - before < 100_000
    assert (session.stream.state == stream.state).all() and session.steps == 100_000 and np.isfinite(y).all()
