"""What routes ask for that start jobs, or are about them."""

from typing import Annotated

from fastapi import Depends

from tradeapi.auth.dependencies import OwnerDep, PrincipalDep
from tradeapi.jobs.dependencies import JobsDep
from tradeapi.tracked.service import TrackedJobs
from tradeapi.web.dependencies import BusDep, ClockDep, ReadingDep, SessionDep
from tradeapi.web.principal import Scope


async def _tracked_jobs(  # noqa: PLR0913, PLR0917  they are what it has
    session: SessionDep,
    jobs: JobsDep,
    bus: BusDep,
    owner: OwnerDep,
    clock: ClockDep,
    principal: PrincipalDep,
) -> TrackedJobs:
    sees_all = Scope.ADMIN in principal.scopes
    return TrackedJobs(session, jobs, bus, owner, clock.now(), sees_all=sees_all)


async def _readable_tracked_jobs(  # noqa: PLR0913, PLR0917
    session: ReadingDep,
    jobs: JobsDep,
    bus: BusDep,
    owner: OwnerDep,
    clock: ClockDep,
    principal: PrincipalDep,
) -> TrackedJobs:
    sees_all = Scope.ADMIN in principal.scopes
    return TrackedJobs(session, jobs, bus, owner, clock.now(), sees_all=sees_all)


TrackedJobsDep = Annotated[TrackedJobs, Depends(_tracked_jobs)]
ReadableTrackedJobsDep = Annotated[TrackedJobs, Depends(_readable_tracked_jobs)]
