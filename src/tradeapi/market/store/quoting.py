"""Keeps the quote in a symbol's head right while its bars change."""

from collections.abc import Mapping, Sequence

from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import CLOSE, NATIVE
from tradeapi.market.store.heads import Head
from tradeapi.market.store.level_store import LevelStore
from tradeapi.market.store.levels import Level
from tradeapi.market.store.tick_bars import Tick


class Quoting:
    """The newest price is the newest trade's, or the close of a newer bar that was posted."""

    def __init__(
        self,
        store: LevelStore,
        calendar: Calendar,
        head: Head,
        levels: Mapping[Resolution, Level],
        *,
        now: float,
    ) -> None:
        self._store = store
        self._calendar = calendar
        self._head = head
        self._levels = levels
        self._now = now
        self._traded: Tick | None = None

    def trade(self, ticks: Sequence[Tick]) -> None:
        """Take notice of trades, in order of arrival."""
        # Of trades at the same instant the last to arrive is the newest.
        traded = [*reversed(ticks), *([self._traded] if self._traded else [])]
        self._traded = max(traded, key=lambda tick: tick.time, default=None)

    async def update(self, changed: Sequence[Level], *, is_restated: bool) -> None:
        """Follow these levels; `is_restated` says that other bars may be others, too."""
        head = self._head
        asked = changed
        # The newest price is of some level's newest bar.
        if any(_has_lost_last(level) for level in changed):
            head.last = head.last_time = None
            asked = list(self._levels.values())
        for level in asked:
            await self._take_close(level, rebuilt=asked is not changed)
        if self._traded is not None and self._traded.time >= head.known_until:
            head.last, head.last_time = self._traded.price, self._traded.time
        days = self._levels[Resolution.DAY]
        if days.is_changed or is_restated:
            await self._store.load_last(days, 2)
            head.quote_day(days.bars, await self._previous_close(days, is_restated=is_restated))

    async def _take_close(self, level: Level, *, rebuilt: bool) -> None:
        """The close of the series' newest bar may be the newest price there is."""
        if level.last is None or not (rebuilt or _has_other_last(level)):
            return
        await self._store.load(level, level.last, level.last + 1)
        native = level.bars.values[-1, NATIVE] == 1
        if not native and not (rebuilt and level.resolution is Resolution.MINUTE):
            return
        instant = min(float(self._calendar.end(level.last, level.resolution)), self._now)
        if instant >= self._head.known_until:
            self._head.last = float(level.bars.values[-1, CLOSE])
            self._head.last_time = instant

    async def _previous_close(self, days: Level, *, is_restated: bool) -> float | None:
        """The close of the session before the newest, in terms of the shares of the newest."""
        if len(days.bars) < 2:
            return None
        before, day = days.bars.time[-2:].tolist()
        if self._head.day == day and not is_restated and days.touched()[0] == day:
            return self._head.previous_close
        return float(days.bars.values[-2, CLOSE]) / await self._store.split(before, day)


def _has_lost_last(level: Level) -> bool:
    return len(level.removed) > 0 and level.removed[-1] == level.last_before


def _has_other_last(level: Level) -> bool:
    touched = level.touched()
    return len(touched) > 0 and touched[-1] == level.last
