"""Fewer and wider bars, where there is no room to draw all."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tradeapi.analytics import downsampling
from tradeapi.analytics.bars import Bars, Int64Array
from tradeapi.market.bars.bar_history import Answer
from tradeapi.market.calendars.days import FIRST_MONDAY
from tradeapi.market.resolutions import Resolution


class Shown(NamedTuple):
    """The bars of an answer as they are drawn; those before `final_until` are closed.

    `resolution` is `6h` where they are six of `1h` wide; `thinned_from` is how many they stand for.
    """

    bars: Bars
    resolution: str
    final_until: int
    thinned_from: int | None = None


def shown(answer: Answer, max_points: int | None) -> Shown:
    bars, final_until = answer.bars, answer.final_until
    if max_points is None or len(bars) <= max_points:
        return Shown(bars, answer.resolution, final_until)
    steps = steps_of(bars.time, answer.resolution)
    wide, width = downsampling.candles(bars, steps, max_points)
    # A wide bar is closed when all are that may ever be in it.
    open = int(bars.time.searchsorted(final_until))
    forming = int(steps[open] if open < len(steps) else steps[-1] + 1) // width
    numbers = steps[bars.time.searchsorted(wide.time)] // width
    place = int(numbers.searchsorted(forming))
    if place < len(wide):
        final_until = int(wide.time[place])
    return Shown(wide, named(answer.resolution, width), final_until, len(bars))


def named(resolution: Resolution, width: int) -> str:
    """So many of them in one."""
    return f"{int(resolution[:-1]) * width}{resolution[-1]}"


def steps_of(time: Int64Array, resolution: Resolution) -> Int64Array:
    """The bars by their numbers, for `downsampling.candles`."""
    if resolution is Resolution.MONTH:
        months: npt.NDArray[np.datetime64] = time.astype("datetime64[s]").astype("datetime64[M]")
        return months.astype(np.int64)
    if resolution is Resolution.WEEK:
        return (time - FIRST_MONDAY) // resolution.seconds
    return time // resolution.seconds
