"""What clients of server-sent events can't do to us, nor to each other."""

import asyncio
import socket
import time

import anyio
import anyio.lowlevel
import httpx2
import psutil
import pytest
from prometheus_client import REGISTRY
from uuid_utils.compat import uuid7

from tests.streams.authority import Authority
from tests.streams.client import client
from tests.streams.conftest import Serve, Served
from tests.streams.deaf import connected, deaf_to_events
from tests.streams.event_source import event_source
from tests.streams.waiting import until
from tradeapi.auth.revocations import Kind
from tradeapi.streams.limits import Limits

pytestmark = pytest.mark.anyio

ASKED = b"GET /api/v1/stream?topics=board:a HTTP/1.1\r\nHost: x\r\n"


async def test_a_client_that_never_reads_is_dropped_and_hurts_nobody(serve: Serve) -> None:
    """Its memory is bounded while it lasts, the others hear everything at once."""
    limits = Limits(send_seconds=1, pending=500)
    long, before = "x" * 1000, _closed_with(1013)
    async with (
        serve(limits) as served,
        deaf_to_events(served, "a"),
        event_source(served.events_url, "board:a") as source,
        client(served.url) as guest,
    ):
        board = served.boards["a"]
        await guest.say(op="subscribe", topics=["board:a"])
        for one in (source, guest):
            await one.hear_type("snapshot")
        memory = psutil.Process().memory_info().rss
        for number in range(3000):
            board.write(long, number, final=True)
            assert (await guest.hear())["value"] == number
            assert (await source.hear())["value"] == number
        await until(lambda: len(served.hub.mailboxes) == 2)
        assert psutil.Process().memory_info().rss - memory < 30_000_000
        await until(lambda: _open_sockets(served) == 2)
        assert _closed_with(1013) == before + 1


async def test_who_does_not_read_is_sent_nothing_more_once_revoked(
    serve: Serve, authority: Authority
) -> None:
    """What waits at that time is dropped with the connection within two seconds."""
    login = uuid7()
    token = authority.token(login=login)
    async with serve(authority=authority) as served, deaf_to_events(served, "a", token) as guest:
        board = served.boards["a"]
        for number in range(3000):
            board.write(f"x{'x' * 1000}{number % 50}", number)
            await anyio.lowlevel.checkpoint()
        await authority.revoke(Kind.LOGIN, login)
        began = time.monotonic()
        while served.hub.mailboxes:
            board.write("late", 987654321)
            await anyio.sleep(0.02)
        assert time.monotonic() - began < 2
        heard = await _all(guest)
        assert b"snapshot" in heard
        assert b"987654321" not in heard


async def test_a_stop_waits_for_no_client_that_does_not_read(serve: Serve) -> None:
    """Be it stuck, or one that has room left and does not close."""
    async with serve() as served, deaf_to_events(served, "a"), deaf_to_events(served, "b"):
        for number in range(5000):
            served.boards["a"].write("x" * 1000, number, final=True)
            await anyio.lowlevel.checkpoint()
        served.server.stop()
        with anyio.fail_after(5):
            await served.server.is_stopped.wait()


async def test_who_sends_several_requests_at_once_and_leaves_is_gone(serve: Serve) -> None:
    """The server tells only the last of them; the first has to hear of it as well."""
    async with serve(Limits(linger_seconds=0.05)) as served:
        served.boards["a"].write("x", 1)
        loop = asyncio.get_running_loop()
        for sent in ((ASKED + b"\r\n") * 3, ASKED + b"\r\n" + b"GET /health HTTP/1.1\r\n"):
            async with connected(served) as guest:
                await loop.sock_sendall(guest, sent)
                assert b"snapshot" in await _until(guest, b"snapshot")
                assert len(served.hub.mailboxes) == 1
            await until(lambda: not served.hub.mailboxes)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Content-Length: 60000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
async def test_a_body_is_of_no_interest(served: Served, body: bytes) -> None:
    """Whole or not, the stream goes on, and ends when the client leaves."""
    served.boards["a"].write("x", 1)
    async with connected(served) as guest:
        await asyncio.get_running_loop().sock_sendall(guest, ASKED + body)
        await _until(guest, b"snapshot")
        served.boards["a"].write("x", 77)
        await _until(guest, b'"value":77')
    await until(lambda: not served.hub.mailboxes)


async def test_a_body_without_an_end_ends_the_stream(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """In order, and it is no fault of ours to log."""
    served.boards["a"].write("x", 1)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with connected(served) as guest:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(guest, ASKED + b"Transfer-Encoding: chunked\r\n\r\n")
        await _until(guest, b"snapshot")
        for _ in range(10):
            await loop.sock_sendall(guest, chunk)
        assert (await _all(guest)).endswith(b"0\r\n\r\n")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_http_1_0(served: Served) -> None:
    """Its connection lasts as long as the stream."""
    served.boards["a"].write("x", 1)
    async with connected(served) as guest:
        asked = ASKED.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(guest, asked)
        head = (await _until(guest, b"snapshot")).lower()
        assert b"connection: close" in head
        served.server.stop()
        assert b'"type":"bye"' in await _all(guest)


async def test_other_methods(served: Served) -> None:
    """A stream is only to be had by GET, and HEAD has no end to wait for."""
    async with httpx2.AsyncClient(trust_env=False, verify=False) as caller:
        for method in ("HEAD", "POST", "DELETE"):
            url = f"{served.events_url}?topics=board:a"
            answer = await caller.request(method, url)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def _until(guest: socket.socket, words: bytes) -> bytes:
    heard = b""
    async with asyncio.timeout(5):
        while words not in heard:
            part = await asyncio.get_running_loop().sock_recv(guest, 65536)
            assert part, heard
            heard += part
    return heard


async def _all(guest: socket.socket) -> bytes:
    """What comes until the connection ends, in whatever way."""
    heard = b""
    async with asyncio.timeout(5):
        try:
            while part := await asyncio.get_running_loop().sock_recv(guest, 65536):
                heard += part
        except ConnectionResetError:
            pass
    return heard


def _open_sockets(served: Served) -> int:
    connections = psutil.Process().net_connections("tcp")
    ours = [one for one in connections if getattr(one.laddr, "port", None) == served.server.port]
    return sum(one.status != psutil.CONN_LISTEN for one in ours)


def _closed_with(code: int) -> float:
    return REGISTRY.get_sample_value("stream_closed_total", {"code": str(code)}) or 0
