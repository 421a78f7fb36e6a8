"""How some points of a series are read: it costs the same for a short series and a long one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from anyio import to_thread

from tradeapi.charts import chunks
from tradeapi.charts.chunks import MANY_POINTS, Window
from tradeapi.charts.keys import Key
from tradeapi.charts.points import Points, copy
from tradeapi.drivers import Raw


class Choice(NamedTuple):
    """What SQL chooses of a series, its `id` among that, by the arguments from `$5` on."""

    chosen: str
    arguments: tuple[object, ...]

    @classmethod
    def by(cls, key: Key) -> "Choice":
        chosen = "SELECT id, count, first, last, version FROM chart_series WHERE id = $5"
        return cls(chosen, (key,))


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The points of a chunk from `low` to `high`, with the chunk as it is kept."""

    start: float
    count: int
    data: bytes
    low: int
    high: int

    @classmethod
    def of(cls, chunk: Sequence[Any], window: Window) -> "Cut":
        start, count, data = chunk
        times = np.frombuffer(data, np.float64, count)
        low = int(times.searchsorted(window.after, "right"))
        return cls(start, count, data, low, max(low, int(times.searchsorted(window.before))))

    @property
    def size(self) -> int:
        return self.high - self.low


async def read(
    raw: Raw, series: Choice, window: Window
) -> tuple[Sequence[Any], Sequence[Cut]] | None:
    """What `series` chooses and the points, all of one moment; None: there is no such series."""
    most = ceil(window.limit / chunks.POINTS_PER_CHUNK) + 2
    ends = window.before, window.after, window.limit
    page = _page(series.chosen, "ASC" if window.earliest else "DESC")
    while True:
        records = await raw.fetch(page, *ends, most, *series.arguments)
        if not records:
            return None
        nearest = sorted((row[-3:] for row in records if row[-1] is not None), key=itemgetter(0))
        cuts = [Cut.of(chunk, window) for chunk in nearest]
        excess = sum(cut.size for cut in cuts) - window.limit
        if excess >= 0 or len(nearest) < most:
            break
        most *= 4
    return records[0][:-3], _without(cuts, excess, at_the_end=window.earliest)


async def joined(cuts: Sequence[Cut], width: int) -> Points:
    """In a thread where there are so many that others would notice."""
    if sum(cut.size for cut in cuts) > MANY_POINTS:
        return await to_thread.run_sync(_joined, cuts, width)
    return _joined(cuts, width)


def _joined(cuts: Sequence[Cut], width: int) -> Points:
    """As `Points.concat` would, without arrays for each of them."""
    count = sum(cut.size for cut in cuts)
    table, further = np.empty((width + 1, count)), np.full(count, None, np.object_)
    low = 0
    for cut in cuts:
        high = low + cut.size
        run = slice(cut.low, cut.high)
        copy(cut.count, cut.data, run, table[:, low:high], further[low:high])
        low = high
    return Points(table[0], table[1:].T, further)


def _without(cuts: list[Cut], excess: int, *, at_the_end: bool) -> list[Cut]:
    """So many points fewer."""
    left = []
    for cut in reversed(cuts) if at_the_end else cuts:
        dropped = min(max(excess, 0), cut.size)
        excess -= dropped
        low, high = (cut.low, cut.high - dropped) if at_the_end else (cut.low + dropped, cut.high)
        if high > low:
            left.append(Cut(cut.start, cut.count, cut.data, low, high))
    return left[::-1] if at_the_end else left


# `nearer` counts the points of the window in the chunks before: those not needed are not read.
# No chunk but the one that holds `after` reaches beyond it from below.
_PAGE = """
WITH found AS ({0}), candidates AS (
  SELECT start, CASE WHEN start > $2 AND last < $1 THEN count ELSE 0 END AS inside
  FROM chart_points
  WHERE series_id = (SELECT id FROM found) AND start < $1 AND start >= COALESCE(
    (SELECT MAX(start) FROM chart_points
     WHERE series_id = (SELECT id FROM found) AND start <= $2), $2)
  ORDER BY start {1} LIMIT $4
), ranked AS (
  SELECT start, SUM(inside) OVER (ORDER BY start {1}) - inside AS nearer FROM candidates
)
SELECT f.*, p.start, p.count, p.data
FROM found f
LEFT JOIN ranked r ON r.nearer < $3
LEFT JOIN chart_points p ON p.series_id = f.id AND p.start = r.start
"""


@lru_cache(maxsize=16)
def _page(chosen: str, order: str) -> str:
    return _PAGE.format(chosen, order)
