"""Ticks of many requests, committed by one statement."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Never

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.bars.tick_ids import Key, TickIds
from tradeapi.market.events import Changed
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import Book, SymbolFacts
from tradeapi.market.store.tick_bars import Tick, TickStatus

# Nobody is answered here while they are folded.
MOST_TOGETHER = 32
# While one commit takes its time, all others wait.
PATIENCE_SECONDS = 5.0

Statuses = Sequence[TickStatus]


class _Request:
    """Ticks of one symbol with their ids, and what will have become of them."""

    __slots__ = ("facts", "ids", "statuses", "ticks")

    def __init__(
        self, facts: SymbolFacts, ticks: Sequence[Tick], ids: Sequence[str | None]
    ) -> None:
        self.facts = facts
        self.ticks = ticks
        self.ids = ids
        self.statuses: asyncio.Future[Statuses | None] = asyncio.get_running_loop().create_future()


class _Folded(NamedTuple):
    """What the ticks of some requests have made of their symbol."""

    book: Book
    event: Changed
    claimed: Sequence[Key]
    statuses: Mapping[_Request, Statuses]


class TicksTogether:
    """One commit at a time, for all that have come meanwhile: the busier, the cheaper each.

    Taken are ticks whose symbols nobody else has written since, see `store.at_hand`; for the others
    nothing is done. `run` is to be a task: a request that is given up takes no other with it.
    """

    def __init__(self, database: Database, store: BarStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._ids = TickIds(clock)
        self._waiting: list[_Request] = []
        self._filled = asyncio.Event()

    async def take(
        self, facts: SymbolFacts, ticks: Sequence[Tick], ids: Sequence[str | None]
    ) -> Statuses | None:
        """What became of each tick, once that is committed; None where they take a transaction."""
        request = _Request(facts, ticks, ids)
        self._waiting.append(request)
        self._filled.set()
        try:
            return await request.statuses
        except asyncio.CancelledError:
            if request in self._waiting:
                self._waiting.remove(request)
            raise

    async def run(self) -> Never:
        while True:
            await self._filled.wait()
            taken, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            if not self._waiting:
                self._filled.clear()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    found = await self._commit(taken)
            except Exception as error:  # noqa: BLE001  it is for those who wait
                for request in taken:
                    if not request.statuses.done():
                        request.statuses.set_exception(error)
            else:
                for request in taken:
                    if not request.statuses.done():
                        request.statuses.set_result(found.get(request))

    async def _commit(self, requests: Sequence[_Request]) -> Mapping[_Request, Statuses]:
        by_symbol: dict[SymbolFacts, list[_Request]] = {}
        for request in requests:
            by_symbol.setdefault(request.facts, []).append(request)
        attempts = [await self._fold(facts, group) for facts, group in by_symbol.items()]
        folded = [one for one in attempts if one is not None]
        if not folded:
            return {}
        claimed = [key for one in folded for key in one.claimed]
        async with self._database.at_once() as raw:
            await self._ids.prune(raw, len(claimed))
            changes = {one.book: one.event for one in folded}
            saved = await self._store.save_at_hand(raw, changes, claimed)
        done = (one.statuses for one in folded if one.book.facts.id in saved)
        return {request: statuses for found in done for request, statuses in found.items()}

    async def _fold(self, facts: SymbolFacts, requests: Sequence[_Request]) -> _Folded | None:
        ids = [id for request in requests for id in request.ids]
        named = [id for id in ids if id is not None]
        # Which of two with one id counts depends on whether that is refused.
        book = self._store.at_hand(facts) if len(set(named)) == len(named) else None
        if book is None:
            return None
        try:
            found = await book.add_ticks([tick for request in requests for tick in request.ticks])
            event = await book.flush()
        except Exception:  # noqa: BLE001  what else but NotAtHand it may be, its transaction says
            return None
        if event is None or not book.writes.is_of_rows:
            return None
        claimed = [
            (facts.id, id)
            for id, status in zip(ids, found, strict=True)
            if id is not None and status == "accepted"
        ]
        statuses, start = {}, 0
        for request in requests:
            end = start + len(request.ticks)
            statuses[request], start = found[start:end], end
        return _Folded(book, event, claimed, statuses)
