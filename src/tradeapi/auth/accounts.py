"""Accounts: made by whoever comes, or by operators; entered with a password."""

from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.addresses import is_address, normalized
from tradeapi.auth.admins import need_another_admin
from tradeapi.auth.audit import OPERATOR, Audit, Caller
from tradeapi.auth.logins import Logins, Pair
from tradeapi.auth.models import ApiKey, PathToken, User
from tradeapi.auth.revocations import Kind, Revocations, all_shares
from tradeapi.auth.scopes import OF_USERS, Role, granted, join, narrow
from tradeapi.auth.throttle import Throttle
from tradeapi.auth.tickets import TicketKind, Tickets
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from tradeapi.metrics import LOGINS
from tradeapi.security.passwords import Passwords, check
from tradeapi.web.preconditions import Precondition
from tradeapi.web.principal import Scope

# Of one user's changes and logins one comes after the other; new logins and keys refer to it.
LOCK = {"key_share": True}


class Moved(NamedTuple):
    """A user with a new address, and the former one."""

    user: User
    former: str


class Accounts:
    """All accounts. Passwords are hashed outside of transactions: that takes long."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it knows
        self,
        database: Database,
        passwords: Passwords,
        logins: Logins,
        revocations: Revocations,
        throttle: Throttle,
        clock: Clock,
        *,
        shortest_password: int,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._logins = logins
        self._revocations = revocations
        self._throttle = throttle
        self._clock = clock
        self._shortest = shortest_password

    async def create(
        self, email: str, password: str, caller: Caller, *, role: Role = Role.USER
    ) -> User:
        """Raises Invalid for what is no address and for a password that will not do, and Conflict
        where the user exists.
        """
        if not is_address(email):
            detail = "This is not an e-mail address."
            raise Invalid(detail, errors=[FieldError("/email", detail)])
        email = normalized(email)
        check(password, email=email, minimum=self._shortest)
        user = User(
            id=uuid7(),
            email=email,
            password_hash=await self._passwords.hash(password),
            role=role,
            scopes=join(OF_USERS),
            is_disabled=False,
            created_at=self._clock.now(),
            version=1,
        )
        try:
            async with self._database.transaction() as session:
                session.add(user)
                await session.flush()
                themselves = None if caller == OPERATOR else user.id
                self._audit(session, caller).record(
                    "user.create", target=user.id, actor=caller.actor or themselves
                )
        except IntegrityError as error:
            raise _taken() from error
        return user

    async def log_in(
        self, email: str, password: str, wanted: frozenset[Scope], caller: Caller
    ) -> Pair:
        """Raises Unauthenticated, in the same words and after the same work, for every reason."""
        email = normalized(email)
        await self._throttle.admit(email, caller.address)
        found = await self.find(email)
        verdict = await self._passwords.verify(password, found.password_hash if found else None)
        if found is None or not verdict.is_right or found.is_disabled:
            await self._refuse(found, email, caller)
        assert found is not None  # noqa: S101  refused above
        pair = await self._enter(found, verdict.new_hash, wanted, caller)
        if pair is None:
            # It was changed while we looked at it: look again.
            return await self.log_in(email, password, wanted, caller)
        await self._throttle.forgive(email, caller.address)
        LOGINS.labels("success").inc()
        return pair

    async def get(self, id: UUID) -> User:
        async with self._database.reading() as session:
            return await _get(session, id)

    async def find(self, email: str) -> User | None:
        if not is_address(email):
            # PostgreSQL refuses to look for some of what is none.
            return None
        chosen = select(User).where(User.email == normalized(email))
        async with self._database.reading() as session:
            found: User | None = await session.scalar(chosen)
            return found

    async def change_password(
        self, id: UUID, login: UUID | None, current: str, new: str, caller: Caller
    ) -> User:
        """Ends all logins but the one it is asked from. Raises Invalid where `current` is wrong."""
        user = await self._prove(id, current, "password.change", caller)
        hash = await self._checked(id, new, field="new")
        async with self._database.transaction() as session:
            await self._change_password(session, id, hash, caller, kept=login)
        return user

    async def reset_password(self, id: UUID, token: str, new: str, caller: Caller) -> None:
        """By the token of a mail, which is used up with it; raises Invalid where it already is."""
        hash = await self._checked(id, new)
        async with self._database.transaction() as session:
            if await Tickets(session, self._clock).redeem(TicketKind.RESET, token) is None:
                raise Invalid("The link was used meanwhile.", code="bad_link")
            await self._end_keys(session, id)
            await self._change_password(session, id, hash, replace(caller, actor=id))

    async def set_password(self, id: UUID, new: str, caller: Caller) -> None:
        """For operators; ends all logins."""
        hash = await self._checked(id, new)
        async with self._database.transaction() as session:
            await self._change_password(session, id, hash, caller)

    async def change_email(
        self, id: UUID, email: str, password: str, precondition: Precondition, caller: Caller
    ) -> Moved:
        """The new address is not verified. Raises Conflict where another account has it."""
        await self._prove(id, password, "email.change", caller)
        try:
            async with self._database.transaction() as session:
                user = await _get(session, id, is_locked=True)
                precondition.check(user.etag)
                former, user.email, user.verified_at = user.email, normalized(email), None
                user.version += 1
                for kind in (TicketKind.RESET, TicketKind.VERIFY):
                    await Tickets(session, self._clock).forget(kind, id)
                await session.flush()
                self._audit(session, caller).record("email.change", target=id)
        except IntegrityError as error:
            raise _taken() from error
        return Moved(user, former)

    async def delete(self, id: UUID, password: str, caller: Caller) -> None:
        """With all that is theirs. Raises Invalid where the password is wrong."""
        await self._prove(id, password, "user.delete", caller)
        async with self._database.transaction() as session:
            user = await _get(session, id)
            if user.role == Role.ADMIN:
                await need_another_admin(session, id)
            # A login that is on its way comes before, and ends with the others, or finds nobody.
            await _get(session, id, is_locked=True)
            await self._revocations.add(session, Kind.USER, id)
            await self._revocations.add(session, Kind.SHARE, all_shares(id))
            await self._logins.end(session, id)
            await session.delete(user)
            self._audit(session, caller).record("user.delete", target=id)

    async def _enter(
        self, found: User, new_hash: str | None, wanted: frozenset[Scope], caller: Caller
    ) -> Pair | None:
        """None where the user is not as `found` any more."""
        async with self._database.transaction() as session:
            user = await session.get(User, found.id, with_for_update=LOCK)
            if user is None or user.password_hash != found.password_hash or user.is_disabled:
                return None
            user.password_hash = new_hash or user.password_hash
            scopes = narrow(wanted, granted(user.role, user.scopes))
            pair = await self._logins.begin(session, user, scopes, caller)
            self._audit(session, caller).record("login", target=user.id, actor=user.id)
        return pair

    async def _checked(self, id: UUID, password: str, *, field: str = "password") -> str:
        user = await self.get(id)
        check(password, email=user.email, minimum=self._shortest, field=field)
        return await self._passwords.hash(password)

    async def _change_password(
        self,
        session: AsyncSession,
        id: UUID,
        hash: str,
        caller: Caller,
        *,
        kept: UUID | None = None,
    ) -> None:
        user = await _get(session, id, is_locked=True)
        user.password_hash = hash
        user.version += 1
        await self._logins.end(session, id, but=kept)
        # A link that is still in somebody's mailbox must not open the account again.
        await Tickets(session, self._clock).forget(TicketKind.RESET, id)
        self._audit(session, caller).record("password.change", target=id)

    async def _end_keys(self, session: AsyncSession, id: UUID) -> None:
        """Whoever had the account before may have made some."""
        for table, kind in ((ApiKey, Kind.KEY), (PathToken, Kind.PATH)):
            good = (table.user_id == id, table.revoked_at.is_(None))
            ended = update(table).where(*good).values(revoked_at=self._clock.now())
            keys = (await session.scalars(ended.returning(table.id))).all()
            await self._revocations.add(session, kind, *keys)
        await self._revocations.add(session, Kind.SHARE, all_shares(id))

    async def _refuse(self, user: User | None, email: str, caller: Caller) -> None:
        await self._throttle.blame(email, caller.address)
        LOGINS.labels("failure").inc()
        if user is not None:
            # Of accounts that do not exist strangers could have us write without end.
            async with self._database.transaction() as session:
                self._audit(session, caller).record("login", target=user.id, outcome="refused")
        raise _wrong()

    async def _prove(self, id: UUID, password: str, action: str, caller: Caller) -> User:
        """The user; raises Invalid for another password. Such attempts are slowed, too."""
        user = await self.get(id)
        await self._throttle.admit(user.email, caller.address)
        if (await self._passwords.verify(password, user.password_hash)).is_right:
            await self._throttle.forgive(user.email, caller.address)
            return user
        await self._throttle.blame(user.email, caller.address)
        async with self._database.transaction() as session:
            self._audit(session, caller).record(action, target=id, outcome="wrong_password")
        raise Invalid("This is not your password.", code="wrong_password")

    def _audit(self, session: AsyncSession, caller: Caller) -> Audit:
        return Audit(session, caller, self._clock.now())


async def _get(session: AsyncSession, id: UUID, *, is_locked: bool = False) -> User:
    user = await session.get(User, id, with_for_update=LOCK if is_locked else None)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _taken() -> Conflict:
    return Conflict("There is an account for this address.", code="email_taken")


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        "The e-mail address or the password is wrong.", code="invalid_credentials"
    )
