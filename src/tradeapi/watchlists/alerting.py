"""What watchlists need of alerts."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession


class Wanted(NamedTuple):
    """The prices of an item at which its owner wants to be told."""

    symbol_id: int
    target: float | None
    stop: float | None


class ItemAlerts(Protocol):
    async def keep(
        self, session: AsyncSession, owner: UUID, watchlist_id: UUID, wanted: Sequence[Wanted]
    ) -> None:
        """Have alerts for these prices on the list, which is locked, and for no others.

        Raises Forbidden where there would be too many.
        """
