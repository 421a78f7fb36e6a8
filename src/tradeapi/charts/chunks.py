"""How the points of a series are laid into chunks; `cuts` reads some of them.

Chunks have up to POINTS_PER_CHUNK points, and none overlaps another. The last one has at most TAIL:
it is rewritten with every point that comes, and moves into full ones when it has too many, all but
its newest KEEP, so that a forming point that is replaced again and again costs little. So many
candles are just below the size from which on PostgreSQL keeps values apart from their row.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import ceil, inf
from typing import Any, NamedTuple

import numpy as np
from anyio import to_thread

from tradeapi.charts.keys import Key
from tradeapi.charts.points import Points, decode, encode
from tradeapi.drivers import Raw

POINTS_PER_CHUNK = 2048
TAIL = 48
KEEP = 8
MANY_POINTS = 20_000


class Packed(NamedTuple):
    """A chunk as it is kept."""

    start: float
    last: float
    points: int
    data: bytes

    @classmethod
    def of(cls, points: Points) -> "Packed":
        return cls(float(points.time[0]), float(points.time[-1]), len(points), encode(points))


class Window(NamedTuple):
    """Points with `after < time < before`; of more than `limit` the latest, or the `earliest`."""

    limit: int
    after: float = -inf
    before: float = inf
    earliest: bool = False


def lay(points: Points) -> list[Packed]:
    """The chunks of points up to the end of a series; takes its time for a million."""
    full = max(len(points) - KEEP, 0)
    cuts = [*range(0, full, POINTS_PER_CHUNK), full, len(points)]
    return [Packed.of(points[low:high]) for low, high in pairwise(cuts) if high > low]


async def replace(raw: Raw, series: Key, chunks: Sequence[Packed]) -> None:
    await raw.execute("DELETE FROM chart_points WHERE series_id = $1", series)
    await _put(raw, series, chunks)


async def append(raw: Raw, series: Key, points: Points) -> int:
    """`points` from the last one there is on; how many more there are."""
    [tail] = await _last(raw, series, inf, points.width)
    merged = tail.with_points(points)
    added = len(merged) - len(tail)
    if len(merged) <= TAIL:
        await _put(raw, series, [Packed.of(merged)])
        return added
    start = float(tail.time[0])
    dropped = [start]
    for one in await _last(raw, series, start, points.width):
        if len(one) < POINTS_PER_CHUNK:
            dropped.append(float(one.time[0]))
            merged = Points.concat([one, merged], points.width)
    await _drop(raw, series, dropped)
    await _put(raw, series, await _in_turn(lay, merged))
    return added


async def amend(raw: Raw, series: Key, points: Points) -> int:
    """`points` from before the last chunk; how many more there are."""
    starts = [row[0] for row in await raw.fetch(_STARTS, series)]
    places = np.searchsorted(starts, points.time, side="right") - 1
    added = 0
    # What is older than all goes into the first.
    for place, run in _runs(points, np.maximum(places, 0)):
        [(start, count, data)] = await raw.fetch(_ONE, series, starts[place])
        merged = decode(count, points.width, data).with_points(run)
        added += len(merged) - count
        await _drop(raw, series, [start])
        await _put(raw, series, await _in_turn(_split, merged))
    return added


async def last_start(raw: Raw, series: Key) -> float:
    """Where the last chunk begins."""
    [(start,)] = await raw.fetch(_LAST_START, series)
    return float(start)


async def count_before(raw: Raw, series: Key, width: int, time: float) -> int:
    """How many points are older."""
    [(older,)] = await raw.fetch(_OLDER, series, time)
    found = await raw.fetch(_AROUND, series, time)
    within = (decode(count, width, data).time for count, data in found)
    return int(older) + sum(int(np.searchsorted(times, time)) for times in within)


async def _in_turn(pack: Callable[[Points], list[Packed]], points: Points) -> list[Packed]:
    """In a thread where there are so many that others would notice."""
    if len(points) <= MANY_POINTS:
        return pack(points)
    return await to_thread.run_sync(pack, points)


def _split(points: Points) -> list[Packed]:
    """Evenly, so that there is room in each."""
    pieces = ceil(len(points) / POINTS_PER_CHUNK)
    cuts = np.linspace(0, len(points), pieces + 1).astype(int).tolist()
    return [Packed.of(points[low:high]) for low, high in pairwise(cuts)]


async def _last(raw: Raw, series: Key, before: float, width: int) -> list[Points]:
    """The last chunk that begins before an instant, if there is one."""
    found = await raw.fetch(_LAST, series, before)
    return [decode(count, width, data) for count, data in found]


def _runs(points: Points, places: np.ndarray[Any, Any]) -> Iterator[tuple[int, Points]]:
    cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(points)]
    for low, high in pairwise(cuts):
        yield int(places[low]), points[low:high]


async def _put(raw: Raw, series: Key, chunks: Sequence[Packed]) -> None:
    if len(chunks) == 1:
        await raw.execute(_PUT, series, *chunks[0])
    elif chunks:
        await raw.executemany(_PUT, ((series, *chunk) for chunk in chunks))


async def _drop(raw: Raw, series: Key, starts: Sequence[float]) -> None:
    await raw.executemany(_DROP, [(series, start) for start in starts])


_DROP = "DELETE FROM chart_points WHERE series_id = $1 AND start = $2"
_PUT = """
INSERT INTO chart_points (series_id, start, last, count, data) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (series_id, start)
DO UPDATE SET last = excluded.last, count = excluded.count, data = excluded.data
"""
_STARTS = "SELECT start FROM chart_points WHERE series_id = $1 ORDER BY start"
_ONE = "SELECT start, count, data FROM chart_points WHERE series_id = $1 AND start = $2"
_OLDER = "SELECT COALESCE(SUM(count), 0) FROM chart_points WHERE series_id = $1 AND last < $2"
_AROUND = """
SELECT count, data FROM chart_points WHERE series_id = $1 AND start < $2 AND last >= $2
"""
_LAST_START = "SELECT MAX(start) FROM chart_points WHERE series_id = $1"
_LAST = """
SELECT count, data FROM chart_points WHERE series_id = $1 AND start < $2
ORDER BY start DESC LIMIT 1
"""
