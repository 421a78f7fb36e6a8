"""The symbols, as rows: creating, changing and removing them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, TypedDict, Unpack

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.database import raw
from tradeapi.errors import Invalid
from tradeapi.market.models import BarBlock, FormerSymbol, Head, SharesOutstanding, Symbol
from tradeapi.market.symbols.directory import Listing, unknown_symbol
from tradeapi.market.symbols.names import Name

Saved = Literal["inserted", "updated", "unchanged"]

# Shares without a date apply from the first bar on: this day sorts before every other.
UNDATED = date.min
# No company has come near it.
MOST_SHARES = 1e15


class SymbolFields(TypedDict, total=False):
    """What is known of a symbol beside its name; without a `currency` it is the exchange's."""

    name: str
    type: str
    currency: str
    sector: str | None
    calendar: str | None
    tick_size: float | None
    basis: str
    extended_hours: bool
    listed_from: date | None
    listed_to: date | None


class Symbols:
    """All symbols, inside one transaction; the Directory sees changes once that is over."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, symbol: str) -> Symbol | None:
        """The symbol of this full name, locked against other changes of it."""
        name = Name.parse(symbol).symbol
        chosen = select(Symbol).where(Symbol.symbol == name).with_for_update(key_share=True)
        found: Symbol | None = await self._session.scalar(chosen)
        return found

    async def get(self, symbol: str) -> Symbol:
        found = await self.find(symbol)
        if found is None:
            raise unknown_symbol(symbol)
        return found

    async def ensure(self, *symbols: str, **fields: Unpack[SymbolFields]) -> list[str]:
        """Create those that don't exist, and their exchanges (24x7); the names of the new ones.

        Those that exist stay as they are. Raises Invalid for what no symbol can be called.
        """
        names = sorted({Name.parse(symbol) for symbol in symbols})
        connection = await raw(self._session)
        chosen, wanted = connection.one_of("$1", [name.symbol for name in names] or [""])
        rows = await connection.fetch(_EXISTING.format(chosen), wanted)
        existing = {row[0] for row in rows}
        # Sorted, so that two processes that create the same ones don't wait for each other.
        missing = [name for name in names if name.symbol not in existing]
        if missing:
            currencies = await self._currencies(sorted({name.exchange for name in missing}))
            rows = [
                _row(name, {"currency": currencies[name.exchange], **fields}, connection.dialect)
                for name in missing
            ]
            await connection.executemany(_ADD_SYMBOL, rows)
            await connection.execute(_ADD_HEADS.format(chosen), wanted)
        return [name.symbol for name in missing]

    async def save(self, symbol: str, **fields: Unpack[SymbolFields]) -> Saved:
        """Create the symbol, or change these fields of it; what became of it."""
        if await self.ensure(symbol, **fields):
            return "inserted"
        return "updated" if change(await self.get(symbol), fields) else "unchanged"

    async def remove(self, symbol: Symbol) -> None:
        """With everything that hangs on it."""
        session = self._session
        # Its writers' lock: nobody may add to what goes.
        head = await session.get_one(Head, symbol.id, with_for_update=True)
        await session.merge(FormerSymbol(symbol=symbol.symbol, revision=head.revision))
        await session.execute(delete(BarBlock).where(BarBlock.symbol_id == symbol.id))
        await session.execute(delete(Symbol).where(Symbol.id == symbol.id))

    async def set_shares(self, figures: Iterable[tuple[str, date, float]]) -> list[Saved]:
        """Shares outstanding of existing symbols from a date on, or from UNDATED; in order.

        The version rises of those of which anything is another now.
        """
        wanted = [(Name.parse(symbol).symbol, day, shares) for symbol, day, shares in figures]
        names = {name for name, _, _ in wanted}
        listed = {
            symbol.symbol: symbol
            for symbol in await self._session.scalars(
                select(Symbol)
                .where(Symbol.symbol.in_(names))
                # In order, so that two writers don't wait for each other.
                .order_by(Symbol.symbol)
                .with_for_update(key_share=True)
            )
        }
        for name in names - listed.keys():
            raise unknown_symbol(name)
        ids = {name: symbol.id for name, symbol in listed.items()}
        stored = {
            (row.symbol_id, row.effective): row
            for row in await self._session.scalars(
                select(SharesOutstanding).where(SharesOutstanding.symbol_id.in_(ids.values()))
            )
        }
        statuses: list[Saved] = []
        for name, day, shares in wanted:
            row = stored.get((ids[name], day))
            if row is None:
                row = SharesOutstanding(symbol_id=ids[name], effective=day, shares=shares)
                self._session.add(row)
                stored[ids[name], day] = row
                statuses.append("inserted")
            else:
                statuses.append("unchanged" if row.shares == shares else "updated")
                row.shares = shares
        for name in {
            name
            for (name, _, _), status in zip(wanted, statuses, strict=True)
            if status != "unchanged"
        }:
            listed[name].version += 1
        await self._session.flush()
        return statuses

    async def _currencies(self, exchanges: Sequence[str]) -> dict[str, str]:
        """The currency of each exchange; those that don't exist are created."""
        connection = await raw(self._session)
        await connection.executemany(_ADD_EXCHANGE, [(code, code) for code in exchanges])
        chosen, wanted = connection.one_of("$1", exchanges)
        rows = await connection.fetch(_CURRENCIES.format(chosen), wanted)
        return {code: currency for code, currency in rows}  # noqa: C416  a Sequence is no tuple


