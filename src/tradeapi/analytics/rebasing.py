"""A series as the change in percent from its first value, so that several can be compared."""

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array


def rebased(time: Int64Array, values: Float64Array) -> tuple[Int64Array, Float64Array]:
    """The visible part of a series, from its first value that can be a base: a finite one, not 0.

    Shape (points,) in, the same or fewer out: what precedes the base is absent, and so is what is
    not finite. Without a base nothing is left. Below 0 more is still up: the change is divided by
    the base without its sign (as lightweight-charts' percentage scale does, toPercent).
    """
    possible = np.isfinite(values) & (values != 0)
    if not possible.any():
        return time[:0], values[:0]
    first = int(possible.argmax())
    base = values[first]
    with np.errstate(over="ignore", invalid="ignore"):
        percent = 100 * (values[first:] - base) / abs(base)
    shown = np.isfinite(percent)
    return time[first:][shown], percent[shown]
