"""When API keys and path tokens were last used: noted in memory, and written now and then."""

from uuid import UUID

import structlog
from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from tradeapi.auth.revocations import Kind
from tradeapi.database import Database

_log = structlog.get_logger("tradeapi.auth")
_id = bindparam("id", type_=Uuid)
_WRITE = {
    Kind.KEY: text("UPDATE api_keys SET used_at = :at WHERE id = :id").bindparams(_id),
    Kind.PATH: text("UPDATE path_tokens SET used_at = :at WHERE id = :id").bindparams(_id),
}


class Uses:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[Kind, UUID], float] = {}

    def note(self, kind: Kind, id: UUID, at: float) -> None:
        self._noted[kind, id] = at

    async def write(self) -> None:
        """What could not be written is kept for the next time."""
        noted, self._noted = self._noted, {}
        # Sorted, so that two processes do not wait for each other.
        uses = sorted(noted.items())
        try:
            for kind, statement in _WRITE.items():
                rows = [{"id": id, "at": at} for (one, id), at in uses if one is kind]
                if rows:
                    async with self._database.transaction() as session:
                        await session.execute(statement, rows)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("key_uses.not_written", error=repr(error))
            self._noted = noted | self._noted
