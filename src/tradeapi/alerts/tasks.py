"""Alerts whose time is over."""

from sqlalchemy import update

from tradeapi.alerts.models import Alert
from tradeapi.alerts.schemas import Status
from tradeapi.clock import Clock
from tradeapi.database import Database

# Who watches may not be there: what happened until then is still to be evaluated.
GRACE_SECONDS = 600.0


class AlertExpiry:
    """They fire no more in any case; here they are said to be so."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def once(self) -> None:
        now = self._clock.now()
        over = update(Alert).where(
            Alert.status == Status.ACTIVE, Alert.expires_at <= now - GRACE_SECONDS
        )
        async with self._database.transaction() as session:
            await session.execute(
                over.values(
                    status=Status.EXPIRED.value, version=Alert.version + 1, updated_at=now
                ).execution_options(synchronize_session=False)
            )
