"""The numbers that conditions are about, as a symbol moves."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, Protocol

import numpy as np

from tradeapi.alerts.conditions import Extreme, Line, Move, Period, Price, Reading, Side, Volume
from tradeapi.alerts.engine.armed import Condition
from tradeapi.alerts.engine.ladder import Ladder
from tradeapi.analytics.bars import COLUMNS, Bars, Float64Array
from tradeapi.analytics.indicators import Memory
from tradeapi.analytics.live_studies import LiveStudy
from tradeapi.analytics.points import is_settled
from tradeapi.market.resolutions import Resolution

MINUTE = 60
YEAR_DAYS = 364
DAY = 86_400

# time, open, high, low, close, volume
Row = tuple[float, ...]
_HIGH, _LOW, _CLOSE, _VOLUME = 2, 3, 4, 5
_time = itemgetter(0)


@dataclass(slots=True)
class Moment:
    """A trade, or a bar as a whole: then the price went over `high` and `low` to `close`.

    `bar` is the bar that it is of, in the finest resolution; the day's figures are from before it.
    `is_late`: it is evaluated afterwards, from what was stored.
    """

    time: float
    high: float
    low: float
    close: float
    bar: int
    previous_close: float | None
    day_high: float | None
    day_low: float | None
    is_late: bool


class Span(NamedTuple):
    """A number's way: over `high` and `low` to `close`."""

    high: float
    low: float
    close: float


class Rows(Protocol):
    """The closed bars of one resolution, ascending."""

    @property
    def closed(self) -> Sequence[Row]: ...


class PriceGauge(Protocol):
    """What the price moves."""

    ladder: Ladder[Condition]

    def read(self, moment: Moment) -> Span | None: ...


class BarGauge(Protocol):
    """What bars of one resolution move; `need` is how many closed ones it is computed from, and
    `kept` how many of them it looks back at as it goes on.
    """

    ladder: Ladder[Condition]
    resolution: Resolution
    need: int
    kept: int
    is_on_close: bool

    def is_settled(self, bars: Mapping[str, Float64Array]) -> bool:
        """Whether earlier bars would make no difference."""
        ...

    def begin(self, bars: Mapping[str, Float64Array]) -> None:
        """On the closed bars so far."""
        ...

    def close(self, row: Row, session: float) -> float | None:
        """The number as the bar closes."""
        ...

    def form(self, row: Row, session: float) -> float | None:
        """The number as the newest bar forms, if that matters."""
        ...


class LastPrice:
    def __init__(self) -> None:
        self.ladder: Ladder[Condition] = Ladder()

    def read(self, moment: Moment) -> Span:
        return Span(moment.high, moment.low, moment.close)


class MoveOf:
    """`minutes` is None for the move since the previous close."""

    def __init__(self, gauge: Move, rows: Rows | None) -> None:
        self.ladder: Ladder[Condition] = Ladder()
        self._minutes = gauge.minutes
        self._is_absolute = gauge.is_absolute
        self._rows = rows

    def read(self, moment: Moment) -> Span | None:
        base = self._base(moment)
        if not base:
            return None
        high, low, close = (
            (price / base - 1) * 100 for price in (moment.high, moment.low, moment.close)
        )
        if not self._is_absolute:
            return Span(high, low, close)
        nearest = 0.0 if low < 0 < high else min(abs(high), abs(low))
        return Span(max(abs(high), abs(low)), nearest, abs(close))

    def _base(self, moment: Moment) -> float | None:
        if self._rows is None:
            return moment.previous_close
        assert self._minutes is not None  # noqa: S101  it has rows for that
        ended = moment.time - self._minutes * MINUTE - MINUTE
        place = bisect_right(self._rows.closed, ended, key=_time)
        return self._rows.closed[place - 1][_CLOSE] if place else None


class ExtremeOf:
    """`days` are the daily bars, for what is more than a session."""

    def __init__(self, gauge: Extreme, days: Rows | None) -> None:
        self.ladder: Ladder[Condition] = Ladder()
        self._is_high = gauge.side is Side.HIGH
        self._days = days
        # Until then there may be too few.
        self._are_read = False
        self._known: tuple[int, float | None] = (-1, None)

    def read(self, moment: Moment) -> Span | None:
        before = moment.day_high if self._is_high else moment.day_low
        if self._days is not None:
            earlier = self._earlier(moment)
            if earlier is None:
                return None
            before = earlier if before is None else self._outer(before, earlier)
        if before is None:
            return Span(0.0, 0.0, 0.0)
        reached = moment.high > before if self._is_high else moment.low < before
        extreme = moment.high if self._is_high else moment.low
        stays = reached and moment.close == extreme
        return Span(float(reached), float(stays), float(stays))

    def _earlier(self, moment: Moment) -> float | None:
        assert self._days is not None  # noqa: S101  who calls has seen it
        if not self._are_read:
            return None
        day = int(moment.time) // DAY
        if self._known[0] != day:
            since = (day - YEAR_DAYS) * DAY
            place = _HIGH if self._is_high else _LOW
            prices = [row[place] for row in self._days.closed if row[0] >= since]
            outermost = (max if self._is_high else min)(prices, default=None)
            self._known = (day, outermost)
        return self._known[1]

    def begin(self) -> None:
        """All days are there."""
        self._are_read = True
        self.forget()

    def forget(self) -> None:
        """The days are others now."""
        self._known = (-1, None)

    def _outer(self, one: float, other: float) -> float:
        return max(one, other) if self._is_high else min(one, other)


