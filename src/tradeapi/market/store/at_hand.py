"""Saving books of which all that matters was known before, by one statement on PostgreSQL.

Most ticks change bars that the process wrote last, and nobody else has written since. Then there is
nothing to read and no lock to wait for: the statement takes the heads that still stand where the
process left them and that nobody holds, and changes nothing of the other symbols.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Never

import asyncpg

from tradeapi.drivers import Raw
from tradeapi.market.store.book import Book
from tradeapi.market.store.writes import KEEP_ROW, KEEP_SERIES, SET_HEAD


class NotAtHand(Exception):
    """It takes the database to go on: somebody else may know."""


class Nothing:
    """What a book has for a connection that must do with what is at hand."""

    dialect = "postgresql"

    async def fetch(self, *_: object) -> Never:
        raise NotAtHand

    async def execute(self, *_: object) -> Never:
        raise NotAtHand

    async def executemany(self, *_: object) -> Never:
        raise NotAtHand

    def one_of(self, *_: object) -> Never:
        raise NotAtHand


async def save(
    raw: Raw, books: Sequence[Book], ids: Sequence[tuple[int, str]], seen: int
) -> set[int]:
    """Save what was flushed, and remember the ids of ticks; of which symbols that is done.

    Nothing is done of one that has another version, is locked, or has one of the ids already.
    """
    before = [(book.facts.id, book.head.version - 1) for book in books]
    hours = [(book.facts.calendar.code, book.facts.extended_hours) for book in books]
    writes = [book.writes for book in books]
    try:
        rows = await raw.fetch(
            _SAVE,
            *_columns(before, 2),
            *_columns(hours, 2),
            *_columns(ids, 2),
            seen,
            *_columns(chain.from_iterable(one.rows for one in writes), 11),
            *_columns(chain.from_iterable(one.series for one in writes), 5),
            *_columns(chain.from_iterable(one.heads for one in writes), 12),
        )
    except (asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError):
        # An id was taken while the statement began, or a symbol is about to go.
        return set()
    return {row[0] for row in rows}


def _columns(rows: Iterable[Sequence[Any]], count: int) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(count)]


def _arrays(first: int, types: str) -> str:
    """An array of each type as a table, from the parameter `first` on."""
    return ", ".join(f"${first + place}::{type}[]" for place, type in enumerate(types.split()))


_PRICES = "float8 float8 float8 float8 float8"
_SAVE = f"""
WITH taken AS MATERIALIZED (
  SELECT t.symbol_id FROM unnest({_arrays(5, "bigint text")}) AS claimed (symbol_id, id)
  JOIN tick_ids t ON t.symbol_id = claimed.symbol_id AND t.id = claimed.id
), head AS MATERIALIZED (
  SELECT h.symbol_id
  FROM unnest({_arrays(1, "bigint bigint text boolean")})
    AS known (symbol_id, version, calendar, extended_hours)
  JOIN heads h ON h.symbol_id = known.symbol_id AND h.version = known.version
  JOIN symbols s ON s.id = h.symbol_id JOIN exchanges e ON e.code = s.exchange
  WHERE COALESCE(s.calendar, e.calendar) = known.calendar
    AND s.extended_hours = known.extended_hours
    AND NOT EXISTS (SELECT FROM taken WHERE taken.symbol_id = h.symbol_id)
  FOR UPDATE OF h SKIP LOCKED
), claimed AS (
  INSERT INTO tick_ids (symbol_id, id, seen)
  SELECT claimed.symbol_id, claimed.id, $7
  FROM unnest({_arrays(5, "bigint text")}) AS claimed (symbol_id, id)
  JOIN head ON head.symbol_id = claimed.symbol_id
), bars AS (
  INSERT INTO bar_rows (symbol_id, resolution, time, open, high, low, close, volume,
    native, first_tick, last_tick)
  SELECT bar.* FROM unnest({_arrays(8, f"bigint int bigint {_PRICES} float8 float8 float8")})
    AS bar (symbol_id, resolution, time, open, high, low, close, volume,
      native, first_tick, last_tick)
  JOIN head ON head.symbol_id = bar.symbol_id
  {KEEP_ROW}
), series AS (
  INSERT INTO bar_series (symbol_id, resolution, first, last, sealed)
  SELECT reach.* FROM unnest({_arrays(19, "bigint int bigint bigint bigint")})
    AS reach (symbol_id, resolution, first, last, sealed)
  JOIN head ON head.symbol_id = reach.symbol_id
  {KEEP_SERIES}
)
UPDATE heads SET {SET_HEAD}
FROM head JOIN unnest(
    {_arrays(24, f"bigint bigint bigint float8 float8 float8 bigint {_PRICES}")}
  ) AS new (symbol_id, version, revision, updated, last, last_time, day,
    open, high, low, volume, previous_close)
  ON new.symbol_id = head.symbol_id
WHERE heads.symbol_id = head.symbol_id
RETURNING heads.symbol_id
"""  # noqa: S608  parameters and columns, no data
