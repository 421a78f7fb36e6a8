"""The newest bars of a symbol in one resolution, for what is computed from them."""

from collections.abc import Iterator, Sequence
from time import monotonic

from anyio.lowlevel import checkpoint

from tradeapi.alerts.engine.gauges import (
    BarGauge,
    ExtremeOf,
    Row,
    columns_of,
    newest_value,
    rows_of,
)
from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import Bars, Float64Array
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.marks import sessions
from tradeapi.market.events import BarChange
from tradeapi.market.live.turns import TURN_SECONDS
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window

# An indicator that depends on more counts from so far back.
MOST_BARS = 100_000

# A gauge, its new number, and the bar that it is of.
Reading = tuple[BarGauge, float, Row]


class Trail:
    """It is opened by reading, and followed; when closed bars change it has to be opened again."""

    def __init__(self, resolution: Resolution) -> None:
        self.resolution = resolution
        self.gauges: list[BarGauge] = []
        # Of the price, which look back here.
        self.others: dict[object, int] = {}
        self.closed: list[Row] = []
        self.forming: Row | None = None
        self.is_open = False
        # How often more was asked of it, and up to which of these it was read.
        self._asked = self._answered = 0
        # Versions and their changes that came while it was not.
        self.missed: list[tuple[int, Sequence[BarChange]]] = []
        self._calendar: Calendar | None = None
        self._session = (-1.0, 0.0)

    @property
    def is_idle(self) -> bool:
        return not self.gauges and not self.others

    @property
    def wants_read(self) -> bool:
        return not self.is_open or self._answered != self._asked

    def ask(self) -> None:
        """It has something new to know, and goes on without until it is read again."""
        self._asked += 1

    @property
    def need(self) -> int:
        needs = [gauge.need for gauge in self.gauges]
        return max([*needs, *self.others.values()], default=1)

    @property
    def kept(self) -> int:
        """How many closed bars are looked back at: the others would fill the memory."""
        return 1 + max([0, *(gauge.kept for gauge in self.gauges), *self.others.values()])

    async def read(self, bars: BarHistory, symbol: str, since: float | None) -> "Opened":
        """Bars as they are now, enough for what each gauge reads at the closed bar `since`."""
        limit = self.need + 1
        asked, gauges, others = self._asked, tuple(self.gauges), tuple(self.others)
        self.is_open = False
        self.missed.clear()
        while True:
            answer = await bars.read(symbol, self.resolution, Window(limit), Adjustment.SPLITS)
            calendar = answer.listing.calendar
            session = sessions(calendar, answer.bars, self.resolution)
            count = int(answer.bars.time.searchsorted(answer.final_until))
            opened = Opened(answer.bars, session, count, calendar, answer.page.version)
            opened.asked, opened.gauges, opened.others = asked, gauges, others
            opened.stand_at(since)
            is_all = not answer.page.has_more_before or limit >= MOST_BARS
            if is_all or self._is_settled(opened):
                return opened
            limit = min(4 * limit, MOST_BARS)

    async def work_out(self, opened: "Opened") -> None:
        """What each gauge reads at the last of the known bars. For a thousand of them that takes
        seconds, in which others have their turns.
        """
        turn = monotonic()
        for gauge in opened.gauges:
            if gauge in self.gauges:
                opened.values[gauge] = self._newest(gauge, opened)
            if monotonic() - turn > TURN_SECONDS:
                await checkpoint()
                turn = monotonic()

    def _newest(self, gauge: BarGauge, opened: "Opened") -> float | None:
        """Gauges of the price look back here meanwhile."""
        held, before = self.closed, max(opened.known - 1, 0)
        self.closed = rows_of(opened.bars[max(before - self.kept, 0) : before])
        try:
            return newest_value(gauge, opened.bars[: opened.known], opened.session[: opened.known])
        finally:
            self.closed = held

    def begin(self, opened: "Opened") -> Iterator[Sequence[Reading]]:
        """Go on from what was worked out: that, and then what each gauge reads with each later
        bar.
        """
        bars, known, kept = opened.bars, opened.known, self.kept
        self._calendar = opened.calendar
        self._answered = opened.asked
        self.forming = None
        self.is_open = True
        for other in opened.others:
            if isinstance(other, ExtremeOf):
                other.begin()
        forms = opened.count < len(bars)
        self.closed = rows_of(bars[max(known - kept, 0) : known])
        if self.closed:
            row = self.closed[-1]
            # What is read of a bar as it forms has been read beyond the closed ones.
            yield [
                (gauge, value, row)
                for gauge, value in opened.values.items()
                if gauge in self.gauges and value is not None and (gauge.is_on_close or not forms)
            ]
        for row in rows_of(bars[known : opened.count]):
            yield self.close(row)
        rest = rows_of(bars[opened.count :])
        self.forming = rest[-1] if rest else None
        if self.forming is not None:
            yield self._form(self.forming)
        missed, self.missed = self.missed, []
        for version, changes in missed:
            if version > opened.version and self.is_open:
                yield from self.follow(changes)

    def follow(self, changes: Sequence[BarChange]) -> Iterator[Sequence[Reading]]:
        """What the gauges read with each change; after a revision it is not open any more."""
        for change in changes:
            row: Row = change[1:]
            if self.closed and row == self.closed[-1]:
                # The clock has closed it before.
                continue
            if change.kind == "revise" or (self.closed and row[0] <= self.closed[-1][0]):
                self.is_open = False
                return
            if self.forming is not None and row[0] > self.forming[0]:
                yield self.close(self.forming)
            if change.kind == "final":
                yield self.close(row)
            else:
                self.forming = row
                yield self._form(row)

    def close(self, row: Row) -> Sequence[Reading]:
        """The bar will not change any more."""
        session = self._session_of(row)
        found = [(gauge, gauge.close(row, session)) for gauge in self.gauges]
        self.closed.append(row)
        self.forming = None
        if len(self.closed) > 2 * self.kept + 100:
            del self.closed[: -self.kept]
        for other in self.others:
            if isinstance(other, ExtremeOf):
                other.forget()
        return [(gauge, value, row) for gauge, value in found if value is not None]

    def _form(self, row: Row) -> Sequence[Reading]:
        if not self.gauges:
            return ()
        session = self._session_of(row)
        found = [(gauge, gauge.form(row, session)) for gauge in self.gauges]
        return [(gauge, value, row) for gauge, value in found if value is not None]

    def _session_of(self, row: Row) -> float:
        if row[0] != self._session[0] and self._calendar is not None:
            [session] = sessions(self._calendar, Bars.of([row]), self.resolution)
            self._session = row[0], float(session)
        return self._session[1]

    def _is_settled(self, opened: "Opened") -> bool:
        known = opened.known
        if known < min(self.need, opened.count):
            return False
        columns = columns_of(opened.bars[:known], opened.session[:known])
        return all(gauge.is_settled(columns) for gauge in self.gauges)


class Opened:
    """Bars of which the first `count` are closed, the session of each, and the version of all.

    They are enough for the `gauges` and `others` of a trail of which had been `asked` so much;
    `values` is what the gauges read at the last of the `known` ones.
    """

    def __init__(
        self, bars: Bars, session: Float64Array, count: int, calendar: Calendar, version: int
    ) -> None:
        self.bars = bars
        self.session = session
        self.count = count
        self.calendar = calendar
        self.version = version
        self.asked = 0
        self.gauges: Sequence[BarGauge] = ()
        self.others: Sequence[object] = ()
        self.known = count
        self.values: dict[BarGauge, float | None] = {}

    def stand_at(self, since: float | None) -> None:
        if since is not None:
            self.known = min(self.count, int(self.bars.time.searchsorted(since, "right")))
