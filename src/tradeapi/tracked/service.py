"""Jobs that can be watched: asked for, looked at and cancelled."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.bus.port import Bus
from tradeapi.database import Base, insert
from tradeapi.errors import Conflict, NotFound
from tradeapi.jobs.port import Jobs, NewJob
from tradeapi.tracked.events import Changed, announce
from tradeapi.tracked.models import ENDED, Status, TrackedJob

_ROWS = Base.metadata.tables[TrackedJob.__tablename__]


async def tracked_jobs_of(session: AsyncSession, owner: UUID) -> Sequence[Any]:
    """All of one user; the newest first."""
    chosen = select(TrackedJob).where(TrackedJob.user_id == owner)
    return (await session.scalars(chosen.order_by(TrackedJob.id.desc()))).all()


class TrackedJobs:
    """One owner's, or with `sees_all` everybody's; inside one transaction.

    What is started is the owner's: with None nobody's, and only who sees all can find it.
    """

    def __init__(  # noqa: PLR0913  they are what it has
        self,
        session: AsyncSession,
        jobs: Jobs,
        bus: Bus,
        owner: UUID | None,
        now: float,
        *,
        sees_all: bool = False,
    ) -> None:
        self._session = session
        self._jobs = jobs
        self._bus = bus
        self._owner = owner
        self._now = round(now, 3)
        self._sees_all = sees_all

    async def start(self, new: NewJob, *, subject: str) -> TrackedJob:
        """Have it done once the transaction has committed, by a handler from `Tracking.handler`.

        `subject` is what it is about, for people. Raises Conflict `job_running` while another one
        with its key has not ended.
        """
        id = uuid7()
        while not await self._add(id, new, subject):
            # It may have ended just now, and left the key to us.
            if running := await self.unfinished(new.key):
                detail = f"This is under way already: /api/v1/jobs/{running}."
                raise Conflict(detail, code="job_running")
        # The queue would drop a second one of a key without a word, also when the first has ended
        # and is only about to leave: keys are ours.
        payload = {"tracked": str(id), "payload": {**new.payload}}
        queued = NewJob(name=new.name, payload=payload, run_at=new.run_at)
        await self._jobs.enqueue(self._session, queued)
        return await self._session.get_one(TrackedJob, id)

    async def list(self, *, before: UUID | None = None, limit: int) -> Sequence[TrackedJob]:
        """The newest first."""
        chosen = self._visible().order_by(TrackedJob.id.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(TrackedJob.id < before)
        return (await self._session.scalars(chosen)).all()

    async def get(self, id: UUID) -> TrackedJob:
        return await self._get(self._visible().where(TrackedJob.id == id))

    async def cancel(self, id: UUID) -> TrackedJob:
        """Have it end soon; one that nobody is at has ended when this returns.

        To ask again is no error. Raises Conflict `job_finished` for what has ended.
        """
        job = await self._get(self._visible().where(TrackedJob.id == id).with_for_update())
        if job.status in ENDED:
            raise Conflict(f"The job has ended: it is {job.status}.", code="job_finished")
        if job.status == Status.QUEUED:
            job.status, job.finished_at = Status.CANCELLED, self._now
        if not job.cancel_requested:
            job.cancel_requested = True
            job.version += 1
            announce(self._session, self._bus, Changed(job=str(id), version=job.version))
        await self._session.flush()
        return job

    async def _add(self, id: UUID, new: NewJob, subject: str) -> bool:
        """Whether nobody has its key."""
        added = insert(self._session, _ROWS).on_conflict_do_nothing().returning(_ROWS.c.id)
        row = {
            "id": id,
            "user_id": self._owner,
            "name": new.name,
            "subject": subject,
            "key": new.key,
            "status": Status.QUEUED,
            "progress": 0.0,
            "message": "",
            "cancel_requested": False,
            "attempt": 0,
            "version": 1,
            "created_at": self._now,
        }
        return await self._session.scalar(added, row) is not None

    async def unfinished(self, key: str | None) -> UUID | None:
        """Whose it is, of those that have not ended; everybody's."""
        chosen = select(TrackedJob.id)
        chosen = chosen.where(TrackedJob.key == key, TrackedJob.finished_at.is_(None))
        return await self._session.scalar(chosen)

    def _visible(self) -> Select[TrackedJob]:
        chosen = select(TrackedJob)
        return chosen if self._sees_all else chosen.where(TrackedJob.user_id == self._owner)

    async def _get(self, chosen: Select[TrackedJob]) -> TrackedJob:
        job = await self._session.scalar(chosen)
        if job is None:
            raise no_such_job()
        return job


def no_such_job() -> NotFound:
    return NotFound("There is no such job.")
