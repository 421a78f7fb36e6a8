"""Points as they are drawn: compared by their change in percent, and no more than there is room."""

from dataclasses import dataclass, replace

import numpy as np

from tradeapi.analytics import downsampling
from tradeapi.analytics.bars import Bars, BoolArray
from tradeapi.analytics.rebasing import base_of, percent
from tradeapi.charts.pages import Page
from tradeapi.charts.points import Points, as_number
from tradeapi.market.bars.validation import HIGHEST_PRICE
from tradeapi.market.bars.wider import named, steps_of


@dataclass(frozen=True, slots=True)
class View:
    """`base` is the value that is 0 percent; `thinned_from` is how many points these stand for.

    `resolution` is that of the bars that are shown: `6h` of candles that are six of `1h` wide.
    """

    page: Page
    points: Points
    resolution: str | None
    base: float | None = None
    thinned_from: int | None = None


def view(page: Page, max_points: int | None, *, rebase: bool) -> View:
    seen = View(page, page.points, page.resolution)
    if rebase:
        seen = _rebased(seen)
    if max_points is None or len(seen.points) <= max_points:
        return seen
    # Whitespace draws nothing.
    has_values: BoolArray = np.logical_and.reduce(np.isfinite(seen.points.values), axis=1)
    shown = seen.points[has_values]
    seen = replace(seen, points=shown, thinned_from=len(seen.points))
    if len(shown) <= max_points:
        return seen
    if shown.width > 1:
        return _wider(seen, max_points)
    chosen = downsampling.line(shown.time, shown.values[:, 0], max_points)
    return replace(seen, points=shown[chosen])


def _rebased(seen: View) -> View:
    """By the first value, of candles the close; points before it are left out."""
    values = seen.points.values
    first = base_of(values[:, -1])
    if first is None:
        return replace(seen, points=seen.points[:0])
    base = float(values[first, -1])
    change = percent(values[first:], base)
    # Whitespace stays, and what can not be drawn becomes that.
    change[~(np.abs(change) <= HIGHEST_PRICE).all(axis=1)] = np.nan
    points = seen.points[first:]
    return replace(seen, points=replace(points, values=change), base=base)


def _wider(seen: View, max_points: int) -> View:
    """Fewer and wider candles; what each had besides its prices is gone."""
    points, resolution = seen.points, seen.page.resolution
    places = np.arange(len(points))
    open, high, low, close = points.values.T
    bars = Bars(places, open, high, low, close, volume=np.zeros(len(points)))
    if resolution is None:
        size = float(np.diff(points.time).min(initial=np.inf))
        steps = np.floor(points.time / size).astype(np.int64)
    else:
        steps = steps_of(points.time.astype(np.int64), resolution)
    fewer, width = downsampling.candles(bars, steps, max_points)
    name = f"{as_number(size * width)}s" if resolution is None else named(resolution, width)
    return replace(
        seen,
        points=Points(
            points.time[fewer.time],
            np.column_stack([fewer.open, fewer.high, fewer.low, fewer.close]),
            np.full(len(fewer), None, np.object_),
        ),
        resolution=name,
    )
