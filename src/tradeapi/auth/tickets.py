"""What is handed out and handed back: good once, and not for long."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import Ticket
from tradeapi.auth.scopes import join, split
from tradeapi.clock import Clock
from tradeapi.security.secrets import digest, new_secret
from tradeapi.web.principal import Principal


class TicketKind(StrEnum):
    """For a WebSocket, and the links in mails."""

    SOCKET = "socket"
    VERIFY = "verify"
    RESET = "reset"


SECONDS = {
    TicketKind.SOCKET: 30.0,
    TicketKind.VERIFY: 24 * 3600.0,
    TicketKind.RESET: 3600.0,
}


@dataclass(frozen=True, slots=True)
class Issued:
    """`expires_in` is in seconds; nobody but the caller ever sees `text` again."""

    text: str
    expires_in: float


class Redeemed(NamedTuple):
    """Whom a ticket stands for, and since when."""

    holder: Principal
    since: float


class Tickets:
    """All tickets, inside one transaction; only hashes of them are stored."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def issue(self, kind: TicketKind, holder: Principal) -> Issued:
        """A ticket that stands for the holder, who is known."""
        assert holder.user is not None  # noqa: S101  routes ask for somebody known
        text, now = new_secret(), self._clock.now()
        self._session.add(
            Ticket(
                hash=digest(text),
                kind=kind,
                user_id=holder.user,
                login_id=holder.session,
                key_id=holder.key,
                scopes=join(holder.scopes),
                rate=holder.rate,
                expires_at=now + SECONDS[kind],
                ends_at=holder.expires,
            )
        )
        await self._session.flush()
        return Issued(text, SECONDS[kind])

    async def redeem(self, kind: TicketKind, text: str) -> Redeemed | None:
        """None where it is none, is used or has expired. It is gone then."""
        row = await self._session.execute(
            delete(Ticket)
            .where(Ticket.hash == digest(text), Ticket.kind == kind)
            .returning(*_COLUMNS)
        )
        found = row.one_or_none()
        if found is None or found.expires_at < self._clock.now():
            return None
        holder = Principal(
            user=found.user_id,
            session=found.login_id,
            key=found.key_id,
            scopes=split(found.scopes),
            rate=found.rate,
            expires=found.ends_at,
        )
        return Redeemed(holder, found.expires_at - SECONDS[kind])

    async def forget(self, kind: TicketKind, user: UUID) -> None:
        """Those of this kind that the user has."""
        gone = delete(Ticket).where(Ticket.user_id == user, Ticket.kind == kind)
        await self._session.execute(gone)

    async def user_of(self, kind: TicketKind, text: str) -> UUID | None:
        """Whose it is, without using it up."""
        chosen = select(Ticket.user_id).where(
            Ticket.hash == digest(text),
            Ticket.kind == kind,
            Ticket.expires_at >= self._clock.now(),
        )
        user: UUID | None = await self._session.scalar(chosen)
        return user


_COLUMNS = (
    Ticket.user_id,
    Ticket.login_id,
    Ticket.key_id,
    Ticket.scopes,
    Ticket.rate,
    Ticket.expires_at,
    Ticket.ends_at,
)
