"""What is handed out and handed back: good once, or for one stream, and not for long."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import Ticket
from tradeapi.auth.scopes import join, split
from tradeapi.clock import Clock
from tradeapi.security.secrets import digest, new_secret
from tradeapi.web.principal import Principal


class TicketKind(StrEnum):
    """For a WebSocket, for a stream of events, and the links in mails.

    What has opened a stream is a ticket for coming back to it.
    """

    SOCKET = "socket"
    STREAM = "stream"
    RETURN = "return"
    VERIFY = "verify"
    RESET = "reset"


SECONDS = {
    TicketKind.SOCKET: 30.0,
    TicketKind.STREAM: 30.0,
    # As long as any access token lives, and not as long as revocations are kept.
    TicketKind.RETURN: 3600.0,
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
        return _redeemed(found, kind)

    async def present(self, text: str) -> Redeemed | None:
        """Of a stream, which it opens, and to which it then lets its holder come back.

        None where it is none or has expired.
        """
        good = (Ticket.hash == digest(text), Ticket.expires_at >= self._clock.now())
        longer = SECONDS[TicketKind.RETURN] - SECONDS[TicketKind.STREAM]
        opened = await self._session.execute(
            update(Ticket)
            .where(*good, Ticket.kind == TicketKind.STREAM)
            .values(kind=TicketKind.RETURN, expires_at=Ticket.expires_at + longer)
            .returning(*_COLUMNS)
        )
        found = opened.one_or_none()
        if found is None:
            chosen = select(*_COLUMNS).where(*good, Ticket.kind == TicketKind.RETURN)
            found = (await self._session.execute(chosen)).one_or_none()
        return None if found is None else _redeemed(found, TicketKind.RETURN)

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


def _redeemed(found: Row[*tuple[Any, ...]], kind: TicketKind) -> Redeemed:
    holder = Principal(
        user=found.user_id,
        session=found.login_id,
        key=found.key_id,
        scopes=split(found.scopes),
        rate=found.rate,
        expires=found.ends_at,
    )
    return Redeemed(holder, found.expires_at - SECONDS[kind])


_COLUMNS = (
    Ticket.user_id,
    Ticket.login_id,
    Ticket.key_id,
    Ticket.scopes,
    Ticket.rate,
    Ticket.expires_at,
    Ticket.ends_at,
)
