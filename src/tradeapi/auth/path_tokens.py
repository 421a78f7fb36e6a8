"""One user's path tokens."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from uuid_utils.compat import uuid7

from tradeapi.auth.holder import Holder
from tradeapi.auth.models import PathToken
from tradeapi.auth.revocations import Kind
from tradeapi.auth.scopes import OF_PLACES, narrow
from tradeapi.errors import Forbidden, NotFound
from tradeapi.security.api_keys import PathToken as TokenText
from tradeapi.web.path_tokens import Place


class PathTokens:
    """The owner's; nobody else's can be reached through it."""

    def __init__(self, owner: Holder, most: int) -> None:
        self._owner = owner
        self._session = owner.session
        self._most = most

    async def create(self, name: str, kind: Place, days: int | None) -> tuple[PathToken, str]:
        """The token and its text, which is nowhere else. Raises Forbidden beyond what one may."""
        narrow(OF_PLACES[kind], self._owner.scopes)
        if not await self._owner.has_room(self._good(), self._most):
            detail = f"You have {self._most} path tokens; revoke one."
            raise Forbidden(detail, code="quota_path_tokens")
        new = TokenText.new()
        token = PathToken(
            id=uuid7(),
            user_id=self._owner.id,
            name=name,
            kind=kind,
            prefix=new.prefix,
            hash=new.hash(self._owner.pepper),
            created_at=self._owner.now,
            expires_at=self._owner.end(days),
        )
        self._session.add(token)
        await self._session.flush()
        self._owner.audit.record("path_token.create", target=token.id)
        return token, new.text

    async def list(self) -> Sequence[PathToken]:
        """Those that were not revoked, the newest first."""
        return (await self._session.scalars(self._good().order_by(PathToken.id.desc()))).all()

    async def revoke(self, id: UUID) -> None:
        token = await self._session.scalar(self._good().where(PathToken.id == id))
        if token is None:
            raise NotFound("You have no such path token.")
        token.revoked_at = self._owner.now
        await self._owner.revocations.add(self._session, Kind.PATH, id)
        self._owner.audit.record("path_token.revoke", target=id)

    def _good(self) -> Select[PathToken]:
        return select(PathToken).where(
            PathToken.user_id == self._owner.id, PathToken.revoked_at.is_(None)
        )
