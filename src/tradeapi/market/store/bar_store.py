"""Opens books for writing, closes them, and announces what they changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database, after_commit, raw
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound, Unavailable
from tradeapi.market.events import CHANGES, Changed
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.at_hand import Nothing, save
from tradeapi.market.store.book import Book, SymbolFacts
from tradeapi.market.store.heads import Head
from tradeapi.market.store.level_store import LevelStore
from tradeapi.market.store.levels import Level
from tradeapi.market.store.partitions import Partitions
from tradeapi.market.store.splits import Splits
from tradeapi.market.store.writes import Writes
from tradeapi.metrics import BARS_INGESTED, TICKS_INGESTED

EDGES_KEPT = 256


class BarStore:
    """The writing side of all bars; `lateness` is how long after its end a bar stays open."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, *, lateness: float) -> None:
        self._bus = bus
        self._clock = clock
        self._lateness = lateness
        self.partitions = Partitions(database)
        # The newest bars of the symbols written last, so that a tick need not read any.
        self._edges: dict[int, tuple[Head, dict[Resolution, Level]]] = {}
        # The symbols that somebody else had written when they were written last.
        self._shared: set[int] = set()

    async def open(self, session: AsyncSession, symbols: Sequence[SymbolFacts]) -> list[Book]:
        """Books of these symbols, locked until the transaction ends; in the order given."""
        connection = await raw(session)
        heads = await self._lock(connection, symbols)
        levels = await self._levels(connection, heads)
        writes = Writes(connection)
        splits = Splits(connection, [*heads])
        return [
            Book(
                LevelStore(connection, writes, self.partitions, splits, facts.id),
                facts,
                heads[facts.id],
                levels[facts.id],
                now=self._clock.now(),
                lateness=self._lateness,
            )
            for facts in symbols
        ]

    def at_hand(self, facts: SymbolFacts) -> Book | None:
        """A book of the symbol as the last transaction here left it, if that is known and likely to
        be the last one of all.

        It reads nothing, but raises NotAtHand. To be saved by `save_at_hand`, or else forgotten.
        """
        if facts.id in self._shared or facts.id not in self._edges:
            return None
        head, levels = self._edges.pop(facts.id)
        nothing = Nothing()
        splits = Splits(nothing, [facts.id])
        return Book(
            LevelStore(nothing, Writes(nothing), self.partitions, splits, facts.id),
            facts,
            head,
            levels,
            now=self._clock.now(),
            lateness=self._lateness,
        )

    async def save_at_hand(
        self, raw: Raw, flushed: Mapping[Book, Changed], ids: Sequence[tuple[int, str]]
    ) -> set[int]:
        """Save what came of books at hand, with the ids of their ticks, and publish it; of which
        symbols: not of those that somebody else has written, or writes.

        `raw` is in no transaction: it is a transaction of its own, and waits for no other.
        """
        saved = await save(raw, [*flushed], ids, int(self._clock.now()))
        self._shared.update({book.facts.id for book in flushed} - saved)
        done = {book: event for book, event in flushed.items() if book.facts.id in saved}
        await self._committed([*done], [*done.values()])
        return saved

    async def flush(self, session: AsyncSession, books: Sequence[Book]) -> list[Changed]:
        """Save the books; what changed is published once the transaction has committed."""
        events = [event for book in books if (event := await book.flush()) is not None]
        for writes in dict.fromkeys(book.writes for book in books):
            await writes.execute()
        after_commit(session, partial(self._committed, books, events))
        return events

    async def _committed(self, books: Sequence[Book], events: Sequence[Changed]) -> None:
        for book in books:
            BARS_INGESTED.inc(book.bars_taken)
            TICKS_INGESTED.inc(book.ticks_taken)
            kept = {name: level.detached() for name, level in book.levels.items()}
            self._edges[book.facts.id] = (replace(book.head), kept)
        while len(self._edges) > EDGES_KEPT:
            self._edges.pop(next(iter(self._edges)))
        for event in events:
            await self._bus.publish(CHANGES, str(event.symbol_id), event)

    async def _levels(
        self, connection: Raw, heads: Mapping[int, Head]
    ) -> dict[int, dict[Resolution, Level]]:
        """The levels as the last transaction here left them, if no other has written since."""
        levels = {}
        for symbol_id, head in heads.items():
            # Taken out, not looked up: should this transaction fail, they are of no use any more.
            known, kept = self._edges.pop(symbol_id, (None, {}))
            is_last = known is not None and known.version == head.version
            levels[symbol_id] = kept if is_last else {}
            if is_last:
                self._shared.discard(symbol_id)
            elif known is not None:
                self._shared.add(symbol_id)
        unknown = [symbol_id for symbol_id, kept in levels.items() if not kept]
        if not unknown:
            return levels
        for symbol_id in unknown:
            levels[symbol_id] = {resolution: Level(resolution) for resolution in Resolution}
        chosen, argument = connection.one_of("$1", unknown)
        for symbol_id, seconds, first, last, sealed in await connection.fetch(
            "SELECT symbol_id, resolution, first, last, sealed FROM bar_series "  # noqa: S608
            f"WHERE symbol_id {chosen}",
            argument,
        ):
            level = levels[symbol_id][_RESOLUTIONS[seconds]]
            level.first, level.last, level.sealed = first, last, sealed
            level.settle()
        return levels

    @staticmethod
    async def _lock(connection: Raw, symbols: Sequence[SymbolFacts]) -> dict[int, Head]:
        # Locked in the order of their ids, so that two writers can't wait for each other. SQLite's
        # writing transactions already exclude one another.
        lock = "FOR UPDATE OF h" if connection.dialect == "postgresql" else ""
        chosen, argument = connection.one_of("$1", [facts.id for facts in symbols])
        rows = {
            row[0]: row for row in await connection.fetch(_HEADS.format(chosen, lock), argument)
        }
        for facts in symbols:
            row = rows.get(facts.id)
            if row is None:
                raise NotFound(f"There is no symbol {facts.symbol}.", code="unknown_symbol")
            # Facts may be older than the lock, and bars must not be folded by two calendars.
            if (facts.calendar.code, facts.extended_hours) != (row[-2], bool(row[-1])):
                raise Unavailable(
                    f"The hours of {facts.symbol} have just changed.", code="hours_changed"
                )
        return {id: Head(*row[:-2]) for id, row in rows.items()}


_HEADS = """
SELECT h.symbol_id, h.version, h.revision, h.updated, h.last, h.last_time, h.day,
  h.open, h.high, h.low, h.volume, h.previous_close,
  COALESCE(s.calendar, e.calendar), s.extended_hours
FROM heads h JOIN symbols s ON s.id = h.symbol_id JOIN exchanges e ON e.code = s.exchange
WHERE h.symbol_id {} ORDER BY h.symbol_id {}
"""
_RESOLUTIONS = {resolution.seconds: resolution for resolution in Resolution}
