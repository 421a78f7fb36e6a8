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
SYMBOLS_AT_ONCE = 1000
_BYTES_PER_DAY = 16
_HEAD, _BLOCK, _ROWS = range(3)
_DAILY = Resolution.DAY.seconds


@dataclass(frozen=True, slots=True, eq=False)
class Closes:
    """A symbol's closes by the times of its days, and where it stood when they were read."""

    symbol_id: int
    version: int
    revision: int
    times: Int64Array
    closes: Float64Array


async def daily_closes(
    raw: Raw, symbol_ids: Sequence[int], start: int, end: int
) -> AsyncIterator[Closes]:
    """Of each of these symbols, in their order, the days with `start <= time < end`, if any.

    All of one symbol is of one moment, and those that are read together are; a symbol that does not
    exist is left out. What was yielded is nowhere kept.
    """
    ids = [*dict.fromkeys(symbol_ids)]
    for low in range(0, len(ids), SYMBOLS_AT_ONCE):
        some = ids[low : low + SYMBOLS_AT_ONCE]
        for chosen in _parted(some, await _sizes(raw, some, start, end)):
            condition, argument = raw.one_of("$1", chosen)
            records = await raw.fetch(_CLOSES[raw.dialect].format(condition), argument, start, end)
            found = {one.symbol_id: one for one in _assembled(raw.dialect, records, start, end)}
            del records
            for symbol_id in chosen:
                if symbol_id in found:
                    yield found.pop(symbol_id)


async def _sizes(raw: Raw, symbol_ids: Sequence[int], start: int, end: int) -> Mapping[int, int]:
    """The bytes that a symbol's days may have, with those of blocks that reach out of the range."""
    condition, argument = raw.one_of("$1", symbol_ids)
    begin, until = block_start(start, Resolution.DAY), block_start(end, Resolution.DAY)
    return {
        symbol_id: _BYTES_PER_DAY
        * max((min(last, until + window(Resolution.DAY)) - max(first, begin)) // _DAILY + 1, 0)
        for symbol_id, first, last in await raw.fetch(_REACHES.format(condition), argument)
    }


def _parted(symbol_ids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[Sequence[int]]:
    part: list[int] = []
    total = 0
    for symbol_id in symbol_ids:
        size = sizes.get(symbol_id, 0)
        if part and total + size > BYTES_AT_ONCE:
            yield part
            part, total = [], 0
        part.append(symbol_id)
        total += size
    if part:
        yield part


def _assembled(
    dialect: str, records: Sequence[Sequence[Any]], start: int, end: int
) -> Iterator[Closes]:
    runs: dict[int, list[Float64Array]] = {}
    heads: list[tuple[int, int, int]] = []
    rows: dict[int, list[tuple[float, float]]] = {}
    for kind, symbol_id, *record in records:
        if kind == _HEAD:
            heads.append((symbol_id, record[0], record[1]))
        elif kind == _BLOCK or dialect == "postgresql":
            runs.setdefault(symbol_id, []).append(_table(kind, record))
        else:
            rows.setdefault(symbol_id, []).append((record[0], record[2]))
    for symbol_id, edge in rows.items():
        table = np.array(edge, np.float64).T.copy()
        table[0] = table[0].astype(np.int64).view(np.float64)
        runs.setdefault(symbol_id, []).append(table)
    for symbol_id, version, revision in heads:
        # They come in any order, and each begins after all of the one before.
        ordered = sorted(runs.pop(symbol_id, ()), key=lambda run: run[0].view(np.int64)[0])
        # A copy in any case, so that no answer is held by a part of it.
        table = np.concatenate([_NOTHING, *ordered], axis=1)
        times = table[0].view(np.int64)
        cut = slice(*times.searchsorted((start, end)).tolist())
        yield Closes(symbol_id, version, revision, times[cut], table[1, cut])


def _table(kind: int, record: Sequence[Any]) -> Float64Array:
    count, _, _, times, closes = record
    if kind == _ROWS:
        return unpacked(times, 2, count)
    return np.frombuffer(times + closes, np.float64).reshape(2, count)


_NOTHING = np.empty((2, 0))
_REACHES = f"""
SELECT symbol_id, first, last FROM bar_series WHERE symbol_id {{}} AND resolution = {_DAILY}
"""  # noqa: S608
_EDGE = f"""
  SELECT symbol_id, time, close FROM bar_rows
  WHERE symbol_id {{0}} AND resolution = {_DAILY} AND time >= $2 AND time < $3
  ORDER BY symbol_id, time
"""  # noqa: S608
# Many rows as one value cost the reader a fifth of what they cost one by one.
_EDGES = {
    "postgresql": f"""
SELECT {_ROWS}, symbol_id, COUNT(*), NULL, NULL,
  ARRAY_SEND(ARRAY_AGG(time)) || ARRAY_SEND(ARRAY_AGG(close)), NULL
FROM ({_EDGE}) AS edge GROUP BY symbol_id
""",  # noqa: S608
    "sqlite": f"SELECT {_ROWS}, symbol_id, time, NULL, close, NULL, NULL FROM ({_EDGE})",  # noqa: S608
}
_CLOSES = {
    dialect: f"""
SELECT {_HEAD} AS kind, symbol_id, version AS a, revision AS b, CAST(NULL AS float8) AS c,
  CAST(NULL AS bytea) AS times, CAST(NULL AS bytea) AS closes
FROM heads WHERE symbol_id {{0}}
UNION ALL
SELECT {_BLOCK}, symbol_id, count, start, NULL, SUBSTR(data, 1, 8 * count),
  SUBSTR(data, {8 * (CLOSE + 1)} * count + 1, 8 * count)
FROM (
  SELECT symbol_id, start, count, data FROM bar_blocks
  WHERE symbol_id {{0}} AND resolution = {_DAILY} AND last >= $2 AND start < $3
) AS sealed
UNION ALL
{edge}
"""  # noqa: S608
    for dialect, edge in _EDGES.items()
}
