"""One user's API keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from uuid_utils.compat import uuid7

from tradeapi.auth.holder import Holder
from tradeapi.auth.models import ApiKey
from tradeapi.auth.revocations import Kind
from tradeapi.auth.scopes import join, narrow
from tradeapi.errors import Forbidden, NotFound
from tradeapi.security.api_keys import ApiKey as KeyText
from tradeapi.web.principal import Scope


class ApiKeys:
    """The owner's; nobody else's can be reached through it."""

    def __init__(self, owner: Holder, most: int) -> None:
        self._owner = owner
        self._session = owner.session
        self._most = most

    async def create(
        self, name: str, scopes: frozenset[Scope], days: int | None
    ) -> tuple[ApiKey, str]:
        """The key and its text, which is nowhere else. Raises Forbidden beyond what one may."""
        if not await self._owner.has_room(self._good(), self._most):
            raise Forbidden(f"You have {self._most} API keys; revoke one.", code="quota_api_keys")
        new = KeyText.new()
        key = ApiKey(
            id=uuid7(),
            user_id=self._owner.id,
            name=name,
            prefix=new.prefix,
            hash=new.hash(self._owner.pepper),
            scopes=join(narrow(scopes, self._owner.scopes)),
            created_at=self._owner.now,
            expires_at=self._owner.end(days),
        )
        self._session.add(key)
        await self._session.flush()
        self._owner.audit.record("api_key.create", target=key.id)
        return key, new.text

    async def list(self) -> Sequence[ApiKey]:
        """Those that were not revoked, the newest first."""
        return (await self._session.scalars(self._good().order_by(ApiKey.id.desc()))).all()

    async def revoke(self, id: UUID) -> None:
        key = await self._session.scalar(self._good().where(ApiKey.id == id))
        if key is None:
            raise NotFound("You have no such API key.")
        key.revoked_at = self._owner.now
        await self._owner.revocations.add(self._session, Kind.KEY, id)
        self._owner.audit.record("api_key.revoke", target=id)

    def _good(self) -> Select[ApiKey]:
        return select(ApiKey).where(ApiKey.user_id == self._owner.id, ApiKey.revoked_at.is_(None))
