"""Watchlists that are streamed, on the test's database, and what a client makes of one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tests.market.places import Market
from tests.streams.authority import Authority
from tests.streams.client import Chart as Topic
from tests.streams.client import Client
from tests.streams.documented import Frame
from tests.streams.live import STALE_AFTER, LiveMarket, live
from tradeapi.alerts.kept import KeptAlerts
from tradeapi.auth.dev import DEV_USER, ensure_dev_user
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.market.quotes.service import MOST_SYMBOLS, list_quotes
from tradeapi.market.symbols.directory import Directory
from tradeapi.streams.limits import Limits
from tradeapi.watchlists import answers
from tradeapi.watchlists.items import Items
from tradeapi.watchlists.live.channel import WatchlistsChannel
from tradeapi.watchlists.live.followed import LOOKS_AT_ONCE, FollowedWatchlists
from tradeapi.watchlists.schemas import ItemChange, ItemIn, WatchlistChange
from tradeapi.watchlists.service import Watchlists
from tradeapi.web.preconditions import Precondition

ANYWAY = Precondition(None)
MOST = 2000
Json = dict[str, Any]


class Writer:
    """What one process does to the lists of the user dev; `bus` brings the news of it."""

    def __init__(self, database: Database, directory: Directory, bus: Bus) -> None:
        self.database = database
        self._directory = directory
        self.bus = bus

    async def create(self, name: str, symbols: Sequence[str] = ()) -> str:
        async with self.database.transaction() as session:
            id = str((await self._lists(session).create(name)).id)
        if symbols:
            await self.take(id, symbols)
        return id

    async def rename(self, id: str, name: str) -> None:
        await self._change(id, name=name)

    async def move(self, id: str, position: int) -> None:
        await self._change(id, position=position)

    async def delete(self, id: str) -> None:
        async with self.database.transaction() as session:
            await self._lists(session).delete(UUID(id), ANYWAY)

    async def add(self, id: str, symbol: str) -> None:
        item = ItemIn.model_validate({"symbol": symbol})
        async with self.database.transaction() as session:
            await self._items(session).add(UUID(id), item, ANYWAY)

    async def note(self, id: str, symbol: str, **fields: object) -> None:
        async with self.database.transaction() as session:
            change = ItemChange.model_validate(fields)
            await self._items(session).change(UUID(id), symbol, change, ANYWAY)

    async def remove(self, id: str, symbol: str) -> None:
        async with self.database.transaction() as session:
            await self._items(session).remove(UUID(id), symbol, ANYWAY)

    async def take(self, id: str, symbols: Sequence[str], **fields: object) -> None:
        """These and no others."""
        rows = [ItemIn.model_validate({"symbol": symbol, **fields}) for symbol in symbols]
        async with self.database.transaction() as session:
            await self._items(session).take(UUID(id), rows, ANYWAY, replace=True)

    async def read(self, id: str) -> Json:
        """As HTTP answers it."""
        async with self.database.reading() as session:
            watchlists = self._lists(session)
            watchlist = await watchlists.get(UUID(id))
            place = await watchlists.place_of(watchlist)
            listed = await self._items(session).list(watchlist.id)
        document: Json = answers.document(watchlist, place=place, listed=listed)
        return document

    async def _change(self, id: str, **fields: object) -> None:
        async with self.database.transaction() as session:
            change = WatchlistChange.model_validate(fields)
            await self._lists(session).change(UUID(id), change, ANYWAY)

    def _lists(self, session: AsyncSession) -> Watchlists:
        alerts = KeptAlerts(self.bus, FixedClock(0.0), most=MOST)
        return Watchlists(session, self.bus, DEV_USER, 0.0, alerts=alerts, most=100)

    def _items(self, session: AsyncSession) -> Items:
        return Items(session, self._lists(session), self._directory, 0.0, most=MOST)


class LiveLists(Writer):
    """One process."""

    def __init__(self, market: LiveMarket, bus: Bus) -> None:
        directory = market.market.directory
        super().__init__(market.market.database, directory, bus)
        self.market = market
        # Whose news nobody hears.
        self.silent = Writer(self.database, directory, MemoryBus())

    @property
    def url(self) -> str:
        return self.market.url

    async def quotes(self, symbols: Sequence[str]) -> Json:
        """As HTTP answers them, by symbol."""
        place, found = self.market.market, list[Json]()
        for start in range(0, len(symbols), MOST_SYMBOLS):
            some = symbols[start : start + MOST_SYMBOLS]
            found += map(
                dict,
                await list_quotes(
                    some,
                    self.database,
                    place.directory,
                    place.clock.now(),
                    stale_after=STALE_AFTER,
                ),
            )
        return {
            quote["symbol"]: {key: quote[key] for key in quote if key not in {"symbol", "currency"}}
            for quote in found
        }

    async def agrees(self, page: "Page") -> bool:
        """Whether it is what HTTP answers of the list and of the quotes of its symbols."""
        document = await self.read(page.document["id"])
        symbols = [item["symbol"] for item in document["items"]]
        return page.document == orjson.loads(orjson.dumps(document)) and page.quotes == (
            await self.quotes(symbols)
        )


class Page(Topic):
    """One list, as a client that follows the rules for clients holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.document: Json = {}
        self.quotes: Json = {}

    def apply(self, frame: Frame) -> None:
        self.kinds.append(frame["type"])
        match frame["type"]:
            case "snapshot":
                assert frame["epoch"] != self.epoch or frame["seq"] >= self.seq
                self.epoch = frame["epoch"]
                self._replace(frame)
            case "error":
                self.epoch = ""
                return
            case "watchlist":
                assert frame["watchlist"] != self.document
                self._follow(frame)
                self._replace(frame)
            case "quotes":
                self._follow(frame)
                assert frame["quotes"]
                self.quotes |= frame["quotes"]
                assert self.quotes.keys() <= self.symbols
            case type:
                raise AssertionError(type)
        self.seq = frame["seq"]

    @property
    def symbols(self) -> set[str]:
        return {item["symbol"] for item in self.document["items"]}

    def _follow(self, frame: Frame) -> None:
        assert self.seq < frame["seq"]
        assert frame["prev"] < frame["seq"]

    def _replace(self, frame: Frame) -> None:
        self.document, self.quotes = frame["watchlist"], dict(frame["quotes"])
        assert frame["version"] == self.document["version"]
        assert self.quotes.keys() <= self.symbols


async def show(guest: Client, watchlist: str, **options: object) -> Page:
    """Follow the list; returns when it has its snapshot."""
    page = guest.charts[f"watchlists:{watchlist}"] = Page()
    await guest.say(op="subscribe", topics=[f"watchlists:{watchlist}"], **options)
    ack = await guest.hear_type("ack")
    assert ack["rejected"] == []
    await guest.hear_until(lambda: bool(page.epoch))
    return page


@asynccontextmanager
async def live_lists(
    database: Database,
    *,
    place: Market | None = None,
    bus: Bus | None = None,
    authority: Authority | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[LiveLists]:
    """Another one on the same database is another process."""
    place, bus = place or Market(database), bus or MemoryBus()
    authority = authority or Authority(database, is_open=True)
    await ensure_dev_user(database)
    async with (
        live(database, market=place, bus=bus, authority=authority, limits=limits) as market,
        FollowedWatchlists(database, bus, market.hub, market.quotes) as followed,
    ):
        channel = WatchlistsChannel(followed)
        market.hub.register("watchlists", channel, own_reads=LOOKS_AT_ONCE)
        yield LiveLists(market, bus)
