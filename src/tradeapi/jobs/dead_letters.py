"""Jobs that were given up, as admins and operators see them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.errors import NotFound
from tradeapi.jobs.port import DeadLetter, Jobs


class DeadLetters:
    """All of them, inside one transaction."""

    def __init__(self, session: AsyncSession, jobs: Jobs, audit: Audit) -> None:
        self._session = session
        self._jobs = jobs
        self._audit = audit

    async def list(self, *, before: str | None, limit: int) -> Sequence[DeadLetter]:
        """The newest first."""
        return await self._jobs.dead_letters(self._session, before=before, limit=limit)

    async def requeue(self, id: str) -> None:
        if not await self._jobs.requeue(self._session, [id]):
            raise _not_found(id)
        self._audit.record("job.requeue", target=id)

    async def requeue_all(self) -> int:
        count = await self._jobs.requeue(self._session, None)
        self._audit.record("job.requeue", outcome=str(count))
        return count

    async def discard(self, id: str) -> None:
        if not await self._jobs.discard(self._session, id):
            raise _not_found(id)
        self._audit.record("job.discard", target=id)


def _not_found(id: str) -> NotFound:
    return NotFound(f"There is no job {id} that was given up.")
