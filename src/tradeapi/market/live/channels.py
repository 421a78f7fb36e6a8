"""The market's stream topics: `bars:{symbol}:{resolution}[:{adjustment}]`, `quotes:{symbol}`."""

from asyncio import Semaphore
from math import ceil
from typing import Never

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.clock import Clock
from tradeapi.errors import FieldError, Invalid, NotFound
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.live.bar_recording import BarRecording
from tradeapi.market.live.bar_source import BarSource
from tradeapi.market.live.live_quotes import LiveQuotes
from tradeapi.market.live.quote_source import QuoteSource
from tradeapi.market.live.series import Series
from tradeapi.market.live.watches import Watches
from tradeapi.market.resolutions import Resolution
from tradeapi.market.times import parse_time
from tradeapi.streams.names import unknown_topic
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal

# Of the connections that read; the others are for those who wait for an answer.
RECORDINGS_READ_AT_ONCE = 2


class BarsChannel:
    """Topics of bars; `lateness` is how long after its end a bar stays open."""

    def __init__(
        self, watches: Watches, history: BarHistory, clock: Clock, *, lateness: float
    ) -> None:
        self._watches = watches
        self._history = history
        self._clock = clock
        self._lateness = lateness
        self._recordings = Semaphore(RECORDINGS_READ_AT_ONCE)

    async def admit(self, _: str, principal: Principal) -> None:
        principal.require_market_data()

    async def open(self, topic: Topic) -> BarSource:
        series = parse_series(topic.name)
        watch = await self._watches.open(series.symbol)
        return BarSource(
            topic, series, self._watches, watch, self._history, self._clock, self._lateness
        )

    async def replay(self, name: str, start: object, end: object) -> BarRecording:
        series, first = parse_series(name), _instant("start", start)
        until = ceil(self._clock.now()) if end is None else _instant("end", end)
        if first >= until:
            raise Invalid("The end does not lie after the start.", code="bad_range")
        return BarRecording(series, self._history, first, until, self._recordings)


class QuotesChannel:
    """Topics of quotes."""

    def __init__(self, quotes: LiveQuotes) -> None:
        self._quotes = quotes

    async def admit(self, _: str, principal: Principal) -> None:
        principal.require_market_data()

    async def open(self, topic: Topic) -> QuoteSource:
        match topic.name.split(":"):
            case [_, exchange, ticker]:
                quote = await self._quotes.open(_symbol(exchange, ticker))
            case _:
                raise unknown_topic(topic.name, "quotes:{symbol}")
        return QuoteSource(topic, self._quotes, quote)

    async def replay(self, name: str, _: object, __: object) -> Never:
        detail = f"What {name} was is not kept; replay bars."
        raise Invalid(detail, errors=[FieldError("/topic", detail)])


def parse_series(name: str) -> Series:
    """What the topic names; raises NotFound (unknown_topic) or Invalid (unknown_resolution)."""
    match name.split(":"):
        case [_, exchange, ticker, resolution]:
            adjustment = Adjustment.RAW
        case [_, exchange, ticker, resolution, "raw" | "splits" | "all" as chosen]:
            adjustment = Adjustment(chosen)
        case _:
            raise unknown_topic(name, "bars:{symbol}:{resolution}[:raw|splits|all]")
    return Series(_symbol(exchange, ticker), Resolution.parse(resolution), adjustment)


def _symbol(exchange: str, ticker: str) -> str:
    """A topic has one name: each further one would be one more to announce, and to keep."""
    symbol = f"{exchange}:{ticker}"
    if symbol != symbol.upper():
        detail = f"There is no symbol {symbol[:80]}: topics name symbols in upper case."
        raise NotFound(detail, code="unknown_symbol")
    return symbol


def _instant(name: str, value: object) -> int:
    """The first whole second that is not before the instant: bars begin on whole seconds."""
    try:
        return ceil(parse_time(value))
    except Invalid as error:
        fault = FieldError(f"/{name}", str(error))
        raise Invalid(str(error), code=error.code, errors=[fault]) from error
