"""A series as the change in percent from its first value, so that several can be compared."""

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array


def base_of(values: Float64Array) -> int | None:
    """The place of the first value that can be a base: a finite one, not 0."""
    possible = np.isfinite(values) & (values != 0)
    return int(possible.argmax()) if possible.any() else None


def percent(values: Float64Array, base: float) -> Float64Array:
    """Of any shape; what is not finite is not so afterwards either.

    Below 0 more is still up: the change is divided by the base without its sign (as
    lightweight-charts' percentage scale does, toPercent).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        change: Float64Array = 100 * (values - base) / abs(base)
    return change


def rebased(time: Int64Array, values: Float64Array) -> tuple[Int64Array, Float64Array]:
    """The visible part of a series, from its first value that can be a base.

    Shape (points,) in, the same or fewer out: what precedes the base is absent, and so is what is
    not finite. Without a base nothing is left.
    """
    first = base_of(values)
    if first is None:
        return time[:0], values[:0]
    change = percent(values[first:], values[first])
    shown = np.isfinite(change)
    return time[first:][shown], change[shown]
