"""What an index holds: compositions, changes, and files of twenty years of 100 names.

The index is made by the engine from a market of a seed, and written as a build writes it.
"""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import orjson

from benchmarks.figures import Figure
from benchmarks.processes import (
    MEASURING,
    Served,
    cpu_seconds,
    forget_peak,
    get,
    in_development,
    on,
    peak,
    python,
    serving,
)
from benchmarks.workbench import Workbench
from tradeapi.analytics.indices.engine import Engine
from tradeapi.analytics.indices.methodology import Methodology
from tradeapi.analytics.indices.panel import Panel
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.indices.building import staging
from tradeapi.indices.packing import packed
from tradeapi.indices.schemas import IndexIn
from tradeapi.indices.service import Indices
from tradeapi.market.calendars.days import DAY, date_at
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.symbols.service import Symbols

SYMBOLS, NAMES, SESSIONS, YEAR = 150, 100, 5040, 252
# 2005-01-01.
FIRST = 1_104_537_600
INDEX = "/api/v1/indices/BENCH"
ASKED = 20
AT_ONCE = 1000
READ_BYTES = 1 << 16
FORMATS = ("csv", "json", "parquet", "xlsx")


class Cost(NamedTuple):
    """Of a file: its size, the CPU time, the growth of the memory, how long the loop was held."""

    megabytes: float
    cpu: float
    growth: float
    held: float


def holdings(bench: Workbench) -> Iterator[Figure]:
    url = bench.databases.clone()
    asyncio.run(fill(url))
    with serving(python("benchmarks.charts.watched"), in_development(url)) as served:
        get(served, f"{INDEX}/composition")
        yield Figure(
            what=f"a composition of {NAMES} names",
            unit="ms CPU",
            ours=_each(served, "composition?date={end}"),
        )
        yield Figure(
            what=f"changes of {YEAR} sessions of {NAMES} names",
            unit="ms CPU",
            ours=_each(served, "changes?start={start}&end={end}"),
            at_most=20,
            how="with the read, up to the bytes that are sent; 100 of them are told",
        )
        yield Figure(
            what=f"changes of {SESSIONS:,} sessions, a page",
            unit="ms CPU",
            ours=_each(served, "changes?end={end}", back=1),
        )
        # What is imported and warmed up by the first is no matter of size.
        for format in FORMATS:
            _export(served, format, f"&start={date_at(FIRST + (SESSIONS - 10) * DAY)}")
        for format in FORMATS:
            cost = _export(served, format, "")
            yield Figure(
                what=f"{NAMES * SESSIONS:,} rows as {format}",
                unit="MB RSS more",
                ours=cost.growth,
                at_most=60,
                how=f"{cost.cpu:.1f} s CPU, {cost.megabytes:.0f} MB; the loop was held for "
                f"{cost.held:.0f} ms at most",
            )


async def fill(url: str) -> None:
    clock = SystemClock()
    async with Database(url) as database:
        async with database.transaction() as session:
            for number in range(SYMBOLS):
                await Symbols(session).ensure(f"B:S{number}", name=f"Company {number} Inc.")
            indices = Indices(session, Calendars(database, clock), clock.now())
            index = await indices.create(
                IndexIn.model_validate({"code": "BENCH", "count": NAMES}), None
            )
        async with database.read() as raw:
            rows = await raw.fetch("SELECT id FROM symbols WHERE exchange = 'B' ORDER BY symbol")
        ids = np.array([row[0] for row in rows], np.int64)
        baskets = [packed(basket, ids) for basket in Engine(Methodology(), SYMBOLS).run(panel())]
        for start in range(0, SESSIONS, AT_ONCE):
            async with database.transaction() as session:
                await staging.put(session, index.id, baskets[start : start + AT_ONCE])
        async with database.transaction() as session:
            await staging.publish(session, index.id, 0)
            published = await Indices(session, Calendars(database, clock), clock.now()).get("BENCH")
            published.revision, published.methodology = 1, "0" * 16
            published.first_day, published.last_day = FIRST, FIRST + (SESSIONS - 1) * DAY


def panel() -> Panel:
    """Of prices that walk, so that some names come and go each week."""
    random = np.random.default_rng(7)
    steps = random.normal(0, 0.015, (SESSIONS, SYMBOLS))
    return Panel(
        days=FIRST + DAY * np.arange(SESSIONS, dtype=np.int64),
        following=FIRST + SESSIONS * DAY,
        close=100 * np.exp(steps.cumsum(axis=0)),
        shares=np.full(SYMBOLS, 1e9),
        listed_from=np.full(SYMBOLS, FIRST),
        listed_to=np.full(SYMBOLS, FIRST + 2 * SESSIONS * DAY),
    )


def _each(served: Served, query: str, *, back: int = 30) -> float:
    """The CPU of one of several that nobody has asked for before."""
    before = cpu_seconds(served.pid)
    for number in range(ASKED):
        end = FIRST + (SESSIONS - 1 - back * number) * DAY
        start = end - (YEAR - 1) * DAY
        get(served, f"{INDEX}/{query.format(start=date_at(start), end=date_at(end))}")
    return (cpu_seconds(served.pid) - before) / ASKED * 1000


def _export(served: Served, format: str, more: str) -> Cost:
    get(served, "/gap")
    begun, before = forget_peak(served), cpu_seconds(served.pid)
    with on(MEASURING):
        size = _download(served, f"{INDEX}/export?what=composition&format={format}{more}")
    held = orjson.loads(get(served, "/gap"))[1] * 1000
    return Cost(size / 1e6, cpu_seconds(served.pid) - before, peak(served) - begun, held)


def _download(served: Served, path: str) -> int:
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=120)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == HTTPStatus.OK
    size = 0
    while part := response.read(READ_BYTES):
        size += len(part)
    connection.close()
    return size
