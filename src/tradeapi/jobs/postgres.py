"""Jobs on PostgreSQL: rows of pgqueuer's."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import orjson
import structlog
from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.adapters.persistence import qb
from pgqueuer.domain.types import JOB_STATUS
from pgqueuer.models import Job as Row
from pgqueuer.models import TracebackRecord
from pgqueuer.ports import RepositoryPort
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import Database, raw
from tradeapi.drivers import PATIENCE_SECONDS
from tradeapi.jobs.names import NAMES
from tradeapi.jobs.port import CRON, NewJob
from tradeapi.jobs.queue_table import QueueTable
from tradeapi.tracing import carried

# Longer than any of its statements needs.
COMMAND_SECONDS = 10
# Who wants to know how a job went asks our metrics and our log.
LOG_SECONDS = 86_400.0
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

_log = structlog.get_logger("tradeapi.jobs")


class PostgresJobs(QueueTable):
    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(
            NAMES.queue_table,
            created="CAST(extract(epoch FROM created) AS double precision)",
            due="CAST(extract(epoch FROM execute_after) AS double precision)",
        )
        self._database = database
        self._clock = clock
        self._dsn = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._insert = qb.QueryQueueBuilder(NAMES).build_enqueue_query("skip")

    async def enqueue(self, session: AsyncSession, *jobs: NewJob) -> None:
        now = self._clock.now()
        await (await raw(session)).fetch(
            self._insert,
            [int(job.name.startswith(CRON)) for job in jobs],
            [job.name for job in jobs],
            [orjson.dumps({**job.payload}) for job in jobs],
            [timedelta(seconds=max(0.0, (job.run_at or now) - now)) for job in jobs],
            [job.key for job in jobs],
            [orjson.dumps(carried()).decode()] * len(jobs),
        )

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[RepositoryPort]:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=PATIENCE_SECONDS,
            command_timeout=COMMAND_SECONDS,
            server_settings={"application_name": "tradeapi jobs", "jit": "off"},
        )
        try:
            yield PostgresQueries(
                AsyncpgDriver(connection),
                qb.QueryBuilderEnvironment(NAMES),
                qb.QueryQueueBuilder(NAMES),
                qb.QuerySchedulerBuilder(NAMES),
            )
        finally:
            with suppress(*AWAY):
                await connection.close(timeout=PATIENCE_SECONDS)

    async def tidy(self) -> None:
        async with self._database.transaction() as session:
            await (await raw(session)).execute(
                f"DELETE FROM {NAMES.queue_table_log} "  # noqa: S608
                "WHERE created < now() - make_interval(secs => $1)",
                LOG_SECONDS,
            )


class PostgresQueries(Queries):
    """Keeps with a job what its executor has put into its headers."""

    async def retry_job(
        self, job: Row, delay: timedelta, traceback_record: TracebackRecord | None
    ) -> None:
        try:
            await self._note([job])
            await super().retry_job(job, delay, traceback_record)
        except AWAY as error:
            # pgqueuer would give it up. It is ours until its heartbeats are missed.
            _log.warning("jobs.away", error=repr(error))

    async def log_jobs(
        self, job_status: list[tuple[Row, JOB_STATUS, TracebackRecord | None]]
    ) -> None:
        await self._note([job for job, status, _ in job_status if status == "failed"])
        await super().log_jobs(job_status)

    async def _note(self, jobs: Sequence[Row]) -> None:
        if jobs:
            await self.driver.execute(
                f"UPDATE {NAMES.queue_table} AS job SET headers = noted.headers "  # noqa: S608
                "FROM unnest($1::bigint[], $2::jsonb[]) AS noted (id, headers) "
                "WHERE job.id = noted.id",
                [job.id for job in jobs],
                [orjson.dumps(job.headers).decode() for job in jobs],
            )
