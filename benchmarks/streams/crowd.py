"""Clients by the hundred, in a process on the measuring core."""

import json
import select
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple, Self
from urllib.parse import urlsplit

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.processes import MEASURING, ROOT, on
from benchmarks.workbench import Workbench

READY_SECONDS = 120.0
MICRO = 1e6
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


# An epoch and a seq by topic.
Positions = Mapping[str, Mapping[str, object]]


class Client(NamedTuple):
    """It is ready when so many topics have begun, or without a text when it is let in."""

    waits_for: int
    handshake: bytes
    says: bytes = b""


# Of a server that sends everything to everybody.
LISTENER = Client(1, HANDSHAKE + b"\r\n")


def subscriber(
    topics: Sequence[str], token: str | None = None, positions: Positions | None = None
) -> Client:
    request: dict[str, object] = {"op": "subscribe", "topics": topics, "history": 1}
    if positions is not None:
        request["resume"] = {topic: positions[topic] for topic in topics}
    caller = b"" if token is None else b"Authorization: Bearer %b\r\n" % token.encode()
    return Client(len(topics), HANDSHAKE + caller + b"\r\n", frame(orjson.dumps(request)))


def frame(text: bytes) -> bytes:
    """A client's text frame, with a mask of zeros."""
    size = len(text)
    head = bytes([0x81, 0x80 | size]) if size < 126 else struct.pack(">BBH", 0x81, 0xFE, size)
    return head + bytes(4) + text


@dataclass(frozen=True, slots=True)
class Heard:
    """What came meanwhile; of each update the stamp and the arrival, in microseconds.

    `gone` and `errors` count the clients that left before they were ready, and after.
    """

    updates: int
    bytes: int
    errors: int
    ready: int
    gone: int
    samples: NDArray[np.int64]

    @property
    def delays(self) -> NDArray[np.float64]:
        """Seconds."""
        seconds: NDArray[np.float64] = (self.samples[:, 1] - self.samples[:, 0]) / MICRO
        return seconds

    def until_all(self, count: int) -> NDArray[np.float64]:
        """Seconds until the last of so many clients had each update that all of them got."""
        order = np.lexsort((self.samples[:, 1], self.samples[:, 0]))
        stamps, arrivals = self.samples[order].T
        found, first, counted = np.unique(stamps, return_index=True, return_counts=True)
        last = arrivals[first + counted - 1]
        seconds: NDArray[np.float64] = (last - found)[counted == count] / MICRO
        return seconds

    def __add__(self, later: Self) -> "Heard":
        return Heard(
            self.updates + later.updates,
            self.bytes + later.bytes,
            self.errors + later.errors,
            later.ready,
            later.gone,
            np.concatenate([self.samples, later.samples]),
        )


class Crowd:
    def __init__(self, process: "subprocess.Popen[bytes]", samples: Path, size: int) -> None:
        self._process = process
        self._samples = samples
        self._size = size

    def settle(self) -> tuple[float, Heard]:
        """Wait until each is ready or gone; in how many seconds that was, and what has come."""
        line = self._line(time.monotonic() + READY_SECONDS)
        heard = self.report()
        return float(line.split()[1]) if line else float("inf"), heard

    def gather(self) -> None:
        """Wait until all are ready."""
        _, heard = self.settle()
        assert heard.ready == self._size, f"Not all of {self._size} are ready: {heard}"

    def report(self) -> Heard:
        """What has come since the last report."""
        _pipe(self._process.stdin).write(b"\n")
        line = self._line(time.monotonic() + READY_SECONDS)
        while line.startswith(b"ready"):
            line = self._line(time.monotonic() + READY_SECONDS)
        samples = np.fromfile(self._samples, np.int64).reshape(-1, 2)
        return Heard(**json.loads(line), samples=samples)

    def _line(self, until: float) -> bytes:
        """Of the process, unbuffered: a byte that is waited for is not in a buffer of ours."""
        line = b""
        output = _pipe(self._process.stdout)
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0, until - time.monotonic()))
            read = output.read(1) if ready else b""
            if not read:
                return b""
            line += read
        return line


@contextmanager
def crowd(
    bench: Workbench, url: str, clients: Sequence[Client], *, fresh: int = 0
) -> Iterator[Crowd]:
    """Connect all at once; with `fresh` they wait for frames with no older stamp instead."""
    address = urlsplit(url)
    script = struct.pack("=QI", fresh, len(clients))
    script += b"".join(
        struct.pack("=III", client.waits_for, len(client.handshake), len(client.says))
        + client.handshake
        + client.says
        for client in clients
    )
    with TemporaryDirectory(dir=bench.folder) as folder:
        paths = Path(folder, "script"), Path(folder, "samples")
        paths[0].write_bytes(script)
        place = str(address.hostname), str(address.port)
        with (
            on(MEASURING),
            subprocess.Popen(
                [*bench.clients, *place, *map(str, paths)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            ) as process,
        ):
            # It ends with its standard input.
            yield Crowd(process, paths[1], len(clients))


@contextmanager
def gathered(
    bench: Workbench, url: str, clients: Sequence[Client], *, after: Client | None = None
) -> Iterator[Crowd]:
    """Clients who are ready; they come at once, with `after` when the topics are open by that."""
    with ExitStack() as opening:
        if after is not None:
            opening.enter_context(crowd(bench, url, [after])).gather()
        with crowd(bench, url, clients) as all:
            all.gather()
            opening.close()
            yield all


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
