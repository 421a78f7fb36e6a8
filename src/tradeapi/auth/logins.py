"""Logins: access tokens for a while, and refresh tokens that each work once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.audit import Audit, Caller
from tradeapi.auth.models import Login, RefreshToken, User
from tradeapi.auth.revocations import Kind, Revocations
from tradeapi.auth.scopes import granted, join, split
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import NotFound, Unauthenticated
from tradeapi.security.secrets import digest, new_secret
from tradeapi.security.tokens import AccessTokens
from tradeapi.settings import Settings
from tradeapi.web.principal import Scope

DAY = 86_400.0
# Two tabs that refresh at the same time present the same token.
SIBLING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What a login answers; `expires_in` is in seconds, of the access token."""

    access_token: str
    refresh_token: str
    expires_in: float
    scope: str


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """In seconds."""

    idle: float
    whole: float

    @classmethod
    def of(cls, settings: Settings) -> "Lifetimes":
        return cls(settings.refresh_token_expire_days * DAY, settings.session_expire_days * DAY)


class Logins:
    """Begins, refreshes and ends logins, each in a transaction of its own."""

    def __init__(
        self,
        database: Database,
        tokens: AccessTokens,
        revocations: Revocations,
        clock: Clock,
        lifetimes: Lifetimes,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._revocations = revocations
        self._clock = clock
        self._lifetimes = lifetimes

    async def begin(
        self, session: AsyncSession, user: User, scopes: frozenset[Scope], caller: Caller
    ) -> Pair:
        """Log the user in, who has proved who they are, with these scopes."""
        now = self._clock.now()
        # Nobody asks for those that are over; their tokens go with them.
        over = delete(Login).where(Login.user_id == user.id, Login.expires_at < now)
        await session.execute(over)
        login = Login(
            id=uuid7(),
            user_id=user.id,
            scopes=join(scopes),
            created_at=now,
            used_at=now,
            expires_at=now + min(self._lifetimes.idle, self._lifetimes.whole),
            address=caller.address,
            agent=caller.agent,
        )
        session.add(login)
        await session.flush()
        return await self._pair(session, login, scopes)

    async def refresh(self, text: str, caller: Caller) -> Pair:
        """A new pair for a refresh token; raises Unauthenticated for one that is no good.

        A token that comes a second time within SIBLING_SECONDS is another tab's: it gets a pair in
        the same family. Later it is a stolen one, or the thief was first: the login ends.
        """
        async with self._database.transaction() as session:
            pair = await self._refresh(session, text, caller)
        # Only now, for the end of the login has to be committed.
        if pair is None:
            raise Unauthenticated(
                "The refresh token is none, was used before, or its login has ended; log in again.",
                code="bad_refresh_token",
            )
        return pair

    async def list(self, user: UUID) -> Sequence[Login]:
        """Those that go on, the newest first."""
        chosen = select(Login).where(Login.user_id == user, *self._going_on())
        async with self._database.reading() as session:
            return (await session.scalars(chosen.order_by(Login.id.desc()))).all()

    async def end(
        self,
        session: AsyncSession,
        user: UUID,
        *,
        only: UUID | None = None,
        but: UUID | None = None,
    ) -> int:
        """End all logins of the user, only one, or all but one; how many. Their access tokens end
        with them.
        """
        chosen = select(Login.id).where(Login.user_id == user, *self._going_on())
        if only is not None:
            chosen = chosen.where(Login.id == only)
        if but is not None:
            chosen = chosen.where(Login.id != but)
        return await self._end(session, (await session.scalars(chosen)).all())

    async def end_one(self, user: UUID, login: UUID, caller: Caller) -> None:
        """Raises NotFound for one that has ended, and for those of others."""
        async with self._database.transaction() as session:
            if not await self.end(session, user, only=login):
                raise NotFound("You have no such login.")
            Audit(session, caller, self._clock.now()).record("login.end", target=login)

    async def end_all(self, user: UUID, caller: Caller) -> None:
        async with self._database.transaction() as session:
            await self.end(session, user)
            Audit(session, caller, self._clock.now()).record("login.end_all", target=user)

    async def _refresh(self, session: AsyncSession, text: str, caller: Caller) -> Pair | None:
        now, hash = self._clock.now(), digest(text)
        user = await self._owner(session, hash)
        # Locked, so that of two who present the same token one comes after the other.
        chosen = (
            select(RefreshToken, Login)
            .join(Login, Login.id == RefreshToken.login_id)
            .where(RefreshToken.hash == hash)
            .with_for_update(of=Login)
        )
        row = (await session.execute(chosen)).one_or_none()
        if user is None or row is None:
            return None
        token, login = row[0], row[1]
        if login.ended_at is not None or login.expires_at <= now or user.is_disabled:
            return None
        # What the lock waited for may have changed it.
        await session.refresh(token)
        if token.used_at is not None and now - token.used_at > SIBLING_SECONDS:
            await self._end(session, [login.id])
            Audit(session, caller, now).record(
                "login.refresh", target=login.id, outcome="reused", actor=user.id
            )
            return None
        if token.used_at is None:
            token.used_at = now
        login.used_at = now
        end = login.created_at + self._lifetimes.whole
        login.expires_at = min(now + self._lifetimes.idle, end)
        return await self._pair(
            session, login, split(login.scopes) & granted(user.role, user.scopes)
        )

    @staticmethod
    async def _owner(session: AsyncSession, hash: str) -> User | None:
        """Whose token it is; what they may do stays as it is until the new pair is handed out."""
        chosen = (
            select(User)
            .join(Login, Login.user_id == User.id)
            .join(RefreshToken, RefreshToken.login_id == Login.id)
            .where(RefreshToken.hash == hash)
            .with_for_update(of=User, read=True)
        )
        owner: User | None = await session.scalar(chosen)
        return owner

    async def _pair(self, session: AsyncSession, login: Login, scopes: frozenset[Scope]) -> Pair:
        text, now = new_secret(), self._clock.now()
        session.add(RefreshToken(hash=digest(text), login_id=login.id, created_at=now))
        await session.flush()
        # What the user was revoked for is not in it any more.
        issued = self._revocations.after(Kind.USER, login.user_id)
        access = self._tokens.issue(
            subject=login.user_id, session=login.id, scopes=scopes, now=issued
        )
        return Pair(access.token, text, access.expires - issued, join(scopes))

    async def _end(self, session: AsyncSession, logins: Sequence[UUID]) -> int:
        if logins:
            now = self._clock.now()
            await session.execute(update(Login).where(Login.id.in_(logins)).values(ended_at=now))
            await self._revocations.add(session, Kind.LOGIN, *sorted(logins))
        return len(logins)

    def _going_on(self) -> tuple[ColumnElement[bool], ...]:
        return Login.ended_at.is_(None), Login.expires_at > self._clock.now()
