"""Charts as documents."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, literal, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.attributes import set_committed_value
from uuid_utils.compat import uuid7

from tradeapi.auth.owners import lock_owner
from tradeapi.bus.port import Bus
from tradeapi.charts.events import Changed, announce
from tradeapi.charts.keys import as_id
from tradeapi.charts.models import Chart, ChartUsage, Chunk, Series
from tradeapi.charts.points import SeriesType
from tradeapi.charts.schemas import ChartChange, ChartIn, CopyIn, NewChartIn, PaneIn, SeriesIn
from tradeapi.charts.usage import too_many_in_all
from tradeapi.errors import Conflict, Forbidden, NotFound
from tradeapi.web.preconditions import Precondition


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much one owner may have."""

    charts: int
    series: int
    points: int


async def charts_of(session: AsyncSession, owner: UUID) -> Sequence[object]:
    """All of one user, without what is in them; the newest first."""
    columns = (Chart.id, Chart.name, Chart.title, Chart.created_at, Chart.updated_at)
    chosen = select(*columns).where(Chart.owner_id == owner).order_by(Chart.id.desc())
    return (await session.execute(chosen)).all()


class Charts:
    """One owner's; nobody else's can be reached through it.

    `expires`: what is made will expire.
    """

    def __init__(  # noqa: PLR0913  they are what it has
        self,
        session: AsyncSession,
        bus: Bus,
        owner: UUID,
        quotas: Quotas,
        now: float,
        *,
        expires: bool,
    ) -> None:
        self._session = session
        self._bus = bus
        self._owner = owner
        self._quotas = quotas
        self._now = now
        self._expires = expires

    async def create(self, new: NewChartIn) -> Chart:
        """Raises Conflict where the name is taken, and Forbidden beyond the quotas."""
        await self._make_room()
        chart = self._new(new.name, new.title)
        self._fill(chart, new)
        return await self._add(chart)

    async def list(self, *, after: UUID | None, limit: int) -> Sequence[Chart]:
        """The newest first."""
        chosen = self._owned().order_by(Chart.id.desc()).limit(limit)
        if after is not None:
            chosen = chosen.where(Chart.id < after)
        return (await self._session.scalars(chosen)).all()

    async def get(self, key: str) -> Chart:
        """By id or name, with its series."""
        chosen = self._named(key).options(selectinload(Chart.series))
        return _found(await self._session.scalar(chosen))

    async def get_locked(self, key: str) -> Chart:
        """The same, with other writers of the chart kept out until the transaction ends."""
        locked = self._named(key).with_for_update(key_share=True)
        chart = _found(await self._session.scalar(locked))
        # Only now: who has waited sees the series as they were left.
        series = select(Series).where(Series.chart_id == chart.id)
        found = await self._session.scalars(series.order_by(Series.pane, Series.place))
        set_committed_value(chart, "series", found.all())
        return chart

    async def get_or_create(self, name: str) -> Chart:
        """The same; an empty one where there is none. Raises Forbidden beyond the quotas."""
        with suppress(NotFound):
            return await self.get_locked(name)
        await lock_owner(self._session, self._owner)
        # Again: who has waited finds the one that somebody else has made meanwhile.
        with suppress(NotFound):
            return await self.get_locked(name)
        return await self.create(NewChartIn.model_validate({"name": name}))

    async def replace(self, key: str, document: ChartIn, precondition: Precondition) -> Chart:
        chart = await self.get_locked(key)
        precondition.check(chart.etag)
        chart.title = document.title
        self._fill(chart, document)
        return await self._save(chart)

    async def change(self, key: str, change: ChartChange, precondition: Precondition) -> Chart:
        """Only what `change` names."""
        chart = await self.get_locked(key)
        precondition.check(chart.etag)
        for field in change.model_fields_set - {"panes"}:
            setattr(chart, field, getattr(change, field))
        if "panes" in change.model_fields_set:
            self._arrange(chart, change.panes)
        return await self._save(chart)

    async def duplicate(self, key: str, wanted: CopyIn) -> Chart:
        """With all points, as they are now."""
        await self._make_room()
        original = await self.get_locked(key)
        title = original.title if wanted.title is None else wanted.title
        chart = self._new(wanted.name, title)
        for field in ("options", "panes", "drawings", "annotations"):
            setattr(chart, field, getattr(original, field))
        chart.series = [_copy(one) for one in original.series]
        await self._add(chart)
        if (await self._session.scalar(self._used()) or 0) > self._quotas.points:
            raise too_many_in_all(self._quotas.points)
        for one, other in zip(original.series, chart.series, strict=True):
            columns = [Chunk.start, Chunk.last, Chunk.count, Chunk.data]
            chosen = select(literal(other.id, Chunk.series_id.type), *columns)
            await self._session.execute(
                insert(Chunk).from_select(
                    ["series_id", "start", "last", "count", "data"],
                    chosen.where(Chunk.series_id == one.id),
                )
            )
        return chart

    async def delete(self, key: str, precondition: Precondition) -> None:
        chart = _found(await self._session.scalar(self._named(key).with_for_update(key_share=True)))
        precondition.check(chart.etag)
        await self._session.execute(delete(Chart).where(Chart.id == chart.id))
        self._announce(chart, chart.revision + 1)

    def _used(self) -> Select[int]:
        return select(ChartUsage.points).where(ChartUsage.owner_id == self._owner)

    def _owned(self) -> Select[Chart]:
        return select(Chart).where(Chart.owner_id == self._owner)

    def _named(self, key: str) -> Select[Chart]:
        id = as_id(key)
        if id is None:
            return self._owned().where(Chart.name == key)
        # A name may look like an id, of another chart even: then the id counts.
        chosen = self._owned().where(or_(Chart.name == key, Chart.id == id))
        return chosen.order_by((Chart.id == id).desc()).limit(1)

    async def _make_room(self) -> None:
        # Locked, so that of two that are made at the same time one comes after the other.
        await lock_owner(self._session, self._owner)
        counted = select(func.count()).select_from(self._owned().subquery())
        if (await self._session.scalar(counted) or 0) >= self._quotas.charts:
            detail = f"You have {self._quotas.charts} charts; delete one."
            raise Forbidden(detail, code="quota_charts")

    def _new(self, name: str | None, title: str) -> Chart:
        return Chart(
            id=uuid7(),
            owner_id=self._owner,
            name=name,
            title=title,
            version=1,
            revision=0,
            created_at=self._now,
            updated_at=self._now,
            accessed_at=self._now if self._expires else None,
            series=[],
        )

    def _fill(self, chart: Chart, document: ChartIn) -> None:
        chart.options = document.options
        chart.drawings = document.drawings
        chart.annotations = document.annotations
        self._arrange(chart, document.panes)

    def _arrange(self, chart: Chart, panes: Sequence[PaneIn]) -> None:
        """Series that stay keep their points."""
        if sum(len(pane.series) for pane in panes) > self._quotas.series:
            detail = f"A chart has up to {self._quotas.series} series."
            raise Forbidden(detail, code="quota_series")
        chart.panes = b"\n".join(pane.options for pane in panes)
        known = {series.name: series for series in chart.series}
        chart.series = [
            _arranged(known.get(one.id), one, pane=number, place=place)
            for number, pane in enumerate(panes)
            for place, one in enumerate(pane.series)
        ]

    async def _add(self, chart: Chart) -> Chart:
        self._session.add(chart)
        return await self._flush(chart)

    async def _save(self, chart: Chart) -> Chart:
        chart.version += 1
        chart.updated_at = self._now
        if chart.accessed_at is not None:
            chart.accessed_at = self._now
        chart.revision += 1
        await self._flush(chart)
        self._announce(chart, chart.revision)
        return chart

    def _announce(self, chart: Chart, revision: int) -> None:
        announce(self._session, self._bus, Changed(chart=str(chart.id), revision=revision))

    async def _flush(self, chart: Chart) -> Chart:
        name = chart.name
        try:
            await self._session.flush()
        except IntegrityError as error:
            detail = f"You already have a chart called {name}."
            raise Conflict(detail, code="name_taken") from error
        return chart


def _found(chart: Chart | None) -> Chart:
    if chart is None:
        raise NotFound("There is no such chart.")
    return chart


def _arranged(series: Series | None, wanted: SeriesIn, *, pane: int, place: int) -> Series:
    source = None if wanted.source is None else wanted.source.model_dump_json().encode()
    if series is None:
        series = Series(id=uuid7(), name=wanted.id, count=0, first=None, last=None, version=0)
    elif series.count and (
        source is not None or SeriesType(series.type).columns != wanted.type.columns
    ):
        raise Conflict(
            f"The series {wanted.id} has points that do not fit; remove them, or take another id.",
            code="points_do_not_fit",
        )
    series.type, series.options, series.source = wanted.type.value, wanted.options, source
    series.pane, series.place = pane, place
    return series


def _copy(series: Series) -> Series:
    fields = ("name", "pane", "place", "type", "options", "source", "count", "first", "last")
    same = {field: getattr(series, field) for field in fields}
    return Series(id=uuid7(), version=1 if series.count else 0, **same)
