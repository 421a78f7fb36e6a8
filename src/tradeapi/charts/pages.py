"""Points as they are asked for: a run of a series, and what lies around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from uuid import UUID

from tradeapi.charts.chunks import Window
from tradeapi.charts.cuts import Choice, Cut, joined, read
from tradeapi.charts.points import Points
from tradeapi.charts.targets import State, Target, choose, target_in
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound
from tradeapi.market.resolutions import Resolution


@dataclass(frozen=True, slots=True)
class Page:
    """Points of a series; `state` is None where they come from its source.

    `resolution` is that of the bars beneath, None where points were pushed; `start` is where the
    range begins that was asked for. `cuts` are what pushed points were made of.
    """

    target: Target
    points: Points
    has_more_before: bool
    has_more_after: bool
    state: State | None = None
    resolution: Resolution | None = None
    start: int | None = None
    cuts: Sequence[Cut] = ()


async def find_page(
    connection: Raw, owner: UUID, chart: str, series: str, window: Window
) -> tuple[Target, float | None, Page]:
    """What `find` does and the series' page at once, which is empty where it has a source."""
    chosen = choose(connection, owner, chart, series)
    row, cuts = await read(connection, chosen, window) or (None, ())
    target, accessed_at = target_in(row, series)
    assert row is not None  # noqa: S101  `target_in` has raised
    return target, accessed_at, await _page(target, State(*row[-4:]), cuts, window)


async def pushed_page(connection: Raw, target: Target, window: Window) -> Page:
    there = await read(connection, Choice.by(target.key), window)
    if there is None:
        raise NotFound("The chart has no such series.", code="unknown_series")
    row, cuts = there
    return await _page(target, State(*row[-4:]), cuts, window)


async def _page(target: Target, state: State, cuts: Sequence[Cut], window: Window) -> Page:
    points = await joined(cuts, len(target.type.columns))
    first = inf if state.first is None else state.first
    last = -inf if state.last is None else state.last
    more = first <= window.after, last >= window.before
    if len(points):
        low, high = points.time[[0, -1]].tolist()
        more = first < low, last > high
    return Page(target, points, *more, state, cuts=cuts)
