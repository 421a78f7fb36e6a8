"""Alerts of one owner."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.alerts.conditions import line_of
from tradeapi.alerts.engine.armed import UNSEEN
from tradeapi.alerts.events import announce
from tradeapi.alerts.models import Alert
from tradeapi.alerts.schemas import AlertChange, AlertIn, Condition, IndicatorCondition, Status
from tradeapi.alerts.wording import title_of
from tradeapi.analytics.studies import Study
from tradeapi.auth.owners import lock_owner
from tradeapi.bus.port import Bus
from tradeapi.errors import FieldError, Forbidden, Invalid, NotFound
from tradeapi.market.models import Head, Symbol
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
        self, *, symbol: str | None, status: Status | None, after: UUID | None, limit: int
    ) -> Sequence[Named]:
        """The newest first, with their symbols."""
        chosen = self._owned().order_by(Alert.id.desc()).limit(limit)
        if symbol is not None:
            chosen = chosen.where(Alert.symbol_id == (await self._directory.get(symbol)).id)
        if status is not None:
            chosen = chosen.where(Alert.status == status)
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
        await lock_owner(self._session, self._owner)
        counted = select(func.count()).select_from(Alert).where(Alert.owner_id == self._owner)
        if (await self._session.scalar(counted) or 0) >= self._most:
            detail = f"You have {self._most} alerts; delete one."
            raise Forbidden(detail, code="quota_alerts")
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
        """Only what `change` names."""
        alert, symbol = await self._lock(id, precondition)
        named = change.model_fields_set
        if change.conditions is not None:
            alert.conditions = _kept(change.conditions)
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
        await self._lock(id, precondition)
        await self._session.execute(delete(Alert).where(Alert.id == id))
        announce(self._session, self._bus, id)

    async def test(self, id: UUID, notifier: Notifier) -> None:
        """Tell its owner as if it had fired; it stays as it is."""
        alert, symbol = await self.get(id)
        head = await self._head(alert.symbol_id)
        price = None if head is None else head[1]
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
        """What its conditions are is seen from here on; where the price is now is not forgotten."""
        alert.state = UNSEEN * len(alert.conditions)
        alert.armed_at = alert.updated_at = self._now
        head = await self._head(alert.symbol_id)
        alert.base_version, alert.base_price, alert.base_time = head or (-1, None, None)

    async def _head(self, symbol_id: int) -> tuple[int, float | None, float | None] | None:
        chosen = select(Head.version, Head.last, Head.last_time)
        rows = await self._session.execute(chosen.where(Head.symbol_id == symbol_id))
        found = rows.one_or_none()
        return None if found is None else (found[0], found[1], found[2])

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
