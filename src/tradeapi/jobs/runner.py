"""Does jobs: several at once in each process that has one, whenever the database is there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import structlog
from pgqueuer import QueueManager
from pgqueuer.domain.types import Channel
from pgqueuer.ports import RepositoryPort

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.crons import Crons
from tradeapi.jobs.execution import Execution
from tradeapi.jobs.names import NAMES
from tradeapi.jobs.outages import WithoutTraces
from tradeapi.jobs.port import Cron, Handler, Jobs, State
from tradeapi.metrics import JOBS_DEAD, JOBS_OLDEST, JOBS_WAITING
from tradeapi.repeating import repeatedly

BATCH = 10
AT_ONCE = 20
# What nobody is told of: jobs of processes that have died, and on SQLite those of others.
LOOK_SECONDS = 1.0
# One that is silent for so long has died, and its jobs are done again.
HEARTBEAT_SECONDS = 10.0
RETRY_SECONDS = 2.0
COUNT_SECONDS = 10.0
# How long what is under way may take to end when we stop, which gunicorn has to wait for; then it
# is begun anew elsewhere.
GRACE_SECONDS = 4.0

_log = structlog.get_logger("tradeapi.jobs")
logging.getLogger("pgqueuer").addFilter(WithoutTraces())


class Runner:
    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Handler],
        crons: Sequence[Cron],
        database: Database,
        clock: Clock,
    ) -> None:
        own = Cron(name="jobs.tidy", expression="17 * * * *", work=jobs.tidy)
        self._jobs = jobs
        self._handlers = handlers
        self._crons = Crons([*crons, own], jobs, database, clock)
        self._database = database
        self._clock = clock
        # Those that there have been: of whom there are none any more that is told.
        self._names: set[str] = set()
        self.is_at_work = False
        self._is_away = False
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            tasks.start_soon(self._crons.run)
            tasks.start_soon(repeatedly, self._count, COUNT_SECONDS, "jobs.not_counted")
            try:
                yield
            finally:
                self._stopping.set()
                with anyio.move_on_after(GRACE_SECONDS, shield=True):
                    await self._stopped.wait()
                tasks.cancel_scope.cancel()

    async def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    async with self._jobs.broker() as queries:
                        await self._work(queries)
                except Exception as error:  # noqa: BLE001  whatever it is, it may be gone then
                    if not self._is_away:
                        _log.warning("jobs.away", error=repr(error))
                    self._is_away, self.is_at_work = True, False
                    with anyio.move_on_after(RETRY_SECONDS):
                        await self._stopping.wait()
        finally:
            self._stopped.set()

    async def _work(self, queries: RepositoryPort) -> None:
        manager = self._manager(queries)
        # It fails without the tables.
        await queries.queued_work([])
        self._is_away, self.is_at_work = False, True
        _log.info("jobs.ready")
        work = asyncio.create_task(
            manager.run(
                dequeue_timeout=timedelta(seconds=LOOK_SECONDS),
                batch_size=BATCH,
                max_concurrent_tasks=AT_ONCE,
                heartbeat_timeout=timedelta(seconds=HEARTBEAT_SECONDS),
                # Nobody reads its statistics.
                log_aggregation_interval=timedelta(0),
                shutdown_on_listener_failure=True,
            )
        )
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            manager.shutdown.set()
            await asyncio.wait({work})
        finally:
            stopping.cancel()
            if not work.done():
                # It gives its jobs back, and must not be cancelled while it does.
                work.cancel()
                with anyio.move_on_after(RETRY_SECONDS, shield=True):
                    await asyncio.wait({work})
        await work

    def _manager(self, queries: RepositoryPort) -> QueueManager:
        manager = QueueManager(queries, Channel(NAMES.channel))
        for name, handler in self._handlers.items():
            manager.entrypoint(name, accepts_context=False, on_failure="hold")(Execution(handler))
        for name, handler in self._crons.handlers().items():
            # The next tick does what this one could not.
            manager.entrypoint(name, accepts_context=False)(Execution(handler))
        return manager

    async def _count(self) -> None:
        async with self._database.reading() as session:
            counts = await self._jobs.counts(session)
        self._names |= {count.name for count in counts}
        found = {(count.name, count.state): count.jobs for count in counts}
        now = self._clock.now()
        due = {count.name: count.due for count in counts if count.state is State.WAITING}
        for name in self._names:
            JOBS_WAITING.labels(name).set(found.get((name, State.WAITING), 0))
            JOBS_OLDEST.labels(name).set(max(0.0, now - due.get(name, now)))
            JOBS_DEAD.labels(name).set(found.get((name, State.DEAD), 0))
