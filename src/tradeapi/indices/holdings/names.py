"""What the constituents of an index are called, and where each stands among them by its name."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from tradeapi.analytics.bars import Int64Array
from tradeapi.database import Database


class Name(NamedTuple):
    """`symbol` is None where it was removed since."""

    symbol: str | None
    name: str
    sector: str | None


class Names:
    """Of the symbols with these ids, which are ascending."""

    def __init__(self, ids: Int64Array, rows: Sequence[Sequence[Any]]) -> None:
        known = {row[0]: Name(*row[1:]) for row in rows}
        self.ids = ids
        self.known = [known.get(id, Name(None, "", None)) for id in ids.tolist()]
        self._places = np.empty(len(ids), np.int64)
        order = sorted(range(len(ids)), key=lambda place: self.known[place].symbol or "")
        self._places[order] = np.arange(len(ids))

    @classmethod
    async def of(cls, database: Database, ids: Int64Array) -> Self:
        unique = np.unique(ids)
        async with database.read() as raw:
            chosen, argument = raw.one_of("$1", unique.tolist())
            rows = await raw.fetch(_NAMES.format(chosen), argument)
        return cls(unique, rows)

    def find(self, ids: Int64Array) -> Int64Array:
        """Where in `known` these are."""
        return self.ids.searchsorted(ids)

    def places(self, ids: Int64Array) -> Int64Array:
        """In the order of all symbols."""
        places: Int64Array = self._places[self.find(ids)]
        return places

    def __getitem__(self, id: int) -> Name:
        return self.known[int(self.ids.searchsorted(id))]


_NAMES = "SELECT id, symbol, name, sector FROM symbols WHERE id {}"
