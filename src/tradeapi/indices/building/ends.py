"""How builds end that publish nothing: what is published stays, and the owner is told why."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.indices.building import staging
from tradeapi.indices.building.gate import Finding
from tradeapi.indices.models import IndexBuild, IndexDefinition
from tradeapi.indices.rules import hash_of
from tradeapi.indices.schemas import Rules
from tradeapi.market.calendars.days import DAY
from tradeapi.notifications.notices import Notice
from tradeapi.notifications.notifier import Notifier
from tradeapi.tracked.progress import Progress


class Ends:
    def __init__(self, database: Database, notifier: Notifier, clock: Clock) -> None:
        self._database = database
        self._notifier = notifier
        self._clock = clock

    async def hold(
        self, progress: Progress, code: str, findings: Sequence[Finding]
    ) -> Mapping[str, Any]:
        """What its job has come to."""
        first = findings[0]
        about = f"{first.symbol}: {first.detail}" if first.symbol else first.detail
        detail = f"There are {len(findings)} findings in its data. {about}"
        told = [finding.document() for finding in findings]
        await self.end(progress, "held", detail, told)
        return {"code": code, "status": "held", "findings": told}

    async def end(
        self,
        progress: Progress,
        status: str,
        detail: str | None = None,
        findings: Sequence[dict[str, Any]] = (),
    ) -> None:
        """The owner is told the detail, once for each session."""
        async with self._database.transaction() as session:
            build = await session.get(IndexBuild, progress.id)
            if build is None or await progress.is_others(session):
                return
            build.findings = list(findings)
            await self._end(session, build, status, detail)

    async def refuse(self, progress: Progress, code: str, detail: str) -> None:
        """Before anything is known of its sessions."""
        now = round(self._clock.now(), 3)
        async with self._database.transaction() as session:
            index = await session.scalar(
                select(IndexDefinition).where(IndexDefinition.code == code)
            )
            if index is None or await progress.is_others(session):
                return
            build = await session.get(IndexBuild, progress.id)
            if build is None:
                build = IndexBuild(
                    id=progress.id,
                    index_id=index.id,
                    sessions=0,
                    methodology=hash_of(Rules.model_validate(index.definition), index.calendar),
                    cut_off=now,
                    findings=[],
                    created_at=now,
                )
                session.add(build)
            await self._end(session, build, "failed", detail)

    async def _end(
        self, session: AsyncSession, build: IndexBuild, status: str, detail: str | None
    ) -> None:
        now = round(self._clock.now(), 3)
        build.status, build.finished_at = status, now
        await session.flush()
        await staging.drop(session, build.index_id)
        index = await session.get_one(IndexDefinition, build.index_id)
        if index.owner_id is None or detail is None:
            return
        day = int(now // DAY) * DAY if build.end_day is None else build.end_day
        notice = Notice(
            user_id=index.owner_id,
            key=f"index.{status}:{index.code}:{day}",
            type=f"index.{status}",
            title=f"{index.code} was not published",
            text=detail,
            data={"code": index.code, "build": str(build.id), "findings": build.findings},
            channels=frozenset(),
            time=now,
        )
        await self._notifier.notify(session, [notice])
