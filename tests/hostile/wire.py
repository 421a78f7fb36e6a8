"""Bytes on a connection, for what no client library would send."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
CONTINUATION = 0
HOST = b" HTTP/1.1\r\nHost: tradeapi\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)


@contextmanager
def connection(
    address: tuple[str, int], *, seconds: float = 10, room: int | None = None
) -> Iterator[socket.socket]:
    """`room` is how many bytes the kernel may keep that we do not read."""
    with socket.socket() as opened:
        if room is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        opened.settimeout(seconds)
        opened.connect(address)
        yield opened


def exchange(address: tuple[str, int], sent: bytes) -> tuple[int, dict[str, object]]:
    """The status and the JSON of the answer, after which the server may close."""
    with connection(address) as opened:
        opened.sendall(sent)
        return answer(opened)


def answer(opened: socket.socket) -> tuple[int, dict[str, object]]:
    head, body = b"", b""
    while b"\r\n\r\n" not in head:
        part = opened.recv(65536)
        assert part, "the server has closed without an answer"
        head += part
    head, _, body = head.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:])
    length = int(headers[b"content-length"])
    while len(body) < length:
        body += opened.recv(65536)
    status, told = int(lines[0].split()[1]), json.loads(body[:length])
    if status >= 400 and headers[b"content-type"] == b"application/problem+json":
        assert headers[b"x-request-id"].decode() == told["request_id"]
    elif status >= 400:
        assert "error" in {told.get("s"), told.get("status")}, "neither a problem nor TradingView's"
    return status, told


@contextmanager
def stream(
    address: tuple[str, int], *, seconds: float = 10, room: int | None = None
) -> Iterator[socket.socket]:
    """A socket of the stream, of whose frames none has been read."""
    with connection(address, seconds=seconds, room=room) as opened:
        opened.sendall(b"GET /ws" + HOST + UPGRADE + b"\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += opened.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        yield opened


def frame(code: int, data: bytes = b"", *, fin: bool = True, masked: bool = True) -> bytes:
    head = bytes([0x80 * fin | code])
    mask = 0x80 * masked
    if len(data) < 126:
        head += bytes([mask | len(data)])
    elif len(data) < 65536:
        head += bytes([mask | 126]) + struct.pack("!H", len(data))
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", len(data))
    return head + bytes(4 * masked) + data


def say(**fields: object) -> bytes:
    return frame(TEXT, json.dumps(fields).encode())


def frames(opened: socket.socket) -> Iterator[tuple[int, bytes]]:
    """What the server sends, until it closes."""
    with opened.makefile("rb") as file:
        while len(head := file.read(2)) == 2:
            length = head[1] & 0x7F
            if length == 126:
                length = struct.unpack("!H", file.read(2))[0]
            elif length == 127:
                length = struct.unpack("!Q", file.read(8))[0]
            yield head[0] & 0x0F, file.read(length)


def close_code(opened: socket.socket) -> int:
    """What the server closes with, whatever it says before."""
    for code, data in frames(opened):
        if code == CLOSE:
            found: int = struct.unpack("!H", data[:2])[0]
            return found
    raise AssertionError("the server has gone without a word")


def said(opened: socket.socket, kind: str) -> dict[str, object]:
    """The next frame of this type."""
    for code, data in frames(opened):
        if code == TEXT and (found := json.loads(data))["type"] == kind:
            return dict(found)
    raise AssertionError(f"the server has gone without {kind}")
