"""Which bars move what an average follows; of moves from bar to bar the first has none."""

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array


def any_bar(*columns: Float64Array) -> BoolArray:
    return np.ones(len(columns[0]), np.bool_)


def of_close(close: Float64Array) -> BoolArray:
    return _after_first(close[1:] != close[:-1])


def of_range(high: Float64Array, low: Float64Array, close: Float64Array) -> BoolArray:
    """Where the true range is above 0."""
    before = close[:-1]
    return _after_first(np.maximum(high[1:], before) > np.minimum(low[1:], before))


def of_direction(high: Float64Array, low: Float64Array, _: Float64Array) -> BoolArray:
    """Where a directional movement is above 0."""
    up, down = high[1:] - high[:-1], low[:-1] - low[1:]
    return _after_first((np.maximum(up, down) > 0) & (up != down))


def _after_first(moved: BoolArray) -> BoolArray:
    return np.concatenate([[False], moved])
