"""The exchanges: when they trade, and in what currency."""

from collections.abc import AsyncIterator, Callable, Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.audit import Audit
from tradeapi.database import Database
from tradeapi.errors import Conflict, NotFound
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import BarSeries, Exchange, Symbol
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Directory
from tradeapi.market.symbols.names import parse_exchange


class Exchanges:
    """Each verb is a transaction of its own: a calendar may have to be built ahead of it.

    `audit` records on behalf of who asks; without, nobody did: a simulated one opens by itself.
    """

    def __init__(
        self,
        database: Database,
        calendars: Calendars,
        directory: Directory,
        audit: Callable[[AsyncSession], Audit] | None = None,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._directory = directory
        self._audit = audit

    async def list(self) -> Sequence[Exchange]:
        async with self._database.reading() as session:
            return (await session.scalars(select(Exchange).order_by(Exchange.code))).all()

    async def get(self, code: str) -> Exchange:
        async with self._database.reading() as session:
            # PostgreSQL takes no text that has a NUL in it.
            found = None if "\0" in code else await session.get(Exchange, code)
        if found is None:
            raise NotFound(f"There is no exchange {code}.", code="unknown_exchange")
        return found

    async def put(
        self, code: str, *, calendar: str, currency: str, name: str, rebuild: bool = False
    ) -> tuple[Exchange, bool]:
        """Create or replace; the exchange, and whether it is new.

        Bars are folded by the calendar, so one of an exchange that has bars is only changed for
        somebody who will `rebuild` them; everybody else gets a Conflict.
        """
        code = parse_exchange(code)
        await self._calendars.get(calendar)
        async with self._database.transaction() as session:
            row = await session.get(Exchange, code, with_for_update={"key_share": True})
            is_new = row is None
            if row is None:
                row = Exchange(code=code, calendar=calendar)
                session.add(row)
            has_bars = exists().where(
                BarSeries.symbol_id == Symbol.id, Symbol.exchange == code, Symbol.calendar.is_(None)
            )
            if row.calendar != calendar and not rebuild and await session.scalar(select(has_bars)):
                raise Conflict(
                    f"{code} has bars, which another calendar would have built otherwise. "
                    f"`tradeapi exchange set {code} --calendar {calendar}` builds them again.",
                    code="exchange_has_bars",
                )
            row.calendar, row.currency, row.name = calendar, currency, name or code
            if self._audit is not None and (is_new or session.is_modified(row)):
                outcome = "created" if is_new else "changed"
                self._audit(session).record("exchange.put", target=code, outcome=outcome)
        self._directory.clear()
        return row, is_new

    async def rebuild(self, code: str, store: BarStore) -> AsyncIterator[str]:
        """Build the derived bars of all its symbols again, one transaction each; names each done.

        What is right already stays as it is, so that it may be stopped and begun again.
        """
        async with self._database.reading() as session:
            chosen = select(Symbol.symbol).where(Symbol.exchange == code, Symbol.calendar.is_(None))
            symbols = (await session.scalars(chosen.order_by(Symbol.symbol))).all()
        for symbol in symbols:
            listing = await self._directory.read(symbol)
            async with self._database.transaction() as session:
                [book] = await store.open(session, [listing.facts])
                await book.rebuild()
                await store.flush(session, [book])
            yield symbol
