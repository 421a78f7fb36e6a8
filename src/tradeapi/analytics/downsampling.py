"""Fewer points that draw the same picture."""

from bisect import bisect_left
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tradeapi.analytics.bars import Bars, Float64Array, Int64Array
from tradeapi.analytics.resampling import fold

# The first, the last, the lowest, the highest, and one that the library may choose.
FEWEST_POINTS = 5


def line(
    time: Int64Array | Float64Array, values: Float64Array, max_points: int
) -> npt.NDArray[np.intp]:
    """Which of the points to draw: ascending indices, at most `max_points` (5 or more).

    Chosen by MinMaxLTTB (https://arxiv.org/abs/2305.00332) from points at their distances in time;
    the first, the last, and the first of the lowest and of the highest are always among them. All
    arrays are of shape (points,), the times ascend strictly and the values are finite.
    """
    _check(max_points)
    if len(time) <= max_points:
        return np.arange(len(time))
    # Whoever draws no long lines need not have its 3 MB either.
    from tsdownsample import MinMaxLTTBDownsampler  # noqa: PLC0415

    library = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
    chosen = library.downsample(
        np.ascontiguousarray(time), np.ascontiguousarray(values), n_out=max_points - 2
    )
    # It prefers large triangles, so an extreme on a slope may be missing.
    return np.union1d(chosen.astype(np.intp), [values.argmin(), values.argmax()])


def candles(bars: Bars, steps: Int64Array, max_points: int) -> tuple[Bars, int]:
    """At most `max_points` (5 or more) bars, and how many steps wide each is.

    `steps` ascend strictly and number the bars on the grid of their resolution: `time // seconds`,
    or the months since 1970. The width fits and one step less would not. Bars begin at multiples
    of it, so they stay what they are when others come into view, but for the first and the last;
    each is timed by the first bar in it.
    """
    _check(max_points)
    if len(bars) <= max_points:
        return bars, 1

    def is_narrow_enough(width: int) -> bool:
        return int(np.count_nonzero(_begins(steps, width))) <= max_points

    narrowest = -(-len(bars) // max_points)
    widest = -(-int(steps[-1] - steps[0]) // (max_points - 1))
    width = narrowest + bisect_left(range(narrowest, widest), True, key=is_narrow_enough)
    begins = _begins(steps, width)
    folded = fold(bars, begins.cumsum() - 1)
    return replace(folded, time=bars.time[begins]), width


def _begins(steps: Int64Array, width: int) -> npt.NDArray[np.bool_]:
    """Where a bar of that width begins."""
    wide = steps // width
    return np.concatenate([[True], wide[1:] != wide[:-1]])


def _check(max_points: int) -> None:
    if max_points < FEWEST_POINTS:
        raise ValueError(f"max_points must be {FEWEST_POINTS} or more, was {max_points}.")
