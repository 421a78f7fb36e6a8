"""Points as they are asked for: a run of a series, and what lies around it."""

from dataclasses import dataclass
from math import inf

from tradeapi.charts import chunks
from tradeapi.charts.chunks import Window
from tradeapi.charts.points import Points
from tradeapi.charts.targets import State, Target
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound
from tradeapi.market.resolutions import Resolution


@dataclass(frozen=True, slots=True)
class Page:
    """Points of a series; `state` is None where they come from its source.

    `resolution` is that of the bars beneath, None where points were pushed; `start` is where the
    range begins that was asked for.
    """

    target: Target
    points: Points
    has_more_before: bool
    has_more_after: bool
    state: State | None = None
    resolution: Resolution | None = None
    start: int | None = None


async def pushed_page(connection: Raw, target: Target, window: Window) -> Page:
    width = len(target.type.columns)
    found = await chunks.read(connection, target.key, width, window)
    if found is None:
        raise NotFound("The chart has no such series.", code="unknown_series")
    state, points = State(*found[0]), found[1]
    first = inf if state.first is None else state.first
    last = -inf if state.last is None else state.last
    if len(points):
        low, high = points.time[[0, -1]]
        return Page(target, points, bool(first < low), bool(last > high), state)
    return Page(target, points, first <= window.after, last >= window.before, state)
