"""Ticks of many requests that are committed together; on PostgreSQL, which alone does it."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from tests.market.bar_model import BarModel
from tests.market.conftest import CalendarData
from tests.market.places import DAY, MONDAY, TODAY, Market, flat, writing
from tradeapi.analytics.bars import Bars
from tradeapi.database import Database, raw
from tradeapi.market.bars.posted import Outcomes
from tradeapi.market.bars.tick_writer import PostedTicks, TickWriter
from tradeapi.market.events import CHANGES, Changed
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.symbols.directory import Listing

HOUR = 3600


@pytest.fixture
async def market(postgres_url: str) -> AsyncIterator[Market]:
    async with Database(postgres_url) as database:
        yield Market(database)


async def send(writer: TickWriter, symbol: str, *ticks: Tick, id: str | None = None) -> list[str]:
    items = [
        {"symbol": symbol, "time": tick.time, "price": tick.price, "size": tick.size, "id": id}
        for tick in ticks
    ]
    outcomes: Outcomes = await writer.post(PostedTicks([*items]))
    return outcomes.statuses


async def version(market: Market, listing: Listing) -> int:
    async with market.database.read() as connection:
        rows = await connection.fetch("SELECT version FROM heads WHERE symbol_id = $1", listing.id)
    return int(rows[0][0])


async def volume(market: Market, listing: Listing) -> float:
    return float((await market.read(listing, Resolution.MONTH)).volume.sum())


async def test_requests_that_come_at_once_are_one_commit(market: Market) -> None:
    """One version of each symbol, announced once, with all of their ticks."""
    listings = [await market.add(symbol) for symbol in ("X:A", "X:B")]
    told: list[Changed] = []
    async with writing(market) as writer:
        for listing in listings:
            await send(writer, listing.symbol, Tick(MONDAY, 10, 1))
        with market.bus.subscribe(CHANGES, told.append):
            statuses = await asyncio.gather(
                *(
                    send(writer, listing.symbol, Tick(MONDAY + second, 10 + second, 1))
                    for second in range(10)
                    for listing in listings
                )
            )
    assert statuses == [["accepted"]] * 20
    assert [(event.symbol, event.version) for event in told] == [("X:A", 2), ("X:B", 2)]
    for listing in listings:
        assert await version(market, listing) == 2
        minutes = await market.read(listing, Resolution.MINUTE)
        assert minutes == Bars.of([(MONDAY, 10, 19, 10, 19, 11)])


async def test_an_id_counts_once(market: Market) -> None:
    """Whether it comes at the same time, in the next request, or at another process."""
    listing = await market.add("X:A")
    tick = Tick(MONDAY, 10, 1)
    async with writing(market) as one, writing(market) as other:
        for writer in (one, other):
            await send(writer, "X:A", tick)
        for number in range(5):
            pair = await asyncio.gather(
                *(send(one, "X:A", tick, id=f"{number}") for _ in range(2)),
                send(other, "X:A", tick, id=f"{number}"),
            )
            assert sorted(pair) == [["accepted"], ["duplicate"], ["duplicate"]]
            assert await send(one, "X:A", tick, id=f"{number}") == ["duplicate"]
    assert await volume(market, listing) == 7


async def test_the_id_of_what_is_refused_is_free(market: Market) -> None:
    """The other ticks of the request are taken."""
    listing = await market.add("X:A")
    await market.write(listing, Resolution.MINUTE, [flat(MONDAY, 50)])
    async with writing(market) as writer:
        await send(writer, "X:A", Tick(MONDAY + 60, 10, 1))
        items = [
            {"symbol": "X:A", "time": MONDAY, "price": 1, "size": 1, "id": "a"},
            {"symbol": "X:A", "time": MONDAY + 60, "price": 1, "size": 1, "id": "b"},
        ]
        outcomes = await writer.post(PostedTicks([*items]))
        assert outcomes.statuses == ["rejected", "accepted"]
        assert await send(writer, "X:A", Tick(MONDAY + 60, 1, 1), id="a") == ["accepted"]
        assert await send(writer, "X:A", Tick(MONDAY + 60, 1, 1), id="b") == ["duplicate"]


@pytest.mark.parametrize("table", ["heads", "symbols"])
async def test_a_symbol_that_is_locked_holds_up_no_other(market: Market, table: str) -> None:
    """Its ticks wait for whoever writes it, or is about to remove it."""
    listings = [await market.add(symbol) for symbol in ("X:A", "X:B")]
    key = "symbol_id" if table == "heads" else "id"
    async with writing(market) as writer:
        for listing in listings:
            await send(writer, listing.symbol, Tick(MONDAY - 60, 10, 1))
        async with market.database.transaction() as session:
            lock = f"SELECT FROM {table} WHERE {key} = $1 FOR UPDATE"
            await (await raw(session)).fetch(lock, listings[0].id)
            late, other = (
                asyncio.ensure_future(send(writer, symbol, Tick(MONDAY, 10, 1)))
                for symbol in ("X:A", "X:B")
            )
            assert await other == ["accepted"]
            assert not late.done()
        assert await late == ["accepted"]
    assert [await volume(market, listing) for listing in listings] == [2, 2]


async def test_a_request_that_is_given_up_takes_no_other_with_it(market: Market) -> None:
    """Neither before its turn nor while it is committed."""
    listing = await market.add("X:A")
    async with writing(market) as writer:
        await send(writer, "X:A", Tick(MONDAY, 10, 1))
        for turns in range(6):
            given_up, other = (
                asyncio.ensure_future(send(writer, "X:A", Tick(MONDAY, 10, 1))) for _ in range(2)
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            given_up.cancel()
            assert await other == ["accepted"]
            assert given_up.cancelled()
        assert await send(writer, "X:A", Tick(MONDAY, 10, 1)) == ["accepted"]
    assert 8 <= await volume(market, listing) <= 14


async def test_a_symbol_that_is_gone_fails_its_own_ticks(market: Market) -> None:
    """Those of another one that came with them are taken."""
    listings = [await market.add(symbol) for symbol in ("X:A", "X:B")]
    async with writing(market) as writer:
        for listing in listings:
            await send(writer, listing.symbol, Tick(MONDAY, 10, 1))
        async with market.database.at_once() as connection:
            await connection.execute("DELETE FROM symbols WHERE id = $1", listings[0].id)
        failed, taken = await asyncio.gather(
            *(send(writer, symbol, Tick(MONDAY, 10, 1)) for symbol in ("X:A", "X:B")),
            return_exceptions=True,
        )
    assert getattr(failed, "code", None) == "unknown_symbol"
    assert taken == ["accepted"]


@pytest.mark.parametrize(
    ("hours", "begin"),
    # Before the open, and before a break.
    [("24x7", 20), ("XNYS", 12), ("XNYS extended", 12), ("XHKG", 2), ("XHKG extended", 2)],
)
async def test_history_is_what_the_model_says(
    market: Market, calendar_data: CalendarData, hours: str, begin: int
) -> None:
    """Two processes take turns with a few ticks at a time, some of them late."""
    code, _, extended = hours.partition(" ")
    if code != "24x7":
        await market.keep_calendar(code, calendar_data(code))
    listing = await market.add(
        "X:A", calendar=code if code != "24x7" else None, extended_hours=bool(extended)
    )
    random, model = Random(hours), BarModel(listing.calendar, bool(extended))
    market.clock.time = TODAY + DAY + begin * HOUR
    async with writing(market) as one, writing(market) as other:
        for _ in range(150):
            market.clock.time += random.choice([0.5, 0.5, 7, 61, 900])
            writer = random.choice([one, one, one, other])
            ticks = [
                Tick(
                    market.clock.time - random.choice([0, 0, 0, 30, 4000]),
                    float(random.randrange(1, 50)),
                    random.randrange(9) / 10,
                )
                for _ in range(random.choice([1, 1, 3]))
            ]
            statuses = await send(writer, "X:A", *ticks)
            expected = [model.tick(tick) for tick in ticks]
            assert [one == "accepted" for one in statuses] == [
                one == "accepted" for one in expected
            ]
    for resolution in Resolution:
        bars = await market.read(listing, resolution)
        assert bars == Bars.of(model.bars(resolution).values()), resolution
    assert model.bars(Resolution.DAY)
