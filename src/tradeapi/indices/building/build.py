"""Builds an index: a stretch of sessions at a time, until all of them are published at once.

What it has come to is staged, so that one whose process has died goes on from there, and nobody
sees a part of it. The same is done twice without harm.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import update

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid
from tradeapi.indices.building import staging
from tradeapi.indices.building.data import Ground, ground_of
from tradeapi.indices.building.ends import Ends
from tradeapi.indices.building.plan import Plan, planned
from tradeapi.indices.building.publishing import Publishing
from tradeapi.indices.building.running import Run
from tradeapi.indices.models import IndexBuild
from tradeapi.jobs.port import Job
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.store.bar_store import BarStore
from tradeapi.notifications.notifier import Notifier
from tradeapi.tracked.progress import Cancelled, Progress


class Builder:
    """What a process needs to build indices; `work` is that of the job `indices.build`.

    Its payload is `code`, `start` and `end` as ISO dates or null, and `is_gated`: whether data that
    does not pass keeps it from being published.
    """

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        bus: Bus,
        store: BarStore,
        calendars: Calendars,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._clock = clock
        self._ends = Ends(database, notifier, clock)
        self._publishing = Publishing(database, bus, store, clock)

    async def work(self, job: Job, progress: Progress) -> Mapping[str, Any] | None:
        payload = job.payload
        try:
            ground = await ground_of(self._database, self._calendars, payload["code"])
            plan = await self._planned(ground, _date(payload["start"]), _date(payload["end"]))
        except Invalid as error:
            # Another build may just have built the same.
            if error.code != "nothing_to_build":
                await self._ends.refuse(progress, payload["code"], str(error))
            raise
        run = Run(self._database, ground, plan, await self._begun(progress.id, ground, plan))
        try:
            findings = await run.through(progress)
            if findings and payload["is_gated"]:
                return await self._ends.hold(progress, ground.index.code, findings)
            return await self._publishing.publish(ground, plan, run, findings, progress)
        except Cancelled:
            await self._ends.end(progress, "cancelled")
            raise
        except (Invalid, Conflict) as error:
            await self._ends.end(progress, "failed", str(error))
            raise
        except Exception:
            if job.is_last_try:
                await self._ends.end(progress, "failed", "Something went wrong on our side.")
            raise

    async def _planned(self, ground: Ground, start: date | None, end: date | None) -> Plan:
        async with self._database.reading() as session:
            return await planned(
                session,
                ground.index,
                ground.universe,
                ground.calendar,
                now=self._clock.now(),
                start=start,
                end=end,
            )

    async def _begun(self, id: UUID, ground: Ground, plan: Plan) -> IndexBuild:
        """The build of this job; what another one has left is gone."""
        now = round(self._clock.now(), 3)
        async with self._database.transaction() as session:
            build = await session.get(IndexBuild, id)
            if build is not None and build.methodology == ground.hash:
                return build
            await staging.drop(session, ground.index.id)
            await session.execute(
                _LEFT.where(IndexBuild.index_id == ground.index.id).values(finished_at=now)
            )
            if build is not None:
                await session.delete(build)
                await session.flush()
            build = IndexBuild(
                id=id,
                index_id=ground.index.id,
                status="running",
                start_day=int(plan.days[0]),
                end_day=int(plan.days[-1]),
                sessions=len(plan.days),
                methodology=ground.hash,
                cut_off=now,
                findings=[],
                created_at=now,
            )
            session.add(build)
        return build


# Builds whose process has died, and whose job was given up.
_LEFT = update(IndexBuild).where(IndexBuild.status == "running").values(status="failed")


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
