"""Which symbols an index consists of: the largest, in a definite order."""

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array, Int64Array


def largest(sizes: Float64Array, count: int) -> Int64Array:
    """The columns of the `count` largest, the largest first, of equal ones the first; fewer where
    there are fewer. NaN is no size."""
    # Smaller than every size.
    filled = np.where(np.isnan(sizes), -1.0, sizes)
    place = max(len(filled) - count, 0)
    least = np.partition(filled, place)[place]
    if least < 0.0:
        chosen = np.flatnonzero(filled >= 0.0)
    else:
        above = np.flatnonzero(filled > least)
        # Of those that are as large as the last one, the first by their columns.
        chosen = np.concatenate([above, np.flatnonzero(filled == least)[: count - len(above)]])
    # Stable: of equal ones the first comes first.
    chosen.sort()
    ordered: Int64Array = chosen[np.argsort(-filled[chosen], kind="stable")].astype(np.int64)
    return ordered


def buffered(sizes: Float64Array, count: int, buffer: int, incumbents: Int64Array) -> Int64Array:
    """The same, but who is in stays down to the rank `count + buffer`, and who is not comes in at
    rank `count - buffer`, or where there is room; the largest first.

    So little changes when sizes hardly do.
    """
    ranked = largest(sizes, count + buffer)
    is_in: BoolArray = np.isin(ranked, incumbents)
    rank = np.arange(len(ranked))
    # First who is in for certain, then who may stay, then who fills up; each by size.
    turn = np.where(rank < count - buffer, 0, np.where(is_in, 1, 2))
    kept = np.sort(np.lexsort((rank, turn))[:count])
    chosen: Int64Array = ranked[kept]
    return chosen
