"""One topic of a symbol's quote."""

from tradeapi.errors import NotFound
from tradeapi.market.live.live_quotes import LiveQuote, LiveQuotes
from tradeapi.streams.topics import Change, Snapshot, Topic


class QuoteSource:
    """Tells the newest quote whenever it looks different; also when it has become stale.

    Each process sees that at a time of its own, and a quote is no longer than what led to it: those
    who come back get the newest.
    """

    resumes = False

    def __init__(self, topic: Topic, quotes: LiveQuotes, quote: LiveQuote) -> None:
        self._topic = topic
        self._quotes = quotes
        self._quote = quote
        quote.listeners[self] = None

    @property
    def rest(self) -> str:
        return f"/api/v1/quotes?symbols={self._quote.watch.listing.symbol}"

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  a quote has none
        quote = self._quote
        if quote.watch.is_gone:
            symbol = quote.watch.listing.symbol
            raise NotFound(f"There is no symbol {symbol}.", code="unknown_symbol")
        if not self._topic.is_begun:
            quote.look()
            self._topic.begin(quote.watch.epoch, quote.version)
        fields = {"quote": quote.view}
        return Snapshot(self._topic.seq, lambda _: fields)

    def move(self, quote: LiveQuote, *, is_new: bool) -> None:
        if self._topic.is_begun:
            change = Change(type="quote", fields={"quote": quote.view}, key="quote")
            self._topic.announce([change] if is_new else [], quote.version)

    def relist(self, quote: LiveQuote) -> None:
        if quote.watch.is_gone and self._topic.is_begun:
            self._topic.reset("backfill", self.rest)

    def close(self) -> None:
        self._quote.listeners.pop(self, None)
        self._quotes.close(self._quote)
