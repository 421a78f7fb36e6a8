"""Load that does not wait for answers: each request has its moment, whatever became of others."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

CONNECTIONS = 400
# An answer that comes later is of no use to whoever asked.
DEADLINE_SECONDS = 1.0
HEALTH_SECONDS = 0.05


@dataclass(slots=True)
class Offered:
    """`good` were answered as wanted in time, after `took` seconds since they were due; `refused`
    were told to come back. `health` is how long answers of /health took meanwhile.
    """

    seconds: float
    sent: int = 0
    good: int = 0
    refused: int = 0
    took: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        return self.good / self.seconds


def percentile(sample: list[float], share: float) -> float:
    return sorted(sample)[int(len(sample) * share)]


async def offer(url: str, paths: Iterator[str], rate: float, seconds: float) -> Offered:
    """Ask so often a second."""
    offered = Offered(seconds)
    free: deque[_Connection] = deque()
    due: deque[float] = deque()
    made = [await _connect(url) for _ in range(CONNECTIONS)]
    free.extend(made)

    def send_what_is_due() -> None:
        now = time.perf_counter()
        while due and now - due[0] > DEADLINE_SECONDS:
            due.popleft()
        while due and free:
            # The one that was used last is the likeliest to be alive.
            free.pop().ask(next(paths), due.popleft(), finish)

    def finish(connection: _Connection, moment: float, status: bytes) -> None:
        took = time.perf_counter() - moment
        if status == b"200" and took <= DEADLINE_SECONDS:
            offered.good += 1
            offered.took.append(took)
        offered.refused += status == b"503"
        free.append(connection)
        send_what_is_due()

    watching = asyncio.create_task(_watch(url, offered))
    begun = time.perf_counter()
    while (now := time.perf_counter() - begun) < seconds:
        while offered.sent < now * rate:
            due.append(begun + offered.sent / rate)
            offered.sent += 1
        send_what_is_due()
        await asyncio.sleep(0.001)
    await asyncio.sleep(DEADLINE_SECONDS)
    watching.cancel()
    for connection in made:
        connection.abort()
    return offered


async def _watch(url: str, offered: Offered) -> None:
    connection = await _connect(url)
    while True:
        answered: asyncio.Queue[bytes] = asyncio.Queue()
        moment = time.perf_counter()
        connection.ask("/health", moment, partial(_put, answered))
        status = await answered.get()
        assert status == b"200", status
        offered.health.append(time.perf_counter() - moment)
        await asyncio.sleep(HEALTH_SECONDS)


def _put(answered: asyncio.Queue[bytes], _: object, __: float, status: bytes) -> None:
    answered.put_nowait(status)


async def _connect(url: str) -> "_Connection":
    place, loop = urlsplit(url), asyncio.get_running_loop()
    assert place.hostname is not None
    assert place.port is not None
    _, connection = await loop.create_connection(
        lambda: _Connection(place.netloc), place.hostname, place.port
    )
    return connection


Finish = Callable[["_Connection", float, bytes], None]


class _Connection(asyncio.Protocol):
    """One request after the other; a library's client would give out before the server does."""

    def __init__(self, host: str) -> None:
        self._rest = f" HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self._said = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def abort(self) -> None:
        self._transport.abort()

    def ask(self, path: str, moment: float, finish: Finish) -> None:
        self._moment, self._finish, self._said, self._size = moment, finish, b"", -1
        self._transport.write(b"GET " + path.encode() + self._rest)

    def data_received(self, data: bytes) -> None:
        self._said += data
        if self._size < 0:
            head, found, _ = self._said.partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._size = len(head) + 4 + int(length)
        if len(self._said) >= self._size:
            self._finish(self, self._moment, self._said[9:12])
