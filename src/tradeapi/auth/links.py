"""Links in mails: to verify an address, and to choose a new password when the old is forgotten."""

from dataclasses import dataclass

import anyio
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.accounts import Accounts
from tradeapi.auth.addresses import normalized
from tradeapi.auth.audit import Audit, Caller
from tradeapi.auth.models import User
from tradeapi.auth.tickets import TicketKind, Tickets
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Invalid, Unavailable
from tradeapi.mail import Mail, Mailer
from tradeapi.web.principal import Principal

# Mails on their way; while they are that many nobody may ask for one more.
MOST_WAITING = 1000

VERIFY = """Somebody, probably you, uses this address at {url}.

To confirm that it is yours:

{url}/verify-email?token={token}

The link is good for a day, and once. If it was not you there is nothing to do.
"""
RESET = """Somebody, probably you, has forgotten the password of this address at {url}.

To choose a new one:

{url}/reset-password?token={token}

The link is good for an hour, and once. If it was not you there is nothing to do.
"""
CHANGED = """The password of your account at {url} was changed, and all other logins have ended.

If it was not you, choose a new one: {url}/forgot-password
"""

_log = structlog.get_logger("tradeapi.auth")


class Postman:
    """Sends mails one after the other, so that no request waits, or shows, whether one is sent."""

    def __init__(self, mailer: Mailer | None) -> None:
        self._mailer = mailer
        self._letters, self._waiting = anyio.create_memory_object_stream[Mail](MOST_WAITING)

    @property
    def is_there(self) -> bool:
        """Whether mail can be sent at all."""
        return self._mailer is not None

    def require(self) -> None:
        """Raises Unavailable where it can't, or too many wait; whoever the mail would be for."""
        if not self.is_there:
            raise Unavailable("This server sends no mail.", code="mail_unavailable")
        if self._letters.statistics().current_buffer_used >= MOST_WAITING:
            raise Unavailable("Too many mails wait to be sent.", code="busy")

    def send(self, mail: Mail) -> None:
        """Soon, if at all: what the mail is about has happened, and its failure undoes nothing."""
        try:
            if self.is_there:
                self._letters.send_nowait(mail)
        except anyio.WouldBlock:
            _log.warning("mail.not_sent", subject=mail.subject, error="too many wait")

    async def run(self) -> None:
        with self._letters, self._waiting:
            async for mail in self._waiting:
                assert self._mailer is not None  # noqa: S101  send() has seen to it
                try:
                    await self._mailer.send(mail)
                except Unavailable as error:
                    # Whoever waits for it asks once more.
                    _log.warning("mail.not_sent", subject=mail.subject, error=repr(error.__cause__))


@dataclass(frozen=True, slots=True)
class Links:
    """`url` is where the pages are that the links lead to."""

    database: Database
    accounts: Accounts
    postman: Postman
    clock: Clock
    url: str

    async def offer_verification(self, user: User) -> None:
        """Send one where mail can be sent."""
        if self.postman.is_there:
            await self._send_verification(user)

    async def send_verification(self, user: User) -> None:
        """Raises Unavailable where none can be sent."""
        self.postman.require()
        await self._send_verification(user)

    async def verify(self, token: str, caller: Caller) -> None:
        """Raises Invalid for a token that is no good."""
        async with self.database.transaction() as session:
            redeemed = await Tickets(session, self.clock).redeem(TicketKind.VERIFY, token)
            user = await session.get(User, redeemed.holder.user) if redeemed else None
            if user is not None:
                user.verified_at = self.clock.now()
                Audit(session, caller, user.verified_at).record(
                    "email.verify", target=user.id, actor=user.id
                )
        if user is None:
            raise _no_good()

    async def forgot(self, email: str, caller: Caller) -> None:
        """The same for everybody; only who has the mailbox learns whether there is an account."""
        self.postman.require()
        now = self.clock.now()
        async with self.database.transaction() as session:
            chosen = select(User).where(User.email == normalized(email))
            user = await session.scalar(chosen)
            known = user is not None and not user.is_disabled
            Audit(session, caller, now).record(
                "password.forgot",
                target=user.id if user else None,
                outcome="sent" if known else "refused",
            )
            token = await self._token(session, TicketKind.RESET, user) if user and known else None
        if user is not None and token is not None:
            text = RESET.format(url=self.url, token=token)
            self.postman.send(Mail(user.email, "Choose a new password", text))

    async def reset(self, token: str, password: str, caller: Caller) -> None:
        """A token is used up by the change, not by a password that will not do."""
        async with self.database.reading() as session:
            id = await Tickets(session, self.clock).user_of(TicketKind.RESET, token)
        if id is None:
            raise _no_good()
        await self.accounts.reset_password(id, token, password, caller)
        user = await self.accounts.get(id)
        self.postman.send(
            Mail(user.email, "Your password was changed", CHANGED.format(url=self.url))
        )

    async def _send_verification(self, user: User) -> None:
        async with self.database.transaction() as session:
            token = await self._token(session, TicketKind.VERIFY, user)
        text = VERIFY.format(url=self.url, token=token)
        self.postman.send(Mail(user.email, "Please confirm your address", text))

    async def _token(self, session: AsyncSession, kind: TicketKind, user: User) -> str:
        tickets = Tickets(session, self.clock)
        return (await tickets.issue(kind, Principal(user=user.id))).text


def _no_good() -> Invalid:
    return Invalid("The link is used, has expired, or is none.", code="bad_link")
