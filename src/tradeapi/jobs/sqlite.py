"""Jobs on SQLite: rows with pgqueuer's columns, for its broker in memory, that survive us."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from sqlite3 import OperationalError
from typing import Any

import orjson
import structlog
from pgqueuer import InMemoryDriver, InMemoryQueries
from pgqueuer.adapters.persistence import qb
from pgqueuer.domain.types import JOB_STATUS, JobId, QueueEntrypoint, QueueManagerId
from pgqueuer.models import Job as Row
from pgqueuer.models import TracebackRecord
from pgqueuer.ports import RepositoryPort
from pgqueuer.ports.repository import EntrypointExecutionParameter
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import Database, after_commit, raw
from tradeapi.jobs.names import NAMES
from tradeapi.jobs.port import CRON, NewJob
from tradeapi.jobs.queue_table import QueueTable
from tradeapi.tracing import carried

COLUMNS = (
    "id",
    "entrypoint",
    "payload",
    "headers",
    "attempts",
    "status",
    "queue_manager_id",
    "created",
    "updated",
    "heartbeat",
    "execute_after",
)

_log = structlog.get_logger("tradeapi.jobs")


class SqliteJobs(QueueTable):
    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__("jobs", created="created", due="execute_after")
        self._clock = clock
        self._queries = SqliteQueries(database, clock)

    async def enqueue(self, session: AsyncSession, *jobs: NewJob) -> None:
        now, headers = self._clock.now(), _json(carried())
        await (await raw(session)).executemany(
            "INSERT INTO jobs (entrypoint, payload, dedupe_key, execute_after, created, headers) "
            "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            [
                (job.name, orjson.dumps({**job.payload}), job.key, job.run_at or now, now, headers)
                for job in jobs
            ],
        )
        after_commit(session, self._queries.wake)

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[RepositoryPort]:
        yield self._queries

    async def tidy(self) -> None:
        """Nothing is left of a job that is done."""


class SqliteQueries(InMemoryQueries):
    """What pgqueuer asks of its broker in memory about jobs, asked of the table."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(
            InMemoryDriver(),
            qb.QueryBuilderEnvironment(NAMES),
            qb.QueryQueueBuilder(NAMES),
            qb.QuerySchedulerBuilder(NAMES),
        )
        self._database = database
        self._clock = clock

    async def wake(self) -> None:
        """Others in this process look at once; other processes when they look next."""
        await self.emit_table_changed("insert")

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Row]:
        now = self._clock.now()
        names = orjson.dumps([*entrypoints]).decode()
        silent = now - heartbeat_timeout.total_seconds()
        # Who only looks takes no writer's lock.
        if not await self._fetch(f"SELECT 1 FROM jobs WHERE {_DUE} LIMIT 1", names, now, silent):  # noqa: S608
            return []
        rows = await self._database.together(
            (
                _DEQUEUE,
                names,
                now,
                silent,
                str(queue_manager_id),
                batch_size,
                global_concurrency_limit,
            )
        )
        return sorted((_row(values) for values in rows or ()), key=lambda row: row.id)

    async def log_jobs(
        self, job_status: list[tuple[Row, JOB_STATUS, TracebackRecord | None]]
    ) -> None:
        done = [job.id for job, status, _ in job_status if status != "failed"]
        if done:
            await self._database.together(
                (f"DELETE FROM jobs WHERE id IN ({_ALL}) RETURNING id", _json(done))  # noqa: S608
            )
        for job, status, _ in job_status:
            if status == "failed":
                await self._database.together((_HOLD, job.id, _json(job.headers)))

    async def retry_job(
        self,
        job: Row,
        delay: timedelta,
        traceback_record: TracebackRecord | None,  # noqa: ARG002  what is needed is in the headers
    ) -> None:
        again = self._clock.now() + delay.total_seconds()
        try:
            await self._database.together((_RETRY, job.id, _json(job.headers), again))
        except OperationalError as error:
            # pgqueuer would give it up. It is ours until its heartbeats are missed.
            _log.warning("jobs.away", error=repr(error))

    async def update_heartbeat(self, job_ids: list[JobId]) -> None:
        await self._database.together(
            (
                f"UPDATE jobs SET heartbeat = $2 WHERE id IN ({_ALL}) RETURNING id",  # noqa: S608
                _json(job_ids),
                self._clock.now(),
            )
        )

    async def queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        return len(await self._fetch(_QUEUED, _json(entrypoints)))

    async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        eligible = f"{_QUEUED} AND execute_after <= $2 LIMIT 1"
        return len(await self._fetch(eligible, _json(entrypoints), self._clock.now()))

    async def next_deferred_eta(self, entrypoints: list[QueueEntrypoint]) -> timedelta | None:
        now = self._clock.now()
        deferred = f"{_QUEUED} AND execute_after > $2 ORDER BY execute_after LIMIT 1"
        rows = await self._fetch(deferred, _json(entrypoints), now)
        return timedelta(seconds=rows[0][0] - now) if rows else None

    async def _fetch(self, sql: str, *arguments: object) -> Sequence[Sequence[Any]]:
        async with self._database.read() as reader:
            return await reader.fetch(sql, *arguments)


def _row(values: Sequence[Any]) -> Row:
    return Row.model_validate(dict(zip(COLUMNS, values, strict=True)) | {"priority": 0})


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_ALL = "SELECT value FROM json_each($1)"
# What nobody has begun, and what was begun by a process that is silent since.
_DUE = (
    f"entrypoint IN ({_ALL}) AND (status = 'queued' AND execute_after <= $2 "
    "OR status = 'picked' AND heartbeat < $3)"
)
_DEQUEUE = f"""
    UPDATE jobs SET status = 'picked', queue_manager_id = $4, updated = $2, heartbeat = $2
    WHERE id IN (
        SELECT id FROM jobs WHERE {_DUE}
        ORDER BY entrypoint LIKE '{CRON}%' DESC, id
        LIMIT max(0, min($5, $6 - (
            SELECT count(*) FROM jobs WHERE status = 'picked' AND queue_manager_id = $4
        )))
    )
    RETURNING {", ".join(COLUMNS)}
"""  # noqa: S608
_QUEUED = f"SELECT execute_after FROM jobs WHERE entrypoint IN ({_ALL}) AND status = 'queued'"  # noqa: S608
_RETRY = (
    "UPDATE jobs SET status = 'queued', queue_manager_id = NULL, attempts = attempts + 1, "
    "headers = $2, execute_after = $3 WHERE id = $1 RETURNING id"
)
_HOLD = (
    "UPDATE jobs SET status = 'failed', queue_manager_id = NULL, headers = $2 "
    "WHERE id = $1 RETURNING id"
)
