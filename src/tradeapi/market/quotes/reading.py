"""The statements that read what prices of many symbols were and are, however many in the same few.

All that comes of one statement is of the same moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from anyio import to_thread

from tradeapi.analytics.bars import Float64Array
from tradeapi.drivers import Raw
from tradeapi.market.bars.adjusted import Ex, ex_of
from tradeapi.market.events import Quote
from tradeapi.market.quotes.years import DAYS, Newest
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.reading import unpacked
from tradeapi.market.symbols.directory import Listing

# Bars of so many days, and one more.
_MOST = DAYS + 1
# time, high, low and close, as they lie in a block.
_COLUMNS = (0, 2, 3, 4)
_HEAD, _BLOCK, _ROWS = range(3)

_DAILY = Resolution.DAY.seconds


@dataclass(slots=True)
class Stretch:
    """Daily bars of a symbol, and the revision and the newest day that it had as they were read."""

    state: tuple[int, int | None]
    runs: list[Float64Array] = field(default_factory=list)

    def table(self) -> Float64Array:
        if not self.runs:
            return np.empty((len(_COLUMNS), 0))
        return np.concatenate(self.runs, axis=1) if len(self.runs) > 1 else self.runs[0]


async def read_quotes(raw: Raw, symbol_ids: Sequence[int]) -> Mapping[int, Quote]:
    """The quotes of all these symbols by id, in one statement; no entry for what is none."""
    chosen, argument = raw.one_of("$1", symbol_ids)
    rows = await raw.fetch(_QUOTES.format("", chosen), argument)
    return {row[0]: _quote(row) for row in rows}


async def read_newest(raw: Raw, symbol_ids: Sequence[int]) -> Mapping[int, Newest]:
    """The same with what their years end in."""
    chosen, argument = raw.one_of("$1", symbol_ids)
    return {
        row[0]: Newest(_quote(row), row[10], None if row[11] is None else (row[6], row[5], row[11]))
        for row in await raw.fetch(_QUOTES.format(_NEWEST, chosen), argument)
    }


async def read_splits(raw: Raw, listings: Sequence[Listing]) -> Mapping[int, Sequence[Ex]]:
    """In order of their days, also those that are only announced; no entry without any."""
    calendars = {listing.id: listing.calendar for listing in listings}
    chosen, argument = raw.one_of("$1", [*calendars])
    splits: dict[int, list[Ex]] = {}
    for id, *action in await raw.fetch(_SPLITS.format(chosen), argument):
        splits.setdefault(id, []).append(ex_of(calendars[id], *action))
    return splits


async def read_days(raw: Raw, symbol_ids: Sequence[int], since: int) -> Mapping[int, Stretch]:
    """All daily bars from an instant on, and maybe some before."""
    chosen, argument = raw.one_of("$1", symbol_ids)
    records = await raw.fetch(_DAYS[raw.dialect].format(chosen), argument, since)
    return await to_thread.run_sync(_stretches, raw.dialect, records)


def _stretches(dialect: str, records: Sequence[Sequence[Any]]) -> Mapping[int, Stretch]:
    stretches = {record[1]: Stretch((record[2], record[3])) for record in _of(_HEAD, records)}
    # By their starts.
    for _, id, _, _, *columns in sorted(_of(_BLOCK, records), key=lambda block: block[2]):
        table = np.frombuffer(b"".join(columns), np.float64).reshape(len(columns), -1)
        stretches[id].runs.append(table)
    for id, table in _edges(dialect, _of(_ROWS, records)):
        stretches[id].runs.append(table)
    return stretches


def _of(kind: int, records: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    return [record for record in records if record[0] == kind]


def _edges(dialect: str, rows: Sequence[Sequence[Any]]) -> Sequence[tuple[int, Float64Array]]:
    if dialect == "postgresql":
        return [(id, unpacked(data, 4, count)) for _, id, count, _, data, *_ in rows]
    if not rows:
        return []
    columns = np.array([(*row[1:3], *row[4:7]) for row in rows], np.float64).T
    columns = columns[:, np.lexsort((columns[1], columns[0]))]
    ids, table = columns[0].astype(np.int64), columns[1:].copy()
    table[0] = table[0].astype(np.int64).view(np.float64)
    cuts = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)]
    return [(int(ids[low]), table[:, low:high]) for low, high in pairwise(cuts)]


def _quote(row: Sequence[Any]) -> Quote:
    return Quote(
        last=row[1],
        time=row[2],
        day=row[3],
        open=row[4],
        high=row[5],
        low=row[6],
        volume=row[7],
        previous_close=row[8],
        is_intraday=bool(row[9]),
    )


_QUOTES = """
SELECT h.symbol_id, h.last, h.last_time, h.day, h.open, h.high, h.low, h.volume, h.previous_close,
  EXISTS (SELECT 1 FROM bar_series s WHERE s.symbol_id = h.symbol_id AND s.resolution < 86400){}
FROM heads h WHERE h.symbol_id {}
"""
_NEWEST = f""", h.revision, (
    SELECT b.close FROM bar_rows b
    WHERE b.symbol_id = h.symbol_id AND b.resolution = {_DAILY} AND b.time = h.day
  )"""  # noqa: S608
_SPLITS = """
SELECT symbol_id, ex_date, kind, value FROM corporate_actions
WHERE symbol_id {0} AND kind = 'split' ORDER BY ex_date
"""

_TAIL = f"CASE WHEN count < {_MOST} THEN count ELSE {_MOST} END"
_TAILS = ", ".join(
    f"SUBSTR(data, 1 + 8 * ({column + 1} * count - tail), 8 * tail)" for column in _COLUMNS
)
_ARRAYS = " || ".join(
    f"ARRAY_SEND(ARRAY_AGG({column}))" for column in ("time", "high", "low", "close")
)
_NO_DATA = ", ".join(["CAST(NULL AS bytea)"] * 4)
_EDGE = f"""
  SELECT symbol_id, time, high, low, close FROM bar_rows
  WHERE symbol_id {{0}} AND resolution = {_DAILY} AND time >= $2 ORDER BY symbol_id, time
"""  # noqa: S608
# A hundred rows as one value cost the reader a fifth of what they cost one by one.
_EDGES = {
    "postgresql": f"""
SELECT {_ROWS}, symbol_id, COUNT(*), NULL, {_ARRAYS}, NULL, NULL, NULL
FROM ({_EDGE}) AS edge GROUP BY symbol_id
""",  # noqa: S608
    "sqlite": f"""
SELECT {_ROWS}, symbol_id, time, NULL, high, low, close, NULL FROM ({_EDGE})
""",  # noqa: S608
}
_DAYS = {
    dialect: f"""
SELECT {_HEAD} AS kind, symbol_id, revision, day, {_NO_DATA} FROM heads WHERE symbol_id {{0}}
UNION ALL
SELECT {_BLOCK}, symbol_id, start, NULL, {_TAILS}
FROM (
  SELECT symbol_id, start, count, {_TAIL} AS tail, data FROM bar_blocks
  WHERE symbol_id {{0}} AND resolution = {_DAILY} AND last >= $2
) AS overlapping
UNION ALL
{edge}
"""  # noqa: S608
    for dialect, edge in _EDGES.items()
}
