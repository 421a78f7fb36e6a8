"""Where a series is in the database, and what is known of it: the raw side of `models`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self
from uuid import UUID

from tradeapi.analytics.indicators import Memory
from tradeapi.charts.cuts import Choice
from tradeapi.charts.keys import Key, as_id, as_key
from tradeapi.charts.points import Points, SeriesType
from tradeapi.charts.sources import AnySource, IndicatorSource, read_source
from tradeapi.drivers import Raw
from tradeapi.errors import Conflict, NotFound
from tradeapi.web.preconditions import Precondition


@dataclass(frozen=True, slots=True)
class Target:
    """A series as it was found; `chart_key` and `key` are the ids as SQL takes them."""

    name: str
    chart_key: Key
    key: Key
    type: SeriesType
    source: AnySource | None

    @property
    def chart(self) -> UUID:
        return UUID(str(self.chart_key))

    @property
    def needs_all(self) -> bool:
        """Whether however few of its points rest on all that is beneath them."""
        source = self.source
        return (
            isinstance(source, IndicatorSource) and source.study.indicator.memory is Memory.HISTORY
        )


@dataclass(frozen=True, slots=True)
class State:
    """Of a pushed series; `version` rises with each change."""

    count: int
    first: float | None
    last: float | None
    version: int

    @classmethod
    def of(cls, points: Points, version: int) -> Self:
        """Of a series that has these points."""
        first, last = points.time[[0, -1]].tolist() if len(points) else (None, None)
        return cls(len(points), first, last, version)

    def etag(self, target: Target) -> str:
        return f'"{UUID(str(target.key))}.{self.version}"'


async def find(raw: Raw, owner: UUID, chart: str, series: str) -> tuple[Target, float | None]:
    """The series, and when its chart was last known to be asked for, where that matters."""
    chosen, arguments = choose(raw, owner, chart, series, first=1)
    rows = await raw.fetch(chosen, *arguments)
    return target_in(rows[0] if rows else None, series)


def choose(  # noqa: PLR0913  they are what it takes
    raw: Raw,
    owner: UUID,
    chart: str,
    series: str,
    *,
    first: int = 5,
    columns: str = "",
    joined: str = "",
) -> Choice:
    """What `target_in` takes; its placeholders are those from `$first` on.

    The columns of what is joined come last.
    """
    id = as_id(chart)
    arguments = [as_key(raw, owner), chart, series]
    if id is not None:
        arguments.append(as_key(raw, id))
    chosen = _find(first, columns, joined, is_id=id is not None)
    return Choice(chosen, tuple(arguments))


def target_in(row: Sequence[Any] | None, series: str) -> tuple[Target, float | None]:
    """Raises NotFound where there is no such chart, or no such series in it."""
    if row is None:
        raise NotFound("There is no such chart.")
    chart_key, accessed_at, key, type, source = row[:5]
    if key is None:
        raise NotFound("The chart has no such series.", code="unknown_series")
    kept = None if source is None else read_source(source)
    return Target(series, chart_key, key, SeriesType(type), kept), accessed_at


async def find_chain(raw: Raw, target: Target) -> Sequence[Target]:
    """The series, what it is computed over, and so on down to what is no indicator."""
    # All at once, so that they are those of one document.
    found = await raw.fetch(_SERIES, target.chart_key)
    by_name = {row[0]: row[1:] for row in found}
    chain: list[Target] = []
    name = target.name
    while name in by_name:
        key, type, source = by_name[name]
        kept = None if source is None else read_source(source)
        chain.append(replace(target, name=name, key=key, type=SeriesType(type), source=kept))
        if not isinstance(kept, IndicatorSource):
            return chain
        name = kept.of
    raise NotFound("The chart has no such series.", code="unknown_series")


async def lock(raw: Raw, target: Target, precondition: Precondition) -> tuple[int, int, State]:
    """The series once nobody else writes to its chart, which is at a revision more then.

    Between the two is how many points all charts of its owner have. Raises NotFound where it is
    gone.
    """
    touched = await raw.fetch(TOUCH, target.chart_key)
    # A statement of its own: who has waited for the lock sees what its holder has left.
    found = await raw.fetch(_STATE, target.key)
    if not touched or not found:
        raise NotFound("The chart has no such series.", code="unknown_series")
    type, source, *state = found[0]
    if source is not None:
        raise series_is_bound(target)
    if SeriesType(type).columns != target.type.columns:
        raise Conflict("The type of the series has changed meanwhile.", code="points_do_not_fit")
    before = State(*state)
    precondition.check(before.etag(target))
    revision, used = touched[0]
    return revision, used, before


async def save(raw: Raw, target: Target, state: State) -> None:
    await raw.execute(_SAVE, target.key, state.count, state.first, state.last, state.version)


def series_is_bound(target: Target) -> Conflict:
    detail = f"The points of {target.name} come from its source; none can be pushed."
    return Conflict(detail, code="series_is_bound")


# It locks the row as well.
TOUCH = """
UPDATE charts SET revision = revision + 1 WHERE id = $1 RETURNING revision,
COALESCE((SELECT points FROM chart_usage u WHERE u.owner_id = charts.owner_id), 0)
"""
_FIND = """
SELECT c.id AS chart, c.accessed_at, s.id, s.type, s.source, s.count, s.first, s.last, s.version{5}
FROM charts c
LEFT JOIN chart_series s ON s.chart_id = c.id AND s.name = ${2}{6}
WHERE c.owner_id = ${0} AND {4}
"""
_BY_ID = """(c.name = ${1} OR c.id = ${3})
ORDER BY CASE WHEN c.id = ${3} THEN 0 ELSE 1 END LIMIT 1"""
_SERIES = "SELECT name, id, type, source FROM chart_series WHERE chart_id = $1"
_STATE = "SELECT type, source, count, first, last, version FROM chart_series WHERE id = $1"
_SAVE = """
UPDATE chart_series SET count = $2, first = $3, last = $4, version = $5 WHERE id = $1
"""


@cache
def _find(first: int, columns: str, joined: str, *, is_id: bool) -> str:
    numbers = range(first, first + 4)
    # A name may look like an id; the id counts.
    condition = _BY_ID if is_id else "c.name = ${1}"
    return _FIND.format(*numbers, condition.format(*numbers), columns, joined)
