"""Symbols that somebody likes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.owners import lock_owner
from tradeapi.errors import Forbidden, NotFound
from tradeapi.market.models import Symbol
from tradeapi.market.symbols.directory import Directory, unknown_symbol
from tradeapi.watchlists.models import Favourite

MOST = 1000


async def favourites_of(session: AsyncSession, owner: UUID) -> Sequence[Any]:
    """All of one user, with their names; the newest first."""
    chosen = (
        select(Symbol.symbol, Symbol.name, Favourite.added_at)
        .join(Symbol, Symbol.id == Favourite.symbol_id)
        .where(Favourite.user_id == owner)
        .order_by(Favourite.added_at.desc(), Favourite.symbol_id.desc())
    )
    return (await session.execute(chosen)).all()


class Favourites:
    """One user's."""

    def __init__(
        self, session: AsyncSession, owner: UUID, directory: Directory, now: float
    ) -> None:
        self._session = session
        self._owner = owner
        self._directory = directory
        self._now = round(now, 3)

    async def list(self) -> Sequence[Any]:
        return await favourites_of(self._session, self._owner)

    async def add(self, symbol: str) -> None:
        """One that is there stays as it is."""
        listing = await self._directory.get(symbol)
        await lock_owner(self._session, self._owner)
        if await self._session.get(Favourite, (self._owner, listing.id)) is not None:
            return
        counted = select(func.count()).where(Favourite.user_id == self._owner)
        if (await self._session.scalar(counted) or 0) >= MOST:
            raise Forbidden(f"You have {MOST} favourites; remove one.", code="quota_favourites")
        self._session.add(Favourite(user_id=self._owner, symbol_id=listing.id, added_at=self._now))
        try:
            await self._session.flush()
        except IntegrityError as error:
            # It was removed this moment.
            raise unknown_symbol(symbol) from error

    async def remove(self, symbol: str) -> None:
        listing = await self._directory.get(symbol)
        removed = delete(Favourite).where(
            Favourite.user_id == self._owner, Favourite.symbol_id == listing.id
        )
        if not (await self._session.execute(removed.returning(Favourite.symbol_id))).all():
            raise NotFound(f"{listing.symbol} is none of your favourites.", code="not_listed")
