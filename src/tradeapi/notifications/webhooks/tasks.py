"""Deliveries that are long over, forgotten."""

from sqlalchemy import delete, func, select

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.notifications.webhooks.models import Delivery
from tradeapi.notifications.webhooks.schemas import Status

KEPT_SECONDS = 30 * 86_400.0
# Of one webhook, beside those that are under way.
MOST_KEPT = 1000
AT_ONCE = 1000


class DeliveryExpiry:
    """What one process does for all."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

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
