"""Who may come in: every route, by HTTP and by WebSocket, with no token, a wrong one and the right one; Host and Origin; the start."""

from __future__ import annotations

import json
import os
import socket

import pytest
import torch

import tauflow
from tauflow.serve import Limits, ServeError, Server
from tauflow.serve.gate import Gate, read_token
from tests.serving import Client, request, serving

TOKEN = "right-token-0123456789"
ROUTES = [
    "/",
    "/live.js",
    "/draw.js",
    "/live.css",
    "/docs",
    "/openapi.json",
    "/healthz",
    "/metrics",
    "/v1/model",
    "/v1/scene",
]
SOCKETS = ["/v1/stream", "/v1/live"]


def small():
    torch.manual_seed(0)
    return tauflow.Network(2, 1, "ctrnn", 4)


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def guarded(token_file):
    with serving(
        small(), token_file=token_file, allow_host=["tau.example.org"], allow_origin=["https://page.example"]
    ) as found:
        yield found


@pytest.fixture(scope="module")
def free():
    with serving(small(), name="walker") as found:
        yield found


WRONG = [{}, {"Authorization": "Bearer wrong-token-0123456789"}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": TOKEN},
         {"Authorization": f"Basic {TOKEN}"}, {"Cookie": "tauflow="}, {"Cookie": f"other={TOKEN}"}, {"Authorization": "Bearer "},
         {"Sec_WebSocket_Protocol": "tauflow.v1, bearer.x"}]  # fmt: skip


def test_the_list_of_routes_is_whole(free):
    paths = set(json.loads(request(free.port, "GET", "/openapi.json")[2])["paths"])
    assert paths <= {*ROUTES, *SOCKETS, "/v1/predict"}
    from tauflow.serve.doors.routes import application

    served = {route.path for route in application(free.house).routes}
    assert served == {*ROUTES, *SOCKETS, "/v1/predict"}


@pytest.mark.parametrize("headers", WRONG)
def test_without_the_token_no_route_answers(guarded, headers):
    for path in [*ROUTES, *SOCKETS, "/v1/none", "/../etc/passwd"]:
        status, answered, body = request(guarded.port, "GET", path, **headers)
        assert status == 401 and "www-authenticate" in answered and TOKEN.encode() not in body, path
    assert request(guarded.port, "POST", "/v1/predict", b'{"x": [[1, 2]], "dt": 1}', **headers)[0] == 401
    for path in SOCKETS:
        with Client(guarded.port, path, **headers) as client:
            assert client.status == 401


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {TOKEN}"}, {"Authorization": f"bearer {TOKEN}"}, {"Cookie": f"a=b; tauflow={TOKEN}"}],
)
def test_with_the_token_all_do(guarded, headers):
    for path in ROUTES:
        assert request(guarded.port, "GET", path, **headers)[0] == 200, path
    assert request(guarded.port, "POST", "/v1/predict", b'{"x": [[1, 2]], "dt": 1}', **headers)[0] == 200
    for path in SOCKETS:
        assert request(guarded.port, "GET", path, **headers)[0] == 426
        with Client(guarded.port, path, **headers) as client:
            assert client.status == 101 and "y" in client.ask({"x": [1, 2], "dt": 1})


def test_a_page_that_can_send_no_header_offers_the_token_as_a_protocol(guarded):
    offered = f"tauflow.v1, bearer.{TOKEN}"
    with Client(guarded.port, Sec_WebSocket_Protocol=offered, Origin="https://page.example") as client:
        assert client.status == 101 and "Sec-WebSocket-Protocol: tauflow.v1" in client.head and TOKEN not in client.head


def test_the_page_keeps_the_token_as_a_cookie_that_no_script_reads(guarded):
    _, headers, _ = request(guarded.port, "GET", "/", Authorization=f"Bearer {TOKEN}")
    assert headers["set-cookie"] == f"tauflow={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert "set-cookie" not in request(guarded.port, "GET", "/healthz", Authorization=f"Bearer {TOKEN}")[1]
    status, headers, body = request(guarded.port, "GET", "/", Accept="text/html")
    assert status == 401 and b'type="password"' in body and "script-src 'sha256-" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost@evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "tau.example.org"}, 403),
        ({"Host": "10.0.0.1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Host": "localhost:9999", "Origin": "http://localhost:9999"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "LOCALHOST"}, 200),
    ],
)
def test_foreign_hosts_and_origins_are_kept_out(free, headers, status):
    assert request(free.port, "GET", "/healthz", **headers)[0] == status
    with Client(free.port, **headers) as client:
        assert client.status == (101 if status == 200 else status)


