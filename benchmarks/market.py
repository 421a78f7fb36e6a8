"""The market that the benchmarks ask for: prices from a seed, written as every writer does."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tradeapi.analytics.bars import Bars
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.market.calendars.calendar import Continuous
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import SymbolFacts
from tradeapi.market.symbols.service import Symbols

SEED = 7
# The end of what there is: 2026-01-01.
END = 1_767_225_600
ASKED = 5_000
AT_ONCE = 50_000
# Of the 8 to 256 bars that are rows and not yet in a block.
EDGE = 132


def walk(count: int, resolution: Resolution, end: int = END) -> Bars:
    """Bars in cents up to an instant."""
    random = np.random.default_rng(SEED)
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 4e-4, count))), 2)
    open = np.concatenate([[100.0], close[:-1]])
    spread = np.round(random.exponential(0.04, (2, count)), 2)
    return Bars(
        end - resolution.seconds * np.arange(count, 0, -1, dtype=np.int64),
        open,
        np.round(np.maximum(open, close) + spread[0], 2),
        np.round(np.minimum(open, close) - spread[1], 2),
        close,
        np.floor(random.exponential(2_000, count)),
    )


@dataclass(frozen=True, slots=True)
class Series:
    """A symbol, and the one resolution of it that is ingested."""

    symbol: str
    resolution: Resolution
    count: int


MINUTES = Series("BENCH:MINUTES", Resolution.MINUTE, 4 * ASKED)
HOURS = Series("BENCH:HOURS", Resolution.HOUR, 2 * ASKED)
LIVE = Series("BENCH:LIVE", Resolution.MINUTE, 1_000)
ONLY_MINUTES = Series("BENCH:ONLYMINUTES", Resolution.MINUTE, 60 * (ASKED + 1_000))


async def fill(url: str, *wanted: Series, end: int = END) -> None:
    """Write these series into an empty database."""
    async with Database(url) as database:
        store = BarStore(database, MemoryBus(), SystemClock(), lateness=5)
        for series in wanted:
            async with database.transaction() as session:
                await Symbols(session).ensure(series.symbol)
            facts = SymbolFacts(await _id(database, series.symbol), series.symbol, Continuous())
            bars = walk(series.count, series.resolution, end)
            cuts = [*range(0, len(bars) - EDGE, AT_ONCE), len(bars) - EDGE, len(bars)]
            for low, high in pairwise(cuts):
                async with database.transaction() as session:
                    [book] = await store.open(session, [facts])
                    await book.upsert(series.resolution, bars[low:high])
                    await store.flush(session, [book])


async def _id(database: Database, symbol: str) -> int:
    async with database.read() as raw:
        [row] = await raw.fetch("SELECT id FROM symbols WHERE symbol = $1", symbol)
    id: int = row[0]
    return id
