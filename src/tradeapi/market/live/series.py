"""A series of bars as a stream names it, and pages of it as changes."""

from typing import NamedTuple

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import Bars
from tradeapi.market.bars.bar_history import Answer
from tradeapi.market.events import BarChange
from tradeapi.market.live.live_edge import LiveEdge, Row
from tradeapi.market.resolutions import Resolution


class Series(NamedTuple):
    """What a topic of bars names."""

    symbol: str
    resolution: Resolution
    adjustment: Adjustment

    @property
    def rest(self) -> str:
        """Where the same bars are had by HTTP."""
        path = f"/api/v1/bars/{self.symbol}?resolution={self.resolution}"
        if self.adjustment is Adjustment.RAW:
            return path
        return f"{path}&adjustment={self.adjustment}"


def row_of(bars: Bars, place: int) -> Row:
    time, open, high, low, close, volume = (column[place].item() for column in bars.columns())
    return time, open, high, low, close, volume


def missed_since(edge: LiveEdge, answer: Answer) -> list[BarChange] | None:
    """The bars from the edge on as changes of it; None when there are more than were read."""
    bars = answer.bars
    start = 0
    if edge.time is not None:
        start = int(bars.time.searchsorted(edge.time))
        if start == len(bars) or bars.time[start] != edge.time:
            return None
    elif answer.page.has_more_before:
        return None
    rows = [row_of(bars, place) for place in range(start, len(bars))]
    closed = [BarChange("final", *row) for row in rows[:-1]]
    return closed + [BarChange("bar", *row) for row in rows[-1:]]
