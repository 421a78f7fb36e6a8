"""The statement that reads a stretch of bars, and what it brings as columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tradeapi.analytics.bars import Bars, Float64Array
from tradeapi.drivers import Raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import block_start, columns

# As the start and the end of a stretch: no bar lies beyond.
FAR = 2**62

HEAD, BLOCK, ROWS = range(3)
# What a record holds: its kind, of the head its facts, of a block its count, start and data.
KIND, COUNT, START, DATA = 0, 1, 2, 10
# PostgreSQL's array_send: a header, then each number behind its length.
_ARRAY_HEADER_BYTES, _ITEM_BYTES, _LENGTH_BYTES = 20, 12, 4

Record = Sequence[Any]


async def read(  # noqa: PLR0913, PLR0917  the parameters of the statement
    raw: Raw,
    symbol_id: int,
    resolution: Resolution,
    stretch: tuple[int, int],
    wanted: int,
    blocks: int,
    *,
    earliest: bool,
) -> Sequence[Record]:
    """The symbol's head, then at most so many blocks and rows from one end of the stretch.

    Nothing if there is no such symbol. There are at least `wanted` bars within the stretch, or all
    that are there, or all that so many blocks hold; blocks may reach out of the stretch.
    """
    start, end = stretch
    return await raw.fetch(
        _STATEMENTS[raw.dialect, resolution, earliest],
        symbol_id,
        start,
        end,
        wanted,
        block_start(start, resolution) if start > -FAR else start,
        blocks,
    )


def bars_of(records: Sequence[Record], *, earliest: bool) -> Bars:
    """The bars of what was read, ascending."""
    runs = [columns(record[COUNT], record[DATA]) for record in records if record[KIND] == BLOCK]
    if not earliest:
        runs.reverse()
    edge = _edge([record for record in records if record[KIND] == ROWS])
    if edge is not None:
        runs.append(edge if earliest else edge[:, ::-1].copy())
    if not runs:
        return Bars.empty()
    table = np.concatenate(runs, axis=1) if len(runs) > 1 else runs[0]
    return Bars(table[0].view(np.int64), *table[1:])


def _edge(records: Sequence[Record]) -> Float64Array | None:
    """Rows as a block's columns."""
    if not records or not records[0][COUNT]:
        return None
    if records[0][DATA]:
        return unpacked(records[0][DATA], 6, records[0][COUNT])
    table = np.empty((6, len(records)))
    table[0] = np.array([record[1] for record in records], np.int64).view(np.float64)
    table[1:] = np.array([record[5:10] for record in records]).T
    return table


def unpacked(data: bytes, width: int, count: int) -> Float64Array:
    """So many of PostgreSQL's `ARRAY_SEND(ARRAY_AGG(...))` of 8-byte numbers, one after the other,
    as a block's columns."""
    arrays = np.frombuffer(data, np.uint8).reshape(width, _ARRAY_HEADER_BYTES + _ITEM_BYTES * count)
    items = arrays[:, _ARRAY_HEADER_BYTES:].reshape(width, count, _ITEM_BYTES)
    big_endian = np.ascontiguousarray(items[:, :, _LENGTH_BYTES:]).view(">i8")[:, :, 0]
    return big_endian.astype(np.int64).view(np.float64)


def _statement(dialect: str, resolution: Resolution, *, earliest: bool) -> str:
    """The symbol's head, its blocks and its rows in one statement, so that all are of one moment.

    The resolution is written out, so that the planner sees which partitions can match. `nearer`
    counts the bars of the stretch in the blocks before: those that are not needed are not read.
    """
    order = "ASC" if earliest else "DESC"
    return f"""
SELECT {HEAD} AS kind, h.version AS a, h.revision AS b, s.first AS c, s.last AS d, h.updated AS e,
  CAST(NULL AS float8) AS f, CAST(NULL AS float8) AS g, CAST(NULL AS float8) AS i,
  CAST(NULL AS float8) AS j, CAST(NULL AS bytea) AS data
FROM heads h LEFT JOIN bar_series s
  ON s.symbol_id = h.symbol_id AND s.resolution = {resolution.seconds}
WHERE h.symbol_id = $1
UNION ALL
SELECT {BLOCK}, count, start, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  SUBSTR(data, 1, 48 * count)
FROM (
  SELECT count, start, data, SUM(inside) OVER (ORDER BY start {order}) - inside AS nearer
  FROM (
    SELECT count, start, data,
      CASE WHEN start >= $2 AND last < $3 THEN count ELSE 0 END AS inside
    FROM bar_blocks
    WHERE symbol_id = $1 AND resolution = {resolution.seconds} AND start >= $5 AND start < $3
    ORDER BY start {order} LIMIT $6
  ) AS candidates
) AS sealed WHERE nearer < $4
UNION ALL
{_EDGES[dialect]} FROM (
  SELECT time, open, high, low, close, volume FROM bar_rows
  WHERE symbol_id = $1 AND resolution = {resolution.seconds} AND time >= $2 AND time < $3
  ORDER BY time {order} LIMIT $4
) AS edge
"""  # noqa: S608


# A hundred rows as one value cost the reader a fifth of what they cost one by one.
_EDGES = {
    "postgresql": f"SELECT {ROWS}, COUNT(*), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
    + " || ".join(
        f"ARRAY_SEND(ARRAY_AGG({name}))"
        for name in ("time", "open", "high", "low", "close", "volume")
    ),
    "sqlite": f"SELECT {ROWS}, time, NULL, NULL, NULL, open, high, low, close, volume, NULL",
}
_STATEMENTS = {
    (dialect, resolution, earliest): _statement(dialect, resolution, earliest=earliest)
    for dialect in _EDGES
    for resolution in Resolution
    for earliest in (False, True)
}
