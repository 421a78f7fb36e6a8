"""What is not HTTP, or too much of it."""

import socket
import time
from contextlib import ExitStack

import pytest

from tests.hostile.serving import Server, eventually
from tests.hostile.wire import HOST, UPGRADE, answer, connection, exchange
from tests.shell.conftest import live
from tradeapi.settings import Settings
from tradeapi.web import http_protocol
from tradeapi.web.http_protocol import MOST_HEAD_BYTES, PATIENCE_SECONDS

POST = b"POST /api/v1/bars" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def get(path: bytes, headers: bytes = b"") -> bytes:
    return b"GET " + path + HOST + headers + b"\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xff\x00 HTTP\r\n\r\n",
        b"GET /health HTTP/9.9\r\n\r\n",
        b"A" * 5000 + b" /health" + HOST + b"\r\n",
        b"CONNECT tradeapi:80" + HOST + b"\r\n",
        get(b"/health", b"X-A: a\0b\r\n"),
        get(b"/health", b"no colon\r\n"),
        get(b"/api/v1/bars/\xff\xfe"),
        get(b"http://elsewhere"),
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
        POST + b"Content-Length: -2\r\n\r\n[]",
        POST + b"Content-Length: 99999999999999999999\r\n\r\n[]",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip\r\n\r\n",
        CHUNKED + b"no number\r\n",
        CHUNKED + b"1\r\n[\r\nno number\r\n",
        get(b"/health") + b"\0garbage\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(server: Server, sent: bytes) -> None:
    """As a problem like any other, and the connection is closed."""
    with connection(server.address) as opened:
        opened.sendall(sent)
        status, problem = answer(opened)
        assert (status, problem["code"]) == (400, "bad_request")
        assert opened.recv(1) == b""


@pytest.mark.parametrize(
    "sent",
    [
        get(b"/health", b"X-A: " + b"a" * 100_000 + b"\r\n"),
        get(b"/api/v1/symbols?query=" + b"a" * 100_000),
        get(b"/api/v1/bars/" + b"a" * 100_000),
        get(b"/health", b"".join(b"X-%d: a\r\n" % number for number in range(20_000))),
        b"\r\n" * 60_000,
    ],
)
def test_a_head_that_is_too_large_is_refused(server: Server, sent: bytes) -> None:
    """Whatever of it is so large."""
    status, problem = exchange(server.address, sent)
    assert (status, problem["code"]) == (431, "head_too_large")


def test_a_head_without_an_end_takes_no_memory(server: Server) -> None:
    """The connection is cut while it is still coming; so is one of trailers."""
    for begin in (b"GET /health" + HOST + b"X-A: ", CHUNKED + b"0\r\nX-A: "):
        before = server.memory
        with connection(server.address) as opened:
            opened.sendall(begin)
            sent = 0
            try:
                while sent < 500_000_000:
                    opened.sendall(b"a" * 100_000)
                    sent += 100_000
            except OSError:
                pass
        assert sent < 50 * MOST_HEAD_BYTES
        assert server.memory - before < 20_000_000


def test_a_large_head_within_the_limit_is_taken(server: Server) -> None:
    """A list of symbols with every letter escaped, and a cookie."""
    path = b"/api/v1/quotes?symbols=" + b"%61" * 19_000
    assert exchange(server.address, get(path, b"Cookie: " + b"a" * 8000 + b"\r\n"))[0] == 200


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (get(b"/api/v1/bars/US%00AAPL"), 422, "invalid_field"),
        (get(b"/api/v1/bars/%ff%fe"), 422, "invalid_field"),
        (get(b"/api/v1/bars/.."), 422, "invalid_field"),
        (get(b"/api/v1/bars/..%2f..%2fetc%2fpasswd"), 404, "not_found"),
        (get(b"/api/v1/bars/US%2FAAPL"), 404, "not_found"),
        (get(b"/api/v1/../../etc/passwd"), 404, "not_found"),
        (get(b"/docs/..%2f..%2f..%2fpyproject.toml"), 404, "not_found"),
        (get(b"//health"), 404, "not_found"),
        (b"OPTIONS *" + HOST + b"\r\n", 404, "not_found"),
        (b"TRACE /health" + HOST + b"\r\n", 405, "method_not_allowed"),
        (b"PROPFIND /api/v1/bars/US:AAPL" + HOST + b"\r\n", 405, "method_not_allowed"),
        (b"HEAD /api/v1/symbols" + HOST + b"\r\n", 405, None),
        (get(b"/nowhere", UPGRADE), 404, "not_found"),
        (get(b"/ws%ff%00", UPGRADE), 404, "not_found"),
        (get(b"/ws", UPGRADE + b"Content-Length: 2\r\n") + b"[]", 400, "bad_handshake"),
        (get(b"/ws", UPGRADE + b"X-A: " + b"a" * 9000 + b"\r\n"), 400, "bad_handshake"),
        (get(b"/ws?" + b"a" * 9000, UPGRADE), 400, "bad_handshake"),
        (get(b"/ws", UPGRADE + b"X-A: a\r\n" * 200), 400, "bad_handshake"),
    ],
)
def test_odd_addresses_and_methods(
    server: Server, sent: bytes, status: int, code: str | None
) -> None:
    """Each has its own answer."""
    with connection(server.address) as opened:
        opened.sendall(sent)
        if code is None:
            assert opened.recv(100).startswith(b"HTTP/1.1 %d" % status)
        else:
            found, problem = answer(opened)
            assert (found, problem["code"]) == (status, code)


