"""What prices of many symbols were over 52 weeks, however many in the same few statements.

Prices are restated for the splits since, so that a range is one of today's shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from anyio import to_thread

from tradeapi.analytics.adjustments import Adjustment, Factors
from tradeapi.analytics.bars import Float64Array
from tradeapi.drivers import Raw
from tradeapi.market.bars.adjusted import Ex, ex_of
from tradeapi.market.calendars.days import DAY
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.reading import unpacked
from tradeapi.market.symbols.directory import Listing

DAYS = 364
CLOSES = 60
# Bars of so many days, and one more.
_MOST = DAYS + 1
# time, high, low and close, as they lie in a block.
_COLUMNS = (0, 2, 3, 4)

_DAILY = Resolution.DAY.seconds


@dataclass(frozen=True, slots=True)
class Year:
    """The range of 364 days, and up to 60 daily closes of them, the oldest first."""

    low: float
    high: float
    closes: Sequence[float]


@dataclass(frozen=True, slots=True)
class Years:
    """By symbol: no entry where nothing has been traded."""

    of: Mapping[int, Year]
    splits: Mapping[int, Sequence[Ex]]

    def restated(self, symbol_id: int, price: float | None, since: float) -> float | None:
        """A price of an instant in terms of today's shares."""
        if price is None:
            return None
        for split in self.splits.get(symbol_id, ()):
            if split.begin > since:
                price /= split.value
        return price


async def read_years(raw: Raw, listings: Sequence[Listing], now: float) -> Years:
    """Up to an instant; the bar of its day is still forming."""
    ids = [listing.id for listing in listings]
    since = (int(now) // DAY - DAYS) * DAY
    sealed, argument = raw.one_of("$1", ids)
    blocks = await raw.fetch(_BLOCKS.format(sealed), argument, since)
    rows = await raw.fetch(_ROWS[raw.dialect].format(sealed), argument, since)
    actions = await raw.fetch(_SPLITS.format(sealed), argument)

    def join() -> Years:
        splits = _splits(actions, listings, now)
        runs: dict[int, list[Float64Array]] = {}
        for id, *columns in blocks:
            table = np.frombuffer(b"".join(columns), np.float64).reshape(len(columns), -1)
            runs.setdefault(id, []).append(table)
        for id, table in _edges(raw.dialect, rows):
            runs.setdefault(id, []).append(table)
        bases = {listing.id: Adjustment(listing.basis) for listing in listings}
        years = {
            id: year
            for id, run in runs.items()
            if (year := _year(run, since, splits.get(id, ()), bases[id])) is not None
        }
        return Years(years, splits)

    return await to_thread.run_sync(join)


def _splits(
    actions: Sequence[Sequence[Any]], listings: Sequence[Listing], now: float
) -> Mapping[int, Sequence[Ex]]:
    """Those that are in effect."""
    calendars = {listing.id: listing.calendar for listing in listings}
    splits: dict[int, list[Ex]] = {}
    for id, *action in actions:
        split = ex_of(calendars[id], *action)
        if split.begin <= now:
            splits.setdefault(id, []).append(split)
    return splits


def _edges(dialect: str, rows: Sequence[Sequence[Any]]) -> Sequence[tuple[int, Float64Array]]:
    if dialect == "postgresql":
        return [(id, unpacked(data, 4, count)) for id, count, data in rows]
    if not rows:
        return []
    table = np.array(rows, np.float64)
    ids, columns = table[:, 0].astype(np.int64), table[:, 1:].T.copy()
    columns[0] = columns[0].astype(np.int64).view(np.float64)
    cuts = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)]
    return [(int(ids[low]), columns[:, low:high]) for low, high in pairwise(cuts)]


def _year(
    runs: Sequence[Float64Array], since: int, splits: Sequence[Ex], basis: Adjustment
) -> Year | None:
    table = np.concatenate(runs, axis=1) if len(runs) > 1 else runs[0]
    time = np.ascontiguousarray(table[0]).view(np.int64)
    start = int(time.searchsorted(since))
    if start == len(time):
        return None
    time, (high, low, close) = time[start:], table[1:, start:]
    if splits:
        actions = [split.action(is_intraday=False) for split in splits]
        factors = Factors.of(actions, np.full(len(actions), np.nan), Adjustment.SPLITS, basis)
        multiplier = factors.at(time)[0]
        high, low, close = high * multiplier, low * multiplier, close * multiplier
    return Year(float(low.min()), float(high.max()), close[-CLOSES:].tolist())


_TAIL = f"CASE WHEN count < {_MOST} THEN count ELSE {_MOST} END"
_TAILS = ", ".join(
    f"SUBSTR(data, 1 + 8 * ({column + 1} * count - tail), 8 * tail)" for column in _COLUMNS
)
_BLOCKS = f"""
SELECT symbol_id, {_TAILS}
FROM (
  SELECT symbol_id, start, count, {_TAIL} AS tail, data FROM bar_blocks
  WHERE symbol_id {{0}} AND resolution = {_DAILY} AND last >= $2
) AS overlapping ORDER BY symbol_id, start
"""  # noqa: S608
_EDGE = f"""
SELECT symbol_id, time, high, low, close FROM bar_rows
WHERE symbol_id {{0}} AND resolution = {_DAILY} AND time >= $2 ORDER BY symbol_id, time
"""  # noqa: S608
_ARRAYS = " || ".join(
    f"ARRAY_SEND(ARRAY_AGG({column}))" for column in ("time", "high", "low", "close")
)
_ROWS = {
    "postgresql": f"""
SELECT symbol_id, COUNT(*), {_ARRAYS} FROM ({_EDGE}) AS edge GROUP BY symbol_id
""",  # noqa: S608
    "sqlite": _EDGE,
}
_SPLITS = """
SELECT symbol_id, ex_date, kind, value FROM corporate_actions
WHERE symbol_id {0} AND kind = 'split' ORDER BY ex_date
"""
