"""Deliveries that are long over, forgotten."""

from typing import Never

import anyio
import structlog
from sqlalchemy import delete, func, select

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.leases.lease import Lost
from tradeapi.notifications.webhooks.models import Delivery
from tradeapi.notifications.webhooks.schemas import Status

EVERY_SECONDS = 900.0
KEPT_SECONDS = 30 * 86_400.0
# Of one webhook, beside those that are under way.
MOST_KEPT = 1000
AT_ONCE = 1000

_log = structlog.get_logger("tradeapi.webhooks")


class DeliveryExpiry:
    """What one process does for all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> Never:
        while True:
            try:
                # SQLite's thread would go on by itself, and find nobody to tell that it is done.
                with anyio.CancelScope(shield=True):
                    await self.once()
            except Lost:
                raise
            except Exception as error:  # noqa: BLE001  what is left is removed the next time
                _log.warning("webhooks.expiry_failed", error=repr(error))
            await anyio.sleep(EVERY_SECONDS)

    async def once(self) -> int:
        """How many have gone."""
        old = select(Delivery.id).where(
            Delivery.created_at < self._clock.now() - KEPT_SECONDS,
            Delivery.status != Status.PENDING,
        )
        place = func.row_number().over(
            partition_by=Delivery.webhook_id, order_by=Delivery.id.desc()
        )
        over = select(Delivery.id, place.label("place")).where(Delivery.status != Status.PENDING)
        counted = over.subquery()
        beyond = select(counted.c.id).where(counted.c.place > MOST_KEPT)
        removed = 0
        for chosen in (old, beyond):
            gone = AT_ONCE
            while gone == AT_ONCE:
                async with self._database.transaction() as session:
                    ids = (await session.scalars(chosen.limit(AT_ONCE))).all()
                    await session.execute(delete(Delivery).where(Delivery.id.in_(ids)))
                gone = len(ids)
                removed += gone
        return removed
