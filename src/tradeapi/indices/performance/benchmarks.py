"""What an index is compared with: another index, or whatever has daily bars."""

from dataclasses import dataclass

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.methodology import Return
from tradeapi.errors import NotFound
from tradeapi.indices.answers import Source
from tradeapi.indices.published import Published, Series
from tradeapi.indices.service import EXCHANGE
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.calendars.days import DAY
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Benchmark:
    """Its closes by day, in its own currency; `adjustment` is what those of a symbol that is no
    index are restated for."""

    symbol: str
    currency: str
    adjustment: Adjustment | None
    revision: int
    days: Int64Array
    values: Float64Array
    source: Source


class Benchmarks:
    """Whatever an index can be compared with."""

    def __init__(self, published: Published, history: BarHistory) -> None:
        self._published = published
        self._history = history

    async def read(self, name: str, series: Series, first: int, last: int) -> Benchmark:
        """Its closes from one day to another, to be compared with `series`.

        `name` is the code of an index, or a symbol with its exchange. Raises NotFound.
        """
        exchange, is_full, ticker = name.upper().rpartition(":")
        if not is_full or exchange == EXCHANGE:
            try:
                return self._index(await self._published.get(ticker), first, last)
            except NotFound as error:
                # Levels of others may be symbols of this exchange, too.
                if not is_full or error.code != "unknown_index":
                    raise
        return await self._symbol(name, series.return_type, first, last)

    def _index(self, series: Series, first: int, last: int) -> Benchmark:
        shown = slice(
            int(series.days.searchsorted(first)), int(series.days.searchsorted(last, "right"))
        )
        return Benchmark(
            symbol=series.symbol,
            currency=series.currency,
            adjustment=None,
            revision=series.revision,
            days=series.days[shown],
            values=series.levels[shown],
            source=Source(series.state, self._published.holds(series)),
        )

    async def _symbol(self, name: str, returns: Return | None, first: int, last: int) -> Benchmark:
        # With what the index counts: an index with dividends is no better than one without.
        adjustment = Adjustment.SPLITS if returns in {None, Return.PRICE} else Adjustment.ALL
        window = Window((last - first) // DAY + 1, first, last + DAY)
        answer = await self._history.read(name, Resolution.DAY, window, adjustment)
        return Benchmark(
            symbol=answer.listing.symbol,
            currency=answer.listing.currency,
            adjustment=answer.adjustment,
            revision=answer.page.revision,
            days=answer.bars.time,
            values=answer.bars.close,
            source=Source(answer.state, answer.is_good),
        )
