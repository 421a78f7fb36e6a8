"""All symbols in memory, for the search; read anew when the table has changed."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from anyio import Lock, to_thread

from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.market.calendars.days import date_of
from tradeapi.market.symbols.search import Entry, Index, Position

# With more entries a search takes long enough to be felt by others.
SEARCHED_IN_PLACE = 20_000


class Catalogue:
    """What there is, as it is at the moment of the search."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._index = Index([])
        self._state: Sequence[Any] = ()
        self._lock = Lock()

    async def search(
        self,
        query: str,
        *,
        limit: int,
        type: str | None = None,
        exchange: str | None = None,
        after: Position | None = None,
    ) -> list[tuple[Position, Entry]]:
        """What fits, the best first, with its position."""
        index = await self._current()
        find = partial(index.find, query, limit=limit, type=type, exchange=exchange, after=after)
        return find() if len(index.entries) <= SEARCHED_IN_PLACE else await to_thread.run_sync(find)

    async def _current(self) -> Index:
        async with self._lock, self._database.read() as raw:
            state = tuple((await raw.fetch(_STATE))[0])
            if state != self._state:
                entries = await _entries(raw)
                self._index = await to_thread.run_sync(Index, entries)
                # Of what was committed since, the next search sees that the state is another.
                self._state = state
            return self._index


async def _entries(raw: Raw) -> list[Entry]:
    rows = await raw.fetch(_ENTRIES)
    return [Entry._make((*row[:9], bool(row[9]), row[10], *_dates(row), row[13])) for row in rows]


def _dates(row: Sequence[Any]) -> list[date | None]:
    return [date_of(stored) if stored else None for stored in row[11:13]]


# Ids are never used again and versions only rise, so that no two states have the same figures.
_STATE = "SELECT count(*), max(id), sum(id), sum(version) FROM symbols"
_ENTRIES = """
SELECT symbol, exchange, ticker, name, type, currency, sector, tick_size, basis, extended_hours,
  calendar, listed_from, listed_to, version
FROM symbols
"""
