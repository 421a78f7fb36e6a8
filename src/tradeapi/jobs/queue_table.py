"""What operators ask of the queue's table, whose columns are pgqueuer's on every database."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.database import raw
from tradeapi.jobs.port import Count, DeadLetter, State

STATES = {"queued": State.WAITING, "picked": State.RUNNING, "failed": State.DEAD}
# Above any id.
LAST = 2**63 - 1


class QueueTable:
    def __init__(self, table: str, *, created: str, due: str) -> None:
        """`created` and `due` are SQL for epoch seconds: since when it is there, and is due."""
        self._table = table
        self._created = created
        self._due = due

    async def counts(self, session: AsyncSession) -> Sequence[Count]:
        rows = await (await raw(session)).fetch(
            f"SELECT entrypoint, CAST(status AS text), count(*), min({self._due}) "  # noqa: S608
            f"FROM {self._table} "
            "GROUP BY entrypoint, status ORDER BY 1, 2"
        )
        return [
            Count(name=name, state=STATES[status], jobs=jobs, due=due)
            for name, status, jobs, due in rows
            if status in STATES
        ]

    async def dead_letters(
        self, session: AsyncSession, *, before: str | None = None, limit: int
    ) -> Sequence[DeadLetter]:
        rows = await (await raw(session)).fetch(
            "SELECT id, entrypoint, dedupe_key, attempts, headers->>'error', "  # noqa: S608
            f"{self._created} FROM {self._table} "
            "WHERE status = 'failed' AND id < $1 ORDER BY id DESC LIMIT $2",
            LAST if before is None else _number(before),
            limit,
        )
        return [
            DeadLetter(
                id=str(id),
                name=name,
                key=key,
                attempts=attempts + 1,
                error=error or "",
                created_at=created,
            )
            for id, name, key, attempts, error, created in rows
        ]

    async def requeue(self, session: AsyncSession, ids: Sequence[str] | None) -> int:
        connection = await raw(session)
        is_one, wanted = (
            ("<= $1", LAST) if ids is None else connection.one_of("$1", [*map(_number, ids)])
        )
        rows = await connection.fetch(
            f"UPDATE {self._table} SET status = 'queued', dedupe_key = NULL, "  # noqa: S608
            "attempts = 0, headers = '{}', execute_after = created "
            f"WHERE status = 'failed' AND id {is_one} RETURNING id",
            wanted,
        )
        return len(rows)

    async def discard(self, session: AsyncSession, id: str) -> bool:
        rows = await (await raw(session)).fetch(
            f"DELETE FROM {self._table} WHERE status = 'failed' AND id = $1 "  # noqa: S608
            "RETURNING id",
            _number(id),
        )
        return bool(rows)


def _number(id: str) -> int:
    """Of what is no id: a number that no job has."""
    return int(id) if id.isascii() and id.isdecimal() and int(id) < LAST else 0
