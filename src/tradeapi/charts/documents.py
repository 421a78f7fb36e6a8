"""Charts as they are read, and not to be changed: `models` without the ORM, which takes as long
over one chart as everything else does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from tradeapi.charts.keys import as_id, as_key
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """See `models.Series`."""

    name: str
    pane: int
    type: str
    options: bytes
    source: bytes | None
    count: int
    first: float | None
    last: float | None
    version: int


@dataclass(frozen=True, slots=True)
class FoundChart:
    """See `models.Chart`."""

    series: Sequence[FoundSeries]
    id: UUID
    accessed_at: float | None
    name: str | None
    title: str
    version: int
    created_at: float
    updated_at: float
    options: bytes
    panes: bytes
    drawings: bytes
    annotations: bytes

    @property
    def etag(self) -> str:
        return f'"{self.id}.{self.version}"'


async def read_chart(raw: Raw, owner: UUID, key: str, *, by_id: bool) -> FoundChart:
    """With its series, all of one moment; raises NotFound. `by_id`: names are none."""
    id = as_id(key)
    arguments = [as_key(raw, owner), key]
    if id is not None:
        arguments.append(as_key(raw, id))
    rows = await raw.fetch(_read(is_id=id is not None), *arguments)
    series = [FoundSeries(*row[CHART_COLUMNS:]) for row in rows if row[CHART_COLUMNS] is not None]
    # Where there is a chart of that id it is the one that was found.
    if not rows or (by_id and UUID(str(rows[0][0])) != id):
        raise NotFound("There is no such chart.")
    chart_id, *fields = rows[0][:CHART_COLUMNS]
    return FoundChart(series, UUID(str(chart_id)), *fields)


CHART_COLUMNS = 11
# What may be long is in the first row alone.
_READ = """
WITH found AS (
  SELECT c.* FROM charts c WHERE c.owner_id = $1 AND {0}
), numbered AS (
  SELECT s.*, ROW_NUMBER() OVER (ORDER BY s.pane, s.place) AS number
  FROM chart_series s WHERE s.chart_id = (SELECT id FROM found)
)
SELECT f.id, f.accessed_at, f.name, f.title, f.version, f.created_at, f.updated_at,
  {1},
  s.name, s.pane, s.type, s.options, s.source, s.count, s.first, s.last, s.version
FROM found f LEFT JOIN numbered s ON s.chart_id = f.id
ORDER BY s.number
"""
_LONG = ("options", "panes", "drawings", "annotations")
_BY_ID = "(c.name = $2 OR c.id = $3) ORDER BY CASE WHEN c.id = $3 THEN 0 ELSE 1 END LIMIT 1"


@cache
def _read(*, is_id: bool) -> str:
    once = (f"CASE WHEN COALESCE(s.number, 1) = 1 THEN f.{column} END" for column in _LONG)
    # A name may look like an id; the id counts.
    return _READ.format(_BY_ID if is_id else "c.name = $2", ", ".join(once))
