"""What no client of the stream should send."""

import json
import struct

import pytest

from tests.hostile.serving import Server
from tests.hostile.test_values import TEXTS
from tests.hostile.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_code,
    frame,
    said,
    say,
    stream,
)

PROTOCOL_ERROR, NOT_TEXT, POLICY, TOO_BIG = 1002, 1007, 1008, 1009


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(TEXT, b"{}", masked=False), PROTOCOL_ERROR),
        (b"\xf1\x80\0\0\0\0", PROTOCOL_ERROR),
        (frame(3, b"x"), PROTOCOL_ERROR),
        (frame(CONTINUATION, b"x"), PROTOCOL_ERROR),
        (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), PROTOCOL_ERROR),
        (frame(PING, b"x" * 126), PROTOCOL_ERROR),
        (frame(PING, b"x", fin=False), PROTOCOL_ERROR),
        (frame(CLOSE, b"\0"), PROTOCOL_ERROR),
        (frame(CLOSE, b"\0\1"), PROTOCOL_ERROR),
        (frame(TEXT, b"\xff\xfe"), NOT_TEXT),
        (frame(TEXT, b'{"op":"', fin=False) + frame(CONTINUATION, b'\xff"}'), NOT_TEXT),
        (b"\x81\xff" + struct.pack("!Q", 2**62) + b"\0\0\0\0", TOO_BIG),
        (say(op="ping", id="a" * 1_000_000)[:100_000], TOO_BIG),
        (frame(BINARY, b"\0" * 1_000_000)[:100_000], TOO_BIG),
        (frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"a" * 1000, fin=False) * 70, TOO_BIG),
        (frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 2000, POLICY),
        (frame(PING, b"p") * 200, POLICY),
        (frame(PONG) * 200, POLICY),
    ],
    ids=range(18),
)
def test_what_breaks_the_protocol_closes_the_socket(server: Server, sent: bytes, code: int) -> None:
    """With the code that says why; the server calls it no fault of its own."""
    with stream(server.address) as opened:
        opened.sendall(sent)
        assert close_code(opened) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"op":"ping","id":"' + "a" * 60_000 + '"}', "invalid_field"),
        ('{"op":"ping","id":1e400}', "bad_frame"),
        ('{"op":"ping","id":' + "9" * 5000 + "}", "bad_frame"),
        ('{"op":"ping","id":true}', "invalid_field"),
        ('{"op":"ping","op":"dance"}', "unknown_op"),
        ('{"op":NaN}', "bad_frame"),
        ('{"op":["ping"]}', "invalid_field"),
        ("[" * 10_000, "bad_frame"),
        ('{"op":' * 10_000, "bad_frame"),
        ('{"op":"subscribe","topics":{"quotes:US:AAPL":1}}', "invalid_field"),
        ('{"op":"subscribe","topics":[["quotes:US:AAPL"]]}', "invalid_field"),
        ('{"op":"subscribe","topics":["quotes:US:AAPL"],"history":1e308}', "invalid_field"),
        ('{"op":"subscribe","topics":["quotes:US:AAPL"],"resume":[]}', "invalid_field"),
        ('{"op":"subscribe","topics":["\\ud800"]}', "bad_frame"),
        ('{"op":"subscribe","topics":[' + ",".join(['"a"'] * 10_000) + "]}", "too_many_topics"),
        ('{"op":"unsubscribe","topics":[]}', "invalid_field"),
    ],
    ids=range(16),
)
def test_a_wrong_request_is_an_error_and_the_socket_lives(
    server: Server, text: str, code: str
) -> None:
    """The next one is honoured."""
    with stream(server.address) as opened:
        opened.sendall(frame(TEXT, text.encode()))
        assert said(opened, "error")["code"] == code
        opened.sendall(say(op="ping", id=7))
        assert said(opened, "pong")["id"] == 7


def test_topics_that_are_no_names_are_rejected_one_by_one(either: Server) -> None:
    """Nothing of them reaches the database as anything but a value."""
    names = [text[:150] for text in TEXTS if text] + ["ö" * 99]
    topics = [f"quotes:{name}" for name in names]
    topics += [f"bars:{name}:1m" for name in names]
    topics += [f"bars:US:AAPL:{name}" for name in names]
    topics += [f"bars:US:AAPL:1m:{name}" for name in names] + names
    with stream(either.address) as opened:
        opened.sendall(frame(TEXT, json.dumps({"op": "subscribe", "topics": topics}).encode()))
        found = said(opened, "ack")
        assert found["topics"] == []
        rejected = found["rejected"]
        assert isinstance(rejected, list)
        assert [one["topic"] for one in rejected] == list(dict.fromkeys(topics))
        codes = {"unknown_symbol", "unknown_topic", "unknown_resolution"}
        assert {one["code"] for one in rejected} <= codes


def test_a_position_that_was_made_up_gets_a_snapshot(server: Server) -> None:
    """Of another epoch, of the future, and beyond all integers."""
    for epoch, seq in (("x" * 50_000, 1), ("", -(2**63)), ("\0", 2**63 - 1)):
        with stream(server.address) as opened:
            resume = {"quotes:US:AAPL": {"epoch": epoch, "seq": seq}}
            opened.sendall(say(op="subscribe", topics=["quotes:US:AAPL"], resume=resume))
            assert said(opened, "snapshot")["topic"] == "quotes:US:AAPL"
