"""The points of series: those that were pushed, and those that come from a source."""

from uuid import UUID

from tradeapi.charts import chunks
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.bound import BoundPoints
from tradeapi.charts.chunks import Window
from tradeapi.charts.pages import Page, find_page
from tradeapi.charts.targets import find_chain
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.ranges import Range
from tradeapi.web.large_reads import LargeReads


class PointReader:
    """Of the charts of one owner; nobody else's can be reached through it. It takes no lock.

    `by_id`: names are none.
    """

    def __init__(  # noqa: PLR0913  they are what it has
        self,
        database: Database,
        owner: UUID,
        bars: BarHistory,
        accesses: Accesses,
        studies: LargeReads,
        *,
        by_id: bool,
    ) -> None:
        self._database = database
        self._owner = owner
        self._bound = BoundPoints(database, bars)
        self._accesses = accesses
        self._studies = studies
        self._by_id = by_id

    async def read(
        self, chart: str, series: str, window: Window, range: Range | None = None
    ) -> Page:
        """A range, which only series over bars have, says where they begin."""
        async with self._database.read() as connection:
            found = await find_page(connection, self._owner, chart, series, window)
            target, accessed_at, page = found
            # Where there is a chart of that id it is this one.
            if self._by_id and str(target.chart) != chart:
                raise NotFound("There is no such chart.")
            if accessed_at is not None:
                self._accesses.note(target.chart, accessed_at)
            if target.source is None and range is None:
                return page
            chain = await find_chain(connection, target)
        if not any(one.needs_all for one in chain):
            return await self._bound.read(chain, window, range)
        async with self._studies.turn(self._owner):
            return await self._bound.read(chain, window, range)

    async def place(self, page: Page) -> tuple[int, int]:
        """How many points come before the page, and how many there are.

        Of bars nobody counts those that are not shown: it is as if there was one.
        """
        shown, more = len(page.points), (page.has_more_before, page.has_more_after)
        if page.state is None:
            return int(more[0]), int(more[0]) + shown + int(more[1])
        total = page.state.count
        if not page.has_more_after:
            return total - shown, total
        if not page.has_more_before or not shown:
            return 0, total
        async with self._database.read() as connection:
            key, width = page.target.key, page.points.width
            first = float(page.points.time[0])
            return await chunks.count_before(connection, key, width, first), total
