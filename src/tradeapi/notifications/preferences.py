"""How users want to be told: for themselves, and for those who tell many of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.owners import lock_owner
from tradeapi.database import parts
from tradeapi.notifications.hours import QuietHours, next_time
from tradeapi.notifications.models import Inbox, Preference
from tradeapi.notifications.notices import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """`quiet` and `digest` are minutes of the day; `mail` False: no mail at all."""

    time_zone: str = "UTC"
    quiet: tuple[int, int] | None = None
    channels: Sequence[Channel] = ()
    mail: bool = True
    digest: int | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def quiet_until(self, now: float) -> float | None:
        """When the quiet hours end; None outside of them."""
        return QuietHours(self.zone, *self.quiet).until(now) if self.quiet else None


DEFAULTS = Wishes()


async def wishes_of(session: AsyncSession, users: Collection[UUID]) -> Mapping[UUID, Wishes]:
    """Of each of them."""
    found = dict.fromkeys(users, DEFAULTS)
    for some in parts(sorted(users)):
        chosen = select(Preference).where(Preference.user_id.in_(some))
        found |= {row.user_id: wishes_in(row) for row in await session.scalars(chosen)}
    return found


async def quiet_until(
    session: AsyncSession, users: Collection[UUID], now: float
) -> Mapping[UUID, float]:
    """When the quiet hours end of those who have them now: what wakes people waits until then."""
    wishes = await wishes_of(session, users)
    ends = {user: wish.quiet_until(now) for user, wish in wishes.items()}
    return {user: end for user, end in ends.items() if end is not None}


async def preferences_of(session: AsyncSession, owner: UUID) -> Sequence[Any]:
    """What somebody has chosen, if anything."""
    return (await session.scalars(select(Preference).where(Preference.user_id == owner))).all()


class Preferences:
    """One owner's; nobody else's can be reached through it."""

    def __init__(self, session: AsyncSession, owner: UUID, now: float) -> None:
        self._session = session
        self._owner = owner
        self._now = now

    async def get(self) -> Wishes:
        return (await wishes_of(self._session, [self._owner]))[self._owner]

    async def put(self, wishes: Wishes) -> None:
        row = await self._locked()
        row.time_zone = wishes.time_zone
        row.quiet_from, row.quiet_to = wishes.quiet or (None, None)
        row.channels = list(wishes.channels)
        row.mail = wishes.mail
        if wishes.digest is not None and row.digest_minute is None:
            # It begins with what comes from now on.
            chosen = select(Inbox.seq).where(Inbox.user_id == self._owner)
            row.digest_seq = await self._session.scalar(chosen) or 0
        row.digest_minute = wishes.digest
        row.digest_at = None
        if wishes.digest is not None:
            row.digest_at = next_time(
                wishes.digest, wishes.zone, after=self._now, last=row.last_digest
            )
        await self._session.flush()

    async def stop_mail(self) -> None:
        row = await self._locked()
        row.mail = False
        await self._session.flush()

    async def _locked(self) -> Preference:
        await lock_owner(self._session, self._owner)
        chosen = select(Preference).where(Preference.user_id == self._owner).with_for_update()
        row = await self._session.scalar(chosen)
        if row is None:
            row = Preference(
                user_id=self._owner,
                time_zone=DEFAULTS.time_zone,
                channels=[],
                mail=DEFAULTS.mail,
                digest_seq=0,
            )
            self._session.add(row)
        return row


def wishes_in(row: Preference) -> Wishes:
    begin, end = row.quiet_from, row.quiet_to
    return Wishes(
        time_zone=row.time_zone,
        quiet=None if begin is None or end is None else (begin, end),
        channels=[Channel(channel) for channel in row.channels],
        mail=row.mail,
        digest=row.digest_minute,
    )
