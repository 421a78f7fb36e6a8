"""Quotes of a whole market to clients with watchlists, 20 of 200 symbols each."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from benchmarks.figures import Figure
from benchmarks.processes import Served, python, serving, tradeapi
from benchmarks.streams import changes
from benchmarks.streams.crowd import Client, Crowd, Positions, gathered, subscriber
from benchmarks.streams.places import Place, fed, place
from benchmarks.streams.publisher import Plan, topic
from benchmarks.streams.stretches import Source, Stretch, cheapest, quickest
from benchmarks.workbench import Workbench

SYMBOLS, CLIENTS, WATCHED = 200, 1_000, 20
LISTENERS = CLIENTS * WATCHED // SYMBOLS
DELIVERIES_PER_SECOND = 100_000
AT_ONCE = 10
SECONDS = 3.0
ROUNDS = 2


def watching(
    symbols: Sequence[str],
    clients: int,
    token: str | None = None,
    positions: Positions | None = None,
    watched: int = WATCHED,
) -> list[Client]:
    """All symbols are watched by as many."""
    apart = len(symbols) // watched
    return [
        subscriber(
            [topic(symbols[(first + turn * apart) % len(symbols)]) for turn in range(watched)],
            token,
            positions,
        )
        for first in range(clients)
    ]


def following(symbols: Sequence[str], token: str) -> Client:
    """All of them, by one client."""
    return subscriber([topic(symbol) for symbol in symbols], token)


def market(bench: Workbench) -> Iterator[Figure]:
    naive = _tell(_naive(bench))
    yield from _compare("announced in the process", naive, _tell(_announced(bench)))
    yield from _compare("from the bus on Redis", naive, _tell(_published(bench)))


def _tell(opened: AbstractContextManager[Source]) -> list[Stretch]:
    with opened as source:
        return [source.tell() for _ in range(ROUNDS)]


def _compare(source: str, naive: Sequence[Stretch], ours: Sequence[Stretch]) -> Iterator[Figure]:
    what = f"quotes to {CLIENTS:,} x {WATCHED}, {source}"
    floor, told = quickest(naive), quickest(ours)
    yield Figure(
        what=f"{what}, 99 %",
        unit="ms",
        floor=floor.delay(0.99),
        ours=told.delay(0.99),
        how=f"{told.how}, {told.rate:,.0f}/s of {DELIVERIES_PER_SECOND:,}/s; floor: from redis-py "
        f"by FastAPI, {floor.how}, {floor.rate:,.0f}/s",
    )
    yield Figure(
        what=f"{what}, a delivery",
        unit="µs CPU",
        floor=cheapest(naive).cpu,
        ours=cheapest(ours).cpu,
    )


@contextmanager
def _naive(bench: Workbench) -> Iterator[Source]:
    symbols = [f"BENCH:S{number:03}" for number in range(SYMBOLS)]
    command = python("benchmarks.streams.redis_servers", "naive", bench.redis)
    with (
        serving(command, {}) as served,
        gathered(bench, served.url, watching(symbols, CLIENTS)) as clients,
    ):
        yield Source(_plan("messages", bench.redis, symbols), [served], [clients], LISTENERS)


@contextmanager
def _announced(bench: Workbench) -> Iterator[Source]:
    here = place(bench, SYMBOLS)
    with fed(bench, here) as (served, socket), _everybody(bench, here, served) as clients:
        yield Source(_plan("lines", socket, here.symbols), [served], [clients], LISTENERS)


@contextmanager
def _published(bench: Workbench) -> Iterator[Source]:
    here = place(bench, SYMBOLS, REDIS_URL=bench.redis_database())
    with (
        serving(tradeapi("serve"), here.settings) as served,
        _everybody(bench, here, served) as clients,
    ):
        yield Source(publishing(here), [served], [clients], LISTENERS)


def _everybody(bench: Workbench, here: Place, served: Served) -> AbstractContextManager[Crowd]:
    token = here.token(served)
    clients = watching(here.symbols, CLIENTS, token)
    return gathered(bench, served.url, clients, after=following(here.symbols, token))


def publishing(here: Place) -> Plan:
    """Of changes of symbols that nothing has changed before."""
    plan = _plan("changes", here.settings["REDIS_URL"], here.symbols)
    ids = asyncio.run(changes.ids(here.settings["DATABASE_URL"], here.symbols))
    return replace(plan, ids=ids)


def _plan(to: str, place: str, symbols: Sequence[str]) -> Plan:
    return Plan(
        to=to,
        place=place,
        symbols=symbols,
        rate=DELIVERIES_PER_SECOND / LISTENERS,
        seconds=SECONDS,
        at_once=AT_ONCE,
    )
