"""What the tracker's routes ask for."""

from typing import Annotated

from fastapi import Depends

from tradeapi.auth.dependencies import CallerDep, OwnerDep
from tradeapi.compat.tracker.builds import CODE, TrackerBuilds
from tradeapi.indices.dependencies import PublishedDep
from tradeapi.indices.published import Series
from tradeapi.jobs.dependencies import JobsDep
from tradeapi.market.dependencies import CalendarsDep, DirectoryDep
from tradeapi.web.dependencies import BusDep, ClockDep, DatabaseDep, SettingsDep


async def _tracker_builds(  # noqa: PLR0913, PLR0917  they are what it has
    database: DatabaseDep,
    jobs: JobsDep,
    bus: BusDep,
    calendars: CalendarsDep,
    directory: DirectoryDep,
    clock: ClockDep,
    owner: OwnerDep,
    caller: CallerDep,
    settings: SettingsDep,
) -> TrackerBuilds:
    seconds = settings.request_timeout_seconds
    return TrackerBuilds(database, jobs, bus, calendars, directory, clock, owner, caller, seconds)


async def _series(published: PublishedDep) -> Series:
    return await published.get(CODE)


TrackerBuildsDep = Annotated[TrackerBuilds, Depends(_tracker_builds)]
SeriesDep = Annotated[Series, Depends(_series)]
