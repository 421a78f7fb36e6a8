"""What routes ask for that start jobs, or are about them."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.dependencies import OwnerDep, PrincipalDep
from tradeapi.jobs.dependencies import JobsDep
from tradeapi.tracked.service import TrackedJobs
from tradeapi.web.dependencies import BusDep, ClockDep, ReadingDep, SessionDep
from tradeapi.web.principal import Scope


async def _tracked_jobs_in(
    jobs: JobsDep, bus: BusDep, owner: OwnerDep, clock: ClockDep, principal: PrincipalDep
) -> Callable[[AsyncSession], TrackedJobs]:
    sees_all = Scope.ADMIN in principal.scopes
    return lambda session: TrackedJobs(session, jobs, bus, owner, clock.now(), sees_all=sees_all)


_TrackedJobsIn = Annotated[Callable[[AsyncSession], TrackedJobs], Depends(_tracked_jobs_in)]


async def _tracked_jobs(session: SessionDep, tracked_in: _TrackedJobsIn) -> TrackedJobs:
    return tracked_in(session)


async def _readable_tracked_jobs(session: ReadingDep, tracked_in: _TrackedJobsIn) -> TrackedJobs:
    return tracked_in(session)


TrackedJobsDep = Annotated[TrackedJobs, Depends(_tracked_jobs)]
ReadableTrackedJobsDep = Annotated[TrackedJobs, Depends(_readable_tracked_jobs)]
