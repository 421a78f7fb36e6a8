"""A desk whose market trades: ticks come in, and the levels of indices follow."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest

from tests.indices.desk import DAY, Desk, day_of
from tests.market.places import writing
from tradeapi.analytics.bars import Bars
from tradeapi.indices.intraday import engine, telling
from tradeapi.indices.intraday.engine import LevelEngine
from tradeapi.market.bars.tick_writer import PostedTicks, TickWriter
from tradeapi.market.events import Quote
from tradeapi.market.live.watches import Watches
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.market.resolutions import Resolution

LATENESS = 5
PATIENCE_SECONDS = 20
NOON = 12 * 3600


@dataclass
class Floor:
    """The engine runs while it is open."""

    desk: Desk
    engine: LevelEngine
    ticks: TickWriter

    async def trade(self, prices: Mapping[str, float], *, after: float = 1.0) -> None:
        """One trade of each of these, all at the same time."""
        clock = self.desk.clock
        clock.time += after
        posted = PostedTicks(
            [
                {"symbol": symbol, "time": clock.time, "price": price, "size": 1}
                for symbol, price in prices.items()
            ]
        )
        outcomes = await self.ticks.post(posted)
        assert set(outcomes.statuses) == {"accepted"}, outcomes.statuses

    async def level(self, code: str) -> float:
        """As of now, once it is told."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while (quote := await self.quote(code)).time != self.desk.clock.time:
                pass
        assert quote.last is not None
        return quote.last

    async def quote(self, code: str) -> Quote:
        """Once all that has moved is told."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while not self.engine.is_at_rest:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        return await quote_of(self.desk, code)


@asynccontextmanager
async def open_floor(desk: Desk) -> AsyncIterator[Floor]:
    """At noon of the session after the last that is built; killed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telling, "EVERY_SECONDS", 0.02)
        patch.setattr(engine, "ASK_EVERY_SECONDS", 0.1)
        async with (
            Watches(desk.database, desk.bus, desk.directory, desk.clock) as watches,
            writing(desk) as ticks,
            anyio.create_task_group() as tasks,
        ):
            levels = LevelEngine(
                desk.database,
                desk.bus,
                watches,
                desk.store,
                desk.calendars,
                desk.clock,
                lateness=LATENESS,
            )
            tasks.start_soon(levels.run)
            yield Floor(desk, levels, ticks)
            tasks.cancel_scope.cancel()


async def quote_of(desk: Desk, code: str) -> Quote:
    listing = await desk.directory.get(f"INDEX:{code}")
    async with desk.database.read() as raw:
        return (await read_quotes(raw, [listing.id]))[listing.id]


async def minutes(desk: Desk, code: str, place: int) -> Bars:
    """Of one session."""
    bars = await desk.read(await desk.directory.get(f"INDEX:{code}"), Resolution.MINUTE)
    return bars[(bars.time >= day_of(place)) & (bars.time < day_of(place) + DAY)]
