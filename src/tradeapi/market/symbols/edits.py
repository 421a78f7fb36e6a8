"""Changes to one symbol as a whole, with what follows for its bars."""

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.database import Database
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import Exchange, Symbol
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import SymbolFacts
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.names import Name
from tradeapi.market.symbols.service import SymbolFields, Symbols, change, etag
from tradeapi.web.preconditions import Precondition


class SymbolEdits:
    """Each verb is a transaction of its own.

    A calendar may have to be built ahead of it, which takes seconds, and the directory has to
    forget the symbol behind it. `audit` records on behalf of who asks; without, nobody did.
    """

    def __init__(
        self,
        database: Database,
        store: BarStore,
        calendars: Calendars,
        directory: Directory,
        audit: Callable[[AsyncSession], Audit] | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._calendars = calendars
        self._directory = directory
        self._audit = audit

    async def put(
        self, symbol: str, fields: SymbolFields, precondition: Precondition
    ) -> tuple[Listing, bool]:
        """Create or replace; the symbol, and whether it is new.

        Where its hours change, its derived bars are built again; where what its prices contain
        does, adjusted history is another.
        """
        name = Name.parse(symbol)
        fields = {**fields, "name": fields.get("name") or name.ticker}
        if fields.get("calendar"):
            await self._calendars.get(str(fields["calendar"]))
        async with self._database.transaction() as session:
            symbols = Symbols(session)
            row = await symbols.find(name.symbol)
            precondition.check(None if row is None else etag(row))
            if row is None:
                await symbols.ensure(name.symbol, **fields)
            # Also of a new one: somebody else may have created it this very moment.
            stored = row or await symbols.get(name.symbol)
            is_changed = await self._replace(session, stored, fields)
            if self._audit is not None and (row is None or is_changed):
                outcome = "created" if row is None else "changed"
                self._audit(session).record("symbol.put", target=name.symbol, outcome=outcome)
        self._directory.forget(name.symbol)
        return await self._directory.get(name.symbol), row is None

    async def delete(self, symbol: str, precondition: Precondition) -> None:
        """Remove the symbol with everything that hangs on it."""
        async with self._database.transaction() as session:
            symbols = Symbols(session)
            row = await symbols.get(symbol)
            precondition.check(etag(row))
            await symbols.remove(row)
            if self._audit is not None:
                self._audit(session).record("symbol.delete", target=row.symbol)
        self._directory.forget(symbol)

    async def _replace(self, session: AsyncSession, row: Symbol, fields: SymbolFields) -> bool:
        """Whether anything was another."""
        exchange = await session.get_one(Exchange, row.exchange)
        hours, basis = (row.calendar, row.extended_hours), row.basis
        is_changed = change(row, {"currency": exchange.currency, **fields})
        await session.flush()
        has_other_hours = hours != (row.calendar, row.extended_hours)
        if not has_other_hours and basis == row.basis:
            return is_changed
        calendar = await self._calendars.get(row.calendar or exchange.calendar)
        facts = SymbolFacts(row.id, row.symbol, calendar, row.extended_hours)
        [book] = await self._store.open(session, [facts])
        if has_other_hours:
            await book.rebuild()
        if basis != row.basis:
            book.restate()
        await self._store.flush(session, [book])
        return is_changed
