"""The points of series: pushed ones read and written, those that come from a source read."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import numpy as np

from tradeapi.bus.port import Bus
from tradeapi.charts import chunks
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.bound import BoundPoints
from tradeapi.charts.chunks import Packed, Window
from tradeapi.charts.ends import HITS, End, Ends, Place, find_end
from tradeapi.charts.events import CHARTS, Changed, announce
from tradeapi.charts.pages import Page, find_page
from tradeapi.charts.parsing import read_points, too_many
from tradeapi.charts.points import Points
from tradeapi.charts.targets import State, Target, bound, find, find_chain, lock, save
from tradeapi.charts.usage import check
from tradeapi.database import Database, raw
from tradeapi.drivers import Raw
from tradeapi.errors import Conflict, Forbidden, Invalid, NotFound
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.posted import in_turn
from tradeapi.market.bars.ranges import Range
from tradeapi.web.large_reads import LargeReads
from tradeapi.web.preconditions import Precondition

# The parts in which it has come: to join many takes its time.
ReadBody = Callable[[], Awaitable[Sequence[bytes]]]
# What is longer takes a transaction, and is read once.
SHORT_BYTES = 16 * 1024


class SeriesPoints:
    """Of the charts of one owner; nobody else's can be reached through it. `by_id`: names are none.

    Readers take no lock. Of several writers to one chart each waits for the one before, on whatever
    process, and a transaction begins when all is known: while a body is on its way or being read,
    nobody waits for it.
    """

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        bus: Bus,
        owner: UUID,
        bars: BarHistory,
        accesses: Accesses,
        ends: Ends,
        studies: LargeReads,
        *,
        most: int,
        most_in_all: int,
        by_id: bool = False,
    ) -> None:
        self._database = database
        self._bus = bus
        self._owner = owner
        self._bound = BoundPoints(database, bars)
        self._accesses = accesses
        self._ends = ends
        self._studies = studies
        self._most = most
        self._most_in_all = most_in_all
        self._by_id = by_id

    async def read(
        self, chart: str, series: str, window: Window, range: Range | None = None
    ) -> Page:
        """A range, which only series over bars have, says where they begin."""
        async with self._database.read() as connection:
            found = await find_page(connection, self._owner, chart, series, window)
            target, accessed_at, page = found
            self._check(target, chart)
            if accessed_at is not None:
                self._accesses.note(target.chart, accessed_at)
            if target.source is None and range is None:
                return page
            chain = await find_chain(connection, target)
        if not any(one.needs_all for one in chain):
            return await self._bound.read(chain, window, range)
        async with self._studies.turn(self._owner):
            return await self._bound.read(chain, window, range)

    async def replace(
        self, chart: str, series: str, body: ReadBody, precondition: Precondition
    ) -> tuple[Target, State]:
        """Put these points in the place of all there are."""
        target = await self._writable(chart, series)
        points, packed = await self._parse(await body(), target, chunks.lay)
        return await self._replace(target, points, packed, precondition)

    async def put(
        self, chart: str, series: str, points: Points, precondition: Precondition
    ) -> tuple[Target, State]:
        """The same with points that have been read; Conflict where they have another form."""
        target = await self._writable(chart, series, points)
        packed = await in_turn(len(points), lambda: chunks.lay(points))
        return await self._replace(target, points, packed, precondition)

    async def append(
        self, chart: str, series: str, body: ReadBody, precondition: Precondition, *, amend: bool
    ) -> tuple[Target, State]:
        """Add what is newer than the last point, and replace that where its time is the same.

        With `amend` older points are inserted or replaced as well; without, raises Conflict.
        """
        place = self._owner, chart, series
        end = self._ends.take(place)
        if end is not None:
            parts = await body()
            if written := await self._append_at_hand(place, end, parts, precondition):
                return written
            body = _again(parts)
        target, end = await self._find_end(chart, series)
        points, packed = await self._parse(await body(), target, _lay_if_long)
        written = await self._extend(place, end, points, precondition)
        return written or await self._append(target, points, packed, precondition, amend=amend)

    async def add(
        self, chart: str, series: str, points: Points, precondition: Precondition, *, amend: bool
    ) -> tuple[Target, State]:
        """The same with points that have been read; Conflict where they have another form."""
        place = self._owner, chart, series
        end = self._ends.take(place)
        if written := await self._extend_at_hand(place, end, points, precondition):
            return written
        target, end = await self._find_end(chart, series, points)
        if written := await self._extend(place, end, points, precondition):
            return written
        packed = await in_turn(len(points), lambda: _lay_if_long(points))
        return await self._append(target, points, packed, precondition, amend=amend)

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

    async def _replace(
        self, target: Target, points: Points, packed: list[Packed], precondition: Precondition
    ) -> tuple[Target, State]:
        async with self._database.transaction() as session:
            connection = await raw(session)
            revision, used, before = await lock(connection, target, precondition)
            await chunks.replace(connection, target.key, packed)
            ends = _ends(points)
            state = State(len(points), *ends, before.version + 1)
            await save(connection, target, state)
            added = state.count - before.count
            await check(connection, target.chart_key, used, added, self._most_in_all)
            announce(session, self._bus, Changed(chart=str(target.chart), revision=revision))
        return target, state

    async def _append_at_hand(
        self, place: Place, end: End, parts: Sequence[bytes], precondition: Precondition
    ) -> tuple[Target, State] | None:
        if sum(map(len, parts)) > SHORT_BYTES:
            return None
        try:
            points, _ = await self._parse(parts, end.target, _lay_if_long)
        except (Invalid, Forbidden):
            # They may be good for the series as it is now.
            return None
        return await self._extend_at_hand(place, end, points, precondition)

    async def _extend_at_hand(
        self, place: Place, end: End | None, points: Points, precondition: Precondition
    ) -> tuple[Target, State] | None:
        written = await self._extend(place, end, points, precondition)
        if written is not None:
            HITS.inc()
        return written

    async def _extend(
        self, place: Place, end: End | None, points: Points, precondition: Precondition
    ) -> tuple[Target, State] | None:
        """Without a transaction; None where it takes one."""
        if end is None:
            return None
        found = await self._ends.extend(place, end, points, precondition, most=self._most)
        if found is None:
            return None
        revision, end = found
        target, state = end.target, end.state
        self._accesses.note(target.chart, end.accessed_at)
        change = _change(target, revision, state, points)
        await self._bus.publish(CHARTS, change.chart, change)
        return target, state

    async def _append(
        self,
        target: Target,
        points: Points,
        packed: list[Packed],
        precondition: Precondition,
        *,
        amend: bool,
    ) -> tuple[Target, State]:
        async with self._database.transaction() as session:
            connection = await raw(session)
            revision, used, before = await lock(connection, target, precondition)
            if not len(points):
                await session.rollback()
                return target, before
            is_older = before.last is not None and bool(points.time[0] < before.last)
            if is_older and not amend:
                raise Conflict(
                    f"The first point lies before the last of the series, at {before.last:.15g}; "
                    "amend=true says that this is meant.",
                    code="point_too_old",
                )
            state = await self._upsert(connection, target, before, points, packed)
            if state.count > self._most:
                raise too_many(self._most)
            await save(connection, target, state)
            added = state.count - before.count
            await check(connection, target.chart_key, used, added, self._most_in_all)
            change = _change(target, revision, state, points, revise=is_older)
            announce(session, self._bus, change)
        return target, state

    async def _upsert(
        self, connection: Raw, target: Target, before: State, points: Points, packed: list[Packed]
    ) -> State:
        first, last = _ends(points)
        if before.last is None or before.first is None:
            await chunks.replace(connection, target.key, packed or chunks.lay(points))
            return State(len(points), first, last, before.version + 1)
        added = 0
        if points.time[0] < before.last:
            # Those from the last chunk on are appended.
            start = await chunks.last_start(connection, target.key)
            cut = int(np.searchsorted(points.time, start))
            older, points = points[:cut], points[cut:]
            if len(older):
                added += await chunks.amend(connection, target.key, older)
        if len(points):
            added += await chunks.append(connection, target.key, points)
        assert first is not None and last is not None  # noqa: S101, PT018  there are points
        return State(
            before.count + added,
            min(before.first, first),
            max(before.last, last),
            before.version + 1,
        )

    async def _parse(
        self, parts: Sequence[bytes], target: Target, lay: Callable[[Points], list[Packed]]
    ) -> tuple[Points, list[Packed]]:
        def parse() -> tuple[Points, list[Packed]]:
            points = read_points(b"".join(parts), target.type, self._most)
            return points, lay(points)

        # About as many bytes as a point has at least.
        return await in_turn(sum(map(len, parts)) // 32, parse)

    async def _find(self, connection: Raw, chart: str, series: str) -> Target:
        target, accessed_at = await find(connection, self._owner, chart, series)
        self._check(target, chart)
        self._accesses.note(target.chart, accessed_at)
        return target

    def _check(self, target: Target, chart: str) -> None:
        # Where there is a chart of that id it is this one.
        if self._by_id and str(target.chart) != chart:
            raise NotFound("There is no such chart.")

    async def _writable(self, chart: str, series: str, points: Points | None = None) -> Target:
        async with self._database.read() as connection:
            target = await self._find(connection, chart, series)
        return _writable(target, points)

    async def _find_end(
        self, chart: str, series: str, points: Points | None = None
    ) -> tuple[Target, End | None]:
        async with self._database.read() as connection:
            target, accessed_at, end = await find_end(connection, self._owner, chart, series)
        self._accesses.note(target.chart, accessed_at)
        return _writable(target, points), end


def _writable(target: Target, points: Points | None) -> Target:
    if target.source is not None:
        raise bound(target)
    if points is not None and points.width != len(target.type.columns):
        raise Conflict("The points have another form.", code="points_do_not_fit")
    return target


def _change(
    target: Target, revision: int, state: State, points: Points, *, revise: bool = False
) -> Changed:
    place = str(target.chart), revision, target.name, state.version
    return Changed.of(*place, points, target.type.columns, revise=revise)


def _again(parts: Sequence[bytes]) -> ReadBody:
    async def read() -> Sequence[bytes]:
        return parts

    return read


def _ends(points: Points) -> tuple[float | None, float | None]:
    if not len(points):
        return None, None
    return float(points.time[0]), float(points.time[-1])


def _lay_if_long(points: Points) -> list[Packed]:
    """What may become all of a series, while there is a thread for it."""
    return chunks.lay(points) if len(points) > chunks.POINTS_PER_CHUNK else []
