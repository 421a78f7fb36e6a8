"""The record of what matters for security: append only."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection
from uuid_utils.compat import uuid7

from tradeapi.auth.models import AuditEntry
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.principal import principal_of

LONGEST_AGENT = 200
LONGEST_ADDRESS = 45
DONE = "done"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request came from, and by whom."""

    actor: UUID | None
    address: str
    agent: str
    request_id: str

    @classmethod
    def of(cls, connection: HTTPConnection) -> "Caller":
        scope = connection.scope
        client = scope.get("client")
        agent = connection.headers.get("user-agent", "")[:LONGEST_AGENT]
        return cls(
            actor=principal_of(scope).user,
            address=client[0][:LONGEST_ADDRESS] if client else "",
            # PostgreSQL takes no NUL, and header bytes are any.
            agent=agent.replace("\0", ""),
            request_id=scope[REQUEST_ID],
        )


OPERATOR = Caller(actor=None, address="", agent="tradeapi user", request_id="")


class Audit:
    """Writes inside the caller's transaction, so that there is no change without its entry."""

    def __init__(self, session: AsyncSession, caller: Caller, now: float) -> None:
        self._session = session
        self._caller = caller
        self._now = now

    def record(
        self,
        action: str,
        *,
        target: object = None,
        outcome: str = DONE,
        actor: UUID | None = None,
    ) -> None:
        """`actor` is for those who become known by what they do, such as by logging in."""
        caller = self._caller
        self._session.add(
            AuditEntry(
                id=uuid7(),
                at=self._now,
                actor=actor or caller.actor,
                action=action,
                target=None if target is None else str(target)[:100],
                outcome=outcome,
                address=caller.address,
                agent=caller.agent,
                request_id=caller.request_id,
            )
        )
