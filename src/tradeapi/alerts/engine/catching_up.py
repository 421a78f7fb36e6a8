"""Symbols whose news was missed: what has been stored since is read, and gone through."""

from collections.abc import Callable
from functools import partial

import anyio

from tradeapi.alerts.engine.gauges import rows_of
from tradeapi.alerts.engine.tracked import Tracked
from tradeapi.alerts.engine.trails import Trail
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window, history
from tradeapi.streams.background import safely

# Others read, too.
LOOKS_AT_ONCE = 3
BARS_AT_ONCE = 1440
# Who is still behind then is looked at again in half a second.
ATTEMPTS = 5


class CatchingUp:
    """Some symbols at a time; `asked` are those that wait for it, or are at it."""

    def __init__(
        self,
        database: Database,
        bars: BarHistory,
        clock: Clock,
        is_tracked: Callable[[Tracked], bool],
    ) -> None:
        self.asked: set[Tracked] = set()
        self._database = database
        self._bars = bars
        self._clock = clock
        self._is_tracked = is_tracked
        self._looks = anyio.CapacityLimiter(LOOKS_AT_ONCE)

    def ask(self, tracked: Tracked) -> bool:
        """Whether nobody has asked for it so far: `look` is to be called then."""
        is_new = tracked not in self.asked
        self.asked.add(tracked)
        return is_new

    async def look(self, tracked: Tracked) -> None:
        """What fails is to be asked for again."""
        try:
            async with self._looks:
                await safely("alerts.not_read", partial(self._read, tracked))
        finally:
            self.asked.discard(tracked)

    async def _read(self, tracked: Tracked) -> None:
        for _ in range(ATTEMPTS):
            if not (tracked.is_behind and self._is_tracked(tracked)):
                break
            await self._catch_up(tracked)
            if tracked.position.version < tracked.watch.version:
                tracked.fall_behind()
        for trail in tuple(tracked.trails.values()):
            if self._is_wanted(tracked, trail):
                opened = await tracked.read_trail(trail, self._bars)
                await trail.work_out(opened)
                # What is behind by now would not hear of the bars after these.
                if self._is_wanted(tracked, trail):
                    tracked.open_trail(trail, opened, self._clock.now())

    def _is_wanted(self, tracked: Tracked, trail: Trail) -> bool:
        is_followed = self._is_tracked(tracked) and not tracked.is_behind
        return is_followed and trail.wants_read and trail in tracked.trails.values()

    async def _catch_up(self, tracked: Tracked) -> None:
        listing = tracked.watch.listing
        async with self._database.read() as raw:
            quote = (await read_quotes(raw, [listing.id]))[listing.id]
            resolution = await _finest(raw, listing.id)
            start = tracked.begins_at(resolution)
            while True:
                window = Window(BARS_AT_ONCE, start=start, earliest=True)
                page = await history(
                    raw, listing.id, resolution, window, fill=listing.calendar.fill
                )
                if not self._is_tracked(tracked):
                    return
                tracked.replay(rows_of(page.bars), resolution, quote)
                if not page.has_more_after:
                    break
                start = int(page.bars.time[-1]) + 1
        tracked.arrive(page.version, quote, self._clock.now())


async def _finest(raw: Raw, symbol_id: int) -> Resolution:
    """What the symbol's bars are all folded from."""
    [[seconds]] = await raw.fetch(
        "SELECT MIN(resolution) FROM bar_series WHERE symbol_id = $1", symbol_id
    )
    found = (one for one in Resolution if one.seconds == seconds)
    return next(found, Resolution.MINUTE)
