"""What a client that is there and hears nothing takes of the server's memory."""

import time
from collections.abc import Iterator, Sequence

import psutil

from benchmarks.figures import Figure
from benchmarks.processes import Served, python, serving, tradeapi
from benchmarks.streams.crowd import LISTENER, Client, crowd, subscriber
from benchmarks.streams.places import place
from benchmarks.streams.publisher import topic
from benchmarks.streams.watchlists import SYMBOLS, watching
from benchmarks.workbench import Workbench

FIRST, CLIENTS = 200, 1_000
SETTLED_SECONDS = 1.0


def memory(bench: Workbench) -> Iterator[Figure]:
    command = python("benchmarks.streams.servers", "bare", str(bench.folder / "idle"))
    with serving(command, {}) as bare:
        floor = _kilobytes(bench, bare, [LISTENER] * (FIRST + CLIENTS))
    here = place(bench, SYMBOLS)
    for topics in 1, 20:
        with serving(tradeapi("serve"), here.settings) as served:
            token = here.token(served)
            clients = (
                [subscriber([topic(here.symbols[0])], token)] * (FIRST + CLIENTS)
                if topics == 1
                else watching(here.symbols, FIRST + CLIENTS, token)
            )
            ours = _kilobytes(bench, served, clients)
        yield Figure(
            what=f"memory of an idle client, {topics} topic{'s' * (topics > 1)}",
            unit="kB RSS",
            floor=floor,
            ours=ours,
            how=f"each of {CLIENTS:,}; floor: a bare uvicorn WebSocket",
        )


def _kilobytes(bench: Workbench, served: Served, clients: Sequence[Client]) -> float:
    """The first ones also take what all share."""
    with crowd(bench, served.url, clients[:FIRST]) as first:
        first.gather()
        before = _resident(served)
        with crowd(bench, served.url, clients[FIRST:]) as others:
            others.gather()
            return (_resident(served) - before) / CLIENTS / 1000


def _resident(served: Served) -> int:
    time.sleep(SETTLED_SECONDS)
    return psutil.Process(served.pid).memory_info().rss
