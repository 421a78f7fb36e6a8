"""What is stored of the simulated exchange, held against what it has to be."""

from math import floor

from tests.market.places import Market
from tradeapi.analytics.bars import Bars
from tradeapi.database import Database
from tradeapi.market.providers.securities import SECURITIES, SEED, Security
from tradeapi.market.providers.simulated import SimulatedMarket
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import StoredBars
from tradeapi.market.store.tick_bars import build

MINUTE = 60


async def told_until(url: str) -> float:
    """When the newest trade was of all that is stored."""
    async with Database(url) as database, database.read() as raw:
        [[newest]] = await raw.fetch("SELECT max(last_time) FROM heads")
    return float(newest or 0)


async def assert_every_trade_counts_once(url: str, since: float) -> None:
    """The bars of each security from `since` on are those of its trades up to the newest of all."""
    simulated, until = SimulatedMarket(SEED), await told_until(url)
    async with Database(url) as database:
        market = Market(database)
        for security in SECURITIES:
            listing = await market.directory.get(security.symbol)
            bars = await market.read(listing, Resolution.MINUTE)
            start = floor(since) // MINUTE * MINUTE
            true = simulated.minutes(security, listing.calendar, start, floor(until) + 1)
            told = _up_to(until, simulated, security, true)
            assert bars[bars.time >= start] == told, security.symbol


def _up_to(instant: float, simulated: SimulatedMarket, security: Security, bars: Bars) -> Bars:
    """The same with no trade of the last minute that is later than the instant."""
    if not len(bars) or bars.time[-1] + MINUTE <= instant:
        return bars
    trades = [one for one in simulated.trades(security, bars[-1:]) if one.time <= instant]
    built, _ = build(trades, [int(bars.time[-1])] * len(trades), {})
    return StoredBars.concat([StoredBars.of(bars[:-1], native=True), built]).bars()
