"""How old the newest backup and the newest drill are, and how they went, for the metrics."""

from typing import Never

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.metrics import (
    BACKUP_AGE,
    BACKUP_BYTES,
    BACKUP_DRILL_AGE,
    BACKUP_DRILL_OK,
    BACKUP_OK,
    BACKUP_SECONDS,
)
from tradeapi.ops.backup.models import Kind
from tradeapi.ops.backup.runs import newest
from tradeapi.repeating import repeatedly

COUNT_SECONDS = 10.0


class BackupGauges:
    """Of what every process has done: also of a CronJob, which nobody can scrape."""

    def __init__(self, database: Database, clock: Clock, *, store: str) -> None:
        self._database = database
        self._clock = clock
        self._store = store

    async def run(self) -> Never:
        await repeatedly(self.count, COUNT_SECONDS, "backup.not_counted")

    async def count(self) -> None:
        """What there has never been has no series."""
        async with self._database.reading() as session:
            created = await newest(session, Kind.CREATE)
            good = await newest(session, Kind.CREATE, ok=True)
            drilled = await newest(session, Kind.DRILL)
            proven = await newest(session, Kind.DRILL, ok=True)
        now = self._clock.now()
        if created is not None:
            BACKUP_OK.labels(self._store).set(created.ok)
        if good is not None:
            # It shows the instant at which it was begun.
            BACKUP_AGE.labels(self._store).set(now - good.started_at)
            BACKUP_BYTES.labels(self._store).set(good.bytes or 0)
            BACKUP_SECONDS.labels(self._store).set(good.finished_at - good.started_at)
        if drilled is not None:
            BACKUP_DRILL_OK.labels(self._store).set(drilled.ok)
        if proven is not None:
            BACKUP_DRILL_AGE.labels(self._store).set(now - proven.started_at)
