"""Opens the simulated exchange: everything is listed, and its history complete up to now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from math import floor as whole

from tradeapi.analytics.bars import Int64Array
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.market.calendars.days import date_at, day_of, floor
from tradeapi.market.providers.backfill import Backfill
from tradeapi.market.providers.securities import (
    COUNTED_FROM,
    EXCHANGE,
    EXCHANGE_CALENDAR,
    EXCHANGE_NAME,
    TICK_SIZE,
    Security,
)
from tradeapi.market.providers.tape import Tape
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.actions import Actions, Term
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.exchanges import Exchanges
from tradeapi.market.symbols.service import Symbols

_MINUTE = Resolution.MINUTE.seconds
# Dividends are paid on the first trading day from the tenth of these months on.
_PAYING_MONTHS = (3, 6, 9, 12)
_PAYING_DAY = 10


@dataclass(frozen=True, slots=True)
class Opening:
    """What is there already is left as it is, so that opening again changes nothing."""

    securities: Sequence[Security]
    database: Database
    store: BarStore
    directory: Directory
    exchanges: Exchanges
    backfill: Backfill

    async def tapes(self, now: float) -> list[Tape]:
        """Every security, with all that happened until now told up to the current minute."""
        listings = await self._listings()
        reached = await self._reached([listing.id for listing in listings.values()])
        minute = floor(whole(now), _MINUTE)
        tapes = []
        for security, listing in listings.items():
            last, traded = reached[listing.id]
            if last is not None and traded >= last + _MINUTE:
                last += _MINUTE
            await self.backfill.complete(security, listing, last, minute)
            await self._record_actions(security, listing, now)
            until = max(minute, traded)
            tapes.append(Tape(self.backfill.market, security, listing, until))
        return tapes

    async def _listings(self) -> Mapping[Security, Listing]:
        try:
            await self.exchanges.get(EXCHANGE)
        except NotFound:
            await self.exchanges.put(
                EXCHANGE, calendar=EXCHANGE_CALENDAR, currency="USD", name=EXCHANGE_NAME
            )
        async with self.database.transaction() as session:
            for security in self.securities:
                await Symbols(session).ensure(
                    security.symbol,
                    name=security.name,
                    type=security.type,
                    sector=security.sector,
                    calendar=None if security.calendar == EXCHANGE_CALENDAR else security.calendar,
                    tick_size=TICK_SIZE,
                )
            counted = [
                (security.symbol, COUNTED_FROM, security.shares)
                for security in self.securities
                if security.shares is not None
            ]
            await Symbols(session).set_shares(counted)
        self.directory.clear()
        return {security: await self.directory.get(security.symbol) for security in self.securities}

    async def _reached(self, symbol_ids: Sequence[int]) -> Mapping[int, tuple[int | None, float]]:
        """Of each symbol its last 1-minute bar, and the instant up to which its trades are in."""
        async with self.database.read() as raw:
            chosen, argument = raw.one_of("$1", symbol_ids)
            rows = await raw.fetch(
                "SELECT h.symbol_id, s.last, h.last_time FROM heads h "  # noqa: S608
                "LEFT JOIN bar_series s ON s.symbol_id = h.symbol_id "
                f"AND s.resolution = {_MINUTE} WHERE h.symbol_id {chosen}",
                argument,
            )
        return {symbol_id: (last, traded or 0.0) for symbol_id, last, traded in rows}

    async def _record_actions(self, security: Security, listing: Listing, now: float) -> None:
        days = self.backfill.days(security, listing, whole(now)).time
        terms = _terms(security, days)
        if terms:
            async with self.database.transaction() as session:
                await Actions(session, self.store).merge(listing, terms)


def _terms(security: Security, days: Int64Array) -> list[Term]:
    """The splits and dividends of these trading days."""
    if not len(days):
        return []
    first, last = date_at(int(days[0])), date_at(int(days[-1]))
    terms = [
        Term(ex_date, "split", ratio)
        for ex_date, ratio in security.splits
        if first <= ex_date <= last
    ]
    if security.dividend:
        for year, month in product(range(first.year, last.year + 1), _PAYING_MONTHS):
            place = int(days.searchsorted(day_of(date(year, month, _PAYING_DAY))))
            if 0 < place < len(days):
                terms.append(Term(date_at(int(days[place])), "dividend", security.dividend))
    return terms
