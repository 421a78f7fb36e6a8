"""Where one owner's charts are read and written, a transaction at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.documents import FoundChart, read_chart
from tradeapi.charts.service import Charts, Quotas
from tradeapi.clock import Clock
from tradeapi.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """`expires`: what is made will expire. `by_id`: names are none to read charts by."""

    database: Database
    bus: Bus
    owner: UUID
    quotas: Quotas
    clock: Clock
    accesses: Accesses
    expires: bool
    by_id: bool

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Charts]:
        async with self.database.transaction() as session:
            yield self._charts(session)

    async def read(self, key: str) -> FoundChart:
        """A chart that somebody asks for."""
        async with self.database.read() as connection:
            chart = await read_chart(connection, self.owner, key, by_id=self.by_id)
        self.accesses.note(chart.id, chart.accessed_at)
        return chart

    def _charts(self, session: AsyncSession) -> Charts:
        now = self.clock.now()
        return Charts(session, self.bus, self.owner, self.quotas, now, expires=self.expires)
