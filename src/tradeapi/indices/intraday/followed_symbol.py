"""One symbol that indices hold, however many do, or whose price converts others."""

from typing import Protocol

from tradeapi.indices.intraday.session_level import SessionLevel
from tradeapi.market.events import Changed, Quote
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.resolutions import Resolution


class Desk(Protocol):
    """What a symbol asks of the engine."""

    def move(self, level: SessionLevel) -> None:
        """It may be another now."""
        ...

    def doubt(self, symbol: "FollowedSymbol") -> None:
        """What is known of it beside its prices may be other than was read."""
        ...

    def lose(self, symbol: "FollowedSymbol") -> None:
        """It is no more."""
        ...


class FollowedSymbol:
    """Hands each quote to the levels that it counts for, and to no others.

    `doubted` is the number of the last doubt of it, among those of all symbols.
    """

    def __init__(self, watch: Watch, desk: Desk) -> None:
        self.watch = watch
        self.levels: dict[SessionLevel, None] = {}
        self.doubted = 0
        self._desk = desk
        self._listing = watch.listing
        watch.followers[self] = None

    @property
    def id(self) -> int:
        return self._listing.id

    def join(self, level: SessionLevel) -> None:
        self.levels[level] = None
        if self.watch.state is not None and self._is_regular(self.watch.state.quote):
            level.take(self.id, self.watch.state.quote)

    # What the watch tells.

    def apply(self, change: Changed) -> None:
        if "actions" in change.resets.values():
            self._desk.doubt(self)
        self._move(change.quote)

    async def catch_up(self) -> None:
        """It is asked to settle next."""

    def settle(self, state: State) -> None:
        # Nobody knows what has been missed.
        self._desk.doubt(self)
        self._move(state.quote)

    def tick(self, _: float) -> None:
        if self.watch.listing is not self._listing:
            self._listing = self.watch.listing
            self._desk.doubt(self)

    def reset(self) -> None:
        self._desk.doubt(self)
        self._desk.lose(self)

    def _move(self, quote: Quote) -> None:
        if not self._is_regular(quote):
            return
        for level in self.levels:
            if level.take(self.id, quote):
                self._desk.move(level)

    def _is_regular(self, quote: Quote) -> bool:
        """What is traded after the close is no close."""
        if not self._listing.extended_hours or quote.day is None or quote.time is None:
            return True
        return quote.time <= self._listing.calendar.end(quote.day, Resolution.DAY)
