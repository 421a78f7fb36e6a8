"""A reader that is five times too slow: how old what it reads is, and what the others notice."""

import re
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from benchmarks.processes import Served, forget_peak, peak, python, serving
from benchmarks.streams.crowd import LISTENER, Client, gathered, subscriber
from benchmarks.streams.places import fed, place
from benchmarks.streams.publisher import Plan, stamp, topic, update
from benchmarks.streams.stretches import Source, Stretch
from benchmarks.workbench import Workbench

SYMBOLS, OTHERS = 50, 10
FED_BYTES_PER_SECOND, READ_BYTES_PER_SECOND = 250_000, 50_000
READS_PER_SECOND = 50
SECONDS, SECONDS_WITHOUT = 7.0, 4.0
ROUNDS = 2
TIMEOUT_SECONDS = 10.0
# A client whose link is slow has little in its own buffer; one that is slow itself as much as its
# system allows, 100 to 250 KiB on Linux, and what waits there no server can replace.
RECEIVE_BYTES = 16 * 1024
_STAMPS = re.compile(rb'"prev":\d+,"quote":\{"last":(\d+)[,.]')
# Longer than what a stamp is found by.
_TAIL = 100


class Sick(NamedTuple):
    """A stretch with a slow reader: the ages of what it read, in seconds; the server's growth."""

    told: Stretch
    ages: NDArray[np.float64]
    grown: float

    @property
    def thirds(self) -> tuple[float, ...]:
        return tuple(float(np.median(third)) for third in np.array_split(self.ages, 3))

    @property
    def how(self) -> str:
        return " / ".join(f"{age:.2f}" for age in self.thirds)


def slow(bench: Workbench) -> Iterator[Figure]:
    here = place(bench, SYMBOLS)
    with fed(bench, here) as (served, path):
        client = subscriber([topic(symbol) for symbol in here.symbols], here.token(served))
        with gathered(bench, served.url, [client] * OTHERS) as others:
            well = Source(_plan(path, here.symbols, SECONDS_WITHOUT), [served], [others], OTHERS)
            ill = Source(_plan(path, here.symbols, SECONDS), [served], [others], OTHERS)
            alone, sick = zip(
                *((well.tell(), _sicken(ill, client)) for _ in range(ROUNDS)), strict=True
            )
            buffered = _sicken(ill, client, receive_bytes=None)
    bare = _bare(bench, here.symbols)
    yield Figure(
        what="what a slow reader reads, age",
        unit="s",
        ours=min(max(one.thirds) for one in sick),
        at_most=2,
        how=f"{READ_BYTES_PER_SECOND:,} of {FED_BYTES_PER_SECOND:,} bytes/s; medians by thirds of "
        f"{SECONDS:g} s: {sick[-1].how}; of a bare uvicorn loop {bare.how}",
    )
    yield Figure(
        what="the same, with the buffer that its system gives it",
        unit="s",
        ours=max(buffered.thirds),
        how=buffered.how,
    )
    yield Figure(
        what="with it, the others' 99 %",
        unit="ms",
        floor=min(one.delay(0.99) for one in alone),
        ours=min(one.told.delay(0.99) for one in sick),
        at_most=1.5,
        how=f"floor: without it; {OTHERS} others, {sick[-1].told.rate:,.0f} deliveries/s",
    )
    yield Figure(
        what="with it, the server's memory grows",
        unit="MB",
        ours=sick[-1].grown,
        at_most=2,
        how=f"in the second time; in the first {sick[0].grown:.1f}",
    )


def _bare(bench: Workbench, symbols: Sequence[str]) -> Sick:
    path = str(bench.folder / "slowed")
    with (
        serving(python("benchmarks.streams.servers", "bare", path), {}) as served,
        gathered(bench, served.url, [LISTENER] * OTHERS) as others,
    ):
        source = Source(_plan(path, symbols, SECONDS), [served], [others], OTHERS)
        return _sicken(source, LISTENER)


def _sicken(source: Source, client: Client, *, receive_bytes: int | None = RECEIVE_BYTES) -> Sick:
    [served] = source.servers
    before = forget_peak(served)
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(_read, served, client, receive_bytes)
        told = source.tell()
        return Sick(told, reading.result(), peak(served) - before)


def _read(served: Served, client: Client, receive_bytes: int | None) -> NDArray[np.float64]:
    """The ages of what is read at that pace."""
    address = urlsplit(served.url)
    ages: list[float] = []
    rest = b""
    with socket.socket() as connection:
        if receive_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect((address.hostname, address.port))
        connection.sendall(client.handshake)
        while b"\r\n\r\n" not in rest:
            rest += connection.recv(1)
        connection.sendall(client.says)
        begun = time.monotonic()
        reads = 0
        while (due := reads / READS_PER_SECOND) < SECONDS:
            time.sleep(max(0, begun + due - time.monotonic()))
            reads += 1
            rest += connection.recv(READ_BYTES_PER_SECOND // READS_PER_SECOND)
            now = stamp()
            end = 0
            for found in _STAMPS.finditer(rest):
                ages.append((now - int(found[1])) / 1e6)
                end = found.end()
            rest = rest[end:][-_TAIL:]
    return np.array(ages)


def _plan(path: str, symbols: Sequence[str], seconds: float) -> Plan:
    rate = FED_BYTES_PER_SECOND / len(update(symbols[0], 10_000))
    return Plan(to="lines", place=path, symbols=symbols, rate=rate, seconds=seconds, at_once=5)
