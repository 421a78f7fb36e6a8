"""Files of symbols: what they are called, and what is known of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import ValidationError

from tradeapi.errors import Invalid
from tradeapi.market.bars.validation import Reason
from tradeapi.market.importing.columns import recognise, require
from tradeapi.market.importing.market import Market, full_name
from tradeapi.market.importing.records import Faulty, day, days, number, records
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.tables import Batch, Table
from tradeapi.market.symbols.schemas import SymbolIn
from tradeapi.market.symbols.service import MOST_SHARES, UNDATED, Saved, SymbolFields, Symbols

ROLES: Mapping[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol"),
    "name": ("name",),
    "sector": ("sector",),
    "type": ("type",),
    "currency": ("currency",),
    "tick_size": ("ticksize",),
    "shares_outstanding": ("sharesoutstanding",),
    "listed_from": ("listedfrom", "ipodate"),
    "listed_to": ("listedto", "delisted", "delistingdate"),
}
_DAYS = "listed_from", "listed_to"
_ROWS_AT_ONCE = 200


class Row(NamedTuple):
    """One symbol of a file; `shares` apply from its first bar."""

    line: int
    symbol: str
    fields: SymbolFields
    shares: float | None


class SymbolImport:
    """Creates the symbols of one file, or changes what the file says of them."""

    def __init__(
        self, market: Market, table: Table, rejects: Rejects, *, exchange: str | None
    ) -> None:
        self.read = 0
        self.statuses: Counter[str] = Counter()
        self._market = market
        self._table = table
        self._rejects = rejects
        self._exchange = exchange
        self._seen: set[str] = set()
        self._columns = recognise(table.names, ROLES)
        require(self._columns, ["ticker"], ROLES, table.names)

    def remarks(self) -> list[str]:
        ignored = [name for name in self._table.names if name not in self._columns.values()]
        return [f"Not used: {', '.join(ignored)}."] if ignored else []

    async def run(self, advance: Callable[[int], None]) -> None:
        for batch in self._table.batches([*self._columns.values()]):
            self.read += len(batch) + len(batch.malformed)
            self._rejects.add("malformed_row", batch.malformed)
            rows = [*self._rows(batch)]
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                await self._save(rows[start : start + _ROWS_AT_ONCE])
                advance(len(rows[start : start + _ROWS_AT_ONCE]))

    async def _save(self, rows: Sequence[Row]) -> None:
        async with self._market.database.transaction() as session:
            symbols = Symbols(session)
            saved: dict[str, Saved] = {}
            for row in rows:
                try:
                    saved[row.symbol] = await symbols.save(row.symbol, **row.fields)
                except Invalid as error:
                    self._rejects.add(error.code, [row.line])
            figures = [
                (row.symbol, UNDATED, row.shares)
                for row in rows
                if row.symbol in saved and row.shares is not None
            ]
            counted = await symbols.set_shares(figures)
            for (symbol, *_), status in zip(figures, counted, strict=True):
                if saved[symbol] == "unchanged" and status != "unchanged":
                    saved[symbol] = "updated"
        self.statuses.update(saved.values())

    def _rows(self, batch: Batch) -> Iterator[Row]:
        roles = [*self._columns]
        listed = zip(*(days(batch, roles, role) for role in _DAYS), strict=True)
        for (line, cells), instants in zip(records(batch, roles), listed, strict=True):
            try:
                row = _row(line, cells, instants, self._exchange)
            except Faulty as fault:
                self._rejects.add(fault.reason, [line])
                continue
            if row.symbol in self._seen:
                self._rejects.add(Reason.DUPLICATE, [line])
            else:
                self._seen.add(row.symbol)
                yield row


def _row(
    line: int, cells: Mapping[str, str], instants: Sequence[float], exchange: str | None
) -> Row:
    """Raises Faulty."""
    symbol = full_name(cells["ticker"], exchange)
    if symbol is None:
        raise Faulty("invalid_symbol")
    shares = number(cells.get("shares_outstanding", ""))
    if shares is not None and not 0 < shares <= MOST_SHARES:
        raise Faulty("invalid_shares_outstanding")
    return Row(line, symbol, _fields(cells, instants), shares)


def _fields(cells: Mapping[str, str], instants: Sequence[float]) -> SymbolFields:
    """Those that have a value. Raises Faulty."""
    given = _given(cells, instants)
    try:
        checked = SymbolIn.model_validate(given).fields()
    except ValidationError as error:
        raise Faulty(f"invalid_{error.errors()[0]['loc'][0]}") from error
    fields: SymbolFields = {}
    if "name" in given:
        fields["name"] = checked["name"]
    if "sector" in given:
        fields["sector"] = checked["sector"]
    if "type" in given:
        fields["type"] = checked["type"]
    if "currency" in given:
        fields["currency"] = checked["currency"]
    if "tick_size" in given:
        fields["tick_size"] = checked["tick_size"]
    if "listed_from" in given:
        fields["listed_from"] = checked["listed_from"]
    if "listed_to" in given:
        fields["listed_to"] = checked["listed_to"]
    return fields


def _given(cells: Mapping[str, str], instants: Sequence[float]) -> Mapping[str, str | float | date]:
    given: dict[str, str | float | date] = {
        role: cells[role] for role in ("name", "sector", "type", "currency") if cells.get(role)
    }
    tick_size = number(cells.get("tick_size", ""))
    if tick_size is not None:
        given["tick_size"] = tick_size
    for role, instant in zip(_DAYS, instants, strict=True):
        found = day(cells.get(role, ""), instant)
        if found is not None:
            given[role] = found
    return given
