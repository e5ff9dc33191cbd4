"""Clients that are slow, deaf, loud or broken: each is cut at its limit, and those beside it notice nothing. Limits are small here."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import time

import numpy as np
import pytest
import torch

import tauflow
from tauflow.serve import Limits
from tauflow.serve.doors import frames
from tauflow.serve.doors.door import parse
from tauflow.serve.errors import BrokenError
from tests.serving import Client, answer, frame, request, seconds_until_gone, serving

WAIT = 1.0  # seconds of --timeout
SAMPLE = json.dumps({"x": [0.1, 0.2], "dt": 1}).encode()


def small():
    torch.manual_seed(0)
    return tauflow.Network(2, 1, "ctrnn", 4)


@pytest.fixture(scope="module")
def server():
    limits = Limits(sessions=20, rate=200, frame=4096, body=20_000, idle=2.5, timeout=WAIT)
    with serving(small(), limits=limits) as found:
        yield found


def raw(server, data=b""):
    made = socket.create_connection(("127.0.0.1", server.port), timeout=15)
    made.sendall(data)
    return made


HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        HEAD,
        HEAD + b"\r\n" + HEAD,
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    ],
)
def test_who_does_not_end_a_request_is_cut(server, sent):
    with raw(server, sent) as connection:
        assert seconds_until_gone(connection) < WAIT + 1.5


def test_a_byte_now_and_then_is_no_request(server):
    with raw(server) as connection:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in HEAD * 10:
                connection.sendall(bytes((byte,)))
                time.sleep(0.15)
        assert time.monotonic() - began < WAIT + 2


def test_a_connection_that_is_kept_for_more_requests_is_not_cut_while_they_come(server):
    with raw(server) as connection:
        for _ in range(8):
            connection.sendall(HEAD + b"\r\n")
            got = b""
            while b"}" not in got:
                part = connection.recv(4096)
                assert part, "cut"
                got += part
            assert b" 200 " in got
            time.sleep(0.25)


@pytest.mark.parametrize("sent", [b"\x81", b"\x81\xfe\x01\x00", frame(1, SAMPLE)[:20], frame(1, SAMPLE[:5], fin=False)])
def test_half_a_message_is_cut(server, sent):
    with Client(server.port) as client:
        client.raw.sendall(sent)
        began = time.monotonic()
        code, reason = client.closed()
        assert code == 1008 and "half a message" in reason
        assert time.monotonic() - began < WAIT + 1.5


def test_pieces_that_never_end_are_cut_though_each_comes_in_time(server):
    with Client(server.port) as client:
        client.send(1, b"{", fin=False)
        began = time.monotonic()
        while time.monotonic() - began < WAIT + 3:
            try:
                client.send(0, b" ", fin=False)
                client.send(9, b"")
            except OSError:
                break
            time.sleep(0.1)
        assert time.monotonic() - began < WAIT + 2.5


def test_an_idle_session_ends_and_a_ping_keeps_it(server):
    with Client(server.port) as idle, Client(server.port) as kept:
        idle.ask(json.loads(SAMPLE))
        began = time.monotonic()
        for _ in range(8):
            kept.send(9, b"here")
            assert kept.read() == (10, b"here")
            time.sleep(0.5)
        code, reason = idle.closed()
        assert code == 1008 and "idle for 2.5 s" in reason and time.monotonic() - began < 6
        assert kept.ask(json.loads(SAMPLE))


def test_who_does_not_read_is_cut():
    with serving(small(), limits=Limits(rate=1e6, timeout=WAIT)) as fast, Client(fast.port) as client:
        assert client.ask(json.loads(SAMPLE))
        client.raw.settimeout(0.5)
        began, big = time.monotonic(), frame(9, b"x" * 125) * 200
        while time.monotonic() - began < 10 and fast.house.sessions:
            try:
                client.raw.sendall(big)
            except TimeoutError:
                continue  # nobody reads ours either: the server keeps no more than it must
            except OSError:
                break  # cut: the client may see it before the house has taken the session off its list
        while fast.house.sessions and time.monotonic() - began < WAIT + 4:
            time.sleep(0.02)
        assert time.monotonic() - began < WAIT + 4 and not fast.house.sessions
        assert fast.house.metrics.cut == 1


def test_a_flood_is_cut_and_waiting_for_answers_is_only_slowed(server):
    with Client(server.port) as flood:
        began = time.monotonic()
        try:
            while time.monotonic() - began < 10:
                flood.raw.sendall(frame(1, SAMPLE) * 50)
        except OSError:
            pass
        assert time.monotonic() - began < 3
    with Client(server.port) as eager:
        began = time.monotonic()
        for _ in range(400):  # 200 at once, 200 a second later
            eager.ask(json.loads(SAMPLE))
        assert 0.7 < time.monotonic() - began < 4


def test_the_flood_hears_why(server):
    with Client(server.port) as flood:
        flood.raw.sendall(frame(1, SAMPLE) * 400)
        code, reason = flood.closed()
        assert code == 1008 and "more than 200 steps a second" in reason


def test_a_large_binary_frame_costs_its_samples(server):
    with Client(server.port) as client:
        one = np.array([[1, 0, 0]] * 300, np.float32).tobytes()
        client.send(2, one)
        began = time.monotonic()
        assert len(client.read()[1]) == 1200
        client.ask(json.loads(SAMPLE))
        assert time.monotonic() - began > 0.3


def test_steps_by_the_billion_do_not_fit(server):
    with Client(server.port) as client:
        client.raw.sendall(b"\x82\xff" + struct.pack(">Q", 12 * 10**9) + b"\0" * 4)
        assert client.closed()[0] == 1009
    with Client(server.port) as client:
        client.raw.sendall(b"\x81\xfe\xff\xff" + b"\0" * 4)
        assert client.closed()[0] == 1009
    with Client(server.port) as client:
        client.send(1, b" " * 4000, fin=False)
        client.send(0, b" " * 4000, fin=True)
        assert client.closed()[0] == 1009


BROKEN = {
    "compressed": frame(1, SAMPLE, bits=0x40),
    "reserved": frame(1, SAMPLE, bits=0x10),
    "no mask": b"\x81\x02{}",
    "opcode 3": frame(3, b""),
    "opcode 11": frame(11, b""),
    "long ping": frame(9, b"x" * 126),
    "ping in pieces": frame(9, b"x", fin=False),
    "continues nothing": frame(0, b"x"),
    "new message inside": frame(1, b"x", fin=False) + frame(1, b"x"),
    "not UTF-8": frame(1, b"\xff\xfe"),
    "not UTF-8, lines": frame(1, b"\xff\n\xfe"),
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_what_breaks_the_protocol_is_cut_at_once(server, sent):
    with Client(server.port) as client:
        client.raw.sendall(sent)
        code, reason = client.closed()
        assert code in (1002, 1007) and reason
        assert seconds_until_gone(client.raw) < 3


@pytest.mark.parametrize(
    "text", ["[" * 3000, '{"x": [NaN, 0], "dt": 1}', '{"dt": 1, "dt": 1}', '{"x": ' + "[" * 1500 + "]" * 1500 + "}"]
)
def test_odd_json_is_answered_and_who_goes_on_is_cut(server, text):
    with Client(server.port) as client:
        assert "error" in client.ask(text)
        assert client.ask(json.loads(SAMPLE)), "the session goes on"
        client.raw.sendall(frame(1, b"{") * 150)
        code, reason = client.closed()
        assert code == 1008 and "100 messages in a row were refused" in reason


def test_a_close_is_answered(server):
    for payload, code in ((b"\x03\xe8bye", 1000), (b"", 1000), (b"\x00\x01", 1002)):
        with Client(server.port) as client:
            client.send(8, payload)
            assert client.closed() == (code, "")


def test_a_megabyte_of_head_is_refused(server):
    with raw(server, HEAD) as connection:
        try:
            for _ in range(1000):
                connection.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        except OSError:
            return
        assert answer(connection)[0] in (431, 0)


def test_bodies_that_are_too_long_or_packed_are_refused(server):
    connection = raw(server, b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n")
    assert answer(connection)[0] == 413
    connection.close()
    assert request(server.port, "POST", "/v1/predict", b" " * 30_000)[0] == 413
    assert request(server.port, "POST", "/v1/predict", gzip.compress(SAMPLE), Content_Encoding="gzip")[0] == 415
    chunks = (
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 10
    )
    with raw(server, chunks) as connection:
        assert answer(connection)[0] in (413, 0)


def test_bodies_that_come_by_the_hundred_are_told_to_come_back(server):
    half = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
    many = [raw(server, half) for _ in range(40)]
    time.sleep(0.3)
    assert request(server.port, "POST", "/v1/predict", SAMPLE)[0] == 503
    assert request(server.port, "GET", "/healthz")[0] == 200
    for connection in many:
        connection.close()
    time.sleep(0.3)
    assert request(server.port, "POST", "/v1/predict", b'{"x": [[1, 2]], "dt": 1}')[0] == 200


def test_more_sessions_and_connections_than_there_is_room_for(server):
    clients = [Client(server.port) for _ in range(20)]
    assert all(client.status == 101 for client in clients)
    with Client(server.port) as more:
        assert more.status == 503
    clients[0].close()
    time.sleep(0.2)
    with Client(server.port) as again:
        assert again.status == 101
    connections = [raw(server) for _ in range(300)]
    time.sleep(0.2)
    with raw(server, HEAD + b"\r\n") as late:
        assert b" 503 " in late.recv(4096)
    assert clients[1].ask(json.loads(SAMPLE)), "who was there before is served"
    for one in [*clients, *connections]:
        one.close()
    time.sleep(0.3)
    assert request(server.port, "GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/2.0",
        b"get / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET http://a/ HTTP/1.1",
        b"GET / HTTP/1.1\r\nA : b",
        b"GET / HTTP/1.1\r\n continued",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nA: \x01",
    ],
)
def test_heads_that_are_none(server, head):
    with pytest.raises(ValueError, match=r"request|header"):
        parse(head)
    with raw(server, head + b"\r\n\r\n") as connection:
        assert answer(connection)[0] == 400


def test_a_head_in_pieces_is_one_head(server):
    with raw(server) as connection:
        for part in (HEAD[:10], HEAD[10:], b"Connection: close\r", b"\n\r", b"\n"):
            connection.sendall(part)
            time.sleep(0.05)
        assert answer(connection)[0] == 200


def test_frames_come_apart_as_they_were_put_together():
    rng = np.random.default_rng(0)
    for size in (0, 1, 125, 126, 127, 1000, 65535, 65536, 70000):
        payload, mask = rng.bytes(size), rng.bytes(4)
        data = b"xx" + frame(2, payload, mask=mask) + b"more"
        for undo in (frames.unmask, frames.unmasker()):
            fin, opcode, found, end = frames.read(data, 2, 1 << 20, undo)
            assert (fin, opcode, found, end) == (True, 2, payload, len(data) - 4)
        for cut in {2, 3, 4, 7, 11, len(data) - 5}:
            if cut < len(data) - 4:
                assert frames.read(data[:cut], 2, 1 << 20, frames.unmask) is None
        with _reader(frames.write(1, payload)) as reader:
            assert reader.read() == (1, payload)
        if size > 1:
            with pytest.raises(BrokenError):
                frames.read(data, 2, size - 1, frames.unmask)


def _reader(data):
    ours, theirs = socket.socketpair()
    theirs.sendall(data)
    theirs.close()
    reader = Client.__new__(Client)
    reader.raw, reader.buffer = ours, b""
    return reader


def test_an_answer_larger_than_the_system_takes_at_once_comes_whole():
    net, limits = small(), Limits(rate=1e6, frame=2_000_000)
    stream, samples = net.stream(), np.random.default_rng(0).random((100_000, 3)).astype(np.float32)
    with serving(net, limits=limits) as fast, Client(fast.port) as client:
        client.send(2, samples.tobytes())
        client.send(1, SAMPLE)
        time.sleep(1)  # it waits half sent
        expected = b"".join(stream(u[1:], float(u[0])).tobytes() for u in samples)
        assert client.read() == (2, expected)
        assert np.float32(json.loads(client.read()[1])["y"][0]) == stream([0.1, 0.2], 1.0)[0]


def test_a_server_that_stops_says_so():
    with serving(small()) as server:
        client = Client(server.port)
        assert client.ask(json.loads(SAMPLE))
        server.stop()
        assert client.closed() == (1001, "the server stops")
        client.close()


def test_the_handshake_is_that_of_the_standard():
    assert frames.accept(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3


def test_an_independent_client_understands_us(server):
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{server.port}/v1/stream") as client:
        client.send(SAMPLE.decode())
        assert "y" in json.loads(client.recv())
        client.send([SAMPLE[:5].decode(), SAMPLE[5:].decode()])  # in pieces
        assert "y" in json.loads(client.recv())
        client.send(np.array([1, 0, 0], np.float32).tobytes())
        assert len(client.recv()) == 4
        assert client.ping().wait(5)


def test_all_is_quiet_afterwards(server):
    """No connection is left over from all of these, and no request was answered by 500."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and len(server.house.sessions):
        time.sleep(0.2)
    assert not server.house.sessions
    assert server.house.bodies == 16
