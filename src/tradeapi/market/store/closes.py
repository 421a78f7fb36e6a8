"""The daily closes of many symbols: of all that is known of their days, two columns."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.drivers import Raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import CLOSE, block_start, window
from tradeapi.market.store.reading import unpacked

# The event loop does nothing else while the driver takes an answer apart.
BYTES_AT_ONCE = 4_000_000
SYMBOLS_AT_ONCE = 5000
_BYTES_PER_DAY = 16
_BLOCK, _ROWS = range(2)
_DAILY = Resolution.DAY.seconds


@dataclass(frozen=True, slots=True, eq=False)
class Closes:
    """All closes of some symbols, in no order: `ids` (int64) says whose each is."""

    ids: Int64Array
    times: Int64Array
    closes: Float64Array


async def daily_closes(
    raw: Raw, symbol_ids: Sequence[int], start: int, end: int
) -> AsyncIterator[Closes]:
    """Of these symbols, some at a time, the days with `start <= time < end`.

    All of one symbol is of one moment, and those that are read together are. What was yielded is
    nowhere kept.
    """
    ids = [*dict.fromkeys(symbol_ids)]
    for low in range(0, len(ids), SYMBOLS_AT_ONCE):
        some = ids[low : low + SYMBOLS_AT_ONCE]
        for chosen, is_sealed in _parted(await _sizes(raw, some, start, end)):
            condition, argument = raw.one_of("$1", chosen)
            sql = (_CLOSES if is_sealed else _EDGES)[raw.dialect].format(condition)
            records = await raw.fetch(sql, argument, start, end)
            yield _assembled(raw.dialect, records, start, end)


async def _sizes(
    raw: Raw, symbol_ids: Sequence[int], start: int, end: int
) -> Mapping[int, tuple[int, bool]]:
    """The bytes that are read of each, of blocks the whole columns, and whether there are any."""
    condition, argument = raw.one_of("$1", symbol_ids)
    begin = block_start(start, Resolution.DAY)
    until = block_start(end, Resolution.DAY) + window(Resolution.DAY)
    sizes = {}
    for symbol_id, first, last, sealed in await raw.fetch(_REACHES.format(condition), argument):
        is_sealed = sealed is not None and sealed >= start
        low, high = (begin, until) if is_sealed else (start, end)
        days = (min(last, high) - max(first, low)) // _DAILY + 1
        if days > 0:
            sizes[symbol_id] = _BYTES_PER_DAY * days, is_sealed
    return sizes


def _parted(
    sizes: Mapping[int, tuple[int, bool]],
) -> Iterator[tuple[Sequence[int], bool]]:
    """As many symbols as are read together, apart by whether they have blocks there."""
    for is_sealed in (False, True):
        part: list[int] = []
        total = 0
        for symbol_id, (size, has_blocks) in sizes.items():
            if has_blocks is not is_sealed:
                continue
            if part and total + size > BYTES_AT_ONCE:
                yield part, is_sealed
                part, total = [], 0
            part.append(symbol_id)
            total += size
        if part:
            yield part, is_sealed


def _assembled(dialect: str, records: Sequence[Sequence[Any]], start: int, end: int) -> Closes:
    edge = _edge(dialect, [record for record in records if record[0] == _ROWS])
    blocks = [record for record in records if record[0] == _BLOCK]
    if not blocks:
        return edge
    ids = np.array([record[1] for record in blocks], np.int64)
    times = np.concatenate([np.frombuffer(record[4], np.int64) for record in blocks])
    closes = np.concatenate([np.frombuffer(record[5], np.float64) for record in blocks])
    inside = (times >= start) & (times < end)
    return Closes(
        np.concatenate([ids.repeat([record[2] for record in blocks])[inside], edge.ids]),
        np.concatenate([times[inside], edge.times]),
        np.concatenate([closes[inside], edge.closes]),
    )


def _edge(dialect: str, records: Sequence[Sequence[Any]]) -> Closes:
    if dialect == "postgresql" and records[0][2]:
        table = unpacked(records[0][4], 3, records[0][2])
        return Closes(table[0].view(np.int64), table[1].view(np.int64), table[2])
    rows = records if dialect == "sqlite" else ()
    return Closes(
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
    )


_REACHES = f"""
SELECT symbol_id, first, last, sealed FROM bar_series
WHERE symbol_id {{}} AND resolution = {_DAILY}
"""  # noqa: S608
_EDGE = f"""
  SELECT symbol_id, time, close FROM bar_rows
  WHERE symbol_id {{0}} AND resolution = {_DAILY} AND time >= $2 AND time < $3
"""  # noqa: S608
# Many rows as one value cost the reader a fifth of what they cost one by one.
_EDGES = {
    "postgresql": f"""
SELECT {_ROWS}, NULL, COUNT(*), NULL,
  ARRAY_SEND(ARRAY_AGG(CAST(symbol_id AS bigint))) || ARRAY_SEND(ARRAY_AGG(time))
    || ARRAY_SEND(ARRAY_AGG(close)), NULL
FROM ({_EDGE}) AS edge
""",  # noqa: S608
    "sqlite": f"SELECT {_ROWS}, symbol_id, time, close, NULL, NULL FROM ({_EDGE})",  # noqa: S608
}
_CLOSES = {
    dialect: f"""
SELECT {_BLOCK} AS kind, symbol_id, count AS a, CAST(NULL AS float8) AS b,
  SUBSTR(data, 1, 8 * count) AS times,
  SUBSTR(data, {8 * (CLOSE + 1)} * count + 1, 8 * count) AS closes
FROM bar_blocks
WHERE symbol_id {{0}} AND resolution = {_DAILY} AND last >= $2 AND start < $3
UNION ALL
{edge}
"""  # noqa: S608
    for dialect, edge in _EDGES.items()
}
