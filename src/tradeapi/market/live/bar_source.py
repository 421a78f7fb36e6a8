"""One topic of bars: what is read of a series, and the changes of it that follow."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import inf

import anyio

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import COLUMNS
from tradeapi.clock import Clock
from tradeapi.errors import NotFound
from tradeapi.market.bars.adjusted import Ex
from tradeapi.market.bars.bar_history import Answer, BarHistory
from tradeapi.market.events import BarChange, Changed, ResetReason
from tradeapi.market.live.live_edge import Announcement, LiveEdge
from tradeapi.market.live.series import Series, missed_since, row_of
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.live.watches import Watches
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.finality import closes_at
from tradeapi.market.store.history import Window
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.topics import Change, Frame, Snapshot, Topic

# What was missed by more bars than this is read anew.
CAUGHT_UP_AT_ONCE = 500
READ_AGAIN_SECONDS = 0.2


class BarSource:
    """Follows one series of a watched symbol.

    `_edge` is None until a snapshot has been read, and again after a reset. Changes carry stored
    prices. Where corporate actions restate the series, these are right for bars from the last
    action on only; what changes before it is read again.

    Whatever process announces a version, it does so in the same frames, and time closes a bar for
    all of them where the database's own times say so: positions are good everywhere.
    """

    resumes = True

    def __init__(  # noqa: PLR0913, PLR0917  what it reads, follows and tells
        self,
        topic: Topic,
        series: Series,
        watches: Watches,
        watch: Watch,
        history: BarHistory,
        clock: Clock,
        lateness: float,
    ) -> None:
        self._topic = topic
        self._series = series
        self._watches = watches
        self._watch = watch
        self._history = history
        self._clock = clock
        self._lateness = lateness
        self._calendar = watch.listing.calendar
        self._edge: LiveEdge | None = None
        self._closed_until = 0
        self._revision = 0
        self._action: Ex | None = None
        self._restated_at = inf
        self._updated = 0.0
        self._is_behind = False
        self._is_reading = False
        watch.followers[self] = None

    @property
    def rest(self) -> str:
        return self._series.rest

    async def snapshot(self, history: int) -> Snapshot:
        while True:
            answer = await self._read(max(history, 1))
            await self._watches.reach(self._watch, answer.page.version)
            if self._watch.is_gone or answer.listing.id != self._watch.listing.id:
                raise NotFound(f"{self._series.symbol} is another now.", code="unknown_symbol")
            if self._edge is None:
                self._begin(answer)
            elif self._topic.version < answer.page.version:
                await self.catch_up()
            if self._edge is not None and self._topic.version >= answer.page.version:
                seq = self._topic.seq_at(answer.page.version)
                return Snapshot(seq, partial(self._fields, answer, history))

    def apply(self, change: Changed) -> None:
        if self._edge is None or change.version <= self._topic.version:
            return
        resolution = self._series.resolution
        bars = change.bars.get(resolution, ())
        reason = change.resets.get(resolution)
        if reason is not None and (reason != "actions" or self._is_adjusted):
            self._reset(reason)
        elif self._restates_more_than(change):
            self._reset("backfill")
        elif self._is_behind or self._touches_restated(bars, resolution):
            self._fall_behind()
        else:
            self._follow(change, bars)

    async def catch_up(self) -> None:
        while self._edge is not None:
            answer = await self._read(CAUGHT_UP_AT_ONCE)
            version = answer.page.version
            if version > self._topic.version:
                self._take(answer)
            later = self._watch.since(self._topic.version)
            for change in later or ():
                self.apply(change)
            if later is not None or version >= self._watch.version:
                return

    def settle(self, state: State) -> None:
        """Nothing is left to do: it has caught up with more than that."""

    def tick(self, now: float) -> None:
        if self._edge is None:
            return
        if now >= self._restated_at:
            self._reset("actions")
        elif self._is_behind:
            self._fall_behind()
        elif self._is_over(now):
            self._close()

    def reset(self) -> None:
        if self._edge is not None:
            self._reset("backfill")

    def close(self) -> None:
        self._watch.followers.pop(self, None)
        self._watches.close(self._watch)

    async def _read(self, limit: int) -> Answer:
        symbol, resolution, adjustment = self._series
        with as_unavailable():
            return await self._history.read(symbol, resolution, Window(limit=limit), adjustment)

    def _begin(self, answer: Answer) -> None:
        """Take up the series where it was read; unless too much has happened since."""
        page, bars = answer.page, answer.bars
        later = self._watch.since(page.version)
        if later is None:
            return
        self._calendar = answer.listing.calendar
        self._action, self._restated_at = answer.restated.last, answer.restated.until
        newest = row_of(bars, -1) if len(bars) else None
        edge = LiveEdge(newest, is_closed=self._was_closed(page.last, page.updated))
        if not self._retrace(edge, page.version):
            self._edge = edge
            self._topic.begin(self._epoch, page.version, self._ending)
        self._revision, self._updated = page.revision, page.updated
        for change in later:
            self.apply(change)

    def _retrace(self, edge: LiveEdge, version: int) -> bool:
        """Announce what has led to the edge, for those who have heard some of it elsewhere.

        Whether enough is known of it. Nobody hears it now: all wait for a snapshot.
        """
        self._edge = None
        if self._action is not None:
            return False
        for change in self._watch.until(version):
            bars = change.bars.get(self._series.resolution, ())
            if self._series.resolution in change.resets:
                self._edge = None
            elif self._edge is not None:
                self._follow(change, bars)
            elif bars and bars[-1].kind != "revise":
                # That one is the newest.
                self._edge = LiveEdge(bars[-1][1:], is_closed=bars[-1].kind != "bar")
                self._topic.begin(self._epoch, change.version, self._ending)
                self._updated = change.updated
        if self._edge is None or self._edge.newest != edge.newest:
            return False
        if edge.is_closed and not self._edge.is_closed:
            self._close()
        return True

    def _follow(self, change: Changed, bars: Iterable[BarChange]) -> None:
        if self._is_over(change.updated):
            self._close()
        self._updated, self._revision = change.updated, change.revision
        self._announce(bars, change.version)

    @property
    def _epoch(self) -> str:
        """What positions count: the versions of this symbol, and how its prices are restated."""
        if self._action is None:
            return self._watch.epoch
        return f"{self._watch.epoch}-{self._action.day}"

    def _take(self, answer: Answer) -> None:
        """Announce what has changed until this was read."""
        if self._edge is None:
            return
        missed = missed_since(self._edge, answer)
        if missed is None or answer.page.revision != self._revision:
            self._reset("backfill")
            return
        self._is_behind = False
        self._updated = answer.page.updated
        self._announce(missed, answer.page.version)

    def _fall_behind(self) -> None:
        """Leave the changes until the series has been read again."""
        self._is_behind = True
        if not self._is_reading:
            self._is_reading = True
            self._watches.soon(self._read_again)

    async def _read_again(self) -> None:
        try:
            # Changes come in bursts, and reading once serves all of one.
            await anyio.sleep(READ_AGAIN_SECONDS)
            await self.catch_up()
        finally:
            self._is_reading = False
        if self._is_behind and self._edge is not None:
            self._fall_behind()

    def _was_closed(self, last: int | None, updated: float) -> bool:
        """Whether the newest bar's last word needs no saying: it was said, or its time is over."""
        if last is None or last < self._closed_until:
            return True
        return self._clock.now() >= self._closes_at(last, updated)

    def _is_over(self, now: float) -> bool:
        """Whether time has closed the newest bar, and nobody has said so."""
        edge = self._edge
        return (
            edge is not None
            and edge.time is not None
            and not edge.is_closed
            and now >= self._closes_at(edge.time, self._updated)
        )

    def _closes_at(self, last: int, updated: float) -> float:
        return closes_at(
            self._calendar,
            self._series.resolution,
            last,
            updated=updated,
            lateness=self._lateness,
        )

    def _announce(self, changes: Iterable[BarChange], version: int) -> None:
        assert self._edge is not None  # noqa: S101  who calls has looked
        told = [self._tell(one) for change in changes for one in self._edge.apply(change)]
        self._topic.announce(told, version, self._ending)

    def _close(self) -> None:
        assert self._edge is not None  # noqa: S101  who calls has looked
        for announcement in self._edge.close():
            self._topic.close(self._tell(announcement))

    def _tell(self, announcement: Announcement) -> Change:
        type, bar, final = announcement
        fields = {"bar": bar, "final": final}
        if type == "revise":
            return Change(type=type, fields=fields, key=("revise", bar[0]))
        if final:
            self._closed_until = max(self._closed_until, bar[0] + 1)
        return Change(type=type, fields=fields, key=bar[0], final=final)

    @property
    def _ending(self) -> Change | None:
        """The last word on the newest bar, once it is closed."""
        edge = self._edge
        if edge is None or edge.newest is None or not edge.is_closed:
            return None
        return self._tell(Announcement("bar", edge.newest, final=True))

    def _reset(self, reason: ResetReason) -> None:
        self._edge = None
        self._is_behind = False
        self._topic.reset(reason, self._series.rest)

    @property
    def _is_adjusted(self) -> bool:
        """Whether corporate actions could matter to this topic at all."""
        return self._series.adjustment is not Adjustment.RAW

    def _restates_more_than(self, change: Changed) -> bool:
        """Whether the change may restate bars that it does not list.

        A close before an action decides how far back prices are moved.
        """
        return change.revision != self._revision and any(
            self._touches_restated(bars, resolution)
            for resolution, bars in change.bars.items()
            if resolution.seconds <= Resolution.DAY.seconds
        )

    def _touches_restated(self, changes: Iterable[BarChange], resolution: Resolution) -> bool:
        """Whether any of the bars begins before the last action."""
        if self._action is None:
            return False
        begin = self._action.begin if resolution.is_intraday else self._action.day
        return any(bar.time < begin for bar in changes)

    def _fields(self, answer: Answer, history: int, later: Sequence[Frame]) -> Mapping[str, object]:
        bars, page = answer.bars, answer.page
        previous = page.previous_time
        if history == 0 and len(bars):
            previous = int(bars.time[-1])
            bars = bars[:0]
        return {
            "bars": dict(zip(COLUMNS, bars.columns(), strict=True)),
            "previous_time": previous,
            "final_until": self._final_until(later),
            "revision": page.revision,
        }

    def _final_until(self, later: Sequence[Frame]) -> int:
        """The time below which bars are closed before these frames."""
        still_open = [frame.key for frame in later if frame.final and isinstance(frame.key, int)]
        if still_open:
            return min(still_open)
        if self._edge is None or self._edge.newest is None:
            return 0
        last = self._edge.newest[0]
        end = self._calendar.end(last, self._series.resolution)
        return max(end, last + 1) if self._edge.is_closed else last
