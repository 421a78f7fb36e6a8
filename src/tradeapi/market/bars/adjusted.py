"""Bars restated for splits and dividends as they are read; the stored ones stay as they are."""

from datetime import UTC, date, datetime
from math import inf
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from tradeapi.analytics.adjustments import (
    Action,
    Adjustment,
    Factors,
    Kind,
    adjust,
    previous_closes,
)
from tradeapi.analytics.bars import Bars, Float64Array
from tradeapi.analytics.resampling import fold
from tradeapi.drivers import Raw
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import date_of, day_of
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Page, Window, history
from tradeapi.market.symbols.actions import ALL_DAYS
from tradeapi.market.symbols.directory import Listing

TABLES_KEPT = 500


class Moved(Exception):
    """The symbol's history changed while it was read: read it again."""


class Ex(NamedTuple):
    """A corporate action with its day (00:00 UTC) and the instant at which that begins to trade."""

    kind: Kind
    day: int
    begin: int
    value: float

    def action(self, *, is_intraday: bool) -> Action:
        return Action(self.kind, self.begin if is_intraday else self.day, self.value)


class Table(NamedTuple):
    """A symbol's actions in order, and the stored close of the day before each."""

    actions: tuple[Ex, ...]
    closes: Float64Array

    def in_effect(self, now: float) -> "Table":
        """What is announced for a later day moves no price yet."""
        count = sum(ex.begin <= now for ex in self.actions)
        return Table(self.actions[:count], self.closes[:count])

    def next_effect(self, now: float) -> float:
        return min((ex.begin for ex in self.actions if ex.begin > now), default=inf)


class Restated(NamedTuple):
    """Bars on the terms of the `last` action in effect, until the next one at `until`."""

    bars: Bars
    last: Ex | None = None
    until: float = inf

    @property
    def has_actions(self) -> bool:
        return self.last is not None or self.until < inf


class AdjustedBars:
    """Pages of history, restated; keeps the actions of a symbol until its history changes.

    `by_version`, for a server that may be behind: until anything of the symbol changes.
    """

    def __init__(self, *, by_version: bool = False) -> None:
        self._by_version = by_version
        self._tables: dict[tuple[int, ...], Table] = {}

    async def restate(  # noqa: PLR0913, PLR0917  a page and all that its prices depend on
        self,
        raw: Raw,
        listing: Listing,
        resolution: Resolution,
        page: Page,
        adjustment: Adjustment,
        now: float,
    ) -> Restated:
        """The page's bars as they are at an instant.

        Raises Moved when the symbol is not at the page's revision any more.
        """
        basis = Adjustment(listing.basis)
        if not adjustment.kinds - basis.kinds:
            return Restated(page.bars)
        table = await self._table(raw, listing, page, now)
        actions, closes = table.in_effect(now)
        factors = Factors.of(
            [ex.action(is_intraday=resolution.is_intraday) for ex in actions],
            closes,
            adjustment,
            basis,
        )
        bars = adjust(page.bars, factors)
        if resolution in {Resolution.WEEK, Resolution.MONTH} and len(factors.effective):
            bars = await _refold(raw, listing, resolution, page, bars, factors)
        return Restated(bars, actions[-1] if actions else None, table.next_effect(now))

    async def _table(self, raw: Raw, listing: Listing, page: Page, now: float) -> Table:
        version = page.version if self._by_version else 0
        key = (listing.id, listing.version, page.revision, version)
        table = self._tables.pop(key, None) or await _read_table(raw, listing, page.revision)
        # Of what is announced the close of the day before may still change.
        if table.next_effect(now) == inf:
            self._tables[key] = table
        if len(self._tables) > TABLES_KEPT:
            del self._tables[next(iter(self._tables))]
        return table


async def _read_table(raw: Raw, listing: Listing, revision: int) -> Table:
    rows = await raw.fetch(_ACTIONS, listing.id)
    if not rows or rows[0][0] != revision:
        raise Moved
    actions = tuple(ex_of(listing.calendar, *row[1:]) for row in rows if row[1] is not None)
    if all(ex.kind == "split" for ex in actions):
        return Table(actions, np.full(len(actions), np.nan))
    until = Window(limit=ALL_DAYS, end=actions[-1].day)
    daily = await history(raw, listing.id, Resolution.DAY, until)
    if daily.revision != revision:
        raise Moved
    days = np.array([ex.day for ex in actions], np.int64)
    return Table(actions, previous_closes(days, daily.bars))


async def _refold(  # noqa: PLR0913, PLR0917
    raw: Raw, listing: Listing, resolution: Resolution, page: Page, bars: Bars, factors: Factors
) -> Bars:
    """Replace the weeks and months that an action cuts in two by what their days add up to."""
    calendar = listing.calendar
    labels = np.unique(calendar.labels(factors.effective, resolution))
    labels = labels[np.isin(labels, bars.time)]
    if not len(labels):
        return bars
    start = calendar.span(int(labels[0]), resolution)[0]
    end = calendar.span(int(labels[-1]), resolution)[1]
    window = Window(limit=ALL_DAYS, start=start, end=end)
    daily = await history(raw, listing.id, Resolution.DAY, window)
    if daily.revision != page.revision:
        raise Moved
    days = adjust(daily.bars, factors)
    folded = fold(days, calendar.labels(days.time, resolution))
    folded = folded[np.isin(folded.time, labels)]
    kept = bars[~np.isin(bars.time, folded.time)]
    mixed = Bars.concat([kept, folded])
    return mixed[np.argsort(mixed.time)]


def ex_of(calendar: Calendar, ex_date: date | str, kind: Kind, value: float) -> Ex:
    """An action as the database has it."""
    day = day_of(date_of(ex_date))
    return Ex(kind, day, begin_of(calendar, day), value)


def begin_of(calendar: Calendar, day: int) -> int:
    """When an action of the day begins to trade: the local midnight, or the open of a session that
    begins on the evening before.
    """
    midnight = datetime.fromtimestamp(day, UTC).replace(tzinfo=ZoneInfo(calendar.timezone))
    begin = int(midnight.timestamp())
    open, close = calendar.span(day, Resolution.DAY)
    return min(begin, open) if open < close else begin


_ACTIONS = """
SELECT h.revision, a.ex_date, a.kind, a.value FROM heads h
LEFT JOIN corporate_actions a ON a.symbol_id = h.symbol_id
WHERE h.symbol_id = $1 ORDER BY a.ex_date, a.kind
"""
