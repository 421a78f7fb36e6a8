"""From where on alerts are watched."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.alerts.engine.armed import UNSEEN
from tradeapi.market.models import Head


class Base(NamedTuple):
    """Where a symbol is: its version, the newest price, and when that was traded."""

    version: int
    price: float | None
    time: float | None


NOWHERE = Base(-1, None, None)


async def bases_of(session: AsyncSession, symbol_ids: Collection[int]) -> Mapping[int, Base]:
    """Of those that have been written to."""
    chosen = select(Head.symbol_id, Head.version, Head.last, Head.last_time)
    rows = await session.execute(chosen.where(Head.symbol_id.in_(symbol_ids)))
    return {symbol_id: Base(version, last, time) for symbol_id, version, last, time in rows}


def armed(conditions: int, base: Base, now: float) -> dict[str, Any]:
    """What an alert with so many conditions becomes: they are seen from here on, and where the
    price is now is not forgotten.
    """
    return {
        "state": UNSEEN * conditions,
        "armed_at": now,
        "updated_at": now,
        "base_version": base.version,
        "base_price": base.price,
        "base_time": base.time,
    }
