"""What a client that is there and hears nothing takes of the server's memory."""

import time
from collections.abc import Iterator, Sequence

import psutil

from benchmarks.figures import Figure
from benchmarks.processes import Served, python, serving, tradeapi
from benchmarks.streams.crowd import LISTENER, Client, gathered
from benchmarks.streams.places import place
from benchmarks.streams.watchlists import SYMBOLS, WATCHED, following, watching
from benchmarks.workbench import Workbench

FIRST, CLIENTS = 200, 1_000
SETTLED_SECONDS = 1.0


def memory(bench: Workbench) -> Iterator[Figure]:
    command = python("benchmarks.streams.servers", "bare", str(bench.folder / "idle"))
    with serving(command, {}) as bare:
        floor = _kilobytes(bench, bare, [LISTENER] * (FIRST + CLIENTS))
    for topics in 1, WATCHED:
        here = place(bench, topics * SYMBOLS // WATCHED)
        with serving(tradeapi("serve"), here.settings) as served:
            token = here.token(served)
            clients = watching(here.symbols, FIRST + CLIENTS, token, watched=topics)
            ours = _kilobytes(bench, served, clients, after=following(here.symbols, token))
        yield Figure(
            what=f"memory of an idle client, {topics} topic{'s' * (topics > 1)}",
            unit="kB RSS",
            floor=floor,
            ours=ours,
            how=f"each of {CLIENTS:,}; floor: a bare uvicorn WebSocket",
        )


def _kilobytes(
    bench: Workbench, served: Served, clients: Sequence[Client], *, after: Client | None = None
) -> float:
    """The first ones also take what all share."""
    with gathered(bench, served.url, clients[:FIRST], after=after):
        before = _resident(served)
        with gathered(bench, served.url, clients[FIRST:]):
            return (_resident(served) - before) / CLIENTS / 1000


def _resident(served: Served) -> int:
    time.sleep(SETTLED_SECONDS)
    return psutil.Process(served.pid).memory_info().rss
