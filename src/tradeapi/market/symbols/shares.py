"""Shares outstanding of a symbol: what is recorded, and what may be."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.calendars.days import day_of
from tradeapi.market.models import SharesOutstanding, Symbol
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.service import UNDATED, Symbols, etag
from tradeapi.market.times import EARLIEST, LATEST
from tradeapi.web.preconditions import Precondition


class Count(NamedTuple):
    """So many shares from a day on; without one, from the symbol's first bar on."""

    effective: date | None
    shares: float

    @property
    def day(self) -> date:
        """By which counts are sorted and stored."""
        return self.effective or UNDATED


async def counted(session: AsyncSession, symbol_id: int) -> Sequence[Count]:
    """In order of their days, the undated one first."""
    return [
        Count(None if row.effective == UNDATED else row.effective, row.shares)
        for row in await _rows(session, symbol_id)
    ]


class Shares:
    """Shares outstanding, inside one transaction; a change raises the symbol's version."""

    def __init__(self, session: AsyncSession, audit: Audit | None = None) -> None:
        self._session = session
        self._audit = audit

    async def replace(
        self, listing: Listing, counts: Sequence[Count], precondition: Precondition
    ) -> Symbol:
        """Have exactly these; raises Invalid that names every one that can't be."""
        symbols = Symbols(self._session)
        symbol = await symbols.get(listing.symbol)
        precondition.check(etag(symbol))
        faults = _faults(counts)
        if faults:
            errors = [FieldError(f"/items/{place}", fault) for place, fault in faults.items()]
            raise Invalid(errors[0].detail, code="invalid_shares", errors=errors)
        wanted = {count.day for count in counts}
        gone = [
            row for row in await _rows(self._session, listing.id) if row.effective not in wanted
        ]
        for row in gone:
            await self._session.delete(row)
        figures = [(symbol.symbol, count.day, count.shares) for count in counts]
        is_other = bool(set(await symbols.set_shares(figures)) - {"unchanged"})
        if gone and not is_other:
            symbol.version += 1
        if self._audit is not None and (gone or is_other):
            self._audit.record("symbol.shares", target=symbol.symbol, outcome=str(len(counts)))
        return symbol


async def _rows(session: AsyncSession, symbol_id: int) -> Sequence[SharesOutstanding]:
    chosen = select(SharesOutstanding).where(SharesOutstanding.symbol_id == symbol_id)
    return (await session.scalars(chosen.order_by(SharesOutstanding.effective))).all()


def _faults(counts: Sequence[Count]) -> Mapping[int, str]:
    """What is wrong with each, by place."""
    faults: dict[int, str] = {}
    seen: set[date | None] = set()
    for place, (effective, _) in enumerate(counts):
        if effective is not None and not EARLIEST <= day_of(effective) < LATEST:
            faults[place] = f"The day {effective} lies before 1970-01-05 or after 2199."
        elif effective in seen:
            of_what = f"on {effective}" if effective else "without a day"
            faults[place] = f"There are two numbers of shares {of_what}."
        seen.add(effective)
    return faults
