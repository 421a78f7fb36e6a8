"""One symbol's bars inside a writing transaction: what is native, and what follows from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tradeapi.analytics.bars import Bars, Int64Array
from tradeapi.analytics.resampling import fold
from tradeapi.analytics.sorted_times import NO_TIMES, members, union, without
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.events import MOST_TRADES, Changed, ResetReason
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import NATIVE, StoredBars, folded_row
from tradeapi.market.store.finality import final_until
from tradeapi.market.store.heads import Head
from tradeapi.market.store.level_store import LevelStore
from tradeapi.market.store.levels import Level
from tradeapi.market.store.quoting import Quoting
from tradeapi.market.store.tick_bars import NONE, Tick, TickStatus, build
from tradeapi.market.store.writes import Writes

ItemStatus = Literal["inserted", "updated", "unchanged"]

_PREVIOUS_DAYS = 14 * 86400


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """What the bars of a symbol depend on."""

    id: int
    symbol: str
    calendar: Calendar
    extended_hours: bool = False


class Book:
    """Bars of one symbol, held under the lock of its head until the transaction ends.

    `upsert`, `add_ticks` and `delete` change one resolution; `flush` folds the change into every
    coarser one, saves all of it and says what to announce.
    """

    def __init__(  # noqa: PLR0913  what a book is made of; the store makes them all
        self,
        store: LevelStore,
        facts: SymbolFacts,
        head: Head,
        levels: Mapping[Resolution, Level],
        *,
        now: float,
        lateness: float,
    ) -> None:
        self.facts = facts
        self.head = head
        self.levels = levels
        self.bars_taken = self.ticks_taken = 0
        self._store = store
        self._now = now
        self._lateness = lateness
        self._quoting = Quoting(store, facts.calendar, head, levels, now=now)
        self._resets: dict[Resolution, ResetReason] = {}
        self._released: dict[Resolution, Int64Array] = {}
        self._trades: list[tuple[float, float]] = []

    @property
    def writes(self) -> Writes:
        """The statements that `flush` leaves to be sent."""
        return self._store.writes

    async def upsert(self, resolution: Resolution, bars: Bars) -> list[ItemStatus]:
        """Insert or replace native bars; what became of each, in order."""
        level = await self._reach(resolution, bars.time)
        statuses = level.put(StoredBars.of(bars, native=True))
        self.bars_taken += len(statuses) - statuses.count("unchanged")
        return statuses

    async def delete(self, resolution: Resolution, start: int, end: int) -> int:
        """Remove native and tick-built bars with `start <= time < end`; how many there were.

        Bars that finer ones still support come back as derived bars.
        """
        level = self.levels[resolution]
        await self._store.load(level, start, end)
        gone = level.bars.between(start, end)
        if resolution is not Resolution.MINUTE:
            gone = gone[gone.values[:, NATIVE] == 1]
        if not len(gone):
            return 0
        await self._reach(resolution, gone.time)
        level.remove(gone.time)
        self._released[resolution] = gone.time
        return len(gone)

    async def add_ticks(self, ticks: Sequence[Tick]) -> list[TickStatus]:
        """Fold trades into their 1-minute bars, in order of arrival; what became of each.

        Open is the earliest trade by time (of equal ones the first to arrive), close the latest
        (of equal ones the last to arrive), whenever they arrive. A bar that was posted is left
        as it is.
        """
        instants = np.array([tick.time for tick in ticks], np.float64).astype(np.int64)
        labels = self._labels(instants, Resolution.MINUTE)
        inside = np.unique(labels[labels != NONE]) if len(labels) > 1 else labels
        if not len(inside) or inside[0] == NONE:
            return ["outside_session"] * len(ticks)
        level = self.levels[Resolution.MINUTE]
        if not level.ends_at(int(inside[0])):
            await self._store.load_edges(self.levels.values())
            await self._reach(Resolution.MINUTE, inside)
        built, statuses = build(ticks, labels.tolist(), level.rows_at(inside.tolist()))
        level.put(built)
        accepted = [
            tick for tick, status in zip(ticks, statuses, strict=True) if status == "accepted"
        ]
        self.ticks_taken += len(accepted)
        self._quoting.trade(accepted)
        self._trades += [(tick.time, tick.price) for tick in accepted[: MOST_TRADES + 1]]
        return statuses

    async def rebuild(self) -> None:
        """Derive every bar that isn't native once more: the market's hours are others now.

        Those whose finer bars retention has dropped stay as they are.
        """
        for resolution in Resolution:
            level = self.levels[resolution]
            await self._store.load(level, -math.inf, math.inf)
            finer = self.levels.get(resolution.finer) if resolution.finer else None
            if finer is None or finer.first_before is None:
                continue
            derived = level.bars.time[level.bars.values[:, NATIVE] == 0]
            folded = self._fold(finer.bars, resolution)
            self._put_derived(level, folded, union(_supported(derived, level, finer), folded.time))

    def restate(self) -> None:
        """Have everybody read all bars anew: the corporate actions are others now."""
        self._resets |= dict.fromkeys(Resolution, "actions")

    def forget_before(self, resolution: Resolution, first: int | None) -> None:
        """Begin the series at its bar `first`, None if it has none left: the others are dropped."""
        level = self.levels[resolution]
        level.forget_before(first)
        self._store.save_series(level)
        self._resets[resolution] = "retention"

    async def flush(self) -> Changed | None:
        """Save everything; the change to announce, or None when nothing changed."""
        for resolution in Resolution:
            level = self.levels[resolution]
            if resolution.finer is not None:
                await self._derive(level, self.levels[resolution.finer])
        changed = [level for level in self.levels.values() if level.is_changed]
        if not changed and not self._resets:
            return None
        for level in changed:
            await self._store.reach_ends(level)
        await self._announceable(changed)
        for level in changed:
            await self._store.save(level)
        self._store.save_head(self.head)
        event = self.head.changed(
            self.facts.symbol, changed, is_intraday=self._is_intraday, trades=self._told_trades
        )
        if self._resets:
            bars = {name: run for name, run in event.bars.items() if name not in self._resets}
            event = replace(event, bars=bars, resets={**event.resets, **self._resets})
        for level in changed:
            level.settle()
        return event

    @property
    def _told_trades(self) -> Sequence[tuple[float, float]] | None:
        """The trades, where these are all that has changed."""
        is_all = self._trades and not self.bars_taken and len(self._trades) <= MOST_TRADES
        return self._trades if is_all else None

    @property
    def _is_intraday(self) -> bool:
        return any(
            level.last is not None
            for resolution, level in self.levels.items()
            if resolution.is_intraday
        )

    async def _reach(self, resolution: Resolution, times: Int64Array) -> Level:
        """The level with the bars around `times` loaded: all that share a coarser bar with them."""
        level = self.levels[resolution]
        low, high = int(times[0]), int(times[-1]) + 1
        for coarser in resolution.coarser:
            for label in self._labels(times[[0, -1]], coarser).tolist():
                if label != NONE:
                    start, end = self.facts.calendar.span(label, coarser)
                    low, high = min(low, start), max(high, end)
        if resolution is Resolution.DAY:
            low -= _PREVIOUS_DAYS
        await self._store.load(level, low, high)
        return level

    async def _derive(self, level: Level, finer: Level) -> None:
        if await self._derive_newest(level, finer):
            return
        labels = self._released.pop(level.resolution, NO_TIMES)
        if finer.is_changed:
            labels = union(labels, self._labels(finer.touched(), level.resolution))
        labels = labels[labels != NONE]
        if not len(labels):
            return
        labels = np.unique(labels)
        await self._reach(level.resolution, labels)
        calendar = self.facts.calendar
        start = calendar.span(int(labels[0]), level.resolution)[0]
        end = calendar.span(int(labels[-1]), level.resolution)[1]
        await self._store.load(finer, start, end)
        folded = self._fold(finer.bars.between(start, end), level.resolution)
        self._put_derived(level, folded, _supported(labels, level, finer))

    async def _derive_newest(self, level: Level, finer: Level) -> bool:
        """Follow the newest of the finer bars, if no other has changed; whether that was all."""
        newest = finer.newest_changed
        if newest is None or level.resolution in self._released:
            return False
        calendar, extended = self.facts.calendar, self.facts.extended_hours
        label = calendar.label(newest, level.resolution, extended=extended)
        if label == NONE:
            return False
        start = calendar.span(label, level.resolution)[0]
        if not level.ends_at(label):
            await self._reach(level.resolution, np.array([label]))
        await self._store.load(finer, start, math.inf)
        if not level.ends_at(label) or not finer.ends_at(newest):
            return False
        there = level.newest(label)
        if there is None or not there[NATIVE]:
            parts = finer.bars.between(start, math.inf)
            if level.resolution is Resolution.DAY:
                # What is traded in a break, outside of the session, is of no day.
                parts = parts[self._labels(parts.time, level.resolution) == label]
            level.put_newest(label, folded_row(parts.values[:, :NATIVE].tolist()))
        return True

    def _fold(self, finer: StoredBars, resolution: Resolution) -> Bars:
        children = finer.bars()
        return fold(children, self._labels(children.time, resolution))

    def _put_derived(self, level: Level, folded: Bars, labels: Int64Array) -> None:
        """Have the bars with these labels be the folded ones or none, where they aren't native."""
        labels = without(labels, level.native_among(labels))
        folded = folded[members(labels, folded.time)]
        level.put(StoredBars.of(folded, native=False))
        level.remove(without(labels, folded.time))

    def _labels(self, times: Int64Array, resolution: Resolution) -> Int64Array:
        return self.facts.calendar.labels(times, resolution, extended=self.facts.extended_hours)

    async def _announceable(self, changed: Sequence[Level]) -> None:
        """Bring the head up to date with the levels: version, revision, quote."""
        revised = False
        for level in changed:
            closed = final_until(
                self.facts.calendar,
                level.resolution,
                level.last_before,
                updated=self.head.updated,
                now=self._now,
                lateness=self._lateness,
            )
            level.closed_before = closed
            revised = revised or level.changes_closed(closed)
        await self._quoting.update(changed, is_restated=bool(self._resets))
        # What changes no bar does not hold the last one open.
        now = self._now if changed else self.head.updated
        self.head.advance(now, revised=revised or bool(self._resets))


def _supported(labels: Int64Array, level: Level, finer: Level) -> Int64Array:
    """Those that can be folded anew: not the bars whose minutes retention has dropped."""
    if finer.resolution is not Resolution.MINUTE or finer.first_before is None:
        return labels
    exists, _ = level.bars.find(labels)
    return labels[~exists | (labels + level.resolution.seconds > finer.first_before)]
