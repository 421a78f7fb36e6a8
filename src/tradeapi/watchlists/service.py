"""Watchlists, but for what is on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.owners import lock_owner
from tradeapi.bus.port import Bus
from tradeapi.errors import Conflict, Forbidden, NotFound
from tradeapi.watchlists.alerting import ItemAlerts, Wanted
from tradeapi.watchlists.events import Changed, announce
from tradeapi.watchlists.models import Item, Watchlist
from tradeapi.watchlists.order import rearranged
from tradeapi.watchlists.schemas import WatchlistChange
from tradeapi.web.preconditions import Precondition


@dataclass(frozen=True, slots=True)
class Placed:
    """A list, which place it has among its owner's, and how many items are on it."""

    watchlist: Watchlist
    place: int
    count: int


async def watchlists_of(session: AsyncSession, owner: UUID) -> Sequence[object]:
    """All of one user, without what is on them."""
    columns = (Watchlist.id, Watchlist.name, Watchlist.created_at, Watchlist.updated_at)
    chosen = select(*columns).where(Watchlist.owner_id == owner).order_by(Watchlist.position)
    return (await session.execute(chosen)).all()


async def place_of(session: AsyncSession, watchlist: Watchlist) -> int:
    """Among its owner's, from 0."""
    counted = select(func.count()).where(
        Watchlist.owner_id == watchlist.owner_id, Watchlist.position < watchlist.position
    )
    return await session.scalar(counted) or 0


class Watchlists:
    """One owner's; nobody else's can be reached through it."""

    def __init__(  # noqa: PLR0913  what it is joined to
        self,
        session: AsyncSession,
        bus: Bus,
        owner: UUID,
        now: float,
        *,
        alerts: ItemAlerts,
        most: int,
    ) -> None:
        self._session = session
        self._bus = bus
        self._owner = owner
        self._now = round(now, 3)
        self._alerts = alerts
        self._most = most

    async def list(self) -> Sequence[Placed]:
        """In the owner's order."""
        items = select(func.count()).where(Item.watchlist_id == Watchlist.id)
        chosen = self._owned().add_columns(items.scalar_subquery())
        rows = (await self._session.execute(chosen)).all()
        return [Placed(watchlist, place, count) for place, (watchlist, count) in enumerate(rows)]

    async def get(self, id: UUID) -> Watchlist:
        return _found(await self._session.scalar(self._one(id)))

    async def place_of(self, watchlist: Watchlist) -> int:
        return await place_of(self._session, watchlist)

    async def lock(self, id: UUID, precondition: Precondition) -> Watchlist:
        """To change it or what is on it, which is announced; other writers are kept out until the
        transaction ends.
        """
        locked = self._one(id).with_for_update(key_share=True)
        watchlist = _found(await self._session.scalar(locked))
        precondition.check(watchlist.etag)
        watchlist.version += 1
        watchlist.updated_at = self._now
        announce(self._session, self._bus, Changed(watchlist=str(id), version=watchlist.version))
        return watchlist

    async def create(self, name: str) -> Watchlist:
        """The last of them; raises Conflict for a name that is taken, and Forbidden beyond the
        quota.
        """
        placed = await self._lock_all()
        if len(placed) >= self._most:
            detail = f"You have {self._most} watchlists; delete one."
            raise Forbidden(detail, code="quota_watchlists")
        watchlist = Watchlist(
            id=uuid7(),
            owner_id=self._owner,
            name=name,
            position=placed[-1][1] + 1 if placed else 0,
            version=1,
            created_at=self._now,
            updated_at=self._now,
        )
        self._session.add(watchlist)
        await self._flush(name)
        return watchlist

    async def change(
        self, id: UUID, change: WatchlistChange, precondition: Precondition
    ) -> Watchlist:
        """Only what `change` names."""
        placed = await self._lock_all() if change.position is not None else []
        watchlist = await self.lock(id, precondition)
        if change.name is not None:
            watchlist.name = change.name
            await self._flush(change.name)
        if change.position is not None:
            moved = rearranged(placed, [(id, change.position)])
            for one in await self._session.scalars(self._owned().where(Watchlist.id.in_(moved))):
                one.position = moved[one.id]
        await self._session.flush()
        return watchlist

    async def duplicate(self, id: UUID, name: str) -> Watchlist:
        """With all that is on it, and alerts of its own."""
        original = await self.get(id)
        copy = await self.create(name)
        columns = [column for column in Item.__table__.columns if column.name != "watchlist_id"]
        chosen = select(literal(copy.id, Item.watchlist_id.type), *columns)
        names = ["watchlist_id", *(column.name for column in columns)]
        items = chosen.where(Item.watchlist_id == original.id)
        copied = insert(Item).from_select(names, items).returning(Item.alert_enabled)
        if any((await self._session.scalars(copied)).all()):
            await self.keep_alerts(copy.id)
        return copy

    async def delete(self, id: UUID, precondition: Precondition) -> None:
        await self.lock(id, precondition)
        # They would go with it, but those who watch them have to learn of it.
        await self._alerts.keep(self._session, self._owner, id, [])
        await self._session.execute(delete(Watchlist).where(Watchlist.id == id))

    async def keep_alerts(self, id: UUID) -> None:
        """As its items are now, which have been flushed; the list is locked, or new."""
        chosen = select(Item.symbol_id, Item.target_price, Item.stop_loss)
        enabled = chosen.where(Item.watchlist_id == id, Item.alert_enabled)
        wanted = [Wanted._make(row) for row in await self._session.execute(enabled)]
        await self._alerts.keep(self._session, self._owner, id, wanted)

    def _owned(self) -> Select[Watchlist]:
        chosen = select(Watchlist).where(Watchlist.owner_id == self._owner)
        return chosen.order_by(Watchlist.position)

    def _one(self, id: UUID) -> Select[Watchlist]:
        return self._owned().where(Watchlist.id == id)

    async def _lock_all(self) -> Sequence[tuple[UUID, int]]:
        """The owner's lists and their positions; of two that arrange them one waits."""
        await lock_owner(self._session, self._owner)
        chosen = self._owned().with_only_columns(Watchlist.id, Watchlist.position)
        return [(id, position) for id, position in await self._session.execute(chosen)]

    async def _flush(self, name: str) -> None:
        try:
            await self._session.flush()
        except IntegrityError as error:
            detail = f"You already have a watchlist called {name}."
            raise Conflict(detail, code="name_taken") from error


def _found(watchlist: Watchlist | None) -> Watchlist:
    if watchlist is None:
        raise no_such_watchlist()
    return watchlist


def no_such_watchlist() -> NotFound:
    return NotFound("There is no such watchlist.")
