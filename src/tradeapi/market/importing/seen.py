"""The times of which a file has had a bar, kept small however many they are."""

import numpy as np

from tradeapi.analytics.bars import BoolArray, Int64Array

# Beyond every time there is.
_FAR = 2**40


class Seen:
    """Times of one symbol, as runs of times that are `step` apart."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._starts = np.empty(0, np.int64)
        self._ends = np.empty(0, np.int64)

    def has(self, times: Int64Array) -> BoolArray:
        """Which of the times were added before."""
        if not len(self._starts):
            return np.zeros(len(times), np.bool_)
        numbers = self._numbers(times)
        run = np.searchsorted(self._starts, numbers, side="right") - 1
        return (run >= 0) & (numbers <= self._ends[run])

    def add(self, times: Int64Array) -> None:
        """Remember these: different from one another, and from all before."""
        numbers = np.sort(self._numbers(times))
        starts = np.append(self._starts, numbers)
        ends = np.append(self._ends, numbers)
        order = np.argsort(starts)
        starts, ends = starts[order], ends[order]
        is_first = np.append(True, starts[1:] > ends[:-1] + 1)
        self._starts = starts[is_first]
        self._ends = ends[np.append(is_first[1:], True)]

    def _numbers(self, times: Int64Array) -> Int64Array:
        """Each time as a whole number of its own, such that times a step apart are neighbours."""
        return times % self._step * _FAR + times // self._step
