"""Falls from a high: how deep, how long, and whether they were made good."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.levels import NOISE, Levels


@dataclass(frozen=True, slots=True)
class Drawdown:
    """`depth` is negative: -0.2 is a fall by 20 percent, on the day of the trough.

    The peak is the last session at the high, the recovery the first that is back at it; None if
    none is yet. `length` counts sessions from the peak to the recovery, or to the last session;
    `recovery_length` from the trough to the recovery.
    """

    peak: date
    trough: date
    recovery: date | None
    depth: float
    length: int
    recovery_length: int | None


def underwater(values: Float64Array) -> Float64Array:
    """Each level relative to the highest so far: at most 0, along the last axis."""
    depth: Float64Array = values / np.maximum.accumulate(values, axis=-1) - 1
    depth[depth >= -NOISE] = 0
    return depth


def drawdowns(levels: Levels, count: int) -> list[Drawdown]:
    """The `count` deepest, deepest first; of equal ones the earlier."""
    depth = underwater(levels.values)
    below = np.concatenate([[False], depth < 0, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return []
    # Between two falls all depths are 0, so a slice may reach to the next start.
    deepest = np.minimum.reduceat(depth, starts).argsort(kind="stable")[:count]
    return [_between(levels, depth, int(starts[n]), int(ends[n])) for n in deepest]


def _between(levels: Levels, depth: Float64Array, start: int, end: int) -> Drawdown:
    """Of the sessions below a high, from `start` to before `end`."""
    peak, trough = start - 1, start + int(depth[start:end].argmin())
    recovered = end < len(levels)
    return Drawdown(
        peak=levels.day(peak),
        trough=levels.day(trough),
        recovery=levels.day(end) if recovered else None,
        depth=float(depth[trough]),
        length=(end if recovered else end - 1) - peak,
        recovery_length=end - trough if recovered else None,
    )
