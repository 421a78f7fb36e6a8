"""Sets of times as ascending arrays; quick where a set is empty, as most are on a tick's path."""

import numpy as np

from tradeapi.analytics.bars import BoolArray, Int64Array

NO_TIMES: Int64Array = np.empty(0, np.int64)


def union(ours: Int64Array, theirs: Int64Array) -> Int64Array:
    if not len(theirs):
        return ours
    if not len(ours):
        return theirs
    if len(ours) == len(theirs) == 1 and ours[0] == theirs[0]:
        return ours
    return np.union1d(ours, theirs)


def members(of: Int64Array, times: Int64Array) -> BoolArray:
    """Whether each time is in the set `of`."""
    if not len(of):
        return np.zeros(len(times), np.bool_)
    found: BoolArray = of[np.minimum(np.searchsorted(of, times), len(of) - 1)] == times
    return found


def without(ours: Int64Array, theirs: Int64Array) -> Int64Array:
    """Ours that are not theirs."""
    if not len(ours) or not len(theirs):
        return ours
    return ours[~members(theirs, ours)]