def change(symbol: Symbol, fields: SymbolFields) -> bool:
    """Take over these fields; whether any was another.

    Raises Invalid, and changes nothing, where it would be listed for no day.
    """
    begin = fields.get("listed_from", symbol.listed_from)
    end = fields.get("listed_to", symbol.listed_to)
    if begin is not None and end is not None and end <= begin:
        raise Invalid(
            f"{symbol.symbol} is listed from {begin}: {end} is not after it.",
            code="invalid_listed_to",
        )
    different = {key: value for key, value in fields.items() if getattr(symbol, key) != value}
    for key, value in different.items():
        setattr(symbol, key, value)
    symbol.version += bool(different)
    return bool(different)


def etag(symbol: Symbol | Listing) -> str:
    """With the id, because a symbol that is removed and made again begins with version 1 too."""
    return f'"{symbol.id}.{symbol.version}"'


def _row(name: Name, fields: SymbolFields, dialect: str) -> tuple[object, ...]:
    days = fields.get("listed_from"), fields.get("listed_to")
    return (
        name.symbol,
        name.exchange,
        name.ticker,
        fields.get("name", name.ticker),
        fields.get("type", "stock"),
        fields["currency"],
        fields.get("sector"),
        fields.get("calendar"),
        fields.get("tick_size"),
        fields.get("basis", "raw"),
        fields.get("extended_hours", False),
        # SQLite keeps dates as text.
        *(day.isoformat() if day and dialect == "sqlite" else day for day in days),
    )


_EXISTING = "SELECT symbol FROM symbols WHERE symbol {}"
_ADD_EXCHANGE = "INSERT INTO exchanges (code, name) VALUES ($1, $2) ON CONFLICT (code) DO NOTHING"
_CURRENCIES = "SELECT code, currency FROM exchanges WHERE code {}"
_ADD_SYMBOL = """
INSERT INTO symbols (symbol, exchange, ticker, name, type, currency, sector, calendar, tick_size,
  basis, extended_hours, listed_from, listed_to)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (symbol) DO NOTHING
"""
_ADD_HEADS = """
INSERT INTO heads (symbol_id, revision)
SELECT s.id, COALESCE(f.revision + 1, 0)
FROM symbols s LEFT JOIN former_symbols f ON f.symbol = s.symbol WHERE s.symbol {}
ON CONFLICT (symbol_id) DO NOTHING
"""
