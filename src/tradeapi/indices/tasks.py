"""What is done for indices day by day."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid
from tradeapi.indices.building.requests import build_job
from tradeapi.indices.models import IndexBuild, IndexDefinition
from tradeapi.indices.sessions import last_session
from tradeapi.jobs.port import Jobs
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.resolutions import Resolution
from tradeapi.tracked.models import Status, TrackedJob
from tradeapi.tracked.service import TrackedJobs

# After a session's close, for the last closes to come in.
DELAY_SECONDS = 15 * 60.0
# After a build that was held or cancelled, or has failed, before the next try for the same session.
AGAIN_SECONDS = 3600.0


class DailyBuilds:
    """Extends every index that was built once by the sessions that are over since."""

    def __init__(
        self, database: Database, jobs: Jobs, bus: Bus, calendars: Calendars, clock: Clock
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._bus = bus
        self._calendars = calendars
        self._clock = clock

    async def once(self) -> None:
        """Have those built that are due; whoever does it twice does it once."""
        async with self._database.reading() as session:
            chosen = select(IndexDefinition).where(IndexDefinition.revision > 0)
            indices = (await session.scalars(chosen.order_by(IndexDefinition.id))).all()
            due = [index for index in indices if await self._is_due(session, index)]
        for index in due:
            async with self._database.transaction() as session:
                tracked = TrackedJobs(
                    session, self._jobs, self._bus, index.owner_id, self._clock.now()
                )
                try:
                    await tracked.start(build_job(index.code, is_gated=True), subject=index.code)
                except Conflict:
                    # One is under way.
                    continue

    async def _is_due(self, session: AsyncSession, index: IndexDefinition) -> bool:
        calendar = await self._calendars.get(index.calendar)
        now = self._clock.now()
        try:
            day = last_session(calendar, now)
        except Invalid:
            return False
        end = calendar.end(day, Resolution.DAY)
        if day <= (index.last_day or 0) or now < end + DELAY_SECONDS:
            return False
        held = select(IndexBuild.id).where(
            IndexBuild.index_id == index.id,
            IndexBuild.end_day >= day,
            IndexBuild.status == "held",
            IndexBuild.finished_at > now - AGAIN_SECONDS,
        )
        # Some fail before there is a build.
        ended = select(TrackedJob.id).where(
            TrackedJob.key == build_job(index.code).key,
            TrackedJob.created_at >= end,
            TrackedJob.status.in_((Status.FAILED, Status.CANCELLED)),
            TrackedJob.finished_at > now - AGAIN_SECONDS,
        )
        return not await session.scalar(select(or_(held.exists(), ended.exists())))
