"""Trades that callers post: they build 1-minute bars, and one that has an id counts once."""

from asyncio import sleep
from collections.abc import Mapping, Sequence
from operator import itemgetter

from tradeapi.clock import Clock
from tradeapi.database import Database, raw
from tradeapi.errors import Invalid, TradeError
from tradeapi.market.bars.posted import Form, Items, Outcomes, Refusal, in_turn
from tradeapi.market.bars.tick_ids import LONGEST_ID, Key, TickIds
from tradeapi.market.bars.ticks_together import TicksTogether
from tradeapi.market.bars.validation import HIGHEST_PRICE, LARGEST_VOLUME, Reason
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import Book, SymbolFacts
from tradeapi.market.store.tick_bars import Tick, TickStatus
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.times import EARLIEST, LATEST, parse_time

STATUSES = ("accepted", "duplicate", "rejected")
# How far ahead of ours the clocks of those who send ticks may be.
AHEAD_SECONDS = 60

# Between so many others get their turn.
TICKS_AT_ONCE = 2000
# Requests of so many are committed together with others.
FEW = 16

_FORM = Form(
    texts=("symbol",), others=("time", "price", "size"), optional="id", numbers=slice(2, 4)
)


# Place in the request, time, price, size, id. A plain tuple, because of those the garbage collector
# soon takes no more notice: in a long request it would stop everybody to look at all of them.
Posted = tuple[int, float, float, float, str | None]


class PostedTicks:
    """The ticks of a request by symbol; items that can't be ticks are refused."""

    def __init__(self, items: Items) -> None:
        self.outcomes = Outcomes(len(items))
        self.ticks: dict[str, list[Posted]] = {}
        for place, item in enumerate(items):
            row = _FORM.read(item)
            if isinstance(row, Refusal):
                self.outcomes.refuse(place, row)
                continue
            symbol, *values = row
            made = _make(place, *values)
            if isinstance(made, Refusal):
                self.outcomes.refuse(place, made)
            else:
                self.ticks.setdefault(symbol, []).append(made)


