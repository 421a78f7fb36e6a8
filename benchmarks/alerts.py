"""Alerts: what a tick costs that fires none of a hundred thousand, and how fast many fire."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from uuid import uuid4

import anyio
from sqlalchemy import func, insert, select

from benchmarks.figures import Figure
from benchmarks.workbench import Workbench
from tradeapi.alerts.engine.engine import AlertEngine
from tradeapi.alerts.models import Alert
from tradeapi.auth.models import User
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.market.events import CHANGES, BarChange, Changed, Quote
from tradeapi.market.live.watches import Watches
from tradeapi.market.models import Exchange, Head, Symbol
from tradeapi.market.parts import Followed, open_parts
from tradeapi.market.resolutions import Resolution
from tradeapi.notifications.models import Notification
from tradeapi.notifications.notifier import Notifier
from tradeapi.settings import Settings

ALERTS, SYMBOLS = 100_000, 5_000
TICKS = 20_000
ROUNDS = 3
FIRINGS = 10_000
PRICE = 100.0
# What fires nothing stays within it; the levels lie beyond.
BAND = 1.0


def alerts(bench: Workbench) -> Iterator[Figure]:
    """The engine alone, in this process, told of ticks as they come out of Redis."""
    floor, ours, loaded = asyncio.run(_quiet(bench.databases.clone()))
    yield Figure(
        what=f"a tick that fires none of {ALERTS:,} alerts on {SYMBOLS:,} symbols",
        unit="µs CPU",
        floor=floor,
        ours=ours,
        at_most=2,
        how="decoded and evaluated; floor: the same with the symbols watched, and no alert on them",
    )
    yield Figure(
        what="ticks that one worker sustains", unit="1/s", floor=1e6 / floor, ours=1e6 / ours
    )
    yield Figure(what=f"{ALERTS:,} alerts loaded", unit="s", ours=loaded)
    rate = asyncio.run(_firing(bench.databases.clone()))
    yield Figure(
        what="firings written with what is told of them",
        unit="1/s",
        ours=rate,
        how=f"{FIRINGS:,} alerts of 100 users at once, on PostgreSQL",
    )


async def _quiet(url: str) -> tuple[float, float, float]:
    """Microseconds of CPU without and with alerts; seconds to load them."""
    async with Database(url) as database:
        await _symbols(database)
        async with _market(database) as (market, _):
            names = [f"BENCH:S{number}" for number in range(SYMBOLS)]
            for start in range(0, SYMBOLS, 200):
                await market["watches"].open_many(names[start : start + 200])
            ticks = _Ticks(market["watches"])
            floor = min([ticks.cpu() for _ in range(ROUNDS)])
        await put_alerts(database, ALERTS, range(1, SYMBOLS + 1))
        async with _market(database) as (market, engine), anyio.create_task_group() as tasks:
            begun = time.perf_counter()
            tasks.start_soon(engine.run)
            await _rest(engine)
            loaded = time.perf_counter() - begun
            ticks = _Ticks(market["watches"])
            ours = min([ticks.cpu() for _ in range(ROUNDS)])
            tasks.cancel_scope.cancel()
    return floor, ours, loaded


async def _firing(url: str) -> float:
    async with Database(url) as database, _market(database) as (market, engine):
        await _symbols(database)
        await put_alerts(database, FIRINGS, range(1, SYMBOLS + 1))
        ticks = _Ticks(market["watches"])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run)
            await _rest(engine)
            begun = time.perf_counter()
            for number in range(1, SYMBOLS + 1):
                ticks.tell(number, PRICE * 10)
                if number % 100 == 0:
                    await asyncio.sleep(0)
            while await _told(database) < FIRINGS:  # noqa: ASYNC110
                await anyio.sleep(0.05)
            took = time.perf_counter() - begun
            tasks.cancel_scope.cancel()
    return FIRINGS / took


class _Ticks:
    """Ticks of all symbols in turn, each as it comes from another process."""

    def __init__(self, watches: Watches) -> None:
        self._hear = watches._hear  # noqa: SLF001  what the bus calls
        self._random = Random(1)  # noqa: S311
        self._versions = [1] * (SYMBOLS + 1)
        self._time = time.time()

    def cpu(self) -> float:
        """Microseconds for each of many."""
        payloads = [
            self._payload(1 + number * 7 % SYMBOLS, PRICE + self._random.uniform(-BAND, BAND))
            for number in range(TICKS)
        ]
        begun = time.process_time()
        for payload in payloads:
            self._hear(CHANGES.decode(payload))
        return (time.process_time() - begun) / TICKS * 1e6

    def tell(self, symbol_id: int, price: float) -> None:
        self._hear(CHANGES.decode(self._payload(symbol_id, price)))

    def _payload(self, symbol_id: int, price: float) -> bytes:
        self._versions[symbol_id] += 1
        self._time += 0.001
        minute = int(self._time) // 60 * 60
        bar = BarChange("bar", minute, PRICE, price, price, price, 1.0)
        quote = Quote(
            last=price,
            time=self._time,
            day=minute // 86_400 * 86_400,
            open=PRICE,
            high=PRICE + BAND,
            low=PRICE - BAND,
            volume=1.0,
            previous_close=PRICE,
            is_intraday=True,
        )
        return CHANGES.encode(
            Changed(
                symbol_id=symbol_id,
                symbol=f"BENCH:S{symbol_id}",
                version=self._versions[symbol_id],
                revision=1,
                updated=self._time,
                quote=quote,
                bars=dict.fromkeys(Resolution, (bar,)),
                trades=[(self._time, price)],
            )
        )


@asynccontextmanager
async def _market(database: Database) -> AsyncIterator[tuple[Followed, AlertEngine]]:
    clock, bus, settings = SystemClock(), MemoryBus(), Settings()
    async with open_parts(settings, clock, database, bus) as market:
        engine = AlertEngine(
            database,
            bus,
            market["watches"],
            market["bar_history"],
            Notifier(jobs_of(database, clock), bus, clock, {}),
            clock,
            lateness=settings.bar_lateness_seconds,
        )
        yield market, engine


async def _rest(engine: AlertEngine) -> None:
    while not engine.is_at_rest:  # noqa: ASYNC110
        await anyio.sleep(0.02)


async def _told(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Notification)) or 0


async def _symbols(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(insert(Exchange), [{"code": "BENCH", "name": ""}])
        names = [f"S{number}" for number in range(SYMBOLS)]
        await session.execute(
            insert(Symbol),
            [
                {"id": id, "symbol": f"BENCH:{name}", "exchange": "BENCH", "ticker": name}
                for id, name in enumerate(names, 1)
            ],
        )
        head = {"version": 1, "last": PRICE, "last_time": time.time() - 60}
        await session.execute(
            insert(Head), [{"symbol_id": id, **head} for id in range(1, SYMBOLS + 1)]
        )


async def put_alerts(
    database: Database, count: int, symbol_ids: Sequence[int], *, most: float = PRICE
) -> None:
    """Half of them above `most` and half below PRICE, on all symbols in turn; of 100 users."""
    users = [uuid4() for _ in range(100)]
    random = Random(2)  # noqa: S311
    async with database.transaction() as session:
        await session.execute(insert(User), [_user(id) for id in users])
        for start in range(0, count, 5_000):
            rows = [
                _alert(
                    users[number % len(users)],
                    symbol_ids[number % len(symbol_ids)],
                    random,
                    most,
                    rises=number < FIRINGS or number // len(symbol_ids) % 2 == 0,
                )
                for number in range(start, min(count, start + 5_000))
            ]
            await session.execute(insert(Alert), rows)


def _user(id: object) -> dict[str, object]:
    email = f"{id}@example.com"
    return {"id": id, "email": email, "role": "user", "scopes": "read", "created_at": 0.0}


def _alert(
    owner: object, symbol_id: int, random: Random, most: float, *, rises: bool
) -> dict[str, object]:
    level = random.uniform(2, 9) * most if rises else random.uniform(0.1, 0.9) * PRICE
    way = "crosses_up" if rises else "crosses_down"
    now = time.time()
    return {
        "id": uuid4(),
        "owner_id": owner,
        "symbol_id": symbol_id,
        "conditions": [{"type": "price", "is": way, "level": level}],
        "match": "all",
        "is_repeating": False,
        "cool_down": 0.0,
        "note": "",
        "channels": [],
        "status": "active",
        "version": 1,
        "created_at": now,
        "updated_at": now - 60,
        "armed_at": now,
        "base_version": 1,
        "base_price": PRICE,
        "base_time": now - 60,
        "state": "?",
        "fired_count": 0,
    }
