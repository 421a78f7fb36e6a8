"""What is done for accounts once a minute: counted, written, forgotten."""

import anyio
import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from tradeapi.auth.models import Login, Ticket
from tradeapi.auth.revocations import Revocations
from tradeapi.auth.uses import Uses
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.metrics import ACTIVE_SESSIONS

SECONDS = 60.0

_log = structlog.get_logger("tradeapi.auth")


class Upkeep:
    def __init__(
        self, database: Database, revocations: Revocations, uses: Uses, clock: Clock
    ) -> None:
        self._database = database
        self._revocations = revocations
        self._uses = uses
        self._clock = clock

    async def run(self) -> None:
        while True:
            try:
                # SQLite's thread would go on by itself, and find nobody to tell that it is done.
                with anyio.CancelScope(shield=True):
                    await self.once()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("auth.upkeep_failed", error=repr(error))
            await anyio.sleep(SECONDS)

    async def once(self) -> None:
        await self._uses.write()
        now = self._clock.now()
        async with self._database.transaction() as session:
            # A refresh token that comes back later than its login ends is told the same as any.
            await session.execute(delete(Login).where(Login.expires_at < now))
            await session.execute(delete(Ticket).where(Ticket.expires_at < now))
            await self._revocations.forget(session)
            counted = select(func.count()).select_from(Login).where(Login.ended_at.is_(None))
            ACTIVE_SESSIONS.set(await session.scalar(counted) or 0)
