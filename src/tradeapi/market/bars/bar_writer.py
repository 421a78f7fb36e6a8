"""Bars that callers post or remove."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from tradeapi.analytics.bars import Bars, Int64Array
from tradeapi.auth.audit import Audit, Caller
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Invalid, TradeError
from tradeapi.market.bars.posted import Form, Items, Outcomes, Refusal, in_turn
from tradeapi.market.bars.validation import Rows, validate
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.times import EARLIEST, LATEST, parse_times

STATUSES = ("inserted", "updated", "unchanged", "rejected")
# What is written at once; more would hold up others.
BARS_PER_TRANSACTION = 10_000

_FORM = Form(
    texts=("symbol", "resolution"),
    others=("time", "open", "high", "low", "close"),
    optional="volume",
    numbers=slice(3, None),
)

# The values of an item, with its place in the request.
Placed = tuple[int, tuple[Any, ...]]


class PostedBars:
    """The items of a request by symbol and resolution; those that can't be bars are refused."""

    def __init__(self, items: Items) -> None:
        self.outcomes = Outcomes(len(items))
        self.series: dict[tuple[str, str], list[Placed]] = {}
        for place, item in enumerate(items):
            row = _FORM.read(item)
            if isinstance(row, Refusal):
                self.outcomes.refuse(place, row)
            else:
                self.series.setdefault(row[:2], []).append((place, row))


class Piece(NamedTuple):
    """Bars of one symbol and resolution, with the places of their items in the request."""

    listing: Listing
    resolution: Resolution
    bars: Bars
    places: Int64Array


class BarWriter:
    """Changes to bars that callers ask for.

    A transaction begins when all is known: while a body is on its way or being read, nobody should
    wait for a lock.
    """

    def __init__(
        self, database: Database, directory: Directory, store: BarStore, clock: Clock
    ) -> None:
        self._database = database
        self._directory = directory
        self._store = store
        self._clock = clock

    async def post(self, posted: PostedBars) -> Outcomes:
        """What became of each item, once that is committed.

        A long request is written in several transactions. Should one fail, those before it stay:
        posting the same again makes no difference to them.
        """
        listings = await self._directory.get_many({symbol for symbol, _ in posted.series})
        count = len(posted.outcomes.statuses)
        pieces = await in_turn(count, lambda: self._judge(posted, listings))
        for batch in _batches(pieces):
            await self._write(batch, posted.outcomes)
        return posted.outcomes

    async def remove(
        self,
        symbol: str,
        resolution: Resolution,
        start: int | None,
        end: int | None,
        caller: Caller,
    ) -> tuple[int, int]:
        """How many bars with `start <= time < end` there were, and the revision without them."""
        listing = await self._directory.get(symbol)
        async with self._database.transaction() as session:
            [book] = await self._store.open(session, [listing.facts])
            removed = await book.delete(
                resolution, EARLIEST if start is None else start, LATEST if end is None else end
            )
            await self._store.flush(session, [book])
            if removed:
                audit = Audit(session, caller, self._clock.now())
                audit.record("bars.delete", target=listing.symbol, outcome=str(removed))
        return removed, book.head.revision

    def _judge(
        self, posted: PostedBars, listings: Mapping[str, Listing | TradeError]
    ) -> list[Piece]:
        # A symbol may be called by several names in one request.
        series: dict[tuple[int, str], tuple[Listing, list[Placed]]] = {}
        for (symbol, resolution), items in posted.series.items():
            listing = listings[symbol]
            if isinstance(listing, TradeError):
                posted.outcomes.refuse_all(items, listing)
            else:
                series.setdefault((listing.id, resolution), (listing, []))[1].extend(items)
        pieces = []
        for (_, name), (listing, items) in series.items():
            try:
                resolution = Resolution.parse(name)
            except Invalid as error:
                posted.outcomes.refuse_all(items, error)
                continue
            items.sort(key=itemgetter(0))
            pieces.append(self._judge_series(listing, resolution, items, posted.outcomes))
        return pieces

    def _judge_series(
        self, listing: Listing, resolution: Resolution, items: list[Placed], outcomes: Outcomes
    ) -> Piece:
        _, _, times, *values = zip(*(row for _, row in items), strict=True)
        verdict = validate(
            Rows(parse_times(times), *(np.array(column, np.float64) for column in values)),
            resolution,
            listing.calendar,
            now=self._clock.now(),
            tick_size=listing.tick_size,
            extended_hours=listing.extended_hours,
        )
        places = np.array([place for place, _ in items], np.int64)
        for row, reason in verdict.rejected:
            outcomes.refuse(int(places[row]), Refusal(reason, reason.detail))
        return Piece(listing, resolution, verdict.bars, places[verdict.rows])

    async def _write(self, pieces: Sequence[Piece], outcomes: Outcomes) -> None:
        facts = {piece.listing.id: piece.listing.facts for piece in pieces}
        async with self._database.transaction() as session:
            books = await self._store.open(session, list(facts.values()))
            by_id = {book.facts.id: book for book in books}
            for piece in pieces:
                statuses = await by_id[piece.listing.id].upsert(piece.resolution, piece.bars)
                for place, status in zip(piece.places.tolist(), statuses, strict=True):
                    outcomes.statuses[place] = status
            await self._store.flush(session, books)


def _batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """As many bars at a time as fit a transaction."""
    batch: list[Piece] = []
    room = BARS_PER_TRANSACTION
    for listing, resolution, bars, places in pieces:
        start = 0
        while start < len(bars):
            cut = slice(start, start + room)
            batch.append(Piece(listing, resolution, bars[cut], places[cut]))
            room -= len(batch[-1].bars)
            start = cut.stop
            if not room:
                yield batch
                batch, room = [], BARS_PER_TRANSACTION
    if batch:
        yield batch
