"""Files of shares outstanding, each number from a day on."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date

from tradeapi.market.bars.validation import Reason
from tradeapi.market.importing.columns import recognise, require
from tradeapi.market.importing.market import Market, full_name
from tradeapi.market.importing.records import Faulty, day, days, number, records
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.tables import Batch, Table
from tradeapi.market.symbols.service import MOST_SHARES, UNDATED, Symbols
from tradeapi.market.times import EARLIEST, LATEST

ROLES: Mapping[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol"),
    "effective": ("effective", "date"),
    "shares": ("shares", "sharesoutstanding"),
}
_SYMBOLS_AT_ONCE = 50


class SharesImport:
    """Adds the numbers of one file to what is known, or corrects it."""

    def __init__(
        self, market: Market, table: Table, rejects: Rejects, *, exchange: str | None
    ) -> None:
        self.read = 0
        self.statuses: Counter[str] = Counter()
        self._created = 0
        self._market = market
        self._table = table
        self._rejects = rejects
        self._exchange = exchange
        self._figures: dict[str, dict[date, float]] = {}
        self._columns = recognise(table.names, ROLES)
        require(self._columns, ["ticker", "shares"], ROLES, table.names)

    def remarks(self) -> list[str]:
        return [f"New symbols: {self._created:,}."] if self._created else []

    async def run(self, advance: Callable[[int], None]) -> None:
        # By symbol, wherever its rows stand: its version rises once, its numbers are read once.
        for batch in self._table.batches([*self._columns.values()]):
            self.read += len(batch) + len(batch.malformed)
            self._rejects.add("malformed_row", batch.malformed)
            self._read(batch)
        symbols = [*self._figures]
        for start in range(0, len(symbols), _SYMBOLS_AT_ONCE):
            await self._save(symbols[start : start + _SYMBOLS_AT_ONCE], advance)

    async def _save(self, chosen: list[str], advance: Callable[[int], None]) -> None:
        figures = [
            (symbol, day, shares)
            for symbol in chosen
            for day, shares in self._figures[symbol].items()
        ]
        async with self._market.database.transaction() as session:
            symbols = Symbols(session)
            created = await symbols.ensure(*chosen)
            statuses = await symbols.set_shares(figures)
        self._created += len(created)
        self.statuses.update(statuses)
        advance(len(figures))

    def _read(self, batch: Batch) -> None:
        roles = [*self._columns]
        instants = days(batch, roles, "effective")
        for (line, cells), instant in zip(records(batch, roles), instants, strict=True):
            try:
                symbol, effective, shares = _figure(cells, instant, self._exchange)
            except Faulty as fault:
                self._rejects.add(fault.reason, [line])
                continue
            figures = self._figures.setdefault(symbol, {})
            if effective in figures:
                self._rejects.add(Reason.DUPLICATE, [line])
            else:
                figures[effective] = shares


def _figure(
    cells: Mapping[str, str], instant: float, exchange: str | None
) -> tuple[str, date, float]:
    """Raises Faulty."""
    symbol = full_name(cells["ticker"], exchange)
    if symbol is None:
        raise Faulty("invalid_symbol")
    effective = day(cells.get("effective", ""), instant)
    if effective is not None and not EARLIEST <= instant < LATEST:
        raise Faulty(Reason.BAD_TIME)
    shares = number(cells["shares"])
    if shares is None or not 0 < shares <= MOST_SHARES:
        raise Faulty("invalid_shares")
    return symbol, effective or UNDATED, shares
