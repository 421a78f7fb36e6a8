"""Splits and dividends of a symbol: what is recorded, and what may be."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.adjustments import (
    DIVIDENDS,
    Action,
    Adjustment,
    Kind,
    excessive,
    previous_closes,
)
from tradeapi.auth.audit import Audit
from tradeapi.database import raw
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.calendars.days import day_of
from tradeapi.market.models import CorporateAction, Symbol
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.history import Window, history
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.service import Saved, Symbols, etag
from tradeapi.market.times import EARLIEST, LATEST
from tradeapi.web.preconditions import Precondition

# What all splits may make of one share, or of how many they may make one: the prices of before
# them have to stay numbers.
MOST_SHARES = 1e12
# More than there are between the first and the last instant that a bar may have.
ALL_DAYS = 100_000


class Term(NamedTuple):
    """A split (`value`: new shares per old) or cash dividend (`value`: per share) of one day.

    A symbol has one of each kind per day: two dividends of a day are their sum, beside a special.
    """

    ex_date: date
    kind: Kind
    value: float

    @property
    def key(self) -> tuple[date, Kind]:
        return self.ex_date, self.kind


async def recorded(session: AsyncSession, symbol_id: int) -> Sequence[CorporateAction]:
    """In order of their days, a day's dividends before its split."""
    chosen = select(CorporateAction).where(CorporateAction.symbol_id == symbol_id)
    ordered = chosen.order_by(CorporateAction.ex_date, CorporateAction.kind)
    return (await session.scalars(ordered)).all()


class Actions:
    """Corporate actions, inside one transaction, which may change those of one symbol.

    A change raises the symbol's version and, because adjusted history is another now, the
    revision of its bars; everybody who follows them is told to read anew. `audit` has what is
    replaced, and not what an import merges.
    """

    def __init__(self, session: AsyncSession, store: BarStore, audit: Audit | None = None) -> None:
        self._session = session
        self._store = store
        self._audit = audit

    async def replace(
        self, listing: Listing, terms: Sequence[Term], precondition: Precondition
    ) -> Symbol:
        """Have exactly these; raises Invalid that names every one that can't be."""
        symbol = await Symbols(self._session).get(listing.symbol)
        precondition.check(etag(symbol))
        faults = await self._faults(listing, terms, kept=())
        if faults:
            errors = [FieldError(f"/items/{place}", fault) for place, fault in faults.items()]
            raise Invalid(errors[0].detail, code="invalid_action", errors=errors)
        stored = {(row.ex_date, row.kind): row for row in await recorded(self._session, listing.id)}
        wanted = {term.key for term in terms}
        for key, row in stored.items():
            if key not in wanted:
                await self._session.delete(row)
        statuses = [self._put(listing, stored, term) for term in terms]
        if set(statuses) - {"unchanged"} or stored.keys() - wanted:
            await self._restate(listing, symbol)
            if self._audit is not None:
                self._audit.record("symbol.actions", target=symbol.symbol, outcome=str(len(terms)))
        return symbol

    async def merge(self, listing: Listing, terms: Sequence[Term]) -> Sequence[Saved | Invalid]:
        """Add these to what there is, or correct it; what became of each, or why it can't be."""
        symbol = await Symbols(self._session).get(listing.symbol)
        stored = {(row.ex_date, row.kind): row for row in await recorded(self._session, listing.id)}
        replaced = {term.key for term in terms}
        kept = [row for key, row in stored.items() if key not in replaced]
        faults = await self._faults(listing, terms, kept)
        statuses: Sequence[Saved | Invalid] = [
            Invalid(faults[place], code="invalid_action")
            if place in faults
            else self._put(listing, stored, term)
            for place, term in enumerate(terms)
        ]
        if "inserted" in statuses or "updated" in statuses:
            await self._restate(listing, symbol)
        return statuses

    def _put(
        self, listing: Listing, stored: dict[tuple[date, Kind], CorporateAction], term: Term
    ) -> Saved:
        row = stored.get(term.key)
        if row is None:
            row = CorporateAction(symbol_id=listing.id, **term._asdict())
            self._session.add(row)
            stored[term.key] = row
            return "inserted"
        if row.value == term.value:
            return "unchanged"
        row.value = term.value
        return "updated"

    async def _restate(self, listing: Listing, symbol: Symbol) -> None:
        symbol.version += 1
        await self._session.flush()
        [book] = await self._store.open(self._session, [listing.facts])
        book.restate()
        await self._store.flush(self._session, [book])

    async def _faults(
        self, listing: Listing, terms: Sequence[Term], kept: Sequence[CorporateAction]
    ) -> Mapping[int, str]:
        """What is wrong with each, by place, beside what is kept."""
        faults: dict[int, str] = {}
        actions: dict[int, Action] = {}
        seen: set[tuple[date, Kind]] = set()
        for place, term in enumerate(terms):
            effective = day_of(term.ex_date)
            if not EARLIEST <= effective < LATEST:
                faults[place] = f"The day {term.ex_date} lies before 1970-01-05 or after 2199."
            elif term.key in seen:
                faults[place] = f"There are two {term.kind}s on {term.ex_date}; give their sum."
            else:
                seen.add(term.key)
                try:
                    actions[place] = Action(term.kind, effective, term.value)
                except ValueError as error:
                    faults[place] = str(error)
        too_large = await self._too_large(listing, actions, kept)
        return _too_many_shares(terms, kept) | faults | too_large

    async def _too_large(
        self, listing: Listing, actions: Mapping[int, Action], kept: Sequence[CorporateAction]
    ) -> dict[int, str]:
        """The dividends that are not below the close before them."""
        if not any(action.kind in DIVIDENDS for action in actions.values()):
            return {}
        beside = [Action(row.kind, day_of(row.ex_date), row.value) for row in kept]
        together = [*beside, *actions.values()]
        days = np.array([action.effective for action in together], np.int64)
        until = Window(limit=ALL_DAYS, end=int(days.max()))
        connection = await raw(self._session)
        daily = await history(connection, listing.id, Resolution.DAY, until)
        closes = previous_closes(days, daily.bars)
        found = excessive(together, closes, Adjustment(listing.basis))
        return {place: found[action] for place, action in actions.items() if action in found}


def _too_many_shares(terms: Sequence[Term], kept: Sequence[CorporateAction]) -> dict[int, str]:
    """The splits that with all later ones make too much, or too little, of one share."""
    splits = [
        *(
            (one.ex_date, place, one.value)
            for place, one in enumerate(terms)
            if one.kind == "split"
        ),
        *((one.ex_date, -1, one.value) for one in kept if one.kind == "split"),
    ]
    faults: dict[int, str] = {}
    shares, newest = 1.0, -1
    for _, place, value in sorted(splits, reverse=True):
        newest = newest if place < 0 else place
        if 1 / MOST_SHARES <= shares * value <= MOST_SHARES:
            shares *= value
        else:
            # What is kept was right without the new ones.
            faults[newest] = f"The splits would make {shares * value:g} shares of one."
    return faults
