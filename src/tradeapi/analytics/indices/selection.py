"""Which symbols an index consists of: the largest, in a definite order."""

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array, Int64Array


def largest(sizes: Float64Array, count: int) -> Int64Array:
    """The columns of the `count` largest, the largest first, of equal ones the first; fewer where
    there are fewer. NaN is no size."""
    known = np.flatnonzero(~np.isnan(sizes))
    if len(known) > count:
        found = sizes[known]
        least = np.partition(found, len(found) - count)[len(found) - count]
        above = known[found > least]
        # Of those that are as large as the last one, the first by their columns.
        known = np.concatenate([above, known[found == least][: count - len(above)]])
    ordered: Int64Array = known[np.lexsort((known, -sizes[known]))].astype(np.int64)
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
