"""Bars as the stock client wants them."""

from collections.abc import Mapping
from math import ceil

import numpy as np

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import Bars, BoolArray
from tradeapi.market.bars.bar_history import Answer, BarHistory
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window
from tradeapi.market.symbols.directory import Listing
from tradeapi.udf.schemas import HistoryParameters

# A client that wants more asks again from the first bar on.
MOST_BARS = 10_000
# With fewer a pulse throws, and a chart that begins with one crashes.
FEWEST_BARS = 2
# How far a client's clock may be behind ours.
CLOCK_SECONDS = 300


async def read(
    history: BarHistory,
    listing: Listing,
    resolution: Resolution,
    asked: HistoryParameters,
    now: float,
) -> Answer:
    """The last `countback` bars before `to`, or those in range, the latest where they are many."""
    start, end = ceil(asked.start), ceil(asked.end)
    if not resolution.is_intraday and end >= now - CLOCK_SECONDS:
        # Whose evening session has begun has a bar of tomorrow.
        end = max(end, listing.calendar.trading_day(now) + 1)
    if asked.countback:
        limit = min(max(asked.countback, FEWEST_BARS), MOST_BARS)
        return await _read(history, listing, resolution, Window(limit, end=end))
    window = Window(MOST_BARS, start=min(start, end), end=end)
    answer = await _read(history, listing, resolution, window)
    if len(answer.bars) == 1 and not answer.page.has_more_after:
        return await _read(history, listing, resolution, Window(FEWEST_BARS, end=end))
    return answer


async def _read(
    history: BarHistory, listing: Listing, resolution: Resolution, window: Window
) -> Answer:
    return await history.read(listing.symbol, resolution, window, Adjustment.SPLITS)


def columns(answer: Answer) -> Mapping[str, object]:
    """Never an empty `ok`, which the client would ask for again for ever.

    Without `nextTime` it knows that nothing is older, and stops.
    """
    bars = _finite(answer.bars)
    if len(bars):
        return {"s": "ok", **dict(zip("tohlcv", bars.columns(), strict=True))}
    if answer.page.previous_time is None:
        return {"s": "no_data"}
    return {"s": "no_data", "nextTime": answer.page.previous_time}


def _finite(bars: Bars) -> Bars:
    """JSON has no other numbers, and the client makes a bar of NaN of a null."""
    finite: BoolArray = np.logical_and.reduce(np.isfinite(np.stack(bars.columns()[1:])))
    return bars if finite.all() else bars[finite]