class TickWriter:
    """Takes trades; all of a request in one transaction, which begins as late as BarWriter's.

    Few trades of one symbol go `together` with those of other requests, if that can be.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        store: BarStore,
        clock: Clock,
        together: TicksTogether | None = None,
    ) -> None:
        self._database = database
        self._directory = directory
        self._store = store
        self._clock = clock
        self._together = together
        self._ids = TickIds(clock)

    async def post(self, posted: PostedTicks) -> Outcomes:
        """What became of each tick, once that is committed."""
        outcomes = posted.outcomes
        listings = await self._directory.get_many(posted.ticks)
        by_symbol = await in_turn(len(outcomes.statuses), lambda: self._judge(posted, listings))
        if by_symbol and not await self._write_together(by_symbol, outcomes):
            await self._write(by_symbol, outcomes)
        return outcomes

    def _judge(
        self, posted: PostedTicks, listings: Mapping[str, Listing | TradeError]
    ) -> dict[int, tuple[SymbolFacts, list[Posted]]]:
        """What may be taken of each symbol, in order of arrival."""
        latest = self._clock.now() + AHEAD_SECONDS
        by_symbol: dict[int, tuple[SymbolFacts, list[Posted]]] = {}
        for symbol, ticks in posted.ticks.items():
            listing = listings[symbol]
            if isinstance(listing, TradeError):
                posted.outcomes.refuse_all(ticks, listing)
                continue
            timely = [one for one in ticks if one[1] <= latest]
            if len(timely) < len(ticks):
                early = [one for one in ticks if one[1] > latest]
                posted.outcomes.refuse_all(early, _IN_FUTURE)
            if timely:
                _, known = by_symbol.setdefault(listing.id, (listing.facts, []))
                known.extend(timely)
        for _, ticks in by_symbol.values():
            ticks.sort(key=itemgetter(0))
        return by_symbol

    async def _write_together(
        self, by_symbol: Mapping[int, tuple[SymbolFacts, list[Posted]]], outcomes: Outcomes
    ) -> bool:
        """Whether that was possible."""
        if self._together is None or len(by_symbol) > 1:
            return False
        [(facts, posted)] = by_symbol.values()
        if len(posted) > FEW:
            return False
        statuses = await self._together.take(
            facts, [Tick(*one[1:4]) for one in posted], [one[4] for one in posted]
        )
        if statuses is None:
            return False
        for one, status in zip(posted, statuses, strict=True):
            _settle(one, status, outcomes)
        return True

    async def _write(
        self, by_symbol: Mapping[int, tuple[SymbolFacts, list[Posted]]], outcomes: Outcomes
    ) -> None:
        keys = [(id, one[4]) for id, (_, ticks) in by_symbol.items() for one in ticks if one[4]]
        async with self._database.transaction() as session:
            books = await self._store.open(session, [facts for facts, _ in by_symbol.values()])
            connection = await raw(session)
            new = await self._ids.claim(connection, keys)
            for book in books:
                _, ticks = by_symbol[book.facts.id]
                for start in range(0, len(ticks), TICKS_AT_ONCE):
                    batch = _without_duplicates(
                        book, ticks[start : start + TICKS_AT_ONCE], new, outcomes
                    )
                    refused = await _add(book, batch, outcomes)
                    await self._ids.release(connection, refused)
                    await sleep(0)
            await self._store.flush(session, books)


def _without_duplicates(
    book: Book, ticks: Sequence[Posted], new: set[Key], outcomes: Outcomes
) -> list[Posted]:
    """Those whose ids are new; of two with one id in one request that is the first."""
    taken = []
    for one in ticks:
        place, _, _, _, id = one
        key = (book.facts.id, id or "")
        if id is None or key in new:
            new.discard(key)
            taken.append(one)
        else:
            outcomes.statuses[place] = "duplicate"
    return taken


async def _add(book: Book, posted: Sequence[Posted], outcomes: Outcomes) -> list[Key]:
    """Build bars; the ids of the ticks that were refused."""
    statuses = await book.add_ticks([Tick(*one[1:4]) for one in posted])
    refused = []
    for one, status in zip(posted, statuses, strict=True):
        _settle(one, status, outcomes)
        if status != "accepted" and one[4] is not None:
            refused.append((book.facts.id, one[4]))
    return refused


def _settle(posted: Posted, status: TickStatus, outcomes: Outcomes) -> None:
    place = posted[0]
    if status == "accepted":
        outcomes.statuses[place] = status
    else:
        outcomes.refuse(place, _REFUSALS[status])


def _make(
    place: int, time: object, price: float | None, size: float | None, id: object
) -> Posted | Refusal:
    if price is None or not 0 < price <= HIGHEST_PRICE:
        return _BAD_PRICE
    if size is None or not 0 <= size <= LARGEST_VOLUME:
        return _BAD_SIZE
    if type(id) is int:
        id = str(id)
    if id is not None and not (
        isinstance(id, str) and 0 < len(id) <= LONGEST_ID and id.isprintable()
    ):
        return _BAD_ID
    try:
        instant = parse_time(time)
    except Invalid as error:
        return Refusal(error.code, str(error))
    if not EARLIEST <= instant < LATEST:
        return _OUT_OF_RANGE
    return place, instant, float(price), float(size), id


_BAD_PRICE = Refusal("invalid_price", "A price is above 0 and at most 9e13.")
_BAD_SIZE = Refusal("invalid_size", "A size is 0 to 1e21.")
_BAD_ID = Refusal("invalid_id", f"An id has 1 to {LONGEST_ID} printable characters.")
_OUT_OF_RANGE = Refusal(Reason.TIME_OUT_OF_RANGE, Reason.TIME_OUT_OF_RANGE.detail)
_IN_FUTURE = Invalid(
    f"The tick is more than {AHEAD_SECONDS} seconds ahead of our clock.", code=Reason.IN_FUTURE
)
_REFUSALS = {
    "outside_session": Refusal("outside_session", Reason.OUTSIDE_SESSION.detail),
    "bar_is_native": Refusal(
        "bar_is_native", "The minute has a bar that was posted as a whole, which stays as it is."
    ),
}