def test_a_host_and_an_origin_that_were_allowed(guarded):
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert request(guarded.port, "GET", "/healthz", Host="tau.example.org:443", **token)[0] == 200
    assert request(guarded.port, "GET", "/healthz", Origin="https://page.example", **token)[0] == 200
    assert request(guarded.port, "GET", "/healthz", Origin="http://page.example", **token)[0] == 403
    assert request(guarded.port, "GET", "/healthz", Host="evil.example", **token)[0] == 403


def test_two_hosts_are_no_host(free):
    raw = socket.create_connection(("127.0.0.1", free.port), timeout=10)
    raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
    assert b" 400 " in raw.recv(4096)
    raw.close()


def test_an_address_of_all_interfaces_takes_any_literal_address():
    gate = Gate("0.0.0.0", TOKEN)
    token = (b"authorization", f"Bearer {TOKEN}".encode())
    assert gate.refusal([(b"host", b"192.168.1.7:8000"), token]) is None
    assert gate.refusal([(b"host", b"evil.example"), token])[0] == 403


def test_every_wrong_token_takes_the_same_way():
    """The comparison sees two digests of one length, whatever was given, and goes on after a wrong one."""
    gate = Gate("127.0.0.1", TOKEN)
    host = (b"host", b"localhost")
    many = [(b"authorization", b"Bearer " + name) for name in (b"a", b"b" * 4000, TOKEN.encode())]
    assert gate.refusal([host, *many]) is None and gate.refusal([host, *many[::-1]]) is None
    assert gate.refusal([host, *many[:2]])[0] == 401
    crowd = [(b"authorization", b"Bearer x")] * 8
    assert gate.refusal([host, *crowd, many[2]])[0] == 401, "eight are looked at"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_another_address_than_loopback_needs_a_token(host):
    with pytest.raises(ServeError, match="there is no token: give --token-file"):
        Server(small(), host=host, port=0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"host": "example.org"}, "expected an address"),
        ({"allow_host": ["a b"]}, "expected a bare name"),
        ({"allow_origin": ["page.example"]}, "expected such as https://"),
        ({"token_file": "/none/token"}, "can't be read"),
        ({"port": 70000}, "can't take 127.0.0.1 port 70000"),
        ({"limits": Limits(sessions=10**8)}, "ulimit"),
    ],
)
def test_a_start_that_can_not_be_is_refused(options, says):
    with pytest.raises(ServeError, match=says):
        Server(small(), **{"port": 0, **options})


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("", 0o600, "holds no token"),
        ("short", 0o600, "16 to 256"),
        ("two words of it here", 0o600, "holds no token"),
        (TOKEN, 0o644, "chmod 600"),
    ],
)
def test_a_token_file_that_is_none(tmp_path, text, mode, says):
    file = tmp_path / "token"
    file.write_text(text)
    os.chmod(file, mode)
    with pytest.raises(ServeError, match=says):
        read_token(file)


def test_a_port_that_is_taken_is_said(free):
    with pytest.raises(ServeError, match=f"port {free.port}: Address already in use"):
        Server(small(), port=free.port)


@pytest.mark.parametrize(
    "wrong", [{"sessions": 0}, {"rate": float("nan")}, {"frame": 1}, {"idle": -1}, {"timeout": True}, {"sessions": 1.5}]
)
def test_limits_that_are_none(wrong):
    with pytest.raises(ServeError):
        Limits(**wrong)


