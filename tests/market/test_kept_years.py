"""What is kept of the years of symbols, against the bars as they are by then."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random

import anyio
import pytest
from prometheus_client import Counter

from tests.market.conftest import CalendarData
from tests.market.places import DAY, MONDAY, TODAY, Market, Row, flat
from tests.market.test_bars_model import Trial
from tradeapi.market.bars.adjusted import begin_of
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.quotes.kept_years import KeptYears
from tradeapi.market.quotes.years import Year
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.retention import Retention
from tradeapi.market.symbols.actions import Actions, Term
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.edits import SymbolEdits
from tradeapi.metrics import CACHE_HITS, CACHE_MISSES
from tradeapi.web.preconditions import Precondition

CHANGES = 25
ANYWAY = Precondition(None)

# Low, high, and closes.
Shown = tuple[float | None, float | None, Sequence[float]]


def shown(year: Year) -> Shown:
    return year.low, year.high, year.closes


def expected(bars: Sequence[Row], splits: Sequence[Term], calendar: Calendar, now: float) -> Shown:
    """In plain Python."""
    rows = [row for row in bars if row[0] >= (now // DAY - 364) * DAY]
    if not rows:
        return None, None, []
    restated = []
    for time, _, high, low, close, _ in rows:
        shares = 1.0
        for split in splits:
            day = day_of(split)
            if time < day and begin_of(calendar, day) <= now:
                shares *= split.value
        restated.append((low / shares, high / shares, close / shares))
    lows, highs, closes = zip(*restated, strict=True)
    return min(lows), max(highs), list(closes[-60:])


def day_of(split: Term) -> int:
    return int(datetime.combine(split.ex_date, datetime.min.time(), UTC).timestamp())


def split(day: int, value: float) -> Term:
    """Of a power of two, whose quotients are exact."""
    return Term(datetime.fromtimestamp(day, UTC).date(), "split", value)


async def replace(market: Market, listing: Listing, *splits: Term) -> None:
    async with market.database.transaction() as session:
        await Actions(session, market.store).replace(listing, splits, ANYWAY)


async def year_of(years: KeptYears, market: Market, listing: Listing) -> Year:
    return (await years.read([listing], market.clock.now()))[listing.id]


def counted(counter: Counter) -> float:
    [metric] = counter.collect()
    return sum(one.value for one in metric.samples if one.labels == {"cache": "years"})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hours", ["24x7", "XNYS extended"])
async def test_what_is_kept_is_never_shown_as_it_was(
    market: Market, calendar_data: CalendarData, hours: str, seed: int
) -> None:
    """Whatever was posted, traded, removed or split, and whatever time it is."""
    code, _, extended = hours.partition(" ")
    if code != "24x7":
        await market.keep_calendar(code, calendar_data(code))
    listing = await market.add(
        "T:A", calendar=code if code != "24x7" else None, extended_hours=bool(extended)
    )
    random = Random(seed)
    trial = Trial(market, listing, random)
    years = KeptYears(market.database)
    splits: list[Term] = []
    for _ in range(CHANGES):
        kind = random.choice(["bars", "bars", "bars", "newest", "splits", "time"])
        if kind == "bars":
            await trial.change()
        elif kind == "newest":
            # Days come, go, and come again.
            bar = (TODAY + random.choice([-1, 0, 1]) * DAY, *trial.values())
            await market.write(listing, Resolution.DAY, [bar])
            trial.model.upsert(Resolution.DAY, [bar])
        elif kind == "splits":
            days = random.sample(range(-300, 3), random.randrange(4))
            splits = [split(TODAY + day * DAY, random.choice([0.5, 2, 4])) for day in days]
            await replace(market, listing, *splits)
        else:
            market.clock.time += random.choice([3600, 20 * 3600])
        if random.random() < 0.7:
            bars = [*trial.model.bars(Resolution.DAY).values()]
            wanted = expected(bars, splits, listing.calendar, market.clock.now())
            assert shown(await year_of(years, market, listing)) == wanted


async def test_only_the_newest_day_is_read_again(market: Market) -> None:
    """As long as it changes, and no other."""
    listing = await market.add("T:A")
    years = KeptYears(market.database)
    await market.write(listing, Resolution.DAY, [flat(TODAY - DAY, 20), flat(TODAY, 21)])
    await year_of(years, market, listing)
    hits, misses = counted(CACHE_HITS), counted(CACHE_MISSES)
    for price in (19, 22):
        await market.write(listing, Resolution.DAY, [flat(TODAY, price)])
        year = await year_of(years, market, listing)
        assert shown(year) == (min(20, price), max(20, price), [20, price])
    assert (counted(CACHE_HITS), counted(CACHE_MISSES)) == (hits + 2, misses)
    await market.write(listing, Resolution.DAY, [flat(TODAY - DAY, 30)])
    assert shown(await year_of(years, market, listing)) == (22, 30, [30, 22])
    market.clock.time += DAY
    await market.write(listing, Resolution.DAY, [flat(TODAY + DAY, 40)])
    assert shown(await year_of(years, market, listing)) == (22, 40, [30, 22, 40])
    assert (counted(CACHE_HITS), counted(CACHE_MISSES)) == (hits + 2, misses + 2)


async def test_a_split_counts_from_its_day_on(market: Market) -> None:
    """Nothing is written then; the newest day is one of before, too."""
    listing = await market.add("T:A")
    years = KeptYears(market.database)
    await market.write(listing, Resolution.DAY, [flat(TODAY - DAY, 20), flat(TODAY, 24)])
    await replace(market, listing, split(TODAY + DAY, 4))
    year = await year_of(years, market, listing)
    assert shown(year) == (20, 24, [20, 24])
    assert year.restated(20, TODAY) == 20
    market.clock.time = TODAY + DAY
    year = await year_of(years, market, listing)
    assert shown(year) == (5, 6, [5, 6])
    assert year.restated(20, TODAY) == 5


async def test_a_day_that_lies_in_a_block_may_be_the_newest(market: Market) -> None:
    """All newer ones have been removed; then it changes again."""
    listing = await market.add("T:A")
    years = KeptYears(market.database)
    days = range(TODAY - 399 * DAY, TODAY + 1, DAY)
    await market.write(listing, Resolution.DAY, [flat(day, 20) for day in days])
    async with market.database.transaction() as session:
        [book] = await market.store.open(session, [listing.facts])
        await book.delete(Resolution.DAY, TODAY - 300 * DAY, TODAY + 1)
        await market.store.flush(session, [book])
    for price in (30, 31):
        await market.write(listing, Resolution.DAY, [flat(TODAY - 301 * DAY, price)])
        year = await year_of(years, market, listing)
        assert shown(year) == (20, price, [20] * 59 + [price])


async def test_a_symbol_of_the_same_name_is_another(market: Market) -> None:
    """What was removed is not shown, whatever has come in its place."""
    years = KeptYears(market.database)
    edits = SymbolEdits(market.database, market.store, market.calendars, market.directory)
    for price in (20, 30):
        listing = await market.add("T:A")
        rows = [flat(TODAY - DAY, price), flat(TODAY, price)]
        await market.write(listing, Resolution.DAY, rows)
        assert shown(await year_of(years, market, listing)) == (price, price, [price, price])
        await edits.delete("T:A", ANYWAY)
        assert await years.read([listing], market.clock.now()) == {}


async def test_minutes_that_are_too_old_change_no_year(market: Market) -> None:
    """Days stay when the minutes they were folded from go."""
    listing = await market.add("T:A")
    years = KeptYears(market.database)
    minutes = [
        flat(TODAY - day * DAY + minute * 60, 10.0 + day)
        for day in range(200, -1, -1)
        for minute in range(3)
    ]
    await market.write(listing, Resolution.MINUTE, minutes)
    before = shown(await year_of(years, market, listing))
    assert before == (10, 210, [10.0 + day for day in range(59, -1, -1)])
    keeper = Retention(market.database, market.store, market.directory, market.clock, days=30)
    assert await keeper.apply() == ["T:A"]
    assert shown(await year_of(years, market, listing)) == before


async def test_of_many_who_ask_at_the_same_time_one_reads(market: Market) -> None:
    """The others find what that one has read."""
    listings = [await market.add(f"T:{letter}") for letter in "ABC"]
    for listing in listings:
        await market.write(listing, Resolution.DAY, [flat(TODAY, 20)])
    years = KeptYears(market.database)
    misses = counted(CACHE_MISSES)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(years.read, listings, MONDAY)
    assert counted(CACHE_MISSES) == misses + 3


async def test_those_asked_for_last_stay(market: Market) -> None:
    """There is an end to what is kept."""
    listings = [await market.add(f"T:{letter}") for letter in "ABC"]
    years = KeptYears(market.database, most=2)
    hits = counted(CACHE_HITS)
    for place in (0, 1, 0, 2, 0, 1):
        await years.read([listings[place]], MONDAY)
    assert counted(CACHE_HITS) == hits + 2


async def test_what_is_read_while_somebody_writes_is_not_kept_as_what_was_before(
    market: Market,
) -> None:
    """Each answer is of some moment, and the last of the last."""
    listing = await market.add("T:A")
    days = range(TODAY - 9 * DAY, TODAY + 1, DAY)
    await market.write(listing, Resolution.DAY, [flat(day, 1) for day in days])
    years = KeptYears(market.database)
    prices = range(2, 40)

    async def write() -> None:
        for price in prices:
            await market.write(listing, Resolution.DAY, [flat(day, price) for day in days])
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        while True:
            year = await year_of(years, market, listing)
            assert len(set(year.closes)) == 1
    assert shown(await year_of(years, market, listing)) == (39, 39, [39] * 10)
