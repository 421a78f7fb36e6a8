"""The store of bars against a model in plain Python, under random changes."""

from collections.abc import Sequence
from random import Random

import pytest

from tests.market.bar_model import BarModel
from tests.market.conftest import CalendarData
from tests.market.places import DAY, MONDAY, TODAY, Market, Row
from tradeapi.analytics.bars import Bars
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.history import Page, Window, history
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.symbols.directory import Listing

CHANGES = 30


class Undone(Exception):
    """What fails in the middle of a transaction."""


def fail(fails: bool) -> None:
    if fails:
        raise Undone


class Trial:
    """One symbol in the store and in the model; two stores take turns, like two processes."""

    def __init__(self, market: Market, listing: Listing, random: Random) -> None:
        self.market = market
        self.listing = listing
        self.random = random
        self.model = BarModel(listing.calendar, listing.extended_hours)
        self.stores = [
            BarStore(market.database, market.bus, market.clock, lateness=5) for _ in range(2)
        ]

    def times(self, resolution: Resolution) -> list[int]:
        """Where bars of a resolution may be, within some days or some years before now."""
        calendar, extended = self.listing.calendar, self.listing.extended_hours
        if not resolution.is_intraday:
            days = range(TODAY - 400 * DAY, TODAY + 1, DAY)
            return (
                sorted({calendar.label(day, resolution) for day in days})
                if (resolution is not Resolution.DAY)
                else list(days)
            )
        instants = range(TODAY - 4 * DAY, MONDAY, resolution.seconds // 2)
        labels = {calendar.label(time, resolution, extended=extended) for time in instants}
        return sorted(labels - {-1})

    def rows(self, resolution: Resolution) -> list[Row]:
        times = self.times(resolution)
        start = self.random.randrange(len(times))
        kept = times[start : start + self.random.choice([1, 1, 5, 60, 700])]
        return [(time, *self.values()) for time in kept if self.random.random() < 0.9]

    def values(self) -> tuple[float, float, float, float, float]:
        low, first, last, high = sorted(self.random.randrange(1, 50) for _ in range(4))
        open, close = self.random.sample([first, last], 2)
        volume = self.random.randrange(9) / 10
        return float(open), float(high), float(low), float(close), volume

    def ticks(self) -> list[Tick]:
        newest = max(self.model.bars(Resolution.MINUTE), default=MONDAY - 3600)
        return [
            Tick(
                self.random.choice([newest, MONDAY - 7000]) + self.random.uniform(-200, 100),
                float(self.random.randrange(1, 50)),
                self.random.randrange(9) / 10,
            )
            for _ in range(self.random.choice([1, 3, 40]))
        ]

    async def change(self) -> None:
        """One random change to both, in a transaction that may fail for a reason of its own."""
        kind = self.random.choice(["upsert", "upsert", "ticks", "ticks", "delete"])
        resolution = self.random.choice([Resolution.MINUTE, *Resolution])
        rows, ticks = self.rows(resolution), self.ticks()
        times = self.times(resolution)
        start, end = sorted(self.random.choices(times, k=2))
        try:
            async with self.market.database.transaction() as session:
                store = self.random.choice(self.stores)
                [book] = await store.open(session, [self.listing.facts])
                if kind == "upsert" and rows:
                    statuses: Sequence[str] = await book.upsert(resolution, Bars.of(rows))
                elif kind == "ticks":
                    statuses = await book.add_ticks(ticks)
                else:
                    removed = await book.delete(resolution, start, end)
                await store.flush(session, [book])
                fail(self.random.random() < 0.15)
        except Undone:
            return
        if kind == "upsert" and rows:
            assert statuses == self.model.upsert(resolution, rows)
        elif kind == "ticks":
            assert statuses == [self.model.tick(tick) for tick in ticks]
        else:
            assert removed == self.model.delete(resolution, start, end)

    async def page(self, resolution: Resolution, window: Window) -> Page:
        async with self.market.database.read() as raw:
            return await history(raw, self.listing.id, resolution, window)

    async def check_all(self) -> None:
        for resolution in Resolution:
            page = await self.page(resolution, Window(limit=50_000))
            assert page.bars == Bars.of(self.model.bars(resolution).values()), resolution

    async def check_window(self) -> None:
        resolution = self.random.choice([*Resolution])
        bars = self.model.bars(resolution)
        times = [0, *self.times(resolution), *bars, MONDAY]
        start, end = sorted(self.random.choices(times, k=2))
        limit, earliest = self.random.choice([1, 3, 50, 2000]), self.random.random() < 0.5
        page = await self.page(resolution, Window(limit, start, end, earliest))
        inside = [row for time, row in bars.items() if start <= time < end]
        wanted = inside[:limit] if earliest else inside[-limit:]
        assert page.bars == Bars.of(wanted)
        first = wanted[0][0] if wanted else start
        last = wanted[-1][0] if wanted else end - 1
        assert page.previous_time == max((time for time in bars if time < first), default=None)
        assert page.has_more_before == any(time < first for time in bars)
        assert page.has_more_after == any(time > last for time in bars)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hours", ["24x7", "XNYS", "XNYS extended"])
async def test_history_is_what_the_model_says(
    market: Market, calendar_data: CalendarData, hours: str, seed: int
) -> None:
    """Whatever was posted, traded or removed, in whatever order, at every resolution."""
    code, _, extended = hours.partition(" ")
    if code != "24x7":
        await market.keep_calendar(code, calendar_data(code))
    listing = await market.add(
        "X:A", calendar=code if code != "24x7" else None, extended_hours=bool(extended)
    )
    trial = Trial(market, listing, Random(f"{hours} {seed}"))
    for _ in range(CHANGES):
        await trial.change()
        for _ in range(3):
            await trial.check_window()
    await trial.check_all()


@pytest.mark.parametrize("seed", range(4))
async def test_closed_history_does_not_change_unnoticed(market: Market, seed: int) -> None:
    """While the revision stays, so does every bar below the last one of its series."""
    listing = await market.add("X:A")
    trial = Trial(market, listing, Random(seed))
    for _ in range(CHANGES):
        before = {
            resolution: await trial.page(resolution, Window(50_000)) for resolution in Resolution
        }
        await trial.change()
        for resolution, page in before.items():
            after = await trial.page(resolution, Window(50_000))
            if after.revision == page.revision and page.last is not None:
                closed = page.bars.time < page.last
                assert after.bars[after.bars.time < page.last] == page.bars[closed]
                assert after.previous_time == page.previous_time
