"""Runs of a series' points as columns, which indicators are computed over.

A reader of frames is of one series; those of an indicator read those of the series beneath it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import Protocol

import numpy as np

from tradeapi.analytics.bars import PRICES, Float64Array
from tradeapi.charts.bindings import columns_of
from tradeapi.charts.chunks import Window
from tradeapi.charts.pages import Page, pushed_page
from tradeapi.charts.points import SeriesType
from tradeapi.charts.sources import Source
from tradeapi.charts.targets import Target
from tradeapi.database import Database
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.query import window_of
from tradeapi.market.calendars.marks import sessions


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Strictly ascending `time`; `columns` are of that shape, NaN where a point has no value.

    `close` is what a series of single values shows.
    """

    time: Float64Array
    columns: Mapping[str, Float64Array]
    has_more_before: bool
    has_more_after: bool

    def __len__(self) -> int:
        return len(self.time)


class Frames(Protocol):
    """Reads a series."""

    async def read(self, window: Window) -> Frame: ...


class PushedFrames:
    """Points that were pushed."""

    def __init__(self, database: Database, target: Target) -> None:
        self._database = database
        self._target = target

    async def read(self, window: Window) -> Frame:
        async with self._database.read() as connection:
            page = await pushed_page(connection, self._target, window)
        return pushed_frame(page)


def pushed_frame(page: Page) -> Frame:
    names = PRICES if page.points.width > 1 else ("close",)
    columns = dict(zip(names, page.points.values.T, strict=True))
    return Frame(page.points.time, columns, page.has_more_before, page.has_more_after)


class BarFrames:
    """Bars of a symbol; `session` numbers the sessions of its calendar."""

    def __init__(self, bars: BarHistory, type: SeriesType, source: Source) -> None:
        self._bars = bars
        self._source = source
        self._is_whole = "session" in columns_of(type, source)

    async def read(self, window: Window) -> Frame:
        start = None if window.after == -inf else floor(window.after) + 1
        end = None if window.before == inf else ceil(window.before)
        asked = window_of(start, end, limit=window.limit, earliest=window.earliest)
        source = self._source
        answer = await self._bars.read(source.symbol, source.resolution, asked, source.adjustment)
        bars = answer.bars
        if self._is_whole:
            columns = {name: getattr(bars, name) for name in (*PRICES, "volume")}
            columns["session"] = sessions(answer.listing.calendar, bars, source.resolution)
        else:
            columns = {"close": getattr(bars, source.field)}
        page = answer.page
        time = bars.time.astype(np.float64)
        return Frame(time, columns, page.has_more_before, page.has_more_after)
