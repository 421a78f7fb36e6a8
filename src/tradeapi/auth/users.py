"""Users as admins and operators see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.admins import need_another_admin
from tradeapi.auth.audit import Audit
from tradeapi.auth.logins import Logins
from tradeapi.auth.models import ApiKey, AuditEntry, User
from tradeapi.auth.revocations import Kind, Revocations, all_shares
from tradeapi.auth.scopes import Role, join
from tradeapi.errors import NotFound
from tradeapi.web.principal import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What entries have to be, of `since <= at < until`; None: anything."""

    actor: UUID | None
    action: str | None
    target: str | None
    since: float | None
    until: float | None


class Users:
    """All users, inside one transaction."""

    def __init__(
        self, session: AsyncSession, logins: Logins, revocations: Revocations, audit: Audit
    ) -> None:
        self._session = session
        self._logins = logins
        self._revocations = revocations
        self._audit = audit

    async def get(self, id: UUID) -> User:
        return _found(await self._session.get(User, id))

    async def get_by_email(self, email: str) -> User:
        """Locked against other changes."""
        chosen = select(User.id).where(User.email == email)
        id = await self._session.scalar(chosen)
        if id is None:
            raise NotFound("There is no such user.")
        return await self.get_locked(id)

    async def get_locked(self, id: UUID) -> User:
        """Locked against other changes, and all admins with it: each change may need another."""
        chosen = (
            select(User)
            .where(or_(User.id == id, User.role == Role.ADMIN))
            # In one order, so that two admins who change each other don't wait for each other.
            .order_by(User.id)
            .with_for_update(key_share=True)
        )
        users = (await self._session.scalars(chosen)).all()
        return _found(next((user for user in users if user.id == id), None))

    async def list(self, *, after: UUID | None, limit: int) -> Sequence[User]:
        """In the order in which they came."""
        chosen = select(User).order_by(User.id).limit(limit)
        if after is not None:
            chosen = chosen.where(User.id > after)
        return (await self._session.scalars(chosen)).all()

    async def change(
        self,
        user: User,
        *,
        role: Role | None = None,
        scopes: frozenset[Scope] | None = None,
        is_disabled: bool | None = None,
    ) -> User:
        """Access tokens and keys that were handed out before have to be obtained or looked up
        again; a disabled user's logins and shares end. Raises Conflict where no admin would be
        left.
        """
        before = user.role, user.scopes, user.is_disabled
        if user.role == Role.ADMIN and (role is Role.USER or is_disabled):
            await need_another_admin(self._session, user.id)
        user.role = role or user.role
        user.scopes = user.scopes if scopes is None else join(scopes)
        if is_disabled is not None:
            user.is_disabled = is_disabled
        if (user.role, user.scopes, user.is_disabled) == before:
            return user
        user.version += 1
        if user.is_disabled:
            await self._logins.end(self._session, user.id)
            await self._revocations.add(self._session, Kind.SHARE, all_shares(user.id))
        await self._revocations.add(self._session, Kind.USER, user.id)
        what = f"{user.role}:{user.scopes}:{'disabled' if user.is_disabled else 'enabled'}"
        self._audit.record("user.change", target=user.id, outcome=what.replace(" ", "+"))
        await self._session.flush()
        return user

    async def set_rate(self, key: UUID, rate: int | None) -> None:
        """How many requests a minute an API key may make; it is known everywhere in a minute."""
        changed = await self._session.scalar(
            update(ApiKey).where(ApiKey.id == key).values(rate=rate).returning(ApiKey.id)
        )
        if changed is None:
            raise NotFound("There is no such API key.")
        self._audit.record("api_key.rate", target=key, outcome=str(rate))

    async def audit(
        self, wanted: AuditFilter, *, after: UUID | None, limit: int
    ) -> Sequence[AuditEntry]:
        """The newest first."""
        chosen = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
        if after is not None:
            chosen = chosen.where(AuditEntry.id < after)
        if wanted.actor is not None:
            chosen = chosen.where(AuditEntry.actor == wanted.actor)
        if wanted.action is not None:
            chosen = chosen.where(AuditEntry.action == wanted.action)
        if wanted.target is not None:
            chosen = chosen.where(AuditEntry.target == wanted.target)
        if wanted.since is not None:
            chosen = chosen.where(AuditEntry.at >= wanted.since)
        if wanted.until is not None:
            chosen = chosen.where(AuditEntry.at < wanted.until)
        return (await self._session.scalars(chosen)).all()


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such user.")
    return user
