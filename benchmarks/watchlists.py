"""Watchlists with their prices: a long one against a short one."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import orjson

from benchmarks.charts.desks import Desk, desk, send
from benchmarks.costs import MICRO, Cost, backends_of, in_turns
from benchmarks.figures import Figure
from benchmarks.market import EDGE, Series, fill
from benchmarks.processes import cpu_seconds
from benchmarks.workbench import Workbench
from tradeapi.market.resolutions import Resolution

LONG, SHORT = 1000, 10
# So that a year of them is partly in blocks and partly in rows.
DAYS = 300 + EDGE
REQUESTS = 30


def priced(bench: Workbench) -> Iterator[Figure]:
    """The same number of statements for both, on either database."""
    for name in ("PostgreSQL", "SQLite"):
        url = bench.sqlite("watchlists") if name == "SQLite" else bench.databases.clone()
        symbols = [f"BENCH:W{number}" for number in range(LONG)]
        today = int(time.time()) // 86_400 * 86_400
        days = (Series(symbol, Resolution.DAY, DAYS) for symbol in symbols)
        asyncio.run(fill(url, *days, end=today))
        with desk(bench, url=url) as here:
            short, long = (_list(here, symbols[:count]) for count in (SHORT, LONG))
            floor, ours = in_turns(partial(_alone, here, short), partial(_alone, here, long))
        yield Figure(
            what=f"{LONG:,} items with prices, {name}",
            unit="µs CPU",
            floor=floor.cpu,
            ours=ours.cpu,
            at_most=30,
            how=f"one client; floor: {SHORT} items; "
            f"the slowest took {ours.p99:.0f} ms against {floor.p99:.0f}",
        )


def _list(here: Desk, symbols: list[str]) -> str:
    """Its address."""
    connection = here.connect()
    body = orjson.dumps({"name": f"{len(symbols)} symbols"})
    made = orjson.loads(send(here, connection, "POST", "/api/v1/watchlists", body))
    path = f"/api/v1/watchlists/{made['id']}"
    for symbol in symbols:
        send(here, connection, "POST", f"{path}/items", orjson.dumps({"symbol": symbol}))
    return f"{path}/quotes"


def _alone(here: Desk, path: str) -> Cost:
    """One client: several with a long list would wait for each other."""
    connection = here.connect()
    backends = backends_of(here.database) if here.database.startswith("postgresql") else []
    before = cpu_seconds(here.served.pid), cpu_seconds(*backends)
    took = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        send(here, connection, "GET", path, b"")
        took.append(time.perf_counter() - begun)
    spent = cpu_seconds(here.served.pid) - before[0], cpu_seconds(*backends) - before[1]
    server, backend = (seconds / REQUESTS * MICRO for seconds in spent)
    return Cost(server, backend, REQUESTS / sum(took), max(took) * 1000)
