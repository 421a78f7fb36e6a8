"""Levels as the daily bars of the index's symbol."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.bars import Bars, Float64Array, Int64Array
from tradeapi.analytics.resampling import fold
from tradeapi.database import raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import SymbolFacts
from tradeapi.market.store.history import Window, history
from tradeapi.market.times import EARLIEST

# Twenty years of minutes are read at a time no more than this.
_ALL_MINUTES = 10_000_000


async def write(
    session: AsyncSession,
    store: BarStore,
    facts: SymbolFacts,
    levels: Sequence[tuple[int, float]],
    *,
    is_anew: bool,
) -> None:
    """Have these levels be the closes of their days; where it `is_anew`, the first ones of all.

    What the index did within a day is known from its minutes; of one without it is the level alone.
    """
    days = np.array([day for day, _ in levels], np.int64)
    close = np.array([level for _, level in levels])

    minutes = await _minutes(session, facts, int(days[0]), int(days[-1]))
    places = days.searchsorted(minutes.time)
    daily = Bars(
        days,
        _with(close, places, minutes.open),
        np.maximum(close, _with(close, places, minutes.high)),
        np.minimum(close, _with(close, places, minutes.low)),
        close,
        np.zeros(len(days)),
    )
    [book] = await store.open(session, [facts])
    if is_anew:
        await book.delete(Resolution.DAY, EARLIEST, int(days[0]))
    await book.upsert(Resolution.DAY, daily)
    await store.flush(session, [book])


async def _minutes(session: AsyncSession, facts: SymbolFacts, first: int, last: int) -> Bars:
    """The index within these days, folded to them."""
    calendar = facts.calendar
    start = calendar.span(first, Resolution.DAY)[0]
    end = calendar.span(last, Resolution.DAY)[1]
    stretch = Window(limit=_ALL_MINUTES, start=start, end=end)
    bars = (await history(await raw(session), facts.id, Resolution.MINUTE, stretch)).bars
    days = fold(bars, calendar.labels(bars.time, Resolution.DAY))
    return days[(days.time >= first) & (days.time <= last)]


def _with(close: Float64Array, places: Int64Array, values: Float64Array) -> Float64Array:
    """The closes, with these values at their places."""
    result = close.copy()
    result[places] = values
    return result
