"""How the store keeps bars."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from prometheus_client import REGISTRY

from tests.market.places import MONDAY, TODAY, Market, flat
from tradeapi.analytics.bars import Bars
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import KEEP, SEAL_AT
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.symbols.directory import Listing

MINUTE = Resolution.MINUTE
ROWS = [flat(TODAY + 60 * number, number + 1, number % 3) for number in range(600)]


async def counts(market: Market) -> tuple[int, int]:
    """How many minutes are rows, and how many are in blocks."""
    async with market.database.read() as raw:
        rows = await raw.fetch("SELECT count(*) FROM bar_rows WHERE resolution = 60")
        sealed = await raw.fetch(
            "SELECT COALESCE(sum(count), 0) FROM bar_blocks WHERE resolution = 60"
        )
    return int(rows[0][0]), int(sealed[0][0])


async def test_rows_are_sealed_once_there_are_many(market: Market) -> None:
    """All but the newest few; and what is read is the same at every step."""
    listing = await market.add("X:A")
    most = 0
    for start in range(0, 600, 15):
        await market.write(listing, MINUTE, ROWS[start : start + 15])
        rows, sealed = await counts(market)
        assert rows + sealed == start + 15
        assert rows <= SEAL_AT
        assert not sealed or rows >= KEEP
        most = max(most, rows)
        assert await market.read(listing, MINUTE) == Bars.of(ROWS[: start + 15])
    assert most > SEAL_AT - 15
    assert sealed > 0


async def test_sealed_bars_are_corrected_in_place(market: Market) -> None:
    """By a correction, an insertion, a removal and a late tick."""
    listing = await market.add("X:A")
    without_ten = [row for row in ROWS if row[0] != TODAY + 600]
    await market.write(listing, MINUTE, without_ten)
    await market.write(listing, MINUTE, [flat(TODAY + 60, 99), ROWS[10]])
    expected = [*ROWS]
    expected[1] = flat(TODAY + 60, 99)
    assert await market.read(listing, MINUTE) == Bars.of(expected)
    async with market.database.transaction() as session:
        [book] = await market.store.open(session, [listing.facts])
        assert await book.delete(MINUTE, TODAY + 120, TODAY + 240) == 2
        ticks = [Tick(TODAY + 130.5, 7, 2), Tick(TODAY + 60, 1, 1)]
        assert await book.add_ticks(ticks) == ["accepted", "bar_is_native"]
        await market.store.flush(session, [book])
    expected[2:4] = [flat(TODAY + 120, 7, 2)]
    assert await market.read(listing, MINUTE) == Bars.of(expected)


async def test_a_transaction_that_fails_leaves_what_was_there(market: Market) -> None:
    """Though it had sealed rows, and had saved everything."""
    listing = await market.add("X:A")
    await market.write(listing, MINUTE, ROWS[:200])
    before = [await market.read(listing, resolution) for resolution in Resolution]

    async def fail() -> None:
        async with market.database.transaction() as session:
            [book] = await market.store.open(session, [listing.facts])
            await book.upsert(MINUTE, Bars.of(ROWS[100:]))
            await market.store.flush(session, [book])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert [await market.read(listing, resolution) for resolution in Resolution] == before
    await market.write(listing, MINUTE, ROWS[200:])
    assert await market.read(listing, MINUTE) == Bars.of(ROWS)


@pytest.fixture
async def others(database_url: str) -> AsyncIterator[list[Market]]:
    """The same database as other processes have it, with nothing in common but that."""
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Database(database_url)) for _ in range(4)]
        yield [Market(database) for database in databases]


async def test_writers_that_need_the_same_new_partition_do_not_fail(
    market: Market, others: list[Market]
) -> None:
    """Whoever comes second finds it there; so does who began before it was made."""
    listings = [await market.add(f"X:{number}") for number in range(len(others))]

    async def write(other: Market, listing: Listing, year: int) -> None:
        start = MONDAY - year * 365 * 86400
        rows = [flat(start // 60 * 60 + 60 * number, 5) for number in range(400)]
        await other.write(listing, MINUTE, rows)

    for year in range(1, 6):
        writes = [
            write(other, listing, year) for other, listing in zip(others, listings, strict=True)
        ]
        await asyncio.gather(*writes)
    for listing in listings:
        assert len(await market.read(listing, MINUTE)) == 2000


async def test_writers_of_one_symbol_take_turns(market: Market, others: list[Market]) -> None:
    """None sees half of another's change, and each change is a version of its own."""
    listing = await market.add("X:A")

    async def write(other: Market, price: int) -> None:
        for number in range(20):
            await other.write(listing, MINUTE, [flat(TODAY + 60 * number, price, price)])

    await asyncio.gather(*(write(other, price) for price, other in enumerate(others, 1)))
    minutes = await market.read(listing, MINUTE)
    assert len(minutes) == 20
    assert (minutes.close == minutes.volume).all()
    hours = await market.read(listing, Resolution.HOUR)
    assert hours.volume.tolist() == [minutes.volume.sum()]
    async with market.database.read() as raw:
        assert (await raw.fetch("SELECT version FROM heads"))[0][0] == 80


async def test_what_is_taken_in_is_counted(market: Market) -> None:
    """Bars that change something, once they are committed, and ticks that made bars."""
    listing = await market.add("X:A")
    bars, ticks = _counted("bars_ingested_total"), _counted("ticks_ingested_total")
    await market.write(listing, MINUTE, ROWS[:3])
    await market.write(listing, MINUTE, ROWS[:4])
    async with market.database.transaction() as session:
        [book] = await market.store.open(session, [listing.facts])
        await book.add_ticks([Tick(ROWS[3][0], 7, 2), Tick(ROWS[3][0] + 60, 1, 1)])
        await market.store.flush(session, [book])
    assert _counted("bars_ingested_total") == bars + 4
    assert _counted("ticks_ingested_total") == ticks + 1


def _counted(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


async def test_a_correction_of_old_bars_reads_those_around_them_only(market: Market) -> None:
    """Though the store still has the newest bars from the transaction before."""
    listing = await market.add("X:A")
    rows = [flat(TODAY - 60 * (20_000 - number), number + 1) for number in range(20_000)]
    await market.write(listing, MINUTE, rows)
    async with market.database.transaction() as session:
        [book] = await market.store.open(session, [listing.facts])
        assert await book.delete(MINUTE, rows[3000][0], rows[3010][0]) == 10
        await market.store.flush(session, [book])
    assert len(book.levels[MINUTE].bars) < 5000
    assert await market.read(listing, MINUTE) == Bars.of(rows[-5000:])
    assert book.head.last == 20_000


async def test_a_series_shortened_at_either_end_knows_its_ends(market: Market) -> None:
    """By more than one block of them."""
    listing = await market.add("X:A")
    rows = [flat(TODAY - 60 * (20_000 - number), number + 1) for number in range(20_000)]
    await market.write(listing, MINUTE, rows)
    for start, end, first, last in ((0, 4000, 4000, 19_999), (15_000, 20_000, 4000, 14_999)):
        async with market.database.transaction() as session:
            [book] = await market.store.open(session, [listing.facts])
            assert await book.delete(MINUTE, rows[start][0], rows[end - 1][0] + 1) == end - start
            await market.store.flush(session, [book])
        level = book.levels[MINUTE]
        assert (level.first, level.last) == (rows[first][0], rows[last][0])
        assert book.head.last == last + 1
