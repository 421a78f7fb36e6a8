"""One resolution of a book: the bars it has loaded, and what changed among them."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.sorted_times import NO_TIMES, members, union, without
from tradeapi.market.events import BarChange, Kind
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import NATIVE, VOLUME, StoredBars

Status = Literal["inserted", "updated", "unchanged"]

ANNOUNCED_AT_ONCE = 500
KEPT_LOADED = 320


class Level:
    """The bars of one resolution that a book has loaded, `low <= time < high`, and its changes."""

    def __init__(self, resolution: Resolution) -> None:
        self.resolution = resolution
        self.bars = StoredBars.empty()
        self.low = math.inf
        self.high = -math.inf
        self.first: int | None = None
        self.last: int | None = None
        self.sealed: int | None = None
        self.settle()

    def settle(self) -> None:
        """Forget the changes: they are saved."""
        self.updated = NO_TIMES
        self.inserted = NO_TIMES
        self.removed = NO_TIMES
        self.first_before, self.last_before, self.sealed_before = self.first, self.last, self.sealed
        self.closed_before = 0

    @property
    def is_changed(self) -> bool:
        return bool(len(self.updated) or len(self.inserted) or len(self.removed))

    def touched(self) -> Int64Array:
        """The times of all bars that changed, ascending."""
        return union(union(self.updated, self.inserted), self.removed)

    @property
    def newest_changed(self) -> int | None:
        """The time of the newest bar, if that and no other is new or another."""
        if len(self.updated) + len(self.inserted) != 1 or len(self.removed):
            return None
        changed = self.updated if len(self.updated) else self.inserted
        return self.last if changed[0] == self.last else None

    def ends_at(self, time: int) -> bool:
        """Whether a bar of this time is certain to be the newest, or to become it."""
        if self.high < math.inf or time < self.low or len(self.removed):
            return False
        return self.last is None or time >= self.last

    def newest(self, time: int) -> list[float] | None:
        """The values of the newest bar, if it has this time."""
        if not len(self.bars) or self.bars.time[-1] != time:
            return None
        row: list[float] = self.bars.values[-1].tolist()
        return row

    def put_newest(self, time: int, row: list[float]) -> Status:
        """Insert or replace the bar that the series ends with; without `put`'s work on columns."""
        there = self.newest(time)
        if there is None:
            bar = StoredBars(np.array([time]), np.array([row]))
            self.bars = StoredBars.concat([self.bars, bar])
            self.inserted = union(self.inserted, bar.time)
            self.first = time if self.first is None else self.first
            self.last = time
            return "inserted"
        if all(map(_is_same, there, row)):
            return "unchanged"
        values = self.bars.values.copy()
        values[-1] = row
        self.bars = StoredBars(self.bars.time, values)
        self.updated = union(self.updated, self.bars.time[-1:])
        return "updated"

    def put(self, bars: StoredBars) -> list[Status]:
        """Insert or replace; a bar equal to what is there is left alone."""
        if not len(bars):
            return []
        if len(bars) == 1 and self.ends_at(int(bars.time[0])):
            return [self.put_newest(int(bars.time[0]), bars.values[0].tolist())]
        found, places = self.bars.find(bars.time)
        same = found.copy()
        if found.any():
            old = self.bars.values[places[found]]
            new = bars.values[found]
            same[found] = ((old == new) | (np.isnan(old) & np.isnan(new))).all(axis=1)
        changed = bars[~same]
        self.bars = self.bars.with_bars(changed)
        self.updated = union(self.updated, bars.time[found & ~same])
        self.inserted = union(self.inserted, bars.time[~found])
        self.removed = without(self.removed, bars.time)
        if len(changed):
            low, high = int(changed.time[0]), int(changed.time[-1])
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)
        return [
            "unchanged" if equal else "updated" if there else "inserted"
            for equal, there in zip(same.tolist(), found.tolist(), strict=True)
        ]

    def remove(self, times: Int64Array) -> None:
        found, _ = self.bars.find(times)
        times = times[found]
        if not len(times):
            return
        self.bars = self.bars.without(times)
        fresh = members(self.inserted, times)
        self.inserted = without(self.inserted, times)
        self.updated = without(self.updated, times)
        self.removed = union(self.removed, times[~fresh])

    def forget_before(self, first: int | None) -> None:
        """What came before is in the database no more."""
        self.first = first
        self.bars = self.bars.between(math.inf if first is None else first, math.inf)
        if first is None:
            self.last = self.sealed = None

    def detached(self) -> "Level":
        """What the next small change at the live edge needs, to start from: a copy of the newest
        bars, or itself where it holds no others.
        """
        holds_no_others = len(self.bars) <= KEPT_LOADED and self.bars.values.base is None
        if self.high == math.inf and holds_no_others:
            self.settle()
            return self
        copy = Level(self.resolution)
        copy.first, copy.last, copy.sealed = self.first, self.last, self.sealed
        copy.settle()
        if self.high == math.inf and len(self.bars):
            kept = self.bars[max(len(self.bars) - KEPT_LOADED, 0) :]
            copy.bars = StoredBars(kept.time.copy(), kept.values.copy())
            copy.low = int(kept.time[0]) if len(kept) < len(self.bars) else self.low
            copy.high = math.inf
        return copy

    def native_among(self, times: Int64Array) -> Int64Array:
        found, places = self.bars.find(times)
        native = np.zeros(len(times), np.bool_)
        native[found] = self.bars.values[places[found], NATIVE] == 1
        return times[native]

    def rows_at(self, times: Sequence[int]) -> dict[int, list[float]]:
        """The values of the bars at these times, those that exist."""
        found, places = self.bars.find(np.array(times, np.int64))
        return {
            time: self.bars.values[place].tolist()
            for time, there, place in zip(times, found, places, strict=True)
            if there
        }

    def changes_closed(self, closed: int) -> bool:
        """Whether history below `closed` is not what it was."""
        return len(self.removed) > 0 or bool(len(self.touched()) and self.touched()[0] < closed)

    def changes(self) -> tuple[BarChange, ...] | None:
        """The changes in the order a client applies them; None when it has to read anew."""
        tail = self.last_before
        if tail is not None and self.newest_changed == tail:
            kind: Kind = "revise" if tail < self.closed_before else "bar"
            return (BarChange(kind, tail, *self.bars.values[-1, : VOLUME + 1].tolist()),)
        touched = self.touched()
        inside = tail is not None and len(self.inserted) and int(self.inserted[0]) < tail
        if len(self.removed) or inside or len(touched) > ANNOUNCED_AT_ONCE:
            return None
        appended = touched[touched > tail] if tail is not None else touched
        times = touched[: len(touched) - len(appended)].tolist()
        kinds: list[Kind] = ["revise" if time < self.closed_before else "bar" for time in times]
        if len(appended):
            ends = [*([tail] if tail is not None else []), *appended.tolist()]
            times += ends
            kinds += ["final" for _ in ends[1:]]
            kinds.append("bar")
        places = np.searchsorted(self.bars.time, times)
        columns = self.bars.values[places, : VOLUME + 1].T.tolist()
        return tuple(map(BarChange._make, zip(kinds, times, *columns, strict=True)))


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
