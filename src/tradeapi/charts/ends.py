"""The ends of series that points are appended to, at hand for the points that come next.

Most points go to a series that the process wrote last, and that nobody else has written since. Then
there is nothing to read, and no need for a transaction of many statements: they are saved in one
step if the series still has the version that is known here. All else is for a transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from tradeapi.charts import chunks
from tradeapi.charts.chunks import Packed
from tradeapi.charts.points import Points, decode
from tradeapi.charts.targets import TOUCH, State, Target, choose, target_in
from tradeapi.charts.usage import MUCH_ROOM
from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.errors import Stale
from tradeapi.metrics import CACHE_ENTRIES, CACHE_HITS, CACHE_MISSES
from tradeapi.web.preconditions import Precondition

# Each has up to TAIL points, whose further fields are short: all of them are a few megabytes.
MOST_KEPT = 256

HITS = CACHE_HITS.labels("ends")
_misses = CACHE_MISSES.labels("ends")
_entries = CACHE_ENTRIES.labels("ends")

# The owner, the chart and the series as they are asked for.
Place = tuple[UUID, str, str]


@dataclass(frozen=True, slots=True)
class End:
    """Of a series with points: `tail` is its last chunk; `accessed_at` is that of its chart.

    `name` is what the chart is asked for by, if not by its id: it has to have that still.
    """

    target: Target
    name: str | None
    accessed_at: float | None
    state: State
    tail: Points

    def extended(self, points: Points) -> "End | None":
        """With points from the last one on; None for others, and where the chunk gets too long."""
        if not len(points) or points.width != self.tail.width:
            return None
        if points.time[0] < self.tail.time[-1]:
            return None
        tail = self.tail.with_points(points)
        if len(tail) > chunks.TAIL:
            return None
        state = State(
            self.state.count + len(tail) - len(self.tail),
            self.state.first,
            float(tail.time[-1]),
            self.state.version + 1,
        )
        return replace(self, state=state, tail=tail)


class Ends:
    """Those of the series that were written last.

    Where an owner comes close to `most_in_all` points it takes a transaction to count them.
    """

    def __init__(self, database: Database, *, most_in_all: int) -> None:
        self._database = database
        self._most_used = most_in_all - MUCH_ROOM
        self._kept: dict[Place, End] = {}

    def take(self, place: Place) -> End | None:
        """What is at hand. Taken out: of two that come together the other one has to read it."""
        return self._kept.pop(place, None)

    async def extend(
        self, place: Place, end: End, points: Points, precondition: Precondition, *, most: int
    ) -> tuple[int, End] | None:
        """The chart's revision and the end then; None: nothing is done, it takes a transaction."""
        extended = end.extended(points)
        if extended is None or extended.state.count > most:
            return None
        try:
            precondition.check(end.state.etag(end.target))
        except Stale:
            # It may be this that is: the transaction says.
            return None
        revision = await self._save(extended)
        if revision is None:
            return None
        self._kept[place] = extended
        while len(self._kept) > MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        _entries.set(len(self._kept))
        return revision, extended

    async def _save(self, end: End) -> int | None:
        """The chart's revision then; None: somebody else has written the series, or writes."""
        chart, series = end.target.chart_key, end.target.key
        state, chunk = end.state, Packed.of(end.tail)
        place = end.name, self._most_used
        if self._database.is_sqlite:
            saved = await self._database.together(
                (_SERIES, series, state.version, state.count, state.last, *place),
                (_CHUNK, series, *chunk),
                (TOUCH, chart),
            )
        else:
            saved = await self._in_one(chart, series, state.version, state.count, *chunk, *place)
        return int(saved[0][0]) if saved else None

    async def _in_one(self, *arguments: object) -> Sequence[Sequence[Any]]:
        async with self._database.at_once() as raw:
            try:
                return await raw.fetch(_STATEMENT, *arguments)
            except asyncpg.LockNotAvailableError:
                return []


async def find_end(
    raw: Raw, owner: UUID, chart: str, series: str
) -> tuple[Target, float | None, End | None]:
    """The series, when its chart was known to be asked for, and its end if it has points.

    Points that come from a source are not its own.
    """
    _misses.inc()
    asked = choose(raw, owner, chart, series, first=1, columns=_COLUMNS, joined=_LAST)
    rows = await raw.fetch(asked.chosen, *asked.arguments)
    row = rows[0] if rows else None
    target, accessed_at = target_in(row, series)
    assert row is not None  # noqa: S101  `target_in` has raised
    *state, held, data = row[5:]
    if target.source is not None or held is None:
        return target, accessed_at, None
    tail = decode(held, len(target.type.columns), data)
    name = None if str(target.chart) == chart else chart
    return target, accessed_at, End(target, name, accessed_at, State(*state), tail)


_COLUMNS = ", p.count, p.data"
_LAST = """
LEFT JOIN chart_points p ON p.series_id = s.id
  AND p.start = (SELECT MAX(start) FROM chart_points WHERE series_id = s.id)
"""
_SERIES = """
UPDATE chart_series SET count = $3, last = $4, version = $2
WHERE id = $1 AND version = $2 - 1 AND EXISTS (
  SELECT 1 FROM charts c LEFT JOIN chart_usage u ON u.owner_id = c.owner_id
  WHERE c.id = chart_series.chart_id
    AND ($5 IS NULL OR c.name = $5) AND COALESCE(u.points, 0) <= $6
) RETURNING id
"""
_CHUNK = """
UPDATE chart_points SET last = $3, count = $4, data = $5
WHERE series_id = $1 AND start = $2 RETURNING start
"""
# Whoever waits in `held` sees the rows as the one before has left them, and holds nothing if the
# series has another version then. With that one it has the same points, no source, and a type
# with the same values, so that nothing else is to be looked at but what the chart is called.
_STATEMENT = """
WITH held AS (
  SELECT s.id FROM charts c JOIN chart_series s ON s.chart_id = c.id
  WHERE c.id = $1 AND s.id = $2 AND s.version = $3::bigint - 1
    AND ($9::text IS NULL OR c.name = $9)
    AND COALESCE((SELECT points FROM chart_usage WHERE owner_id = c.owner_id), 0) <= $10
  FOR NO KEY UPDATE
), chunk AS (
  UPDATE chart_points p SET last = $6, count = $7, data = $8 FROM held
  WHERE p.series_id = held.id AND p.start = $5 RETURNING p.series_id
), series AS (
  UPDATE chart_series s SET count = $4, last = $6, version = $3 FROM chunk
  WHERE s.id = chunk.series_id RETURNING s.chart_id
)
UPDATE charts c SET revision = revision + 1 FROM series
WHERE c.id = series.chart_id RETURNING c.revision
"""
