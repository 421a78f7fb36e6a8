"""Alerts of one owner."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.alerts.arming import NOWHERE, armed, bases_of
from tradeapi.alerts.conditions import line_of
from tradeapi.alerts.events import announce
from tradeapi.alerts.models import Alert
from tradeapi.alerts.quota import require_few_computed, require_room
from tradeapi.alerts.schemas import AlertChange, AlertIn, Condition, IndicatorCondition, Status
from tradeapi.alerts.wording import title_of
from tradeapi.analytics.studies import Study
from tradeapi.bus.port import Bus
from tradeapi.errors import Conflict, FieldError, Invalid, NotFound
from tradeapi.market.models import Symbol
from tradeapi.market.symbols.directory import Directory
from tradeapi.notifications.channels import Channels
from tradeapi.notifications.notices import Channel, Notice
from tradeapi.notifications.notifier import Notifier
from tradeapi.web.preconditions import Precondition

Named = tuple[Alert, str]


async def alerts_of(session: AsyncSession, owner: UUID) -> Sequence[object]:
    """All of one user."""
    columns = (
        Alert.id,
        Symbol.symbol,
        Alert.conditions,
        Alert.match,
        Alert.is_repeating,
        Alert.cool_down,
        Alert.expires_at,
        Alert.note,
        Alert.channels,
        Alert.status,
        Alert.fired_count,
        Alert.fired_at,
        Alert.fired_price,
        Alert.created_at,
        Alert.updated_at,
    )
    chosen = select(*columns).join(Symbol, Symbol.id == Alert.symbol_id)
    return (await session.execute(chosen.where(Alert.owner_id == owner).order_by(Alert.id))).all()


class Alerts:
    """One owner's; nobody else's can be reached through it."""

    def __init__(  # noqa: PLR0913  what it is joined to
        self,
        session: AsyncSession,
        bus: Bus,
        directory: Directory,
        owner: UUID,
        now: float,
        *,
        channels: Channels,
        most: int,
    ) -> None:
        self._session = session
        self._bus = bus
        self._directory = directory
        self._channels = channels
        self._owner = owner
        self._now = now
        self._most = most

    async def list(
        self,
        *,
        symbol: str | None,
        status: Status | None,
        watchlist: UUID | None,
        after: UUID | None,
        limit: int,
    ) -> Sequence[Named]:
        """The newest first, with their symbols."""
        chosen = self._owned().order_by(Alert.id.desc()).limit(limit)
        if symbol is not None:
            chosen = chosen.where(Alert.symbol_id == (await self._directory.get(symbol)).id)
        if status is not None:
            chosen = chosen.where(Alert.status == status)
        if watchlist is not None:
            chosen = chosen.where(Alert.watchlist_id == watchlist)
        if after is not None:
            chosen = chosen.where(Alert.id < after)
        return [(alert, name) for alert, name in await self._session.execute(chosen)]

    async def get(self, id: UUID) -> Named:
        found = (await self._session.execute(self._owned().where(Alert.id == id))).one_or_none()
        if found is None:
            raise _no_such_alert()
        return found[0], found[1]

    async def create(self, new: AlertIn) -> Named:
        """Watched from here on; raises Forbidden beyond the quota."""
        listing = await self._directory.get(new.symbol)
        conditions = _kept(new.conditions)
        self._channels.require(new.channels)
        self._check_expiry(new.expires_at)
        await require_room(self._session, self._owner, 1, most=self._most)
        alert = Alert(
            id=uuid7(),
            owner_id=self._owner,
            symbol_id=listing.id,
            conditions=conditions,
            match=new.match.value,
            is_repeating=new.repeat,
            cool_down=new.cool_down,
            expires_at=new.expires_at,
            note=new.note,
            channels=[channel.value for channel in new.channels],
            status=Status.ACTIVE.value,
            version=1,
            created_at=self._now,
            fired_count=0,
        )
        await require_few_computed(self._session, alert)
        await self._arm(alert)
        self._session.add(alert)
        try:
            await self._session.flush()
        except IntegrityError as error:
            detail = f"{listing.symbol} has been removed this moment."
            raise NotFound(detail, code="unknown_symbol") from error
        announce(self._session, self._bus, alert.id)
        return alert, listing.symbol

    async def change(self, id: UUID, change: AlertChange, precondition: Precondition) -> Named:
        """Only what `change` names; raises Conflict for the conditions of one that is kept."""
        alert, symbol = await self._lock(id, precondition)
        named = change.model_fields_set
        _require_own(alert, named & {"conditions", "match"})
        if change.conditions is not None:
            alert.conditions = _kept(change.conditions)
            with self._session.no_autoflush:
                await require_few_computed(self._session, alert)
        if change.match is not None:
            alert.match = change.match.value
        if change.repeat is not None:
            alert.is_repeating = change.repeat
        if change.cool_down is not None:
            alert.cool_down = change.cool_down
        if "expires_at" in named:
            self._check_expiry(change.expires_at)
            alert.expires_at = change.expires_at
        if change.note is not None:
            alert.note = change.note
        if change.channels is not None:
            self._channels.require(change.channels)
            alert.channels = [channel.value for channel in change.channels]
        if change.enabled is not None:
            self._enable(alert, is_enabled=change.enabled)
        if named & {"conditions", "match", "enabled"}:
            await self._arm(alert)
        alert.version += 1
        alert.updated_at = self._now
        await self._session.flush()
        announce(self._session, self._bus, id)
        return alert, symbol

    async def delete(self, id: UUID, precondition: Precondition) -> None:
        """Raises Conflict for one that is kept."""
        alert, _ = await self._lock(id, precondition)
        _require_own(alert, {"id"})
        await self._session.execute(delete(Alert).where(Alert.id == id))
        announce(self._session, self._bus, id)

    async def test(self, id: UUID, notifier: Notifier) -> None:
        """Tell its owner as if it had fired; it stays as it is."""
        alert, symbol = await self.get(id)
        bases = await bases_of(self._session, [alert.symbol_id])
        price = bases.get(alert.symbol_id, NOWHERE).price
        title = title_of(symbol, alert.conditions, is_all=alert.match == "all")
        now = f"{symbol} is at {price:.12g}." if price is not None else f"{symbol} has no price."
        notice = Notice(
            user_id=self._owner,
            key=f"alert:{id}:test:{uuid7()}",
            type="alert.test",
            title=f"Test: {title}",
            text=f"This is a test. {now}\n{alert.note}".strip(),
            data={
                "alert_id": str(id),
                "symbol": symbol,
                "price": price,
                "conditions": alert.conditions,
                "match": alert.match,
                "note": alert.note,
            },
            channels=frozenset(map(Channel, alert.channels)),
            time=self._now,
            is_test=True,
        )
        await notifier.notify(self._session, [notice])

    def _owned(self) -> Select[Alert, str]:
        chosen = select(Alert, Symbol.symbol).join(Symbol, Symbol.id == Alert.symbol_id)
        return chosen.where(Alert.owner_id == self._owner)

    async def _lock(self, id: UUID, precondition: Precondition) -> Named:
        locked = self._owned().where(Alert.id == id).with_for_update(of=Alert)
        found = (await self._session.execute(locked)).one_or_none()
        if found is None:
            raise _no_such_alert()
        precondition.check(found[0].etag)
        return found[0], found[1]

    async def _arm(self, alert: Alert) -> None:
        bases = await bases_of(self._session, [alert.symbol_id])
        base = bases.get(alert.symbol_id, NOWHERE)
        for name, value in armed(len(alert.conditions), base, self._now).items():
            setattr(alert, name, value)

    def _enable(self, alert: Alert, *, is_enabled: bool) -> None:
        if not is_enabled:
            alert.status = Status.DISABLED.value
            return
        self._check_expiry(alert.expires_at)
        alert.status = Status.ACTIVE.value
        alert.fired_at = alert.fired_bar = None

    def _check_expiry(self, expires_at: float | None) -> None:
        if expires_at is not None and expires_at <= self._now:
            detail = "It would have expired already."
            raise Invalid(detail, errors=[FieldError("/expires_at", "is in the past")])


def _require_own(alert: Alert, changed: Collection[str]) -> None:
    if changed and alert.watchlist_id is not None:
        detail = "An item of a watchlist keeps it; change the item."
        raise Conflict(detail, code="kept_by_watchlist")


def _kept(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    """As they are kept and told, everything named; raises Invalid for what can't be computed."""
    return [_named(condition, f"/conditions/{place}") for place, condition in enumerate(conditions)]


def _named(condition: Condition, pointer: str) -> dict[str, Any]:
    kept = condition.model_dump(mode="json", by_alias=True)
    if not isinstance(condition, IndicatorCondition):
        return kept
    if (condition.level is None) == (condition.other is None):
        detail = "An indicator is held against either a level or another indicator."
        raise Invalid(detail, errors=[FieldError(f"{pointer}/level", detail)])
    kept |= _line(kept, pointer)
    if kept["other"] is not None:
        kept["other"] = _line(kept["other"], f"{pointer}/other")
        if line_of(kept) == line_of(kept["other"]):
            detail = "An indicator never differs from itself."
            raise Invalid(detail, errors=[FieldError(f"{pointer}/other", detail)])
    return kept


def _line(named: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    study = Study.of(named["indicator"], named["params"], pointer)
    outputs = study.indicator.outputs
    output = named["output"] or outputs[0]
    if output not in outputs:
        detail = f"{study.indicator.name} has the outputs {', '.join(outputs)}."
        raise Invalid(detail, errors=[FieldError(f"{pointer}/output", detail)])
    return {"indicator": study.indicator.name, "params": study.parameters, "output": output}


def _no_such_alert() -> NotFound:
    return NotFound("There is no such alert.")
