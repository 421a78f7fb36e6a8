"""How the levels of one symbol come from the database, and go back to it."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from tradeapi.analytics.sorted_times import members, union
from tradeapi.drivers import Raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import (
    KEEP,
    SEAL_AT,
    StoredBars,
    block_start,
    decode,
    encode,
    window,
)
from tradeapi.market.store.heads import Head
from tradeapi.market.store.levels import Level
from tradeapi.market.store.partitions import Partitions
from tradeapi.market.store.splits import Splits
from tradeapi.market.store.writes import Writes


class LevelStore:
    """Loads and saves the levels of one symbol inside a transaction."""

    def __init__(
        self, raw: Raw, writes: Writes, partitions: Partitions, splits: Splits, symbol_id: int
    ) -> None:
        self._raw = raw
        self._splits = splits
        self.writes = writes
        self._partitions = partitions
        self._id = symbol_id

    async def load(self, level: Level, low: float, high: float) -> None:
        """Have all bars with `low <= time < high` in the level, changes included."""
        if low >= level.low and high <= level.high:
            return
        if level.first_before is None:
            level.low, level.high = -math.inf, math.inf
            return
        if level.is_changed or high >= level.low:
            low, high = min(low, level.low), max(high, level.high)
        # Else what is loaded is the live edge, and all that lies between would be loaded, too.
        sealed = level.sealed_before
        if sealed is None or high > sealed:
            high = math.inf
        runs = []
        if sealed is not None and low <= sealed:
            runs += await self._blocks(level.resolution, low, min(high, sealed + 1))
        if high == math.inf:
            runs.append(StoredBars.of_rows(await self._rows(level.resolution)))
        loaded = StoredBars.concat(runs)
        if level.is_changed:
            mine = level.bars[members(union(level.updated, level.inserted), level.bars.time)]
            loaded = loaded.without(level.removed).with_bars(mine)
        level.bars, level.low, level.high = loaded, low, high

    async def load_edges(self, levels: Iterable[Level]) -> None:
        """Have the bars that are in no block in these levels, as far as nothing is in them yet."""
        empty = {
            level.resolution.seconds: level
            for level in levels
            if level.high < level.low and level.first_before is not None
        }
        if len(empty) < 2:
            return
        rows: dict[int, list[Sequence[object]]] = {seconds: [] for seconds in empty}
        for seconds, *row in await self._raw.fetch(_EDGES, self._id):
            if seconds in rows:
                rows[seconds].append(row)
        for seconds, level in empty.items():
            level.bars = StoredBars.of_rows(rows[seconds])
            level.low = -math.inf if level.sealed_before is None else level.sealed_before + 1
            level.high = math.inf

    async def load_last(self, level: Level, count: int) -> None:
        """Have at least the newest `count` bars of the series in the level, if it has them."""
        if level.last is None:
            return
        step = window(level.resolution)
        low = min(level.low, level.last)
        await self.load(level, low, math.inf)
        while len(level.bars) < count and level.first is not None and level.low > level.first:
            low -= step
            step *= 4
            await self.load(level, max(low, level.first), math.inf)

    async def split(self, after: int, until: int) -> float:
        """How many shares of the day `until` one of the day `after` has become."""
        return await self._splits.ratio(self._id, after, until)

    async def reach_ends(self, level: Level) -> None:
        """Find the series' first and last bars again: a removal may have taken them."""
        if not len(level.removed) or level.first is None:
            return
        if level.removed[-1] == level.last:
            await self.load_last(level, 1)
            level.last = int(level.bars.time[-1]) if len(level.bars) else None
        if level.last is None:
            level.first = None
        elif level.removed[0] == level.first:
            await self._load_first(level)
            level.first = int(level.bars.time[0])

    async def save(self, level: Level) -> None:
        """Write the level's changes; once there are many rows, seal them."""
        newest = level.newest_changed
        if newest is not None and newest == level.last_before and newest > (level.sealed or 0):
            # There are no more rows than before.
            row = level.bars.values[-1].tolist()
            self.writes.rows.append((self._id, level.resolution.seconds, newest, *row))
            return
        sealed = await self._seal(level)
        if sealed is not None:
            await self._save_blocks(level, sealed)
        self._save_rows(level, sealed)
        level.sealed = sealed
        self.save_series(level)

    def save_head(self, head: Head) -> None:
        self.writes.heads.append(head.row())

    async def _load_first(self, level: Level) -> None:
        """Have the oldest bar of the series in the level: one that has bars, from `first` on."""
        assert level.first is not None  # noqa: S101  who calls has looked
        step = window(level.resolution)
        high = max(level.high, level.first + step)
        await self.load(level, level.first, high)
        while not len(level.bars):
            high += step
            step *= 4
            await self.load(level, level.first, high)

    async def _seal(self, level: Level) -> int | None:
        """The time of the last bar that belongs into a block from now on."""
        sealed = level.sealed_before
        unsealed_from = -math.inf if sealed is None else sealed + 1
        # Where no newer bar changed there are no more of them than there were.
        if level.last is None or level.touched()[-1] < unsealed_from:
            return sealed
        await self.load(level, unsealed_from, math.inf)
        unsealed = level.bars.between(unsealed_from, math.inf)
        return int(unsealed.time[-KEEP - 1]) if len(unsealed) > SEAL_AT else sealed

    async def _save_blocks(self, level: Level, sealed: int) -> None:
        resolution, before = level.resolution, level.sealed_before
        touched = level.touched()
        dirty = touched[: np.searchsorted(touched, sealed, side="right")]
        if before is None or sealed > before:
            moved = level.bars.between(-math.inf if before is None else before + 1, sealed + 1)
            dirty = union(dirty, moved.time)
        if not len(dirty):
            return
        width = window(resolution)
        starts = np.unique(dirty // width) * width
        await self.load(level, int(starts[0]), int(starts[-1]) + width)
        sealed_bars = level.bars.between(int(starts[0]), sealed + 1)
        blocks = dict(sealed_bars.by_block(resolution))
        await self._partitions.ensure(self._raw, resolution, blocks)
        for start in starts.tolist():
            key = (self._id, resolution.seconds, start)
            bars = blocks.get(start)
            if bars is None:
                self.writes.blocks_dropped.append(key)
            else:
                self.writes.blocks.append((*key, len(bars), int(bars.time[-1]), encode(bars)))

    def _save_rows(self, level: Level, sealed: int | None) -> None:
        key = (self._id, level.resolution.seconds)
        floor = -math.inf if sealed is None else sealed
        if sealed is not None and sealed != level.sealed_before:
            self.writes.unsealed_dropped.append((*key, sealed))
        changed = union(level.updated, level.inserted)
        changed = changed[changed > floor]
        values = level.bars.values[np.searchsorted(level.bars.time, changed)].tolist()
        self.writes.rows += [
            (*key, time, *row) for time, row in zip(changed.tolist(), values, strict=True)
        ]
        gone = level.removed[level.removed > floor].tolist()
        self.writes.rows_dropped += [(*key, time) for time in gone]

    def save_series(self, level: Level) -> None:
        key = (self._id, level.resolution.seconds)
        now = (level.first, level.last, level.sealed)
        if level.first is None:
            self.writes.series_dropped.append(key)
        elif now != (level.first_before, level.last_before, level.sealed_before):
            self.writes.series.append((*key, *now))

    async def _blocks(self, resolution: Resolution, low: float, high: float) -> list[StoredBars]:
        rows = await self._raw.fetch(
            # The resolution is written out, so that the planner sees which partitions can match.
            "SELECT count, data FROM bar_blocks WHERE symbol_id = $1 AND resolution = "  # noqa: S608
            f"{resolution.seconds} AND start >= $2 AND start < $3 ORDER BY start",
            self._id,
            -(2**62) if low == -math.inf else block_start(int(low), resolution),
            int(high),
        )
        return [decode(count, data) for count, data in rows]

    async def _rows(self, resolution: Resolution) -> Sequence[Sequence[object]]:
        return await self._raw.fetch(_ROWS, self._id, resolution.seconds)


_COLUMNS = "time, open, high, low, close, volume, native, first_tick, last_tick"
_ROWS = (
    f"SELECT {_COLUMNS} FROM bar_rows "  # noqa: S608
    "WHERE symbol_id = $1 AND resolution = $2 ORDER BY time"
)
_EDGES = (
    f"SELECT resolution, {_COLUMNS} FROM bar_rows "  # noqa: S608
    "WHERE symbol_id = $1 ORDER BY resolution, time"
)
