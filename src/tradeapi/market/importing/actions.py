"""Files of splits and dividends."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

from pydantic import ValidationError

from tradeapi.analytics.adjustments import Kind
from tradeapi.errors import TradeError
from tradeapi.market.bars.validation import Reason
from tradeapi.market.calendars.days import DAY
from tradeapi.market.importing.columns import recognise, require
from tradeapi.market.importing.market import Market, full_name
from tradeapi.market.importing.records import Faulty, number, records
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.tables import Batch, Table
from tradeapi.market.importing.values import instants
from tradeapi.market.symbols.actions import Actions, Term
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.schemas import Action
from tradeapi.market.times import EARLIEST, LATEST

ROLES: Mapping[str, tuple[str, ...]] = {
    "ticker": ("ticker", "symbol"),
    "ex_date": ("exdate", "date"),
    "kind": ("kind", "type", "action"),
    "value": ("value", "ratio", "amount"),
}
_RATIO = re.compile(r"([0-9.]+)\s*[:/]\s*([0-9.]+)")
_SYMBOLS_AT_ONCE = 50


class ActionImport:
    """Adds the splits and dividends of one file to what is known, or corrects it."""

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
        # By symbol, day and kind, with the line.
        self._terms: dict[str, dict[tuple[date, Kind], tuple[int, Term]]] = {}
        self._columns = recognise(table.names, ROLES)
        require(self._columns, [*ROLES], ROLES, table.names)

    def remarks(self) -> list[str]:
        return [f"New symbols: {self._created:,}."] if self._created else []

    async def run(self, advance: Callable[[int], None]) -> None:
        # A symbol's actions are judged together, wherever they stand in the file.
        for batch in self._table.batches([self._columns[role] for role in ROLES]):
            self.read += len(batch) + len(batch.malformed)
            self._rejects.add("malformed_row", batch.malformed)
            self._read(batch)
        symbols = [*self._terms]
        for start in range(0, len(symbols), _SYMBOLS_AT_ONCE):
            chosen = symbols[start : start + _SYMBOLS_AT_ONCE]
            listed = await self._market.listed(chosen)
            new = [symbol for symbol in chosen if symbol not in listed]
            if new:
                self._created += await self._market.create(new)
                listed |= await self._market.listed(new)
            for symbol in chosen:
                await self._merge(listed[symbol], [*self._terms[symbol].values()])
                advance(len(self._terms[symbol]))

    async def _merge(self, listing: Listing, terms: Sequence[tuple[int, Term]]) -> None:
        async with self._market.database.transaction() as session:
            actions = Actions(session, self._market.store)
            results = await actions.merge(listing, [term for _, term in terms])
        for (line, _), result in zip(terms, results, strict=True):
            if isinstance(result, TradeError):
                self._rejects.add(result.code, [line])
            else:
                self.statuses[result] += 1

    def _read(self, batch: Batch) -> None:
        days = instants(batch.columns[[*ROLES].index("ex_date")]).local.tolist()
        for (line, cells), day in zip(records(batch, [*ROLES]), days, strict=True):
            try:
                symbol, term = _term(cells, day, self._exchange)
            except Faulty as fault:
                self._rejects.add(fault.reason, [line])
                continue
            terms = self._terms.setdefault(symbol, {})
            if terms.setdefault(term.key, (line, term))[0] != line:
                self._rejects.add(Reason.DUPLICATE, [line])


def _term(cells: Mapping[str, str], day: float, exchange: str | None) -> tuple[str, Term]:
    """Raises Faulty."""
    symbol = full_name(cells["ticker"], exchange)
    if symbol is None:
        raise Faulty("invalid_symbol")
    # NaN, which is no time, has no remainder of zero either.
    if day % DAY != 0 or not EARLIEST <= day < LATEST:
        raise Faulty(Reason.BAD_TIME)
    given = {
        "ex_date": datetime.fromtimestamp(day, UTC).date(),
        "kind": cells["kind"].lower().removesuffix("s"),
        "value": _value(cells["value"]),
    }
    try:
        return symbol, Action.model_validate(given).term()
    except ValidationError as error:
        raise Faulty(f"invalid_{error.errors()[0]['loc'][0]}") from error


def _value(text: str) -> float | None:
    ratio = _RATIO.fullmatch(text)
    if ratio is None:
        return number(text)
    new, old = number(ratio[1]), number(ratio[2])
    return new / old if new and old else None
