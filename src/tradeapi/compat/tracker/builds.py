"""Building the tracker's index while its client waits.

It is the same job as that of any other build of an index, and there is one at a time: whoever asks
for the sessions that are being built waits for them, others for their turn. A client that has not
the patience loses nothing, since the job goes on.
"""

import time
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit, Caller
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid, NotFound, TradeError
from tradeapi.indices.building.plan import Plan
from tradeapi.indices.building.requests import build_job, foreseen
from tradeapi.indices.dependencies import ready
from tradeapi.indices.models import IndexBuild
from tradeapi.indices.schemas import IndexIn
from tradeapi.indices.service import Indices
from tradeapi.jobs.port import Jobs
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.symbols.directory import Directory
from tradeapi.tracked.models import Status, TrackedJob
from tradeapi.tracked.service import TrackedJobs
from tradeapi.tracked.waiting import ended

CODE = "EW100"
NAME = "Equal weight 100"
# Of the time that a request may take: the rest is for the answer.
PATIENCE = 0.8
# How soon to look again for what a job that nobody has begun is about to build.
LOOK_SECONDS = 0.1


class Outcome(NamedTuple):
    """A build of the sessions that were asked for; `job` None: it goes on at `url`."""

    url: str
    job: TrackedJob | None


class TrackerBuilds:
    """By one caller; each step is a transaction of its own, and none is open while we wait."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        jobs: Jobs,
        bus: Bus,
        calendars: Calendars,
        directory: Directory,
        clock: Clock,
        owner: UUID,
        caller: Caller,
        seconds: float,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._bus = bus
        self._calendars = calendars
        self._directory = directory
        self._clock = clock
        self._owner = owner
        self._caller = caller
        self._deadline = time.monotonic() + PATIENCE * seconds

    async def build(self, start: date, end: date | None) -> Outcome:
        """Raises Invalid for what cannot be built, and Conflict for another build that takes too
        long."""
        await self._have_index()
        plan = await self._plan(start, end)
        while True:
            async with self._database.reading() as session:
                running = await self._tracked(session).unfinished(build_job(CODE).key)
            if running is None:
                id = await self._start(start, end)
                if id is None:
                    continue
                return Outcome(f"/api/v1/jobs/{id}", await self._ended(id))
            is_same = await self._is_of(running, plan)
            job = await self._ended(running, LOOK_SECONDS if is_same is None else None)
            if is_same and (job is None or _is_of_use(job)):
                return Outcome(f"/api/v1/jobs/{running}", job)
            if job is None and time.monotonic() >= self._deadline:
                detail = f"Another build is under way: /api/v1/jobs/{running}."
                raise Conflict(detail, code="job_running")

    async def _have_index(self) -> None:
        """Define the index, if nobody has."""
        try:
            async with self._database.reading() as session:
                await self._indices(session).get(CODE)
        except NotFound:
            new = IndexIn.model_validate({"code": CODE, "name": NAME})
            await ready(new, CODE, self._database, self._calendars)
            try:
                async with self._database.transaction() as session:
                    await self._indices(session).create(new, self._owner)
            except Conflict:
                # Another one just has.
                return
            self._directory.clear()

    async def _plan(self, start: date, end: date | None) -> Plan:
        now = self._clock.now()
        return await foreseen(self._database, self._calendars, now, CODE, start, end)

    async def _start(self, start: date, end: date | None) -> UUID | None:
        """None: somebody was faster."""
        try:
            async with self._database.transaction() as session:
                job = await self._tracked(session).start(build_job(CODE, start, end), subject=CODE)
                return job.id
        except Conflict:
            return None

    async def _is_of(self, id: UUID, plan: Plan) -> bool | None:
        """Whether the job builds these very sessions; None: it is not begun."""
        async with self._database.reading() as session:
            build = await session.get(IndexBuild, id)
        if build is None:
            return None
        return (build.start_day, build.end_day) == (int(plan.days[0]), int(plan.days[-1]))

    async def _ended(self, id: UUID, seconds: float | None = None) -> TrackedJob | None:
        left = max(0.0, self._deadline - time.monotonic())
        seconds = left if seconds is None else min(left, seconds)
        return await ended(self._database, self._bus, id, seconds=seconds)

    def _indices(self, session: AsyncSession) -> Indices:
        now = self._clock.now()
        return Indices(session, self._calendars, now, Audit(session, self._caller, now))

    def _tracked(self, session: AsyncSession) -> TrackedJobs:
        return TrackedJobs(session, self._jobs, self._bus, self._owner, self._clock.now())


def _is_of_use(job: TrackedJob) -> bool:
    """Whether what became of another's build is what would become of ours: the daily ones publish
    nothing where their data does not pass."""
    if job.status == Status.SUCCEEDED:
        return job.result is not None and job.result["status"] == "published"
    return job.status != Status.CANCELLED


def failure(job: TrackedJob) -> TradeError | None:
    """Why a job that has ended has built nothing."""
    if job.status == Status.SUCCEEDED:
        return None
    if job.status == Status.CANCELLED or job.error is None:
        return Conflict("The build was cancelled.", code="build_cancelled")
    if job.error["code"] == TradeError.code:
        return TradeError(job.error["detail"])
    return Invalid(job.error["detail"], code=job.error["code"])
