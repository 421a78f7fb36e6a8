"""Alerts and positions as they are kept, read and written for many at once."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
import structlog
from anyio.lowlevel import checkpoint
from sqlalchemy import Row, Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.alerts.conditions import tests_of
from tradeapi.alerts.engine.armed import Armed, Standing
from tradeapi.alerts.engine.course import Position
from tradeapi.alerts.models import Alert, AlertPosition
from tradeapi.alerts.schemas import Match, Status
from tradeapi.database import parts, raw
from tradeapi.errors import Invalid
from tradeapi.market.models import Symbol

_COLUMNS = (
    Alert.id,
    Alert.owner_id,
    Alert.symbol_id,
    Symbol.symbol,
    Alert.version,
    Alert.conditions,
    Alert.match,
    Alert.is_repeating,
    Alert.cool_down,
    Alert.expires_at,
    Alert.armed_at,
    Alert.base_version,
    Alert.base_price,
    Alert.base_time,
    Alert.state,
    Alert.fired_count,
    Alert.fired_at,
    Alert.fired_bar,
    Alert.note,
    Alert.channels,
)

_log = structlog.get_logger("tradeapi.alerts")


async def active_after(session: AsyncSession, after: UUID | None, count: int) -> Sequence[Armed]:
    """The next of those that are active, in the order of their ids."""
    chosen = _active().order_by(Alert.id).limit(count)
    if after is not None:
        chosen = chosen.where(Alert.id > after)
    return _armed(await session.execute(chosen))


async def active_among(session: AsyncSession, ids: Collection[UUID]) -> Sequence[Armed]:
    return _armed(await session.execute(_active().where(Alert.id.in_(ids))))


async def edited_since(session: AsyncSession, since: float) -> Sequence[tuple[UUID, int]]:
    """With their versions, also of those that are not active."""
    chosen = select(Alert.id, Alert.version).where(Alert.updated_at >= since)
    return [(id, version) for id, version in await session.execute(chosen)]


async def versions_among(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, int]:
    """Of those that are active still."""
    chosen = select(Alert.id, Alert.version).where(Alert.id.in_(ids))
    rows = await session.execute(chosen.where(Alert.status == Status.ACTIVE))
    return {id: version for id, version in rows}  # noqa: C416  of rows


async def positions_of(session: AsyncSession, symbol_ids: Collection[int]) -> dict[int, Position]:
    chosen = select(AlertPosition).where(AlertPosition.symbol_id.in_(symbol_ids))
    return {
        row.symbol_id: Position(
            version=row.version,
            time=row.time,
            price=row.price,
            bar=row.bar,
            high=row.high,
            low=row.low,
            day=row.day,
            day_high=row.day_high,
            day_low=row.day_low,
            closed=dict(row.closed),
        )
        for row in await session.scalars(chosen)
    }


async def put_positions(session: AsyncSession, positions: Iterable[tuple[int, Position]]) -> None:
    """In the order of the symbols; of a symbol that is no more none.

    By the driver: there may be thousands each second, and others wait for the loop.
    """
    rows = [
        (
            symbol_id,
            position.version,
            max(position.time, 0.0),
            position.price,
            position.bar,
            position.high,
            position.low,
            position.day,
            position.day_high,
            position.day_low,
            orjson.dumps(position.closed).decode(),
        )
        for symbol_id, position in sorted(positions, key=lambda one: one[0])
    ]
    connection = await raw(session)
    for some in parts(rows):
        await connection.executemany(_PUT_POSITION[connection.dialect], some)
        await checkpoint()


async def put_states(session: AsyncSession, states: Sequence[tuple[UUID, int, str]]) -> None:
    """Of alerts by id and version, where they are still the same."""
    if states:
        connection = await session.connection()
        await connection.execute(
            update(Alert)
            .where(Alert.id == bindparam("of"), Alert.version == bindparam("at"))
            .values(state=bindparam("marks")),
            [{"of": id, "at": version, "marks": marks} for id, version, marks in states],
        )


async def standings_of(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Of those that are active still; nobody edits them until the transaction ends."""
    columns = Alert.version, Alert.armed_at, Alert.base_version, Alert.is_repeating
    active = select(Alert.id, *columns).where(Alert.status == Status.ACTIVE).order_by(Alert.id)
    found: dict[UUID, Standing] = {}
    for some in parts(sorted(ids)):
        rows = await session.execute(active.where(Alert.id.in_(some)).with_for_update())
        found |= {row[0]: Standing._make(row[1:]) for row in rows}
    return found


async def put_firings(session: AsyncSession, firings: Sequence[dict[str, Any]]) -> None:
    """By `of`: what each alert becomes by having fired."""
    connection = await session.connection()
    names = [name for name in firings[0] if name != "of"]
    await connection.execute(
        update(Alert)
        .where(Alert.id == bindparam("of"))
        .values({name: bindparam(f"to_{name}") for name in names}),
        [
            {"of": firing["of"], **{f"to_{name}": firing[name] for name in names}}
            for firing in firings
        ],
    )


def _active() -> Select[Any]:
    chosen = select(*_COLUMNS).join(Symbol, Symbol.id == Alert.symbol_id)
    return chosen.where(Alert.status == Status.ACTIVE)


def _armed(rows: Iterable[Row[Any]]) -> list[Armed]:
    return [armed for row in rows if (armed := _one(row)) is not None]


def _one(row: Row[Any]) -> Armed | None:
    try:
        tests = tests_of(row.conditions)
    except (ArithmeticError, KeyError, ValueError, TypeError, Invalid) as error:
        # A newer release may have others.
        _log.warning("alerts.unreadable", alert=str(row.id), error=repr(error))
        return None
    return Armed(
        id=row.id,
        owner_id=row.owner_id,
        symbol_id=row.symbol_id,
        symbol=row.symbol,
        version=row.version,
        documents=row.conditions,
        tests=tests,
        is_all=row.match == Match.ALL,
        is_repeating=row.is_repeating,
        cool_down=row.cool_down,
        expires_at=row.expires_at,
        armed_at=row.armed_at,
        base_version=row.base_version,
        base_price=row.base_price,
        base_time=row.base_time,
        state=row.state,
        count=row.fired_count,
        fired_at=row.fired_at,
        bar=row.fired_bar,
        note=row.note,
        channels=row.channels,
    )


_FIELDS = ["version", "time", "price", "bar", "high", "low", "day", "day_high", "day_low", "closed"]
_INTEGERS = {"version", "bar", "day"}
_JSON = {"postgresql": "CAST($11 AS JSON)", "sqlite": "$11"}
_VALUES = ", ".join(
    f"CAST(${place} AS {'BIGINT' if name in _INTEGERS else 'DOUBLE PRECISION'})"
    for place, name in enumerate(_FIELDS[:-1], 2)
)
_PUT_POSITION = {
    dialect: f"""
INSERT INTO alert_positions (symbol_id, {", ".join(_FIELDS)})
SELECT id, {_VALUES}, {json} FROM symbols WHERE id = $1
ON CONFLICT (symbol_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _FIELDS)}
"""  # noqa: S608  columns, no data
    for dialect, json in _JSON.items()
}
