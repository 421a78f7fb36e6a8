"""A series of bars as it was, page by page."""

from asyncio import Semaphore
from collections.abc import Sequence

from tradeapi.market.bars.bar_history import Answer, BarHistory
from tradeapi.market.live.series import Series, row_of
from tradeapi.market.store.history import Window
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.recordings import Past

BARS_AT_ONCE = 200


class BarRecording:
    """The closed bars with `start <= time < end`, each as stored, and final at its close.

    What lay between the open and the close is not kept, and nobody makes it up. `turns` bounds how
    many recordings are read at the same time.
    """

    def __init__(
        self, series: Series, history: BarHistory, start: int, end: int, turns: Semaphore
    ) -> None:
        self._series = series
        self._history = history
        self._start = start
        self._end = end
        self._turns = turns

    async def read(self) -> Sequence[Past]:
        if self._start >= self._end:
            return ()
        symbol, resolution, adjustment = self._series
        window = Window(limit=BARS_AT_ONCE, start=self._start, end=self._end, earliest=True)
        async with self._turns:
            with as_unavailable():
                answer = await self._history.read(symbol, resolution, window, adjustment)
        past = self._past(answer)
        is_all = len(past) < BARS_AT_ONCE
        self._start = self._end if is_all else int(past[-1].begin) + 1
        return past

    def _past(self, answer: Answer) -> Sequence[Past]:
        calendar, bars = answer.listing.calendar, answer.bars
        closed = int(bars.time.searchsorted(answer.final_until))
        rows = (row_of(bars, place) for place in range(closed))
        return [
            Past(
                begin=row[0],
                end=calendar.end(row[0], answer.resolution),
                type="bar",
                fields={"bar": row, "final": True},
            )
            for row in rows
        ]
