"""Alerts that items of watchlists keep, for their targets and their stops."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.alerts.arming import NOWHERE, armed, bases_of
from tradeapi.alerts.conditions import Way
from tradeapi.alerts.events import announce
from tradeapi.alerts.models import Alert
from tradeapi.alerts.quota import require_room
from tradeapi.alerts.schemas import Match, Purpose, Status
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.errors import NotFound
from tradeapi.notifications.preferences import wishes_of

_WAYS = {Purpose.TARGET: Way.ABOVE, Purpose.STOP: Way.BELOW}


class _Place(NamedTuple):
    """What there is one of on each list."""

    symbol_id: int
    purpose: Purpose


_Conditions = list[dict[str, Any]]
# By symbol.
_Arms = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Changes:
    """What makes of the alerts there are those that are due."""

    surplus: Sequence[UUID]
    moved: Mapping[UUID, _Place]
    new: Mapping[_Place, _Conditions]


class KeptAlerts:
    """Of whichever owner; a watchlist says which there are to be."""

    def __init__(self, bus: Bus, clock: Clock, *, most: int) -> None:
        self._bus = bus
        self._clock = clock
        self._most = most

    async def keep(
        self,
        session: AsyncSession,
        owner: UUID,
        watchlist_id: UUID,
        wanted: Iterable[tuple[int, float | None, float | None]],
    ) -> None:
        """Those of the list's symbols, each with its target and its stop, and no others.

        What waits for the same level as before stays as it is, also when it has fired. The list has
        to be locked; raises Forbidden beyond the quota.
        """
        due = _due(wanted)
        changes = await _compare(session, watchlist_id, due)
        places = [*changes.moved.values(), *changes.new]
        arms = await self._arms(session, {place.symbol_id for place in places})
        await _lock(session, [*changes.surplus, *changes.moved])
        await _remove(session, changes.surplus)
        await _move(session, changes.moved, due, arms)
        made = await self._make(session, owner, watchlist_id, changes.new, arms)
        if edited := [*changes.surplus, *changes.moved, *made]:
            announce(session, self._bus, *edited)

    async def _arms(self, session: AsyncSession, symbol_ids: Collection[int]) -> _Arms:
        if not symbol_ids:
            return {}
        now, bases = self._clock.now(), await bases_of(session, symbol_ids)
        return {id: armed(1, bases.get(id, NOWHERE), now) for id in symbol_ids}

    async def _make(
        self,
        session: AsyncSession,
        owner: UUID,
        watchlist_id: UUID,
        new: Mapping[_Place, _Conditions],
        arms: _Arms,
    ) -> Sequence[UUID]:
        if not new:
            return []
        await require_room(session, owner, len(new), most=self._most)
        channels = (await wishes_of(session, [owner]))[owner].channels
        shared = {
            "owner_id": owner,
            "match": Match.ALL.value,
            "is_repeating": False,
            "cool_down": 0.0,
            "note": "",
            "channels": [channel.value for channel in channels],
            "status": Status.ACTIVE.value,
            "version": 1,
            "fired_count": 0,
            "watchlist_id": watchlist_id,
        }
        made = [
            {
                "id": uuid7(),
                "symbol_id": place.symbol_id,
                "purpose": place.purpose.value,
                "conditions": conditions,
                "created_at": arms[place.symbol_id]["armed_at"],
                **arms[place.symbol_id],
                **shared,
            }
            for place, conditions in new.items()
        ]
        try:
            await session.execute(insert(Alert), made)
        except IntegrityError as error:
            detail = "A symbol has been removed this moment."
            raise NotFound(detail, code="unknown_symbol") from error
        return [one["id"] for one in made]


def _due(
    wanted: Iterable[tuple[int, float | None, float | None]],
) -> dict[_Place, _Conditions]:
    return {
        _Place(symbol_id, purpose): [{"type": "price", "is": _WAYS[purpose].value, "level": level}]
        for symbol_id, target, stop in wanted
        for purpose, level in ((Purpose.TARGET, target), (Purpose.STOP, stop))
        if level is not None
    }


async def _compare(
    session: AsyncSession, watchlist_id: UUID, due: Mapping[_Place, _Conditions]
) -> _Changes:
    chosen = select(Alert.id, Alert.symbol_id, Alert.purpose, Alert.conditions)
    rows = await session.execute(chosen.where(Alert.watchlist_id == watchlist_id))
    surplus: list[UUID] = []
    moved: dict[UUID, _Place] = {}
    new = dict(due)
    for id, symbol_id, purpose, conditions in rows:
        place = _Place(symbol_id, Purpose(purpose))
        if new.pop(place, None) is None:
            surplus.append(id)
        elif due[place] != conditions:
            moved[id] = place
    return _Changes(surplus, moved, new)


async def _lock(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """In the order in which whoever writes firings locks them."""
    if ids:
        chosen = select(Alert.id).where(Alert.id.in_(ids)).order_by(Alert.id)
        await session.execute(chosen.with_for_update())


async def _remove(session: AsyncSession, ids: Sequence[UUID]) -> None:
    if ids:
        removed = delete(Alert).where(Alert.id.in_(ids))
        await session.execute(removed.execution_options(synchronize_session=False))


async def _move(
    session: AsyncSession,
    moved: Mapping[UUID, _Place],
    due: Mapping[_Place, _Conditions],
    arms: _Arms,
) -> None:
    """They are watched again, but for those that somebody has stopped or whose time is over."""
    rows = [
        {"of": id, "to_conditions": due[place], **_bound(arms[place.symbol_id])}
        for id, place in moved.items()
    ]
    if not rows:
        return
    is_fired = Alert.status == Status.FIRED
    becomes = {
        **{name.removeprefix("to_"): bindparam(name) for name in rows[0] if name != "of"},
        "version": Alert.version + 1,
        "status": case((is_fired, Status.ACTIVE.value), else_=Alert.status),
        "fired_at": None,
        "fired_bar": None,
    }
    connection = await session.connection()
    await connection.execute(update(Alert).where(Alert.id == bindparam("of")).values(becomes), rows)


def _bound(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {f"to_{name}": value for name, value in facts.items()}
