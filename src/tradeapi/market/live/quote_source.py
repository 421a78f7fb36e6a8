"""One topic of a symbol's quote."""

from tradeapi.clock import Clock
from tradeapi.errors import NotFound
from tradeapi.market.events import Changed, Quote
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.live.watches import Watches
from tradeapi.market.quotes.service import QuoteView, is_stale, quote_view
from tradeapi.streams.topics import Change, Snapshot, Topic


class QuoteSource:
    """Tells the newest quote whenever it looks different; also when it has become stale.

    Each process sees that at a time of its own, and a quote is no longer than what led to it: those
    who come back get the newest.
    """

    resumes = False

    def __init__(
        self, topic: Topic, watches: Watches, watch: Watch, clock: Clock, *, stale_after: float
    ) -> None:
        self._topic = topic
        self._watches = watches
        self._watch = watch
        self._clock = clock
        self._stale_after = stale_after
        # The newest, which may still be waiting for its turn, and what was told last.
        self._quote: Quote | None = None
        self._version = 0
        self._view: QuoteView = {}
        watch.followers[self] = None

    @property
    def rest(self) -> str:
        return f"/api/v1/quotes?symbols={self._watch.listing.symbol}"

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  a quote has none
        state = self._watch.state
        if self._watch.is_gone or state is None:
            symbol = self._watch.listing.symbol
            raise NotFound(f"There is no symbol {symbol}.", code="unknown_symbol")
        if self._quote is None:
            self._quote, self._version = state.quote, state.version
            self._view = self._seen(self._quote, self._clock.now())
            self._topic.begin(self._watch.epoch, state.version)
        fields = {"quote": self._view}
        return Snapshot(self._topic.seq, lambda _: fields)

    def apply(self, change: Changed) -> None:
        self._move(change.version, change.quote)

    async def catch_up(self) -> None:
        """The state that is settled on brings the quote."""

    def settle(self, state: State) -> None:
        self._move(state.version, state.quote)

    def tick(self, now: float) -> None:
        if self._quote is not None and self._is_stale(self._quote, now) != self._view["stale"]:
            self._tell(now)

    def reset(self) -> None:
        if self._quote is not None:
            self._quote = None
            self._topic.reset("backfill", self.rest)

    def close(self) -> None:
        self._watch.followers.pop(self, None)
        self._watches.close(self._watch)

    def _move(self, version: int, quote: Quote) -> None:
        if self._quote is not None:
            self._quote, self._version = quote, version
            self._watches.turns.ask(self._tell_newest)

    def _tell_newest(self) -> None:
        self._tell(self._clock.now())

    def _tell(self, now: float) -> None:
        if self._quote is None:
            return
        view = self._seen(self._quote, now)
        is_new, self._view = view != self._view, view
        change = Change(type="quote", fields={"quote": view}, key="quote")
        self._topic.announce([change] if is_new else [], self._version)

    def _is_stale(self, quote: Quote, now: float) -> bool:
        calendar = self._watch.listing.calendar
        return is_stale(quote, calendar, now, stale_after=self._stale_after)

    def _seen(self, quote: Quote, now: float) -> QuoteView:
        calendar = self._watch.listing.calendar
        return quote_view(quote, calendar, now, stale_after=self._stale_after)
