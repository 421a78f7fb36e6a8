"""Points that are pushed to series."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from tradeapi.bus.port import Bus
from tradeapi.charts import chunks
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.chunks import Packed
from tradeapi.charts.ends import HITS, End, Ends, Place, find_end
from tradeapi.charts.events import CHARTS, Changed, announce
from tradeapi.charts.merging import merge
from tradeapi.charts.parsing import BYTES_OF_A_POINT, read_points, too_many
from tradeapi.charts.points import Points
from tradeapi.charts.targets import State, Target, find, lock, save, series_is_bound
from tradeapi.charts.usage import check
from tradeapi.database import Database, raw
from tradeapi.errors import Conflict, Forbidden, Invalid
from tradeapi.market.bars.posted import in_turn
from tradeapi.web.preconditions import Precondition

# The parts in which it has come: to join many takes its time.
ReadBody = Callable[[], Awaitable[Sequence[bytes]]]
# What is longer takes a transaction, and is read once.
SHORT_BYTES = 16 * 1024


class PointWriter:
    """Of the charts of one owner; nobody else's can be reached through it.

    Of several writers to one chart each waits for the one before, on whatever process, and a
    transaction begins when all is known: while a body is on its way or being read, nobody waits for
    it.
    """

    def __init__(  # noqa: PLR0913  they are what it has
        self,
        database: Database,
        bus: Bus,
        owner: UUID,
        accesses: Accesses,
        ends: Ends,
        *,
        most: int,
        most_in_all: int,
    ) -> None:
        self._database = database
        self._bus = bus
        self._owner = owner
        self._accesses = accesses
        self._ends = ends
        self._most = most
        self._most_in_all = most_in_all

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

    async def _replace(
        self, target: Target, points: Points, packed: list[Packed], precondition: Precondition
    ) -> tuple[Target, State]:
        async with self._database.transaction() as session:
            connection = await raw(session)
            revision, used, before = await lock(connection, target, precondition)
            await chunks.replace(connection, target.key, packed)
            state = State.of(points, before.version + 1)
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
            state = await merge(connection, target, before, points, packed)
            if state.count > self._most:
                raise too_many(self._most)
            await save(connection, target, state)
            added = state.count - before.count
            await check(connection, target.chart_key, used, added, self._most_in_all)
            change = _change(target, revision, state, points, revise=is_older)
            announce(session, self._bus, change)
        return target, state

    async def _parse(
        self, parts: Sequence[bytes], target: Target, lay: Callable[[Points], list[Packed]]
    ) -> tuple[Points, list[Packed]]:
        def parse() -> tuple[Points, list[Packed]]:
            points = read_points(b"".join(parts), target.type, self._most)
            return points, lay(points)

        return await in_turn(sum(map(len, parts)) // BYTES_OF_A_POINT, parse)

    async def _writable(self, chart: str, series: str, points: Points | None = None) -> Target:
        async with self._database.read() as connection:
            target, accessed_at = await find(connection, self._owner, chart, series)
        self._accesses.note(target.chart, accessed_at)
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
        raise series_is_bound(target)
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


def _lay_if_long(points: Points) -> list[Packed]:
    """What may become all of a series, while there is a thread for it."""
    return chunks.lay(points) if len(points) > chunks.POINTS_PER_CHUNK else []
