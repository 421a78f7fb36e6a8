"""A chart at one revision: its document, and the newest points of its pushed series."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from tradeapi.charts import cuts
from tradeapi.charts.answers import document
from tradeapi.charts.chunks import Window
from tradeapi.charts.events import MOST_TOLD
from tradeapi.charts.keys import as_key
from tradeapi.charts.models import Chart, Series
from tradeapi.charts.points import SeriesType
from tradeapi.charts.texts import in_json
from tradeapi.database import Database, raw
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound

# Of all series together.
MOST_POINTS = 20_000


class Version(NamedTuple):
    """Of the points of a pushed series; another of its name counts for itself."""

    series: UUID
    version: int

    @classmethod
    def of(cls, series: Series) -> "Version":
        return cls(UUID(str(series.id)), series.version)


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest points of a series, as JSON."""

    points: bytes
    has_more_before: bool

    @property
    def fields(self) -> Mapping[str, object]:
        return {"points": orjson.Fragment(self.points), "has_more_before": self.has_more_before}


NOTHING = Shown(b"[]", has_more_before=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """`epoch` is the database's. `shown` are the pushed series that were read."""

    epoch: str
    revision: int
    version: int
    accessed_at: float | None
    document: bytes
    series: Sequence[Series]
    shown: Mapping[str, Shown]

    @property
    def most(self) -> int:
        """How many points of each series are shown at the most."""
        return MOST_POINTS // max(len(self.series), 1)


async def read(
    database: Database,
    id: UUID,
    ttl: float,
    *,
    history: int | None = None,
    known: Mapping[str, Version] | None = None,
) -> Reading:
    """With so many points of each pushed series; None: of those only that are not `known`.

    What is not known has MOST_TOLD at least. Raises NotFound.
    """
    async with _one_moment(database) as session:
        chosen = select(Chart).where(Chart.id == id).options(selectinload(Chart.series))
        chart = await session.scalar(chosen)
        if chart is None:
            raise NotFound("There is no such chart.")
        connection = await raw(session)
        [(epoch,)] = await connection.fetch("SELECT value FROM epoch")
        most = MOST_POINTS // max(len(chart.series), 1)
        shown = {}
        for series in chart.series:
            count = history
            if known is not None and is_news(series, known):
                count = max(history or 0, MOST_TOLD)
            if series.source is None and count is not None:
                shown[series.name] = await _newest(connection, series, min(count, most))
    return Reading(
        epoch=epoch,
        revision=chart.revision,
        version=chart.version,
        accessed_at=chart.accessed_at,
        document=document(chart, ttl),
        series=chart.series,
        shown=shown,
    )


def is_news(series: Series, known: Mapping[str, Version]) -> bool:
    """Whether it has other points than are known; what is new to the chart may have none."""
    version = Version.of(series)
    return series.source is None and known.get(series.name, Version(version.series, 0)) != version


async def _newest(connection: Raw, series: Series, count: int) -> Shown:
    if not count or not series.count:
        return Shown(b"[]", has_more_before=series.count > 0)
    type = SeriesType(series.type)
    key = as_key(connection, UUID(str(series.id)))
    found = await cuts.read(connection, cuts.Choice.by(key), Window(count))
    assert found is not None  # noqa: S101  it has just been there, at the same moment
    points = await cuts.joined(found[1], len(type.columns))
    text = await in_json(points, type.columns)
    return Shown(text, has_more_before=series.count > len(points))


@asynccontextmanager
async def _one_moment(database: Database) -> AsyncIterator[AsyncSession]:
    """A session all of whose statements see the same; SQLite's do anyway."""
    async with database.reading() as session:
        if not database.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ"}
            await session.connection(execution_options=options)
        yield session
