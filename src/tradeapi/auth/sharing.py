"""The shares that there are of somebody's things, for the owner to list and to end."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.auth.models import ShareRow
from tradeapi.auth.shares import Issued, Shares
from tradeapi.errors import Forbidden, NotFound

MOST_SHARES = 100


Row = TypeVar("Row", bound=ShareRow)


class Given(Generic[Row]):
    """Those of things of one kind; its callers have locked the thing, and know whose it is."""

    def __init__(
        self, session: AsyncSession, rows: type[Row], shares: Shares, audit: Audit, now: float
    ) -> None:
        self._session = session
        self._rows = rows
        self._shares = shares
        self._audit = audit
        self._now = now

    async def add(self, thing: UUID, make: Callable[[], Issued]) -> tuple[Row, str]:
        """The share and its token, which is nowhere else; those that are over go."""
        over = self._rows.thing == thing, self._rows.expires_at <= self._now
        await self._session.execute(delete(self._rows).where(*over))
        if len(await self.list(thing)) >= MOST_SHARES:
            detail = f"There are {MOST_SHARES} shares of it; end one."
            raise Forbidden(detail, code="quota_shares")
        issued = make()
        share = self._rows(
            id=issued.id, thing=thing, created_at=self._now, expires_at=issued.expires
        )
        self._session.add(share)
        await self._session.flush()
        self._audit.record("share.create", target=thing)
        return share, issued.token

    async def list(self, thing: UUID) -> Sequence[Row]:
        """Those that have not ended, the newest first."""
        good = self._rows.thing == thing, self._rows.expires_at > self._now
        chosen = select(self._rows).where(*good).order_by(self._rows.id.desc())
        return (await self._session.scalars(chosen)).all()

    async def end(self, thing: UUID, id: UUID) -> None:
        share = next((one for one in await self.list(thing) if one.id == id), None)
        if share is None:
            raise NotFound("It has no such share.")
        await self._shares.end(self._session, id)
        await self._session.delete(share)
        self._audit.record("share.revoke", target=thing)
