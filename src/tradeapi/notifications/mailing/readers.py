"""Who gets mail: only whoever has confirmed that the address is theirs, and wants some."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import User
from tradeapi.database import parts
from tradeapi.notifications.mailing.letters import Reader
from tradeapi.notifications.mailing.mail_off import MailOff
from tradeapi.notifications.preferences import Wishes, wishes_of


async def addresses_of(
    session: AsyncSession, users: Collection[UUID]
) -> Mapping[UUID, tuple[str, Wishes]]:
    """Of those of them who get mail, and how they want it."""
    wishes = await wishes_of(session, users)
    wanting = sorted(user for user, wish in wishes.items() if wish.mail)
    found: dict[UUID, tuple[str, Wishes]] = {}
    for some in parts(wanting):
        chosen = select(User.id, User.email).where(
            User.id.in_(some), User.verified_at.is_not(None), User.is_disabled.is_(False)
        )
        found |= {id: (email, wishes[id]) for id, email in await session.execute(chosen)}
    return found


@dataclass(frozen=True, slots=True)
class Readers:
    """`url` is where the pages are that links lead to."""

    url: str
    mail_off: MailOff

    async def find(self, session: AsyncSession, user: UUID) -> tuple[Reader, Wishes] | None:
        found = (await addresses_of(session, [user])).get(user)
        if found is None:
            return None
        address, wishes = found
        return Reader(address, wishes.zone, self.url, self.mail_off.token(user)), wishes
