"""Sessions of one revision of an index, read as columns over the raw driver."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array, Int64Array
from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.errors import Unavailable
from tradeapi.indices.holdings.names import Names
from tradeapi.indices.packing import COLUMNS, Held
from tradeapi.indices.published import Published, Series

Answer = TypeVar("Answer")
# Builds that are published one right after the other.
_MOST_TURNS = 3


class Outdated(Exception):
    """Another revision has been published since."""


class Members(NamedTuple):
    """The ids of the constituents of consecutive sessions, one session after the other."""

    days: Int64Array
    counts: Int64Array
    ids: Int64Array
    is_traded: BoolArray


class Levels(NamedTuple):
    days: Int64Array
    levels: Float64Array
    divisors: Float64Array
    turnover: Float64Array
    counts: Int64Array


class Sessions:
    """Of `series`; what is read raises Outdated where that is not what is published any more."""

    def __init__(self, database: Database, series: Series) -> None:
        self._database = database
        self.series = series

    async def held(self, day: int) -> Held:
        """After the close of a session."""
        return Held.of((await self.rows([day]))[0])

    async def rows(self, days: Sequence[int]) -> Sequence[Sequence[Any]]:
        """Of these sessions, ascending, what Held is made of."""
        async with self._database.read() as raw:
            chosen, argument = raw.one_of("$3", days)
            return await self._rows(raw, f"s.day {chosen}", COLUMNS, argument)

    async def members(self, first: int, last: int) -> Members:
        """From one session to another."""
        async with self._database.read() as raw:
            rows = await self._rows(raw, "s.day BETWEEN $3 AND $4", _MEMBERS, first, last)
        # To SQLite a part of nothing is null.
        ids = [row[1] or b"" for row in rows]
        return Members(
            np.array([row[0] for row in rows], np.int64),
            np.array([len(one) // 4 for one in ids], np.int64),
            np.frombuffer(b"".join(ids), "<i4").astype(np.int64),
            np.array([row[2] for row in rows], np.bool_),
        )

    async def levels(self, first: int, last: int) -> Levels:
        async with self._database.read() as raw:
            rows = await self._rows(raw, "s.day BETWEEN $3 AND $4", _LEVELS, first, last)
        days, levels, divisors, turnover, counts = zip(*rows, strict=True)
        return Levels(
            np.array(days, np.int64),
            np.array(levels, np.float64),
            np.array(divisors, np.float64),
            np.array(turnover, np.float64),
            np.array(counts, np.int64),
        )

    async def size(self, first: int, last: int) -> int:
        """How many constituents these sessions have in all."""
        async with self._database.read() as raw:
            rows = await self._rows(raw, "s.day BETWEEN $3 AND $4", _SIZE, first, last, order="")
        return int(rows[0][0])

    async def names_of(self, rows: Sequence[Sequence[Any]]) -> Names:
        """Of whoever these sessions hold."""
        return await self.names(np.concatenate([Held.of(row).ids for row in rows]))

    async def names(self, ids: Int64Array) -> Names:
        return await Names.of(self._database, ids)

    async def _rows(
        self, raw: Raw, days: str, columns: str, *arguments: object, order: str = "ORDER BY s.day"
    ) -> Sequence[Sequence[Any]]:
        sql = _READ.format(columns=columns, days=days, order=order)
        rows = await raw.fetch(sql, self.series.id, self.series.revision, *arguments)
        if not rows or rows[0][0] is None:
            raise Outdated
        return rows


async def at_one_revision(
    published: Published,
    database: Database,
    code: str,
    read: Callable[[Sessions], Awaitable[Answer]],
) -> Answer:
    """What is read of sessions that are all of one revision; raises NotFound."""
    series = await published.get(code)
    for _ in range(_MOST_TURNS):
        try:
            return await read(Sessions(database, series))
        except Outdated:
            series = await published.anew(code)
    raise Unavailable("The index is being published; ask again.")


_READ = """
SELECT {columns} FROM index_sessions s JOIN indices i ON i.id = s.index_id
WHERE i.id = $1 AND i.revision = $2 AND NOT s.is_staged AND {days} {order}
"""
# Of the members the first column, which is an eighth of them.
_MEMBERS = "s.day, substr(s.members, 1, length(s.members) / 8), s.before IS NOT NULL"
_LEVELS = "s.day, s.level, s.divisor, s.turnover, length(s.members) / 32"
_SIZE = "SUM(length(s.members) / 32)"
