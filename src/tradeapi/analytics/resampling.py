"""Folds bars into wider bars: open first, high and low the extremes, close last, volume summed."""

import numpy as np

from tradeapi.analytics.bars import Bars, Int64Array

OUTSIDE = -1


def fold(bars: Bars, labels: Int64Array) -> Bars:
    """One bar for each run of equal labels, timed by its label; what is labelled -1 is dropped.

    Labels do not decrease. Volume is added from left to right, bit for bit: folding a folded
    beginning with what follows it gives what folding everything at once does.
    """
    inside = labels != OUTSIDE
    if np.count_nonzero(inside) < len(labels):
        bars, labels = bars[inside], labels[inside]
    if not len(bars):
        return Bars.empty()
    begins = np.empty(len(labels), np.bool_)
    begins[0] = True
    np.not_equal(labels[1:], labels[:-1], out=begins[1:])
    first = begins.nonzero()[0]
    last = np.empty_like(first)
    last[:-1] = first[1:] - 1
    last[-1] = len(labels) - 1
    return Bars(
        time=labels[first],
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        # np.add.reduceat adds in pairs; bincount adds in order.
        volume=np.bincount(begins.cumsum() - 1, bars.volume).astype(np.float64, copy=False),
    )
