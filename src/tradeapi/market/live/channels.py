"""The market's stream topics: `bars:{symbol}:{resolution}[:{adjustment}]`, `quotes:{symbol}`."""

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.clock import Clock
from tradeapi.errors import NotFound
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.live.bar_source import BarSource
from tradeapi.market.live.quote_source import QuoteSource
from tradeapi.market.live.series import Series
from tradeapi.market.live.watches import Watches
from tradeapi.market.resolutions import Resolution
from tradeapi.streams.topics import Topic
from tradeapi.web.principal import Principal


class BarsChannel:
    """Topics of bars; `lateness` is how long after its end a bar stays open."""

    def __init__(
        self, watches: Watches, history: BarHistory, clock: Clock, *, lateness: float
    ) -> None:
        self._watches = watches
        self._history = history
        self._clock = clock
        self._lateness = lateness

    async def admit(self, _: str, principal: Principal) -> None:
        principal.require_market_data()

    async def open(self, topic: Topic) -> BarSource:
        series = parse_series(topic.name)
        watch = await self._watches.open(series.symbol)
        return BarSource(
            topic, series, self._watches, watch, self._history, self._clock, self._lateness
        )


class QuotesChannel:
    """Topics of quotes; `stale_after` is how old a price may be while its market is open."""

    def __init__(self, watches: Watches, clock: Clock, *, stale_after: float) -> None:
        self._watches = watches
        self._clock = clock
        self._stale_after = stale_after

    async def admit(self, _: str, principal: Principal) -> None:
        principal.require_market_data()

    async def open(self, topic: Topic) -> QuoteSource:
        match topic.name.split(":"):
            case [_, exchange, ticker]:
                watch = await self._watches.open(f"{exchange}:{ticker}")
            case _:
                raise _unknown(topic.name, "quotes:{symbol}")
        return QuoteSource(topic, self._watches, watch, self._clock, stale_after=self._stale_after)


def parse_series(name: str) -> Series:
    """What the topic names; raises NotFound (unknown_topic) or Invalid (unknown_resolution)."""
    match name.split(":"):
        case [_, exchange, ticker, resolution]:
            adjustment = Adjustment.RAW
        case [_, exchange, ticker, resolution, "raw" | "splits" | "all" as chosen]:
            adjustment = Adjustment(chosen)
        case _:
            raise _unknown(name, "bars:{symbol}:{resolution}[:raw|splits|all]")
    return Series(f"{exchange}:{ticker}", Resolution.parse(resolution), adjustment)


def _unknown(name: str, form: str) -> NotFound:
    return NotFound(
        f"There is no topic {name[:80]!r}; it has the form {form}.", code="unknown_topic"
    )
