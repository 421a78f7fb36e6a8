"""The symbols that somebody follows, and what is done when their news does not come.

Where the news of a change is missing, the followers read again what they follow. The database is
asked every second whether it knows of changes that nobody has announced.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from time import monotonic
from typing import Any, Never, Self

import anyio
import structlog
from anyio.lowlevel import checkpoint

from tradeapi import metrics
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import NotFound, Unavailable
from tradeapi.market.events import CHANGES, Changed, Quote
from tradeapi.market.live.turns import TURN_SECONDS, Turns
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.streams.background import as_unavailable, safely

ASK_EVERY_SECONDS = 1.0
TICK_EVERY_SECONDS = 0.5
# How long news may be late before the database is read instead, and how often to look.
PATIENCE_SECONDS = 0.05
LOOKS = 5

log = structlog.get_logger()


class Watches:
    """Use as `async with Watches(...)`: its tasks run that long."""

    def __init__(self, database: Database, bus: Bus, directory: Directory, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._directory = directory
        self._clock = clock
        # Of those that tell the newest only.
        self.turns = Turns()
        self._watches: dict[int, Watch] = {}
        self._tasks = anyio.create_task_group()
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._resources.enter_async_context(self._tasks)
        self._resources.callback(self._tasks.cancel_scope.cancel)
        self._resources.enter_context(self._bus.subscribe(CHANGES, self._hear))
        self._tasks.start_soon(self._ask_for_ever)
        self._tasks.start_soon(self._tick_for_ever)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    async def open(self, symbol: str) -> Watch:
        """The symbol's watch, held until it is closed; raises TradeError where there is none."""
        with as_unavailable():
            listing = await self._directory.get(symbol)
        watch = self._hold(listing)
        try:
            async with watch.turn:
                await self._begin([watch])
        except BaseException:
            self.close(watch)
            raise
        if watch.state is None:
            self.close(watch)
            raise _unknown(watch)
        return watch

    async def open_many(self, symbols: Sequence[str]) -> Mapping[str, Watch]:
        """The watches of those that there are, by their symbols; read together."""
        with as_unavailable():
            found = await self._directory.get_many(symbols)
        watches = {
            symbol: self._hold(listing)
            for symbol, listing in found.items()
            if isinstance(listing, Listing)
        }
        try:
            # Nobody's turn is waited for: whoever reads first begins it for the others.
            await self._begin([*watches.values()])
        except BaseException:
            for watch in watches.values():
                self.close(watch)
            raise
        for symbol in [symbol for symbol, watch in watches.items() if watch.state is None]:
            self.close(watches.pop(symbol))
        return watches

    def close(self, watch: Watch) -> None:
        watch.holders -= 1
        if not watch.holders:
            self._forget(watch)

    async def reach(self, watch: Watch, version: int) -> None:
        """Wait until the version is announced; if its news does not come, do it by reading."""
        for _ in range(LOOKS):
            if watch.version >= version:
                return
            await anyio.sleep(PATIENCE_SECONDS / LOOKS)
        async with watch.turn:
            if watch.version < version:
                await self._catch_up(watch)

    def soon(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have something done in the background; if the database fails it, that is logged."""
        self._tasks.start_soon(safely, "watch.failed", call)

    def _hold(self, listing: Listing) -> Watch:
        watch = self._watches.get(listing.id)
        if watch is None:
            watch = self._watches[listing.id] = Watch(listing)
            self._bus.follow(CHANGES, str(listing.id))
        watch.holders += 1
        return watch

    async def _begin(self, watches: Sequence[Watch]) -> None:
        """Read those that nobody has read yet; one that is no symbol any more stays as it is."""
        new = [watch for watch in watches if watch.state is None]
        if not new:
            return
        async with anyio.create_task_group() as tasks:
            for watch in new:
                tasks.start_soon(self._bus.ready, CHANGES, str(watch.listing.id))
        states = await self._read(new)
        for watch in new:
            state = states.get(watch.listing.id)
            if watch.state is None and state is not None:
                watch.settle(state)
                watch.remember(self._bus.recent(CHANGES, str(watch.listing.id)))

    def _hear(self, change: Changed) -> None:
        watch = self._watches.get(change.symbol_id)
        if watch is None:
            return
        if watch.hear(change) and watch.state is not None:
            self._settle_soon(watch, change.version)
        if change.bars:
            metrics.STREAM_LAG.observe(max(0.0, self._clock.now() - change.updated))

    def _settle_soon(self, watch: Watch, version: int) -> None:
        if not watch.is_settling:
            watch.is_settling = True
            self._tasks.start_soon(self._settle, watch, version)

    async def _settle(self, watch: Watch, version: int) -> None:
        try:
            await safely("watch.failed", partial(self.reach, watch, version))
        finally:
            watch.is_settling = False

    async def _catch_up(self, watch: Watch) -> None:
        state = (await self._read([watch])).get(watch.listing.id)
        if state is None:
            raise _unknown(watch)
        failure: Unavailable | None = None
        for follower in tuple(watch.followers):
            try:
                await follower.catch_up()
            except Unavailable as error:
                # The others need not wait for this one.
                failure = error
        if failure is not None:
            raise failure
        watch.settle(state)

    async def _read(self, watches: Sequence[Watch]) -> Mapping[int, State]:
        """By the symbols' ids; no entry for what is none any more."""
        with as_unavailable():
            async with self._database.read() as raw:
                chosen, ids = raw.one_of("$1", [watch.listing.id for watch in watches])
                rows = await raw.fetch(_STATES.format(chosen), ids)
        return {row[0]: _state(row[1:]) for row in rows}

    async def _tick_for_ever(self) -> Never:
        while True:
            await anyio.sleep(TICK_EVERY_SECONDS)
            await self._tick(self._clock.now())

    async def _tick(self, now: float) -> None:
        turn = monotonic()
        for watch in tuple(self._watches.values()):
            for follower in tuple(watch.followers):
                try:
                    follower.tick(now)
                except Exception:  # one topic's fault must not end the others
                    log.exception("watch.failed")
            if monotonic() - turn > TURN_SECONDS:
                # There may be ten thousand topics, and others wait for the loop.
                await checkpoint()
                turn = monotonic()

    async def _ask_for_ever(self) -> Never:
        while True:
            await anyio.sleep(ASK_EVERY_SECONDS)
            if self._watches:
                await safely("watch.failed", self._ask)

    async def _ask(self) -> None:
        """Learn of changes that nobody has announced, and of symbols that are no more."""
        asked = [watch for watch in self._watches.values() if watch.state is not None]
        async with self._database.read() as raw:
            chosen, ids = raw.one_of("$1", [watch.listing.id for watch in asked])
            rows = await raw.fetch(_VERSIONS.format(chosen), ids)
        found = {row[0]: row[1:] for row in rows}
        for watch in asked:
            stored = found.get(watch.listing.id)
            # Mostly they are the same, and nobody else gets the loop meanwhile.
            if stored != (watch.version, watch.listing.version):
                await safely("watch.failed", partial(self._compare, watch, stored))

    async def _compare(self, watch: Watch, found: Sequence[int] | None) -> None:
        if found is None:
            self._lose(watch)
            return
        version, listed = found
        if listed != watch.listing.version:
            watch.listing = await self._directory.read(watch.listing.symbol)
        if version > watch.version:
            self._settle_soon(watch, version)

    def _lose(self, watch: Watch) -> None:
        watch.is_gone = True
        self._forget(watch)
        for follower in tuple(watch.followers):
            follower.reset()

    def _forget(self, watch: Watch) -> None:
        if self._watches.get(watch.listing.id) is watch:
            del self._watches[watch.listing.id]
            self._bus.unfollow(CHANGES, str(watch.listing.id))


def _unknown(watch: Watch) -> NotFound:
    return NotFound(f"There is no symbol {watch.listing.symbol}.", code="unknown_symbol")


def _state(row: Sequence[Any]) -> State:
    return State(
        epoch=row[0],
        version=row[1],
        revision=row[2],
        updated=row[3],
        quote=Quote(
            last=row[4],
            time=row[5],
            day=row[6],
            open=row[7],
            high=row[8],
            low=row[9],
            volume=row[10],
            previous_close=row[11],
            is_intraday=bool(row[12]),
        ),
    )


_STATES = """
SELECT h.symbol_id, e.value, h.version, h.revision, h.updated, h.last, h.last_time, h.day, h.open,
  h.high, h.low, h.volume, h.previous_close,
  EXISTS (SELECT 1 FROM bar_series s WHERE s.symbol_id = h.symbol_id AND s.resolution < 86400)
FROM heads h CROSS JOIN epoch e WHERE h.symbol_id {}
"""
_VERSIONS = """
SELECT h.symbol_id, h.version, s.version FROM heads h
JOIN symbols s ON s.id = h.symbol_id WHERE h.symbol_id {}
"""
