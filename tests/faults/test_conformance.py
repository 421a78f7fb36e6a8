"""Whether our WebSockets are those of RFC 6455: the cases of the Autobahn test suite."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from starlette.types import Receive, Scope, Send

from tradeapi.settings import Settings
from tradeapi.web.server import Server

MEGABYTE = 1024 * 1024
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
# Messages up to 16 MiB, some of them in frames of 64 bytes.
LARGE = "9.*"
# Compression; most of its cases are the same messages in other sizes, a thousand of each, which
# takes minutes. One of each kind will do.
COMPRESSED = ("12.*", "13.*")
KINDS = [f"12.{number}.1" for number in range(1, 6)] + [f"13.{number}.1" for number in range(1, 8)]
# A message that was begun and not ended when the client closes: 1002, where Autobahn wants 1000.
UNENDED = {"7.1.5": 1002}
# More than 1024 fragments are no message that we would ever want.
FRAGMENTED = dict.fromkeys(("9.3.1", "9.3.2", "9.3.3", "9.4.1", "9.4.2", "9.4.3"), 1008)

Case = Mapping[str, Any]


async def echo(_: Scope, receive: Receive, send: Send) -> None:
    """The stream does not say again what it is told, as the suite expects of a server."""
    replies = {
        "lifespan.startup": "lifespan.startup.complete",
        "lifespan.shutdown": "lifespan.shutdown.complete",
        "websocket.connect": "websocket.accept",
        "websocket.receive": "websocket.send",
    }
    while (message := await receive())["type"] in replies:
        await send({**message, "type": replies[message["type"]]})
        if message["type"] == "lifespan.shutdown":
            return


@contextmanager
def echoing(settings: Settings) -> Iterator[str]:
    """Served as our own application is; the address."""
    address: Future[str] = Future()
    server = Server(echo, settings, announce=address.set_result)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield address.result(timeout=20).replace("http", "ws", 1)
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def judge(settings: Settings, folder: Path, *options: str) -> Mapping[str, Case]:
    """Each case that was tried, and what became of it."""
    with echoing(settings) as address:
        # A process of its own: it patches the standard library to run cases of Python 2.
        command = [str(Path(sys.executable).with_name("kosoku")), address, "--outdir=report"]
        subprocess.run(
            [*command, "--parallelism=8", *options],
            cwd=folder,
            check=False,
            capture_output=True,
            timeout=120,
        )
    [cases] = json.loads((folder / "report" / "index.json").read_text()).values()
    found: Mapping[str, Case] = cases
    return found


def failures(cases: Mapping[str, Case]) -> dict[str, int]:
    """Those that were not passed, and what the server closed with."""
    return {
        id: case["remoteCloseCode"]
        for id, case in cases.items()
        if not {case["behavior"], case["behaviorClose"]} <= PASSED
    }


def test_the_protocol_is_kept(tmp_path: Path) -> None:
    """Frames, pings, fragments, UTF-8 and closes, at the limits of production."""
    excluded = [word for cases in (LARGE, *COMPRESSED) for word in ("-x", cases)]
    cases = judge(Settings(port=0), tmp_path, *excluded)
    assert len(cases) == 247
    assert failures(cases) == UNENDED


def test_large_messages_are_taken_where_the_operator_allows_them(tmp_path: Path) -> None:
    """Up to the size they may have, but not in thousands of pieces."""
    settings = Settings(port=0, websocket_frame_bytes=16 * MEGABYTE)
    cases = judge(settings, tmp_path, "-i", LARGE)
    assert len(cases) == 54
    assert failures(cases) == FRAGMENTED


def test_frames_are_compressed_where_the_operator_wants_it(tmp_path: Path) -> None:
    """As the client offers it."""
    chosen = [word for case in KINDS for word in ("-i", case)]
    cases = judge(Settings(port=0, websocket_compression=True), tmp_path, *chosen)
    assert {(case["behavior"], case["behaviorClose"]) for case in cases.values()} == {("OK", "OK")}


def test_else_compression_is_not_offered(tmp_path: Path) -> None:
    """Who asks for it is served without."""
    cases = judge(Settings(port=0), tmp_path, "-i", "12.1.1", "-i", "13.1.1")
    assert {case["behavior"] for case in cases.values()} == {"UNIMPLEMENTED"}
