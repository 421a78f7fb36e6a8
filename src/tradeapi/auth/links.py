"""Links in mails: to verify an address, and to choose a new password when the old is forgotten."""

from dataclasses import dataclass
from functools import partial

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth import letters
from tradeapi.auth.accounts import LOCK, Accounts
from tradeapi.auth.addresses import is_address, normalized
from tradeapi.auth.audit import Audit, Caller
from tradeapi.auth.counters import Counters
from tradeapi.auth.models import User
from tradeapi.auth.postman import Postman
from tradeapi.auth.tickets import TicketKind, Tickets
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Invalid
from tradeapi.mail import Mail
from tradeapi.security.secrets import digest
from tradeapi.web.principal import Principal

# Links that somebody is sent; news of one's account comes in any case.
MOST_AN_HOUR = 5
HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Links:
    """`url` is where the pages are that the links lead to."""

    database: Database
    accounts: Accounts
    postman: Postman
    counters: Counters
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
                user.version += 1
                Audit(session, caller, user.verified_at).record(
                    "email.verify", target=user.id, actor=user.id
                )
        if user is None:
            raise _no_good()

    async def forgot(self, email: str, caller: Caller) -> None:
        """The same for everybody, in the same time: only who has the mailbox learns whether there
        is an account.
        """
        self.postman.require()
        self.postman.write(partial(self._reset_letter, email, caller))

    async def reset(self, token: str, password: str, caller: Caller) -> None:
        """A token is used up by the change, not by a password that will not do."""
        async with self.database.reading() as session:
            id = await Tickets(session, self.clock).user_of(TicketKind.RESET, token)
        if id is None:
            raise _no_good()
        await self.accounts.reset_password(id, token, password, caller)
        user = await self.accounts.get(id)
        self.tell_changed(user.email)

    def tell_changed(self, address: str) -> None:
        """So that who has not done it learns of it."""
        self.postman.send(letters.changed(address, self.url))

    def tell_moved(self, former: str) -> None:
        self.postman.send(letters.moved(former, self.url))

    async def _send_verification(self, user: User) -> None:
        if not await self._may_write(user.email):
            return
        async with self.database.transaction() as session:
            # Looked at again, and locked: a link confirms the address that it is sent to.
            current = await session.get(User, user.id, with_for_update=LOCK)
            if current is None or current.email != user.email:
                return
            token = await self._token(session, TicketKind.VERIFY, user)
        self.postman.send(letters.verification(user.email, self.url, token))

    async def _reset_letter(self, email: str, caller: Caller) -> Mail | None:
        email = normalized(email)
        if not is_address(email) or not await self._may_write(email):
            return None
        async with self.database.transaction() as session:
            chosen = select(User).where(User.email == email).with_for_update(key_share=True)
            user = await session.scalar(chosen)
            if user is None:
                return None
            Audit(session, caller, self.clock.now()).record(
                "password.forgot",
                target=user.id,
                outcome="refused" if user.is_disabled else "sent",
            )
            if user.is_disabled:
                return None
            token = await self._token(session, TicketKind.RESET, user)
        return letters.reset(email, self.url, token)

    async def _may_write(self, address: str) -> bool:
        """Strangers can have us write to anybody, but not bury a mailbox."""
        count = await self.counters.increase(f"mails:{digest(address)}", HOUR_SECONDS)
        return count <= MOST_AN_HOUR

    async def _token(self, session: AsyncSession, kind: TicketKind, user: User) -> str:
        tickets = Tickets(session, self.clock)
        return (await tickets.issue(kind, Principal(user=user.id))).text


def _no_good() -> Invalid:
    return Invalid("The link is used, has expired, or is none.", code="bad_link")
