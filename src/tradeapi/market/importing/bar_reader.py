"""The rows of bars in a file, told apart from what is none."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tradeapi.market.importing.columns import recognise, require
from tradeapi.market.importing.market import full_name
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.rows import FileRows, Gathered
from tradeapi.market.importing.tables import Batch, BrokenOff, Table, Unusable
from tradeapi.market.importing.values import distinct, instants, numbers

ROLES: Mapping[str, tuple[str, ...]] = {
    "time": ("timestamp", "datetime", "date", "time"),
    "symbol": ("ticker", "symbol", "name"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
    "adjusted close": ("adjclose", "adjustedclose"),
}
PRICES = ("open", "high", "low", "close")


class BarReader:
    """Reads one file of bars; `symbols` are the names that the codes of its rows stand for.

    `exchange` is where bare tickers are listed; `symbol` is whose bars these are, whatever the file
    calls it. `read` counts the rows, faulty ones too. Raises Unusable for a file without the
    columns of bars.
    """

    chunk_rows = 500_000

    def __init__(
        self, table: Table, rejects: Rejects, *, exchange: str | None, symbol: str | None
    ) -> None:
        self.symbols: list[str] = []
        self.read = 0
        self._table = table
        self._rejects = rejects
        self._exchange = exchange
        self._codes: dict[str, int] = {}
        self._code_of: dict[str, int] = {}
        self._overruled: set[str] = set()
        self._columns = recognise(table.names, ROLES)
        self._symbol = symbol
        require(self._columns, ("time", *PRICES), ROLES, table.names)
        if symbol is None and "symbol" not in self._columns:
            raise Unusable(
                f"it has no column of symbols ({', '.join(ROLES['symbol'])}): "
                "say with --symbol whose bars these are"
            )
        self._wanted = [name for role, name in self._columns.items() if role != "adjusted close"]
        if self._columns["time"].lower() == "date" and recognise(table.names, {"": ("time",)}):
            raise Unusable("it has a date and a time apart: join them into one column")

    @property
    def has_adjusted_close(self) -> bool:
        return "adjusted close" in self._columns

    @property
    def ignored(self) -> list[str]:
        """The columns that bars have no place for."""
        return [name for name in self._table.names if name not in self._columns.values()]

    def chunks(self) -> Iterator[FileRows]:
        """All rows that may be bars, about `chunk_rows` at a time.

        Raises BrokenOff behind the rows that could be read.
        """
        gathered = Gathered(self.chunk_rows)
        broken: BrokenOff | None = None
        try:
            for batch in self._table.batches(self._wanted):
                self.read += len(batch) + len(batch.malformed)
                self._rejects.add("malformed_row", batch.malformed)
                rows = gathered.add(self._rows(batch))
                while gathered.is_full:
                    yield gathered.rows()
                    gathered = Gathered(self.chunk_rows)
                    rows = gathered.add(rows)
        except BrokenOff as error:
            broken = error
        if len(gathered):
            yield gathered.rows()
        if broken is not None:
            raise broken

    def _rows(self, batch: Batch) -> FileRows:
        columns = dict(zip(self._wanted, batch.columns, strict=True))
        by_role = {role: columns[name] for role, name in self._columns.items() if name in columns}
        codes = self._codes_of(by_role.get("symbol"), len(batch))
        times = instants(by_role["time"])
        values = [numbers(by_role[role]) for role in PRICES]
        if "volume" in by_role:
            values.append(numbers(by_role["volume"]))
        else:
            values.append((np.zeros(len(batch)), np.zeros(len(batch), np.bool_)))
        is_nameless = codes < 0
        is_nonsense = np.logical_or.reduce([nonsense for _, nonsense in values]) & ~is_nameless
        self._rejects.add("invalid_symbol", batch.lines[is_nameless])
        self._rejects.add("bad_number", batch.lines[is_nonsense])
        rows = FileRows(
            codes, batch.lines, times.seconds, times.local, *(found for found, _ in values)
        )
        is_left_out = is_nameless | is_nonsense
        return rows[~is_left_out] if is_left_out.any() else rows

    def _codes_of(self, column: Any, count: int) -> npt.NDArray[np.int32]:  # noqa: ANN401
        if column is None:
            return np.full(count, self._code(self._symbol or ""), np.int32)
        there, places = distinct(column)
        if self._symbol is None:
            return np.array([self._code(text) for text in there], np.int32)[places]
        self._overruled |= {there[place] for place in np.unique(places).tolist()} - {""}
        if len(self._overruled) > 1:
            raise Unusable("it holds more than one symbol, so --symbol can't name them all")
        return np.full(count, self._code(self._symbol), np.int32)

    def _code(self, text: str) -> int:
        """The number of the symbol, or -1 for what no symbol can be called."""
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = self._new_code(text.strip())
        return code

    def _new_code(self, text: str) -> int:
        symbol = full_name(text, self._exchange)
        if symbol is None:
            return -1
        if symbol not in self._code_of:
            self._code_of[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return self._code_of[symbol]
