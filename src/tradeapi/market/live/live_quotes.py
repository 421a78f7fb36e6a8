"""Quotes that are followed, each looked at once for all who follow it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from anyio.lowlevel import checkpoint

from tradeapi.clock import Clock
from tradeapi.market.events import Changed, Quote
from tradeapi.market.live.turns import Turns
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.live.watches import Watches
from tradeapi.market.quotes.service import QuoteView, is_stale, quote_view

OPENED_AT_ONCE = 200


class Listener(Protocol):
    """Whoever follows quotes."""

    def move(self, quote: "LiveQuote", *, is_new: bool) -> None:
        """It has come to another version; whether it looks different there."""
        ...

    def relist(self, quote: "LiveQuote") -> None:
        """Its symbol is listed otherwise now, or is no more."""
        ...


class LiveQuote:
    """The newest quote of one symbol as clients see it.

    `view` is what was told last, at `version`; a newer one may be waiting for its turn.
    """

    def __init__(self, watch: Watch, turns: Turns, clock: Clock, *, stale_after: float) -> None:
        assert watch.state is not None  # noqa: S101  it is open
        self.watch = watch
        self.holders = 0
        self.listeners: dict[Listener, None] = {}
        self._turns = turns
        self._clock = clock
        self._stale_after = stale_after
        self._listing = watch.listing
        self._quote: Quote = watch.state.quote
        self._newest = self.version = watch.state.version
        self.view: QuoteView = self._seen(clock.now())
        watch.followers[self] = None

    def look(self) -> None:
        """Tell it as it is now, if it is another."""
        self._tell(self._clock.now())

    def apply(self, change: Changed) -> None:
        self._move(change.version, change.quote)

    async def catch_up(self) -> None:
        """The state that is settled on brings the quote."""

    def settle(self, state: State) -> None:
        self._move(state.version, state.quote)

    def tick(self, now: float) -> None:
        if self.watch.listing is not self._listing:
            self._listing = self.watch.listing
            self._relist()
        calendar = self._listing.calendar
        is_old = is_stale(self._quote, calendar, now, stale_after=self._stale_after)
        if is_old != self.view["stale"]:
            self._tell(now)

    def reset(self) -> None:
        self._relist()

    def _relist(self) -> None:
        for listener in tuple(self.listeners):
            listener.relist(self)

    def _move(self, version: int, quote: Quote) -> None:
        self._quote, self._newest = quote, version
        self._turns.ask(self.look)

    def _tell(self, now: float) -> None:
        view = self._seen(now)
        is_new = view != self.view
        if is_new or self.version != self._newest:
            self.view, self.version = view, self._newest
            for listener in tuple(self.listeners):
                listener.move(self, is_new=is_new)

    def _seen(self, now: float) -> QuoteView:
        calendar = self.watch.listing.calendar
        return quote_view(self._quote, calendar, now, stale_after=self._stale_after)


class LiveQuotes:
    """Of all symbols; `stale_after` is how old a price may be while its market is open."""

    def __init__(self, watches: Watches, clock: Clock, *, stale_after: float) -> None:
        self._watches = watches
        self._clock = clock
        self._stale_after = stale_after
        self._quotes: dict[Watch, LiveQuote] = {}

    @property
    def turns(self) -> Turns:
        return self._watches.turns

    async def open(self, symbol: str) -> LiveQuote:
        """The symbol's, held until it is closed; raises TradeError where there is none."""
        return self._hold(await self._watches.open(symbol))

    async def open_many(self, symbols: Sequence[str]) -> Mapping[str, LiveQuote]:
        """Those that there are, by their symbols."""
        opened: dict[str, LiveQuote] = {}
        try:
            for start in range(0, len(symbols), OPENED_AT_ONCE):
                watches = await self._watches.open_many(symbols[start : start + OPENED_AT_ONCE])
                opened |= {symbol: self._hold(watch) for symbol, watch in watches.items()}
                # Others wait for the loop.
                await checkpoint()
        except BaseException:
            for quote in opened.values():
                self.close(quote)
            raise
        return opened

    def close(self, quote: LiveQuote) -> None:
        quote.holders -= 1
        if not quote.holders:
            del self._quotes[quote.watch]
            quote.watch.followers.pop(quote, None)
        self._watches.close(quote.watch)

    def _hold(self, watch: Watch) -> LiveQuote:
        quote = self._quotes.get(watch)
        if quote is None:
            quote = self._quotes[watch] = LiveQuote(
                watch, self.turns, self._clock, stale_after=self._stale_after
            )
        quote.holders += 1
        return quote
