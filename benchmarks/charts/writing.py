"""Appending points, one request after the other, each committed."""

import time
from collections.abc import Callable, Iterator
from itertools import count

import orjson

from benchmarks.charts.desks import PEER, Desk, candles, desk, send
from benchmarks.costs import MICRO, SECONDS, Cost, backends_of, in_turns
from benchmarks.figures import Figure
from benchmarks.processes import MEASURING, cpu_seconds, on, python, serving
from benchmarks.workbench import Workbench

PEER_RATE = 404
KEPT = 1_000


def appends(bench: Workbench) -> Iterator[Figure]:
    """With one client, against bare ASGI that does the least that is durable."""
    database = bench.databases.clone()
    command = python("benchmarks.charts.upserting", database)
    with (
        desk(bench, "live") as here,
        desk(bench, "live", url=bench.sqlite("appends")) as file,
        serving(command, {}) as lean,
    ):
        for one in (here, file):
            one.put("live", candles(KEPT))
        floor, ours, kept = in_turns(_cost(Desk(lean, database, "", "")), _cost(here), _cost(file))
    for name, rate in (("PostgreSQL", ours), ("SQLite", kept)):
        yield Figure(
            what=f"points appended to {name}",
            unit="requests/s",
            floor=PEER_RATE,
            ours=rate.rate,
            at_least=2,
            how=f"one client, each committed before its answer; {PEER}, kept in memory only",
        )
    yield Figure(
        what="the same to PostgreSQL, CPU",
        unit="µs CPU",
        floor=floor.cpu,
        ours=ours.cpu,
        how=f"API {ours.server:.0f} + backend {ours.backends:.0f}, with a token and limits; "
        f"floor: bare ASGI and an upsert, {floor.server:.0f} + {floor.backends:.0f}",
    )


def _cost(here: Desk) -> Callable[[], Cost]:
    """Of new points, and of each one's being replaced once."""
    newest = candles(1)[0]
    times = (time for time in count(int(newest["time"]) + 60, 60) for _ in range(2))
    is_file = here.database.startswith("sqlite")

    def measure() -> Cost:
        pids = [] if is_file else backends_of(here.database)
        before = cpu_seconds(here.served.pid), cpu_seconds(*pids)
        took = []
        connection = here.connect()
        with on(MEASURING):
            until = time.perf_counter() + SECONDS
            while (begun := time.perf_counter()) < until:
                body = orjson.dumps({**newest, "time": next(times)})
                send(here, connection, "POST", here.points("live"), body)
                took.append(time.perf_counter() - begun)
        connection.close()
        spent = cpu_seconds(here.served.pid) - before[0], cpu_seconds(*pids) - before[1]
        server, backend = (seconds / len(took) * MICRO for seconds in spent)
        took.sort()
        p99 = took[int(len(took) * 0.99)] * 1000
        return Cost(server, backend, len(took) / sum(took), p99)

    return measure
