"""Whether a restored database can be served: its newest bars, as callers would get them."""

from sqlalchemy.engine import URL

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window
from tradeapi.market.symbols.directory import Directory
from tradeapi.ops.backup.faults import Damaged

MOST = 100


async def newest_bars(url: URL, clock: Clock) -> int:
    """Of how many series; raises Damaged where the newest bar is not there."""
    async with Database(url) as database:
        calendars = Calendars(database, clock)
        directory = Directory(database, calendars)
        history = BarHistory(
            database, directory, Newest(database, directory, clock), clock, lateness=0
        )
        async with database.read() as raw:
            series = await raw.fetch(_NEWEST, MOST)
        for symbol, seconds, last in series:
            resolution = _RESOLUTIONS[seconds]
            answer = await history.read(symbol, resolution, Window(limit=1), Adjustment.RAW)
            if answer.bars.time.tolist() != [last]:
                raise Damaged(f"The newest bar of {symbol} ({resolution}) can't be read.")
    return len(series)


_RESOLUTIONS = {resolution.seconds: resolution for resolution in Resolution}
_NEWEST = """
SELECT s.symbol, b.resolution, b.last FROM bar_series b JOIN symbols s ON s.id = b.symbol_id
ORDER BY b.last DESC LIMIT $1
"""