def test_health_numbers_and_description(free):
    with Client(free.port) as client:
        for _ in range(3):
            client.ask({"x": [0, 0], "dt": 1})
        health = json.loads(request(free.port, "GET", "/healthz")[2])
        assert health["status"] == "ok" and health["sessions"] == 1
        text = request(free.port, "GET", "/metrics")[2].decode()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    values = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
    assert values["tauflow_sessions"] == 1 and values["tauflow_steps_total"] >= 3
    assert (
        values['tauflow_model_info{name="walker",kind="Network of ctrnn",model="' + free.house.model.fingerprint + '"}']
        == 1
    )
    typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert all(any(name.split("{")[0].startswith(known) for known in typed) for name in values)
    described = json.loads(request(free.port, "GET", "/openapi.json")[2])
    assert {"x", "dt"} == set(
        described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    )
    page = request(free.port, "GET", "/docs")[2].decode()
    assert "/v1/stream" in page and "http" not in page.replace("/docs", "")


def test_a_window_is_answered_as_the_network_does(free):
    x, dt = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], [1, 0.5, 2.0]
    said = json.loads(request(free.port, "POST", "/v1/predict", json.dumps({"x": x, "dt": dt}).encode())[2])
    with torch.no_grad():
        y, _ = small().eval()(torch.tensor([x]), torch.tensor([dt]))
    assert said == {"outputs": ["y0"], "y": y[0].double().tolist()}
    for wrong, says in (
        ({"x": x}, "dt is missing"),
        ({"x": x, "dt": [1, 2]}, "expected 3"),
        ({"x": [], "dt": []}, "x has"),
        ({"x": x, "dt": -1}, "dt"),
        ({"x": [[1], [1, 2]], "dt": 1}, "different lengths"),
        ({"x": [["1", "2"]], "dt": 1}, "no number"),
        ({"x": [[1, None]], "dt": 1}, "null"),
        ({"x": [[1, 1e39]], "dt": 1}, "inf"),
        ({"x": x, "dt": 1, "h": 3}, "'h' is not known"),
    ):
        status, _, body = request(free.port, "POST", "/v1/predict", json.dumps(wrong).encode())
        assert status == 422 and says in json.loads(body)["error"], (wrong, body)
    assert request(free.port, "POST", "/v1/predict", b"\xff{}")[0] == 422


def test_a_forecaster_answers_tables_and_has_no_sessions():
    from tests.test_windows import hourly

    frame = hourly(24 * 20)
    target = next(name for name in frame.columns if name not in ("ds", "unique_id"))
    frame = frame[["ds", target]]
    model = tauflow.Forecaster("ridge", h=4, context=6).fit(frame, target=target, progress=False)
    expected = model.predict(frame)
    with serving(model, name="traffic") as server:
        data = {
            "ds": [str(stamp) for stamp in frame["ds"]],
            target: [None if v != v else v for v in frame[target].tolist()],
        }
        status, _, body = request(server.port, "POST", "/v1/predict", json.dumps({"data": data, "h": 4}).encode())
        said = json.loads(body)
        assert status == 200 and said["columns"] == list(expected.columns)
        place = said["columns"].index(target)
        assert [row[place] for row in said["rows"]] == expected[target].tolist()
        with Client(server.port) as client:
            assert (
                client.status == 400
                and "POST /v1/predict" in client.read()[1].decode(errors="replace") + client.buffer.decode()
            )
        assert b"/v1/predict" in request(server.port, "GET", "/")[2]
        for wrong, says in (
            ({"data": {"ds": [1], target: [1, 2]}}, "1, 2 rows"),
            ({"data": {"ds": [[1]], target: [1]}}, "no list of plain values"),
            ({"data": data, "h": 10**9}, "from 1 to 10,000"),
            ({"data": data, "h": 5}, ""),
            ({"data": {}}, "expected columns"),
            ({"data": {"ds": ["x"], target: ["y"]}}, ""),
            ({}, "expected columns"),
        ):
            status, _, body = request(server.port, "POST", "/v1/predict", json.dumps(wrong).encode())
            assert status == 422 and says in json.loads(body)["error"], (wrong, body)


def test_no_path_leads_to_a_file(free):
    for path in (
        "/../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/live.js/../../server.py",
        "/%2e%2e/gate.py",
        "/static/live.js",
        "/live.js%00",
        "//etc/passwd",
    ):
        assert request(free.port, "GET", path)[0] == 404, path
