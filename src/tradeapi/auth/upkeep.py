"""What is done for accounts once a minute: counted, written, forgotten, deleted."""

from typing import Never

import anyio
import structlog
from sqlalchemy import delete, func, select

from tradeapi.auth.dev import ensure_dev_user
from tradeapi.auth.models import ApiKey, Login, PathToken, Ticket
from tradeapi.auth.revocations import Revocations, forget_in
from tradeapi.auth.uses import Uses
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.metrics import ACTIVE_SESSIONS

SECONDS = 60.0
# Their owners see in an export that there were some.
KEYS_KEPT_SECONDS = 90 * 86_400.0

_log = structlog.get_logger("tradeapi.auth")


class Upkeep:
    """What each process does for itself."""

    def __init__(
        self, database: Database, revocations: Revocations, uses: Uses, *, is_open: bool
    ) -> None:
        self._database = database
        self._revocations = revocations
        self._uses = uses
        self._is_open = is_open

    async def run(self) -> Never:
        while True:
            await anyio.sleep(SECONDS)
            await self.attempt()

    async def attempt(self) -> None:
        """What fails is done the next time."""
        try:
            # SQLite's thread would go on by itself, and find nobody to tell that it is done.
            with anyio.CancelScope(shield=True):
                await self.once()
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the rest
            _log.warning("auth.upkeep_failed", error=repr(error))

    async def once(self) -> None:
        if self._is_open:
            await ensure_dev_user(self._database)
        await self._uses.write()
        self._revocations.forget()
        async with self._database.reading() as session:
            counted = select(func.count()).select_from(Login).where(Login.ended_at.is_(None))
            ACTIVE_SESSIONS.set(await session.scalar(counted) or 0)


class Expiry:
    """What one process does for all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def once(self) -> None:
        now = self._clock.now()
        async with self._database.transaction() as session:
            # A refresh token that comes back later than its login ends is told the same as any.
            await session.execute(delete(Login).where(Login.expires_at < now))
            await session.execute(delete(Ticket).where(Ticket.expires_at < now))
            for table in (ApiKey, PathToken):
                old = table.revoked_at < now - KEYS_KEPT_SECONDS
                await session.execute(delete(table).where(old))
            await forget_in(session, now)
