"""When API keys were last used: noted in memory, and written now and then."""

from uuid import UUID

import structlog
from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from tradeapi.database import Database

_log = structlog.get_logger("tradeapi.auth")
_WRITE = text("UPDATE api_keys SET used_at = :at WHERE id = :id").bindparams(
    bindparam("id", type_=Uuid)
)


class Uses:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[UUID, float] = {}

    def note(self, key: UUID, at: float) -> None:
        self._noted[key] = at

    async def write(self) -> None:
        """What could not be written is kept for the next time."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        # Sorted, so that two processes do not wait for each other.
        rows = [{"id": key, "at": at} for key, at in sorted(noted.items())]
        try:
            async with self._database.transaction() as session:
                await session.execute(_WRITE, rows)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("key_uses.not_written", error=repr(error))
            self._noted = noted | self._noted
