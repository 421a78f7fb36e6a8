"""The physical form of bars: sealed blocks of columns behind a small table of rows.

Why: 5,000 bars of rows cost a reader ten times the CPU of 5,000 bars in a handful of blocks, and
twice the disk; but a block is too big to rewrite on every tick. So the newest bars of a series are
rows (`bar_rows`), and once there are `SEAL_AT` of them all but the newest `KEEP` move into blocks.
Every row of a series is newer than every bar in its blocks, so a reader never has to merge.

A block holds the bars of one window of 1,440 bar widths (a day of minutes) that starts on a
multiple of the window since 1970. Its value is, for n bars, the columns time (int64), open, high,
low, close, volume (float64), native (uint8: posted or imported, not derived), and, where any bar
was built from ticks, first_tick and last_tick (float64, NaN for none); all little-endian.
It is stored uncompressed: float64 prices hardly shrink, and reading is what it is for.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tradeapi.analytics.bars import Bars, BoolArray, Float64Array, Int64Array
from tradeapi.analytics.sorted_times import members, union
from tradeapi.market.resolutions import Resolution

BARS_PER_BLOCK = 1440
SEAL_AT = 256
KEEP = 8

OPEN, HIGH, LOW, CLOSE, VOLUME, NATIVE, FIRST_TICK, LAST_TICK = range(8)
_WIDTH = 8


def window(resolution: Resolution) -> int:
    """The seconds one block covers."""
    return BARS_PER_BLOCK * resolution.seconds


def block_start(time: int, resolution: Resolution) -> int:
    """The start of the block that a bar of this time belongs to."""
    return time // window(resolution) * window(resolution)


@dataclass(frozen=True, slots=True, eq=False)
class StoredBars:
    """Bars with all that the store keeps of them; `values` has a row per bar, see above."""

    time: Int64Array
    values: Float64Array

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.int64), np.empty((0, _WIDTH), np.float64))

    @classmethod
    def of(cls, bars: Bars, *, native: bool) -> Self:
        values = np.full((len(bars), _WIDTH), np.nan)
        for column, series in enumerate(bars.columns()[1:]):
            values[:, column] = series
        values[:, NATIVE] = native
        return cls(bars.time, values)

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Any]]) -> Self:
        """From `bar_rows` records: time, then the columns of `values`."""
        if not rows:
            return cls.empty()
        table = np.array(rows, np.float64)
        return cls(table[:, 0].astype(np.int64), table[:, 1:])

    @classmethod
    def concat(cls, runs: Sequence["StoredBars"]) -> Self:
        if not runs:
            return cls.empty()
        return cls(
            np.concatenate([run.time for run in runs]), np.concatenate([run.values for run in runs])
        )

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: slice | BoolArray | npt.NDArray[np.intp]) -> "StoredBars":
        return StoredBars(self.time[index], self.values[index])

    def between(self, start: float, end: float) -> "StoredBars":
        """Those with `start <= time < end`."""
        low, high = np.searchsorted(self.time, (start, end))
        return self[int(low) : int(high)]

    def find(self, times: Int64Array) -> tuple[BoolArray, npt.NDArray[np.intp]]:
        """Whether each time is here, and where it is or would go."""
        places = np.searchsorted(self.time, times)
        if not len(self):
            return np.zeros(len(times), np.bool_), places
        return self.time[np.minimum(places, len(self) - 1)] == times, places

    def with_bars(self, newer: "StoredBars") -> "StoredBars":
        """The union; where both have a bar, the newer one."""
        if not len(newer):
            return self
        if not len(self) or newer.time[0] > self.time[-1]:
            return StoredBars.concat([self, newer])
        found, places = self.find(newer.time)
        if found.all():
            values = self.values.copy()
            values[places] = newer.values
            return StoredBars(self.time, values)
        time = union(self.time, newer.time)
        values = np.empty((len(time), _WIDTH))
        values[np.searchsorted(time, self.time)] = self.values
        values[np.searchsorted(time, newer.time)] = newer.values
        return StoredBars(time, values)

    def without(self, times: Int64Array) -> "StoredBars":
        return self[~members(times, self.time)]

    def bars(self) -> Bars:
        columns = np.ascontiguousarray(self.values[:, :NATIVE].T)
        return Bars(self.time, *columns)

    def by_block(self, resolution: Resolution) -> Iterator[tuple[int, "StoredBars"]]:
        """Cut at the blocks' borders: (start of the block, its bars)."""
        starts = self.time // window(resolution)
        cuts = np.flatnonzero(np.diff(starts)) + 1
        edges = [0, *cuts.tolist(), len(self)]
        for low, high in pairwise(edges):
            if high > low:
                yield int(starts[low]) * window(resolution), self[low:high]


def folded_row(rows: Sequence[Sequence[float]]) -> list[float]:
    """The values of the bar that these fold into, as `fold` has it: for a few, in plain floats."""
    opens, highs, lows, closes, volumes = zip(*rows, strict=True)
    # sum() is more exact from Python 3.12 on, and another sum than what adds in order.
    volume = reduce(add, volumes)
    return [opens[0], max(highs), min(lows), closes[-1], volume, 0.0, math.nan, math.nan]


def encode(bars: StoredBars) -> bytes:
    parts = [bars.time.tobytes(), np.ascontiguousarray(bars.values[:, :NATIVE].T).tobytes()]
    parts.append(bars.values[:, NATIVE].astype(np.uint8).tobytes())
    ticks = bars.values[:, FIRST_TICK : LAST_TICK + 1]
    if not np.isnan(ticks).all():
        parts.append(np.ascontiguousarray(ticks.T).tobytes())
    return b"".join(parts)


def decode(count: int, data: bytes) -> StoredBars:
    """All that a block holds; for writers."""
    values = np.full((count, _WIDTH), np.nan)
    for column in range(NATIVE):
        values[:, column] = np.frombuffer(data, np.float64, count, 8 * count * (column + 1))
    values[:, NATIVE] = np.frombuffer(data, np.uint8, count, 48 * count)
    if len(data) > 49 * count:
        ticks = np.frombuffer(data, np.float64, 2 * count, 49 * count)
        values[:, FIRST_TICK] = ticks[:count]
        values[:, LAST_TICK] = ticks[count:]
    return StoredBars(np.frombuffer(data, np.int64, count), values)


def columns(count: int, data: bytes) -> Float64Array:
    """Only the bars of a block, a row for each column, the times by their bits; for readers."""
    return np.frombuffer(data, np.float64, 6 * count).reshape(6, count)
