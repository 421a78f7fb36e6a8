"""Work that is watched, as a handler of jobs: what becomes of it is what its watchers are told."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import TooMany, TradeError, Unavailable
from tradeapi.jobs.port import Handler, Job, Later
from tradeapi.logging import without_credentials
from tradeapi.metrics import JOBS_FAILED
from tradeapi.tracked.progress import Cancelled, Progress, begin
from tradeapi.web.outages import outage

# When to look again where the database was away and did not take what became of a job.
AGAIN_SECONDS = 2.0

_log = structlog.get_logger("tradeapi.jobs")

# Its result is what the job shows once it has succeeded, if `Progress.finish` was not told already.
# It is called again where it was left off by a crash, so what it does twice must be as if once.
Work = Callable[[Job, Progress], Awaitable[Mapping[str, Any] | None]]


class Tracking:
    """For a process that does jobs."""

    def __init__(self, database: Database, bus: Bus, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock

    def handler(self, work: Work) -> Handler:
        """Of the jobs that `TrackedJobs.start` asks for.

        A TradeError is how the job ends. What passes, such as Unavailable, and what nobody expected
        is tried again some times, and then the job has failed: whoever watches it may start it
        anew, so no dead letter is kept.
        """

        async def handle(job: Job) -> None:
            await self._handle(work, job)

        return handle

    async def _handle(self, work: Work, job: Job) -> None:
        with _or_later():
            progress = await begin(self._database, self._bus, self._clock, _id_of(job))
        if progress is None:
            return
        try:
            await self._do(work, replace(job, payload=job.payload["payload"]), progress)
        except Cancelled:
            with _or_later():
                await progress.stop()
        except Later:
            with _or_later():
                await progress.pause()
            raise
        except Exception as error:
            if _is_passing(error) and not job.is_last_try:
                with _or_later():
                    await progress.pause()
                raise
            with _or_later():
                has_failed = await progress.fail(_shown(error))
            if has_failed:
                _note_failed(job, error)

    async def _do(self, work: Work, job: Job, progress: Progress) -> None:
        async with progress.told():
            result = await work(job, progress)
        if not progress.is_finished:
            async with self._database.transaction() as session:
                await progress.finish(session, result)


def _id_of(job: Job) -> UUID:
    return UUID(job.payload["tracked"])


@contextmanager
def _or_later() -> Iterator[None]:
    """An outage must not use up the tries: the last one has to be written."""
    try:
        yield
    except Exception as error:
        if outage(error) is None:
            raise
        raise Later(AGAIN_SECONDS) from error


def _is_passing(error: Exception) -> bool:
    return not isinstance(error, TradeError) or isinstance(error, Unavailable | TooMany)


def _shown(error: Exception) -> Mapping[str, str]:
    """To whoever watches: of what nobody expected not what it says, which may be secret."""
    if isinstance(error, TradeError):
        return {"code": error.code, "detail": str(error)}
    return {"code": TradeError.code, "detail": "Something went wrong on our side."}


def _note_failed(job: Job, error: Exception) -> None:
    text = without_credentials(f"{type(error).__name__}: {error}")
    fields = {"name": job.name, "id": job.id, "error": text}
    if _is_passing(error):
        JOBS_FAILED.labels(job.name).inc()
        _log.error("tracked.given_up", **fields)
    else:
        _log.info("tracked.failed", **fields)
