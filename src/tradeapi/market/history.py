"""Reading bars: one statement per page, columns out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from tradeapi.analytics.bars import Bars
from tradeapi.database import Raw
from tradeapi.errors import NotFound
from tradeapi.market.blocks import BARS_PER_BLOCK, block_start, decode_bars
from tradeapi.market.resolutions import Resolution

# How full a block of daily or longer bars is: five days of seven, less the holidays.
_DAILY_FILL = 0.65
_FAR = 2**62


@dataclass(frozen=True, slots=True)
class Window:
    """Which bars: `start <= time < end`, at most `limit` of them.

    Where there are more, the latest are kept, or the `earliest`.
    """

    limit: int
    start: int = -_FAR
    end: int = _FAR
    earliest: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Bars, what lies around them, and the state of the symbol they were read at.

    `first` and `last` are the times of the series' outermost bars, None if it has none.
    """

    bars: Bars
    previous_time: int | None
    has_more_before: bool
    has_more_after: bool
    version: int
    revision: int
    updated: float
    first: int | None
    last: int | None


async def history(
    raw: Raw, symbol_id: int, resolution: Resolution, window: Window, *, fill: float = 1.0
) -> Page:
    """One page of a symbol's bars; `fill` is the share of time that its market is open."""
    # One bar more than asked tells the bar before the first.
    wanted = window.limit + 1
    density = BARS_PER_BLOCK * (fill if resolution.is_intraday else _DAILY_FILL)
    blocks = ceil(wanted / density) + 1
    while True:
        records = await _fetch(raw, symbol_id, resolution, window, wanted, blocks)
        if not records:
            raise NotFound("There is no such symbol.", code="unknown_symbol")
        exhausted = sum(record[0] == 1 for record in records) < blocks
        if window.earliest and not exhausted:
            # Between the last of these blocks and the rows there are more blocks.
            records = [record for record in records if record[0] < 2]
        found = _bars(records, earliest=window.earliest)
        cut = found[slice(*found.time.searchsorted((window.start, window.end)).tolist())]
        if exhausted or len(cut) > window.limit:
            break
        blocks *= 4
    kept = cut[: window.limit] if window.earliest else cut[max(len(cut) - window.limit, 0) :]
    return await _page(raw, symbol_id, resolution, window, found, kept, records[0])


async def _page(  # noqa: PLR0913, PLR0917
    raw: Raw,
    symbol_id: int,
    resolution: Resolution,
    window: Window,
    found: Bars,
    kept: Bars,
    head: Sequence[Any],
) -> Page:
    first, last = head[3], head[4]
    begin = int(kept.time[0]) if len(kept) else min(window.start, window.end)
    if not len(kept) and window.start == -_FAR:
        begin = window.end
    has_more_before = first is not None and first < begin
    previous = None
    if has_more_before:
        place = int(found.time.searchsorted(begin))
        if place:
            previous = int(found.time[place - 1])
        else:
            previous = await previous_time(raw, symbol_id, resolution, begin)
    after = int(kept.time[-1]) + 1 if len(kept) else window.end
    return Page(
        bars=kept,
        previous_time=previous,
        has_more_before=has_more_before,
        has_more_after=last is not None and last >= after,
        version=head[1],
        revision=head[2],
        updated=head[5],
        first=first,
        last=last,
    )


async def previous_time(
    raw: Raw, symbol_id: int, resolution: Resolution, before: int
) -> int | None:
    """The time of the newest bar before an instant."""
    page_end = Window(limit=1, end=before)
    records = await _fetch(raw, symbol_id, resolution, page_end, 1, 2)
    times = _bars(records, earliest=False).time
    place = int(times.searchsorted(before))
    return int(times[place - 1]) if place else None


async def _fetch(  # noqa: PLR0913, PLR0917
    raw: Raw, symbol_id: int, resolution: Resolution, window: Window, wanted: int, blocks: int
) -> Sequence[Sequence[Any]]:
    start = window.start if window.earliest else -_FAR
    return await raw.fetch(
        _STATEMENTS[resolution, window.earliest],
        symbol_id,
        start,
        window.end,
        wanted,
        block_start(start, resolution) if start > -_FAR else start,
        blocks,
    )


def _bars(records: Sequence[Sequence[Any]], *, earliest: bool) -> Bars:
    blocks = [(record[1], record[10]) for record in records if record[0] == 1]
    rows = [(record[1], *record[5:10]) for record in records if record[0] == 2]
    if not earliest:
        blocks.reverse()
        rows.reverse()
    if not blocks:
        return Bars.of(rows)
    sealed = decode_bars(blocks)
    return Bars.concat([sealed, Bars.of(rows)]) if rows else sealed


def _statement(resolution: Resolution, *, earliest: bool) -> str:
    """The symbol's head, its blocks and its rows in one statement, so that all are of one moment.

    The resolution is written out, so that the planner sees which partitions can match.
    """
    order = "ASC" if earliest else "DESC"
    return f"""
SELECT 0 AS kind, h.version AS a, h.revision AS b, s.first AS c, s.last AS d, h.updated AS e,
  CAST(NULL AS float8) AS f, CAST(NULL AS float8) AS g, CAST(NULL AS float8) AS i,
  CAST(NULL AS float8) AS j, CAST(NULL AS bytea) AS data
FROM heads h LEFT JOIN bar_series s
  ON s.symbol_id = h.symbol_id AND s.resolution = {resolution.seconds}
WHERE h.symbol_id = $1
UNION ALL
SELECT 1, count, start, NULL, NULL, NULL, NULL, NULL, NULL, NULL, data FROM (
  SELECT count, start, data FROM bar_blocks
  WHERE symbol_id = $1 AND resolution = {resolution.seconds} AND start >= $5 AND start < $3
  ORDER BY start {order} LIMIT $6
) AS sealed
UNION ALL
SELECT 2, time, NULL, NULL, NULL, open, high, low, close, volume, NULL FROM (
  SELECT time, open, high, low, close, volume FROM bar_rows
  WHERE symbol_id = $1 AND resolution = {resolution.seconds} AND time >= $2 AND time < $3
  ORDER BY time {order} LIMIT $4
) AS edge
"""  # noqa: S608


_STATEMENTS = {
    (resolution, earliest): _statement(resolution, earliest=earliest)
    for resolution in Resolution
    for earliest in (False, True)
}
