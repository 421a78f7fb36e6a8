"""One user's API keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.audit import Audit
from tradeapi.auth.models import ApiKey, User
from tradeapi.auth.revocations import Kind, Revocations
from tradeapi.auth.scopes import join, narrow
from tradeapi.errors import Forbidden, NotFound
from tradeapi.security.api_keys import ApiKey as KeyText
from tradeapi.web.principal import Scope

DAY = 86_400.0


class ApiKeys:
    """The owner's; nobody else's can be reached through it."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        session: AsyncSession,
        owner: UUID,
        held: frozenset[Scope],
        revocations: Revocations,
        audit: Audit,
        now: float,
        pepper: bytes,
        most: int,
    ) -> None:
        self._session = session
        self._owner = owner
        self._held = held
        self._revocations = revocations
        self._audit = audit
        self._now = now
        self._pepper = pepper
        self._most = most

    async def create(
        self, name: str, scopes: frozenset[Scope], days: int | None
    ) -> tuple[ApiKey, str]:
        """The key and its text, which is nowhere else. Raises Forbidden beyond what one may."""
        # Locked, so that of two that are made at the same time one comes after the other.
        owner = select(User.id).where(User.id == self._owner).with_for_update(key_share=True)
        if await self._session.scalar(owner) is None:
            raise NotFound("There is no such user.")
        counted = select(func.count()).select_from(self._good().subquery())
        if (await self._session.scalar(counted) or 0) >= self._most:
            raise Forbidden(f"You have {self._most} API keys; revoke one.", code="quota_api_keys")
        new = KeyText.new()
        key = ApiKey(
            id=uuid7(),
            user_id=self._owner,
            name=name,
            prefix=new.prefix,
            hash=new.hash(self._pepper),
            scopes=join(narrow(scopes, self._held)),
            created_at=self._now,
            expires_at=None if days is None else self._now + days * DAY,
        )
        self._session.add(key)
        await self._session.flush()
        self._audit.record("api_key.create", target=key.id)
        return key, new.text

    async def list(self) -> Sequence[ApiKey]:
        """Those that were not revoked, the newest first."""
        return (await self._session.scalars(self._good().order_by(ApiKey.id.desc()))).all()

    async def revoke(self, id: UUID) -> None:
        key = await self._session.scalar(self._good().where(ApiKey.id == id))
        if key is None:
            raise NotFound("You have no such API key.")
        key.revoked_at = self._now
        await self._revocations.add(self._session, Kind.KEY, id)
        self._audit.record("api_key.revoke", target=id)

    def _good(self) -> Select[ApiKey]:
        return select(ApiKey).where(ApiKey.user_id == self._owner, ApiKey.revoked_at.is_(None))