class VolumeOf:
    is_on_close = False

    def __init__(self, gauge: Volume, rows: Rows) -> None:
        self.ladder: Ladder[Condition] = Ladder()
        self.resolution = gauge.resolution
        self.need = gauge.bars + 1
        self.kept = gauge.bars
        self._bars = gauge.bars
        self._rows = rows

    def is_settled(self, bars: Mapping[str, Float64Array]) -> bool:  # noqa: ARG002
        return True

    def begin(self, bars: Mapping[str, Float64Array]) -> None: ...

    def close(self, row: Row, session: float) -> float | None:
        return self.form(row, session)

    def form(self, row: Row, session: float) -> float | None:  # noqa: ARG002
        before = self._rows.closed[-self._bars :]
        total = sum(one[_VOLUME] for one in before)
        if len(before) < self._bars or total <= 0:
            return None
        return row[_VOLUME] * self._bars / total


class ReadingOf:
    """One indicator, or the difference of two."""

    # It has its own memory.
    kept = 0

    def __init__(self, gauge: Reading) -> None:
        self.ladder: Ladder[Condition] = Ladder()
        self.resolution = gauge.resolution
        self.is_on_close = gauge.is_on_close
        self._lines = [line for line in (gauge.line, gauge.other) if line is not None]
        self._studies = [line.study for line in self._lines]
        self._places = [_place(line) for line in self._lines]
        self._live: list[LiveStudy] = []
        self.need = 2 + max(study.warm_up for study in self._studies)

    def is_settled(self, bars: Mapping[str, Float64Array]) -> bool:
        last = len(bars["close"]) - 1
        return all(
            study.indicator.memory is Memory.BARS or is_settled(study, bars, last)
            for study in self._studies
        )

    def begin(self, bars: Mapping[str, Float64Array]) -> None:
        self._live = [LiveStudy(study, bars) for study in self._studies]

    def close(self, row: Row, session: float) -> float | None:
        bar = _bar(row, session)
        return self._difference([live.update(*_inputs(live, bar)) for live in self._live])

    def form(self, row: Row, session: float) -> float | None:
        if self.is_on_close:
            return None
        bar = _bar(row, session)
        return self._difference([live.peek(*_inputs(live, bar)) for live in self._live])

    def _difference(self, found: Sequence[tuple[float, ...] | None]) -> float | None:
        values = [
            values[place]
            for values, place in zip(found, self._places, strict=False)
            if values is not None
        ]
        if not values or len(values) < len(self._lines):
            return None
        return values[0] if len(values) == 1 else values[0] - values[1]


def columns_of(bars: Bars, session: Float64Array) -> Mapping[str, Float64Array]:
    """What indicators may ask for."""
    columns = {name: getattr(bars, name) for name in COLUMNS[1:]}
    return {**columns, "session": session}


def rows_of(bars: Bars) -> list[Row]:
    return list(zip(*(column.tolist() for column in bars.columns()), strict=True))


def price_gauge(gauge: Price | Move | Extreme, rows: Rows | None) -> PriceGauge:
    """`rows` are the closed bars that `history_of` names."""
    if isinstance(gauge, Price):
        return LastPrice()
    return MoveOf(gauge, rows) if isinstance(gauge, Move) else ExtremeOf(gauge, rows)


def history_of(gauge: Price | Move | Extreme) -> tuple[Resolution, int] | None:
    """Of which resolution how many closed bars a gauge of the price needs."""
    if isinstance(gauge, Move) and gauge.minutes is not None:
        return Resolution.MINUTE, gauge.minutes + 2
    if isinstance(gauge, Extreme) and gauge.period is Period.YEAR:
        return Resolution.DAY, YEAR_DAYS + 2
    return None


def _place(line: Line) -> int:
    return line.study.indicator.outputs.index(line.output)


def _bar(row: Row, session: float) -> Mapping[str, float]:
    return {**dict(zip(COLUMNS, row, strict=True)), "session": session}


def _inputs(live: LiveStudy, bar: Mapping[str, float]) -> list[float]:
    return [bar[name] for name in live.study.indicator.inputs]


def newest_value(gauge: BarGauge, bars: Bars, session: Float64Array) -> float | None:
    """Begin on all bars but the last, and close that: the number as it was then."""
    if not len(bars):
        gauge.begin(columns_of(bars, session))
        return None
    gauge.begin(columns_of(bars[:-1], session[:-1]))
    [row] = rows_of(bars[-1:])
    return gauge.close(row, float(np.asarray(session)[-1]))
