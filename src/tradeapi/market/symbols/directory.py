"""Finds symbols by what callers call them; what it found it remembers for two seconds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Any

from tradeapi.database import Database
from tradeapi.errors import Conflict, NotFound, TradeError
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import date_of
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.store.book import SymbolFacts
from tradeapi.market.symbols.names import lookup_key

# Other processes change symbols too, and don't tell.
REMEMBERED_SECONDS = 2.0
MOST_REMEMBERED = 10_000
MOST_CANDIDATES = 10
# So many that are wanted all the time are looked up with the first of them that is forgotten.
MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A symbol as it is listed; `own_calendar` is set where its hours are not its exchange's.

    `listed_from` is its first day of trading, `listed_to` the first on which it trades no more.
    """

    id: int
    symbol: str
    exchange: str
    ticker: str
    name: str
    type: str
    currency: str
    sector: str | None
    tick_size: float | None
    basis: str
    extended_hours: bool
    listed_from: date | None
    listed_to: date | None
    version: int
    own_calendar: str | None
    calendar: Calendar

    @property
    def facts(self) -> SymbolFacts:
        return SymbolFacts(self.id, self.symbol, self.calendar, self.extended_hours)


class Directory:
    """Symbols by their name, in any case, or by a bare ticker where only one symbol has it.

    It sees what is committed: a symbol just created is found once its transaction is over.
    """

    def __init__(self, database: Database, calendars: Calendars) -> None:
        self._database = database
        self._calendars = calendars
        self._remembered: dict[str, tuple[float, Listing]] = {}
        # Those that were wanted again.
        self._wanted: set[str] = set()
        # How often symbols changed here: what was made of a listing before may be another now.
        self.edits = 0

    async def get(self, symbol: str) -> Listing:
        """Raises NotFound (unknown_symbol) or Conflict (ambiguous_symbol)."""
        found = (await self.get_many([symbol]))[symbol]
        if isinstance(found, TradeError):
            raise found
        return found

    async def get_many(self, symbols: Iterable[str]) -> Mapping[str, Listing | TradeError]:
        """Each symbol as it was asked for, with its listing or the error that `get` raises."""
        now = monotonic()
        keys = {symbol: lookup_key(symbol) for symbol in symbols}
        found: dict[str, Listing | TradeError] = {}
        for key in keys.values():
            remembered = self._remembered.get(key or "")
            if key is not None and remembered is not None and now < remembered[0]:
                found[key] = remembered[1]
                self._wanted.add(key)
        missing = [key for key in dict.fromkeys(keys.values()) if key and key not in found]
        if missing:
            also = self._wanted_soon(now).difference(missing)
            found |= await self._read([*missing, *also], now + REMEMBERED_SECONDS)
        return {
            symbol: unknown_symbol(symbol) if key is None else found[key]
            for symbol, key in keys.items()
        }

    async def read(self, symbol: str) -> Listing:
        """Like `get`, but as it is this moment."""
        self._drop(symbol)
        return await self.get(symbol)

    async def read_many(self, symbols: Collection[str]) -> Mapping[str, Listing | TradeError]:
        """Like `get_many`, but as they are this moment."""
        for symbol in symbols:
            self._drop(symbol)
        return await self.get_many(symbols)

    def forget(self, symbol: str) -> None:
        """A symbol changed here: look it up anew."""
        self.edits += 1
        self._drop(symbol)

    def clear(self) -> None:
        """All of them may have changed here."""
        self.edits += 1
        self._remembered.clear()

    def _wanted_soon(self, now: float) -> set[str]:
        """Those that will be asked for again, and are forgotten by then or soon."""
        soon = now + REMEMBERED_SECONDS / 2
        kept = [(key, self._remembered.get(key)) for key in self._wanted]
        due = [key for key, one in kept if one is not None and one[0] < soon][:MOST_AT_ONCE]
        self._wanted.clear()
        return set(due)

    def _drop(self, symbol: str) -> None:
        key = symbol.upper()
        self._remembered.pop(key, None)
        self._remembered.pop(key.partition(":")[2], None)

    async def _read(
        self, keys: Sequence[str], expires: float
    ) -> Mapping[str, Listing | TradeError]:
        edits = self.edits
        listings = await self._listings(keys)
        by_key: dict[str, list[Listing]] = {key: [] for key in keys}
        for listing in listings:
            for key in (listing.symbol, listing.ticker):
                if key in by_key:
                    by_key[key].append(listing)
        for key, matches in by_key.items():
            # What changed here meanwhile may have been read as it was before.
            if len(matches) == 1 and edits == self.edits:
                self._remember(key, expires, matches[0])
        return {key: _only(key, matches) for key, matches in by_key.items()}

    async def _listings(self, keys: Sequence[str]) -> list[Listing]:
        async with self._database.read() as raw:
            chosen, argument = raw.one_of("$1", keys)
            # No ticker has a colon, and every symbol has one.
            rows = await raw.fetch(_SELECT.format(chosen), argument)
        codes = {row[-1] for row in rows}
        calendars = {code: await self._calendars.get(code) for code in codes}
        return [_listing(row, calendars[row[-1]]) for row in rows]

    def _remember(self, key: str, expires: float, listing: Listing) -> None:
        if len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = expires, listing


def _only(key: str, matches: Sequence[Listing]) -> Listing | TradeError:
    if not matches:
        return unknown_symbol(key)
    if len(matches) == 1:
        return matches[0]
    named = ", ".join(listing.symbol for listing in matches[:MOST_CANDIDATES])
    more = ", ..." if len(matches) > MOST_CANDIDATES else ""
    return Conflict(f"{key} is ambiguous: there is {named}{more}.", code="ambiguous_symbol")


def unknown_symbol(symbol: str) -> NotFound:
    return NotFound(f"There is no symbol {symbol[:80]}.", code="unknown_symbol")


def _listing(row: Sequence[Any], calendar: Calendar) -> Listing:
    return Listing(
        id=row[0],
        symbol=row[1],
        exchange=row[2],
        ticker=row[3],
        name=row[4],
        type=row[5],
        currency=row[6],
        sector=row[7],
        tick_size=row[8],
        basis=row[9],
        extended_hours=bool(row[10]),
        listed_from=date_of(row[11]) if row[11] else None,
        listed_to=date_of(row[12]) if row[12] else None,
        version=row[13],
        own_calendar=row[14],
        calendar=calendar,
    )


_SELECT = """
SELECT s.id, s.symbol, s.exchange, s.ticker, s.name, s.type, s.currency, s.sector, s.tick_size,
  s.basis, s.extended_hours, s.listed_from, s.listed_to, s.version, s.calendar,
  COALESCE(s.calendar, e.calendar)
FROM symbols s JOIN exchanges e ON e.code = s.exchange
WHERE s.symbol {0} OR s.ticker {0} ORDER BY s.symbol
"""
