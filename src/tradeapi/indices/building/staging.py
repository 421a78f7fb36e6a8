"""What a build has come to, kept where nobody looks until all of it is published."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.database import raw
from tradeapi.drivers import Raw
from tradeapi.indices.packing import COLUMNS, Held

_NAMES = "index_id, is_staged, day, level, divisor, turnover, members, before"
_PUT = f"INSERT INTO index_sessions ({_NAMES}) VALUES ($1, TRUE, $2, $3, $4, $5, $6, $7)"  # noqa: S608  columns, no data
_DROP = "DELETE FROM index_sessions WHERE index_id = $1 AND is_staged"
_DROP_PUBLISHED = "DELETE FROM index_sessions WHERE index_id = $1 AND NOT is_staged AND day >= $2"
_PUBLISH = "UPDATE index_sessions SET is_staged = FALSE WHERE index_id = $1 AND is_staged"
_LAST = f"""
SELECT {COLUMNS} FROM index_sessions WHERE index_id = $1 AND is_staged ORDER BY day DESC LIMIT 1
"""  # noqa: S608
_BEFORE = f"""
SELECT {COLUMNS} FROM index_sessions WHERE index_id = $1 AND NOT is_staged AND day < $2
ORDER BY day DESC LIMIT 1
"""  # noqa: S608
_LEVELS = """
SELECT day, level FROM index_sessions WHERE index_id = $1 AND is_staged ORDER BY day
"""


async def put(session: AsyncSession, index_id: int, rows: Sequence[tuple[object, ...]]) -> None:
    """After what is there already; a row has the packed COLUMNS."""
    await (await raw(session)).executemany(_PUT, [(index_id, *row) for row in rows])


async def drop(session: AsyncSession, index_id: int) -> None:
    await (await raw(session)).execute(_DROP, index_id)


async def publish(session: AsyncSession, index_id: int, first_dropped: int) -> None:
    """Have what is staged take the place of all that was published from a day on."""
    connection = await raw(session)
    await connection.execute(_DROP_PUBLISHED, index_id, first_dropped)
    await connection.execute(_PUBLISH, index_id)


async def levels(session: AsyncSession, index_id: int) -> Sequence[tuple[int, float]]:
    rows = await (await raw(session)).fetch(_LEVELS, index_id)
    return [(row[0], row[1]) for row in rows]


async def last(connection: Raw, index_id: int) -> Held | None:
    """How far a build has come."""
    rows = await connection.fetch(_LAST, index_id)
    return Held.of(rows[0]) if rows else None


async def before(connection: Raw, index_id: int, day: int) -> Held | None:
    """What is published of the last session before a day."""
    rows = await connection.fetch(_BEFORE, index_id, day)
    return Held.of(rows[0]) if rows else None
