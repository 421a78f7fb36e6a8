"""When charts that expire were last asked for: noted in memory, and written now and then."""

from typing import Never
from uuid import UUID

import anyio
import structlog
from sqlalchemy import bindparam, update
from sqlalchemy.exc import SQLAlchemyError

from tradeapi.charts.models import Chart
from tradeapi.clock import Clock
from tradeapi.database import Database

SECONDS = 60.0

_log = structlog.get_logger("tradeapi.charts")
_charts = Chart.__table__
_WRITE = (
    update(Chart.__table__)  # type: ignore[arg-type]
    .where(_charts.c.id == bindparam("chart"))
    .values(accessed_at=bindparam("at"))
)


class Accesses:
    """So that nobody who only reads waits for a writer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._noted: dict[UUID, float] = {}

    def note(self, chart: UUID, accessed_at: float | None) -> None:
        """`accessed_at` is what is known of it; None: it does not expire."""
        if accessed_at is not None:
            self._noted[chart] = self._clock.now()

    async def run(self) -> Never:
        while True:
            await anyio.sleep(SECONDS)
            # SQLite's thread would go on by itself, and find nobody to tell that it is done.
            with anyio.CancelScope(shield=True):
                await self.write()

    async def write(self) -> None:
        """What could not be written is kept for the next time."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        # Sorted, so that two processes do not wait for each other.
        rows = [{"chart": id, "at": at} for id, at in sorted(noted.items())]
        try:
            async with self._database.transaction() as session:
                await session.execute(_WRITE, rows)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("chart_accesses.not_written", error=repr(error))
            self._noted = noted | self._noted
