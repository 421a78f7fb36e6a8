"""What indicators of a chart are computed over in the end: pushed points, or bars of a symbol."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import nan
from typing import Any, Protocol
from uuid import UUID

from tradeapi.analytics.bars import COLUMNS, Bars
from tradeapi.charts.bindings import columns_of
from tradeapi.charts.chunks import Window
from tradeapi.charts.frames import BarFrames, Frame, pushed_frame
from tradeapi.charts.keys import as_key
from tradeapi.charts.live.bound import Row
from tradeapi.charts.models import Series
from tradeapi.charts.pages import pushed_page
from tradeapi.charts.points import SeriesType
from tradeapi.charts.sources import Source
from tradeapi.charts.targets import Target
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.marks import sessions
from tradeapi.market.symbols.directory import Directory

Bar = Mapping[str, float]


class Ground(Protocol):
    """One series that is no indicator. `version` is that of the pushed points that were read."""

    version: int

    async def read(self, window: Window) -> Frame: ...

    def bar(self, news: Any) -> Bar:  # noqa: ANN401  as it is told: a point, or a row of a bar
        """One that was told after the first was read, in the columns of a frame."""


class PushedGround:
    """Points that were pushed."""

    def __init__(self, database: Database, series: Series) -> None:
        self.version = -1
        self._database = database
        self._id = UUID(str(series.id))
        self._target = Target(series.name, None, None, SeriesType(series.type), None)
        columns = self._target.type.columns
        self._names = {"value": "close"} if len(columns) == 1 else {name: name for name in columns}

    async def read(self, window: Window) -> Frame:
        async with self._database.read() as connection:
            target = replace(self._target, key=as_key(connection, self._id))
            page = await pushed_page(connection, target, window)
        assert page.state is not None  # noqa: S101  it is pushed
        self.version = page.state.version
        return pushed_frame(page)

    def bar(self, news: Mapping[str, float]) -> Bar:
        return {column: news.get(name, nan) for name, column in self._names.items()}


class BoundGround:
    """Bars of a symbol, with those `columns` that are needed."""

    version = -1

    def __init__(
        self,
        bars: BarHistory,
        directory: Directory,
        series: Series,
        source: Source,
        columns: Collection[str],
    ) -> None:
        type = SeriesType(series.type)
        self._source = source
        self._directory = directory
        self._frames = BarFrames(bars, type, source)
        self._is_whole = "session" in columns_of(type, source)
        self._has_session = "session" in columns
        self._calendar: Calendar | None = None
        self._session = (nan, nan)

    async def read(self, window: Window) -> Frame:
        self._calendar = (await self._directory.get(self._source.symbol)).calendar
        return await self._frames.read(window)

    def bar(self, news: Row) -> Bar:
        row = dict(zip(COLUMNS, news, strict=False))
        if not self._is_whole:
            return {"close": row[self._source.field]}
        return {**row, "session": self._session_of(news)} if self._has_session else row

    def _session_of(self, row: Row) -> float:
        if row[0] != self._session[0]:
            assert self._calendar is not None  # noqa: S101  bars have been read
            bars = Bars.of([row[: len(COLUMNS)]])
            [session] = sessions(self._calendar, bars, self._source.resolution)
            self._session = row[0], float(session)
        return self._session[1]
