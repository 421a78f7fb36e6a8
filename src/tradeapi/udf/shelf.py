"""Where things are saved: a user's own, of one client and one of its users."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.owners import lock_owner
from tradeapi.errors import Forbidden, Invalid

LONGEST = 100
LONGEST_NAME = 200


class Shelf:
    """`client` and `namespace` are for telling things apart; who may see them the owner says."""

    def __init__(self, session: AsyncSession, owner: UUID, client: str, namespace: str) -> None:
        """Raises Invalid for clients and users without a name."""
        self.session = session
        self.owner = owner
        self.client = checked(client, "Wrong client id")
        self.namespace = checked(namespace, "Wrong user id")

    async def lock(self) -> None:
        """Have what is made at the same time come one after the other."""
        await lock_owner(self.session, self.owner)

    async def make_room(self, held: Select[Any], most: int, what: str) -> None:
        """Raises Forbidden if there may not be one more than what is `held`."""
        counted = select(func.count()).select_from(held.subquery())
        if (await self.session.scalar(counted) or 0) >= most:
            raise Forbidden(f"You have {most} {what}; remove one.", code=f"quota_{what}")


def checked(text: str, fault: str, longest: int = LONGEST) -> str:
    """What names something; no database has a NUL in a text, or a key of any length."""
    if not 0 < len(text) <= longest or "\0" in text:
        raise Invalid(fault)
    return text