@pytest.mark.parametrize(
    "header",
    [
        b'Accept: application/openmetrics-text;version=x.y;escaping=";q=;;',
        b"Accept: \xff;q=a,,;;=/*",
        b"Accept-Encoding: gzip;q=a;;, \xff,*;q=2,br;q=-1",
        b"If-None-Match: " + b'"' * 5000,
        b"If-Match: W/\xff",
        b"Origin: null\xff",
        b"X-Forwarded-For: \xff,,,\r\nX-Forwarded-Proto: \xff",
        b"X-Request-ID: \xff" * 3,
        b"Range: bytes=-1-99,abc",
        b"Cookie: \xff=;;;",
        b"Host: " + b"a" * 5000,
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        b"/metrics",
        b"/api/v1/symbols",
        b"/api/v1/bars/US:AAPL",
        b"/api/v1/bars/US:AAPL?format=csv",
        b"/docs/swagger-ui.css",
    ],
)
def test_odd_headers_do_no_harm(server: Server, path: bytes, header: bytes) -> None:
    """They are ignored."""
    with connection(server.address) as opened:
        opened.sendall(get(path, header + b"\r\n"))
        assert opened.recv(100).startswith(b"HTTP/1.1 200")


def test_a_flood_of_pipelined_requests_is_answered_in_order(server: Server) -> None:
    """Each has its answer, and none is kept waiting by the others' number."""
    with connection(server.address) as opened:
        opened.sendall(get(b"/health") * 500 + get(b"/health", b"Connection: close\r\n"))
        received = b""
        while part := opened.recv(65536):
            received += part
    assert received.count(b"HTTP/1.1 200 OK") == 501


def test_half_of_a_request_is_not_waited_for(server: Server) -> None:
    """Connections that say nothing, half a head, or the rest of a body that was refused."""
    too_large = POST + b"Content-Length: 20000000\r\n\r\n"
    begun = time.monotonic()
    with ExitStack() as connections:

        def connect() -> socket.socket:
            return connections.enter_context(connection(server.address, seconds=30))

        silent = [connect() for _ in range(100)]
        halves = [connect() for _ in range(100)]
        dripping = connect()
        for half in halves:
            half.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpg")
        dripping.sendall(too_large)
        assert answer(dripping)[0] == 413
        for _ in eventually(PATIENCE_SECONDS + 5):
            assert server.client.get("/health").elapsed.total_seconds() < 1
            try:
                dripping.sendall(b" ")
            except OSError:
                break
        for half in halves:
            status, problem = answer(half)
            assert (status, problem["code"]) == (408, "request_timeout")
        assert {one.recv(1) for one in silent} == {b""}
    assert PATIENCE_SECONDS - 1 < time.monotonic() - begun < PATIENCE_SECONDS + 5


def test_an_answer_that_nobody_reads_is_not_kept_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's cable may have been pulled; one that is only slow goes on."""
    monkeypatch.setattr(http_protocol, "STALLED_SECONDS", 1)
    with live(Settings(database_url=sqlite_url, port=0, demo=False)) as client:
        address = (client.base_url.host, client.base_url.port or 0)
        script = get(b"/docs/swagger-ui-bundle.js")
        with connection(address, room=4096) as deaf, connection(address, room=4096) as slow:
            deaf.sendall(script * 10)
            slow.sendall(script)
            end = time.monotonic() + 3
            while time.monotonic() < end:
                assert slow.recv(100_000)
                time.sleep(0.1)
            # What the kernel still has, and then the end.
            rest = 0
            while part := deaf.recv(1_000_000):
                rest += len(part)
            assert rest < 10_000_000
