"""Reading bars: one statement per page, columns out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from tradeapi.analytics.bars import Bars
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import BARS_PER_BLOCK
from tradeapi.market.store.reading import BLOCK, FAR, HEAD, KIND, ROWS, bars_of, read

# How full a block of daily or longer bars is: five days of seven, less the holidays.
_DAILY_FILL = 0.65


@dataclass(frozen=True, slots=True)
class Window:
    """Which bars: `start <= time < end`, at most `limit` of them.

    Where there are more, the latest are kept, or the `earliest`.
    """

    limit: int
    start: int = -FAR
    end: int = FAR
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
    stretch = (window.start if window.earliest else -FAR, window.end)
    while True:
        records = await read(
            raw, symbol_id, resolution, stretch, wanted, blocks, earliest=window.earliest
        )
        # There is one of its rows in any case where they are read as one value.
        if not records or records[0][KIND] != HEAD:
            raise NotFound("There is no such symbol.", code="unknown_symbol")
        exhausted = sum(record[KIND] == BLOCK for record in records) < blocks
        if window.earliest and not exhausted:
            # Between the last of these blocks and the rows there are more blocks.
            records = [record for record in records if record[KIND] != ROWS]
        found = bars_of(records, earliest=window.earliest)
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
    if not len(kept) and window.start == -FAR:
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
    records = await read(raw, symbol_id, resolution, (-FAR, before), 1, 2, earliest=False)
    times = bars_of(records, earliest=False).time
    place = int(times.searchsorted(before))
    return int(times[place - 1]) if place else None
