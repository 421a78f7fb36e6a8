"""Where a symbol stands, and how it moves on: what of news is a move of the price."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import floor, inf

from tradeapi.alerts.engine.gauges import MINUTE, Moment
from tradeapi.market.events import Changed, Quote
from tradeapi.market.live.watch import Watch
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import NONE


@dataclass(slots=True)
class Position:
    """How far a symbol has been watched; see AlertPosition."""

    version: int = -1
    time: float = -inf
    price: float | None = None
    bar: int = -1
    high: float | None = None
    low: float | None = None
    day: int | None = None
    day_high: float | None = None
    day_low: float | None = None
    closed: dict[str, int] = field(default_factory=dict)


class Course:
    """Moves the position; `quote` is the newest that was taken notice of."""

    def __init__(self, watch: Watch, position: Position) -> None:
        self.position = position
        self.quote: Quote | None = None
        self._watch = watch

    def moments(self, change: Changed) -> list[Moment]:
        position = self.position
        if change.trades is not None:
            return [
                self._trade(time, price) for time, price in newest(change.trades, position.time)
            ]
        finest = _finest(change)
        quote = change.quote
        if finest is not None and (finest.is_intraday or not quote.is_intraday):
            calendar = self._watch.listing.calendar
            return [
                self.of_bar(
                    bar.time,
                    min(calendar.end(bar.time, finest), change.updated),
                    bar.high,
                    bar.low,
                    bar.close,
                    is_late=False,
                )
                for bar in change.bars[finest]
                if bar.time >= position.bar
            ]
        quoted = self.quoted(quote, is_late=False)
        return [] if quoted is None else [quoted]

    def _trade(self, time: float, price: float) -> Moment:
        bar = floor(time / MINUTE) * MINUTE
        return self.moment(time, price, price, price, bar, is_late=False)

    def quoted(self, quote: Quote, *, is_late: bool) -> Moment | None:
        position = self.position
        if quote.last is None or quote.time is None or quote.time < position.time:
            return None
        return self.moment(
            quote.time, quote.last, quote.last, quote.last, position.bar, is_late=is_late
        )

    def of_bar(  # noqa: PLR0913  a bar
        self, bar: int, time: float, high: float, low: float, close: float, *, is_late: bool
    ) -> Moment:
        """Of the bar that was forming only what is new of it."""
        position = self.position
        if bar == position.bar and position.price is not None:
            if position.high is not None and high <= position.high:
                high = max(position.price, close)
            if position.low is not None and low >= position.low:
                low = min(position.price, close)
        return self.moment(time, high, low, close, bar, is_late=is_late)

    def now(self, now: float, *, is_late: bool = False) -> Moment:
        """The price as it stands."""
        price = self.position.price
        stands = 0.0 if price is None else price
        return self.moment(now, stands, stands, stands, self.position.bar, is_late=is_late)

    def moment(  # noqa: PLR0913  what there is of one
        self, time: float, high: float, low: float, close: float, bar: int, *, is_late: bool
    ) -> Moment:
        position, quote = self.position, self.quote
        return Moment(
            time,
            high,
            low,
            close,
            bar,
            None if quote is None or quote.day != position.day else quote.previous_close,
            position.day_high,
            position.day_low,
            is_late,
        )

    def stand_at(self, moment: Moment) -> None:
        position = self.position
        position.time = max(position.time, moment.time)
        position.price = moment.close
        if moment.bar > position.bar:
            position.bar, position.high, position.low = moment.bar, moment.high, moment.low
        elif position.high is None or position.low is None:
            position.high, position.low = moment.high, moment.low
        else:
            position.high = max(position.high, moment.high)
            position.low = min(position.low, moment.low)
        if position.day_high is None or moment.high > position.day_high:
            position.day_high = moment.high
        if position.day_low is None or moment.low < position.day_low:
            position.day_low = moment.low

    def show(self, change: Changed) -> None:
        """Late trades move nothing, but the bar shows them: they are no news later."""
        position = self.position
        finest = _finest(change)
        for bar in () if finest is None else change.bars[finest]:
            if bar.time == position.bar and position.high is not None and position.low is not None:
                position.high = max(position.high, bar.high)
                position.low = min(position.low, bar.low)

    def stand_within(self, quote: Quote) -> None:
        """The bar that forms has been anywhere: what it shows later is no news."""
        if quote.time is None:
            return
        bar = floor(quote.time / MINUTE) * MINUTE if quote.is_intraday else quote.day
        self.position.bar = -1 if bar is None else bar
        self.position.high, self.position.low = inf, -inf

    def take_quote(self, quote: Quote) -> None:
        self.quote = quote
        if quote.day != self.position.day:
            self.position.day = quote.day
            self.position.day_high = self.position.day_low = None

    def take_day(self, quote: Quote) -> None:
        if quote.high is not None and quote.low is not None:
            self.position.day_high, self.position.day_low = quote.high, quote.low

    def begin_day(self, bar: int, resolution: Resolution) -> None:
        """A stored bar may be of another day than the one before it."""
        calendar, position = self._watch.listing.calendar, self.position
        day = calendar.label(bar, Resolution.DAY) if resolution.is_intraday else bar
        if day not in {NONE, position.day}:
            position.day, position.day_high, position.day_low = day, None, None


def _finest(change: Changed) -> Resolution | None:
    return min(change.bars, key=lambda resolution: resolution.seconds, default=None)


def newest(trades: Iterable[tuple[float, float]], since: float) -> Iterator[tuple[float, float]]:
    """Those that were the newest when they came."""
    for time, price in trades:
        if time >= since:
            since = time
            yield time, price
