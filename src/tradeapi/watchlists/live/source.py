"""One watchlist that is followed: the list, and the quotes of what is on it."""

import asyncio
import secrets
from collections.abc import Mapping
from uuid import UUID

import anyio
import orjson

from tradeapi.errors import NotFound
from tradeapi.market.live.live_quotes import LiveQuote
from tradeapi.market.quotes.service import QuoteView
from tradeapi.streams.topics import Change, Snapshot, Topic
from tradeapi.watchlists.events import Changed
from tradeapi.watchlists.live.followed import FollowedWatchlists
from tradeapi.watchlists.live.reading import Reading
from tradeapi.watchlists.service import no_such_watchlist

# What changes within it is told at once, and what is edited within it is read at once.
INTERVAL_SECONDS = 0.25
# Of all that is told: what is unsent of it is one frame.
KEY = "list"


class WatchlistSource:
    """Reads the list whenever it may be another, and tells it if it is; quotes are told beside.

    A list is no longer than what led to it, and each process counts what it tells by itself: those
    who come back get all of it.
    """

    resumes = False

    def __init__(self, topic: Topic, id: UUID, watchlists: FollowedWatchlists) -> None:
        self.id = id
        self.topic = topic
        self._watchlists = watchlists
        self._reading: Reading | None = None
        self._quotes: Mapping[str, LiveQuote] = {}
        # Where the list was told last; the quotes as they were told, and where those that changed.
        self._listed = -1
        self._views: dict[str, QuoteView] = {}
        self._told: dict[str, int] = {}
        self._moved: dict[str, None] = {}
        self._quiet_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._is_doubted = False
        self._is_looking = False
        self._is_closed = False
        topic.gather = self._gather
        watchlists.add(self)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def rest(self) -> str:
        return f"/api/v1/watchlists/{self.id}"

    async def snapshot(self, history: int) -> Snapshot:  # noqa: ARG002  a list has none
        async with self._turn:
            await self._read()
            fields = self._fields
            snapshot = Snapshot(self.topic.seq, lambda _: fields)
        self._look_soon()
        return snapshot

    def hear(self, change: Changed) -> None:
        if self._reading is None or change.version > self._reading.version:
            self.doubt()

    def is_outdated(self, version: int, place: int) -> bool:
        """Whether it is another now, or was not read, or not all that is on it is followed."""
        reading = self._reading
        if self._is_doubted or reading is None or len(self._quotes) < len(reading.names):
            return True
        return (reading.version, reading.place) != (version, place)

    def doubt(self) -> None:
        """Have it read again soon."""
        self._is_doubted = True
        self._look_soon()

    def move(self, quote: LiveQuote, *, is_new: bool) -> None:
        if is_new:
            self._moved[quote.watch.listing.symbol] = None
            self._tell_soon()

    def relist(self, _: LiveQuote) -> None:
        self.doubt()

    def close(self) -> None:
        self._is_closed = True
        self._watchlists.remove(self)
        self._follow({})
        if self._timer is not None:
            self._timer.cancel()
        self.topic.gather = None

    def _look_soon(self) -> None:
        if self._is_doubted and not self._is_looking and self.topic.is_begun:
            self._is_looking = True
            self._watchlists.soon(self._look)

    async def _look(self) -> None:
        try:
            while self._is_doubted and not self._is_closed:
                async with self._watchlists.looks, self._turn:
                    await self._read()
                await anyio.sleep(INTERVAL_SECONDS)
        except NotFound as error:
            self._watchlists.end(self.topic, error)
        finally:
            self._is_looking = False

    async def _read(self) -> None:
        """Read the list, follow the quotes of what is on it, and tell what is new."""
        self._is_doubted = False
        try:
            reading = await self._watchlists.read(self)
            missing = [symbol for symbol in reading.names if not self._is_followed(symbol)]
            opened = await self._watchlists.quotes.open_many(missing)
        except BaseException:
            self._is_doubted = True
            raise
        # From here on nothing is awaited: who closes it would not know of what has been opened.
        if self._is_closed:
            for quote in opened.values():
                self._watchlists.quotes.close(quote)
            raise no_such_watchlist()
        quotes = {**self._quotes, **opened}
        self._follow({symbol: quotes[symbol] for symbol in reading.names if symbol in quotes})
        self._moved |= dict.fromkeys(opened)
        self._take(reading)
        # It may have been renamed in between.
        if any(opened[symbol].watch.listing.name != reading.names[symbol] for symbol in opened):
            self.doubt()

    def _is_followed(self, symbol: str) -> bool:
        return symbol in self._quotes and not self._quotes[symbol].watch.is_gone

    def _follow(self, quotes: Mapping[str, LiveQuote]) -> None:
        before, self._quotes = self._quotes, quotes
        for symbol, quote in before.items():
            if quotes.get(symbol) is not quote:
                quote.listeners.pop(self, None)
                self._watchlists.quotes.close(quote)
                self._views.pop(symbol, None)
                self._told.pop(symbol, None)
        for quote in quotes.values():
            quote.listeners[self] = None

    def _take(self, reading: Reading) -> None:
        before, self._reading = self._reading, reading
        if before is not None and before.document == reading.document:
            self._tell_soon()
            return
        self._views = {symbol: quote.view for symbol, quote in self._quotes.items()}
        self._moved.clear()
        if before is None:
            self.topic.begin(secrets.token_hex(4), 0)
        else:
            self._announce(self._whole())
            self._listed = self.topic.seq

    @property
    def _fields(self) -> Mapping[str, object]:
        assert self._reading is not None  # noqa: S101  who calls has read it
        return {
            "version": self._reading.version,
            "watchlist": orjson.Fragment(self._reading.document),
            "quotes": self._views.copy(),
        }

    def _tell_soon(self) -> None:
        if self._moved and self._timer is None and not self._is_closed:
            loop = asyncio.get_running_loop()
            turns = self._watchlists.quotes.turns
            self._timer = loop.call_at(self._quiet_until, turns.ask, self._tell_moved)

    def _tell_moved(self) -> None:
        self._timer = None
        moved = {
            symbol: self._quotes[symbol].view
            for symbol in self._moved
            if symbol in self._quotes and self._quotes[symbol].view != self._views.get(symbol)
        }
        self._moved.clear()
        if moved and self.topic.is_begun:
            self._quiet_until = asyncio.get_running_loop().time() + INTERVAL_SECONDS
            self._views |= moved
            self._announce(_quotes(moved))
            self._told |= dict.fromkeys(moved, self.topic.seq)

    def _gather(self, after: int) -> Change:
        """All that has been told since a position; a list that is another has all quotes."""
        if self._listed > after:
            return self._whole()
        return _quotes({s: self._views[s] for s, seq in self._told.items() if seq > after})

    def _whole(self) -> Change:
        return Change(type="watchlist", fields=self._fields, key=KEY, adds=True)

    def _announce(self, change: Change) -> None:
        self.topic.announce([change], self.topic.version + 1)


def _quotes(quotes: Mapping[str, QuoteView]) -> Change:
    return Change(type="quotes", fields={"quotes": quotes}, key=KEY, adds=True)
