"""A made-up market for indices: stocks with twenty years of daily bars, as bars and in raw form."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import numpy as np
from sqlalchemy import insert

from tradeapi.analytics.bars import Bars, Float64Array, Int64Array
from tradeapi.database import Database, raw
from tradeapi.market.calendars.build import build_apart
from tradeapi.market.calendars.calendar import load
from tradeapi.market.models import CalendarSessions, Exchange, Head, SharesOutstanding, Symbol
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import KEEP, StoredBars, encode
from tradeapi.market.store.partitions import Partitions
from tradeapi.market.symbols.service import UNDATED

SEED = 7
DAY = 86400
CALENDAR = "XNYS"
# 20 years up to the end of 2025.
START, END = 1_136_073_600, 1_767_225_600
_RAW = np.dtype(
    [
        ("fields", ">i2"),
        ("symbol_bytes", ">i4"),
        ("symbol", ">i4"),
        ("day_bytes", ">i4"),
        ("day", ">i4"),
        ("close_bytes", ">i4"),
        ("close", ">f8"),
    ]
)
RAW_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


@dataclass(frozen=True, eq=False)
class Universe:
    """`close` is sessions x stocks."""

    days: Int64Array
    close: Float64Array
    shares: Float64Array


async def made_up(stocks: int) -> Universe:
    calendar = load(CALENDAR, await build_apart(CALENDAR))
    days = np.unique(calendar.parts(START, END)[:, 0])
    generator = np.random.default_rng(SEED)
    steps = generator.normal(0.0003, 0.02, (len(days), stocks))
    close = np.round(50 * np.exp(np.cumsum(steps, axis=0)), 4) + 0.01
    shares = np.round(np.exp(generator.normal(18, 1.5, stocks))).astype(np.float64)
    return Universe(days, close, shares)


async def fill(url: str, universe: Universe, *, raw_form: bool = False) -> None:
    """The stocks US:S0000 and so on; sealed as an import leaves them."""
    async with Database(url) as database:
        stocks = universe.close.shape[1]
        async with database.transaction() as session:
            built = await build_apart(CALENDAR)
            session.add(CalendarSessions(code=CALENDAR, sessions=built, built_at=2**31))
            session.add(Exchange(code="US", name="US", calendar=CALENDAR))
            await session.flush()
            names = [f"S{number:04}" for number in range(stocks)]
            await session.execute(
                insert(Symbol),
                [
                    {"id": number + 1, "symbol": f"US:{name}", "exchange": "US", "ticker": name}
                    for number, name in enumerate(names)
                ],
            )
            ids = range(1, stocks + 1)
            await session.execute(insert(Head), [{"symbol_id": id} for id in ids])
            figures = zip(ids, universe.shares.tolist(), strict=True)
            await session.execute(
                insert(SharesOutstanding),
                [
                    {"symbol_id": id, "effective": UNDATED, "shares": shares}
                    for id, shares in figures
                ],
            )
            if not database.is_sqlite:
                await (await raw(session)).execute(
                    "SELECT setval('symbols_id_seq', $1::bigint)", stocks + 1
                )
        for start in range(0, stocks, 100):
            await _bars(database, universe, range(start, min(start + 100, stocks)))
        await database.autocommit("ANALYZE")
    if raw_form:
        await _raw_form(url, universe)


async def _bars(database: Database, universe: Universe, stocks: range) -> None:
    days, blocks, rows, series = universe.days, [], [], []
    for stock in stocks:
        close = universe.close[:, stock].copy()
        bars = StoredBars.of(Bars(days, close, close, close, close, close), native=True)
        sealed = bars[: len(days) - KEEP]
        for start, block in sealed.by_block(Resolution.DAY):
            last = int(block.time[-1])
            blocks.append((stock + 1, DAY, start, len(block), last, encode(block)))
        rows += [
            (stock + 1, DAY, day, *(price,) * 5, 1.0, None, None)
            for day, price in zip(days[-KEEP:].tolist(), close[-KEEP:].tolist(), strict=True)
        ]
        series.append((stock + 1, DAY, int(days[0]), int(days[-1]), int(sealed.time[-1])))
    async with database.transaction() as session:
        connection = await raw(session)
        starts = {block[2] for block in blocks}
        await Partitions(database).ensure(connection, Resolution.DAY, starts)
        await connection.executemany(_BLOCK, blocks)
        await connection.executemany(_ROW, rows)
        await connection.executemany(_SERIES, series)


async def _raw_form(url: str, universe: Universe) -> None:
    """A row for each close."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(
        "CREATE UNLOGGED TABLE raw_closes (symbol int4, day int4, close float8)"
    )
    for stock in range(universe.close.shape[1]):
        table = np.empty(len(universe.days), _RAW)
        table["fields"], table["symbol_bytes"], table["day_bytes"] = 3, 4, 4
        table["close_bytes"] = 8
        table["symbol"], table["day"] = stock, universe.days // DAY
        table["close"] = universe.close[:, stock]
        await connection.copy_to_table(
            "raw_closes",
            source=_source(RAW_HEADER + table.tobytes() + b"\xff\xff"),
            format="binary",
        )
    await connection.execute("ANALYZE raw_closes")
    await connection.close()


async def _source(data: bytes) -> AsyncIterator[bytes]:
    await asyncio.sleep(0)
    yield data


async def copied(url: str) -> Float64Array:
    """All closes by binary COPY, as columns of stocks: the fastest way that PostgreSQL has."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    parts: list[bytes] = []

    async def take(data: bytes) -> None:
        parts.append(data)

    await connection.copy_from_table("raw_closes", output=take, format="binary")
    await connection.close()
    data = b"".join(parts)
    count = (len(data) - len(RAW_HEADER) - 2) // _RAW.itemsize
    table = np.frombuffer(data, _RAW, count, len(RAW_HEADER))
    return table["close"].astype(np.float64)


_BLOCK = (
    "INSERT INTO bar_blocks (symbol_id, resolution, start, count, last, data) "
    "VALUES ($1, $2, $3, $4, $5, $6)"
)
_ROW = (
    "INSERT INTO bar_rows (symbol_id, resolution, time, open, high, low, close, volume, native, "
    "first_tick, last_tick) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
)
_SERIES = (
    "INSERT INTO bar_series (symbol_id, resolution, first, last, sealed) "
    "VALUES ($1, $2, $3, $4, $5)"
)
