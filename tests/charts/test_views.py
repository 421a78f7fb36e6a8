"""Points that are drawn by fewer, and as change in percent."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.people import Service, code
from tests.charts.desks import FIRST, MINUTE, PRICES, Desk, Json, candle, dots, times
from tests.market.bars_http import items as bar_items
from tests.market.places import Row
from tradeapi.charts.pages import Page
from tradeapi.charts.parsing import read_points
from tradeapi.charts.points import Points, SeriesType, rows
from tradeapi.charts.targets import Target
from tradeapi.charts.views import view
from tradeapi.market.resolutions import Resolution

DAY = 86400
# A Monday in 2024, and the first of a month.
MONDAY = 1711929600


def page(points: Points, resolution: Resolution | None = None) -> Page:
    type = SeriesType.LINE if points.width == 1 else SeriesType.CANDLESTICK
    target = Target("it", "", "", type, None)
    return Page(target, points, False, False, resolution=resolution)


def of(items: list[Json], type: SeriesType = SeriesType.LINE) -> Page:
    return page(read_points(orjson.dumps(items), type, len(items)))


@st.composite
def candles(draw: st.DrawFn) -> Points:
    """Pushed, some of them whitespace, at times that are no multiples of anything."""
    count = draw(st.integers(0, 300))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    time = FIRST + random.integers(1, 5, count).cumsum() * 61.5
    close = 50 + random.normal(0, 1, count).cumsum()
    open = np.concatenate([close[:1], close[:-1]])
    low, high = np.minimum(open, close) - 1, np.maximum(open, close) + 1
    values = np.column_stack([open, high, low, close])
    values[random.random(count) < 0.1] = np.nan
    return Points(time, values, np.full(count, None, np.object_))


@settings(deadline=None)
@given(candles(), st.integers(5, 60))
def test_wider_candles_hold_what_was_traded(points: Points, most: int) -> None:
    """The first open, the last close, the highest and the lowest, at times that there were."""
    seen = view(page(points), most, rebase=False)
    if len(points) <= most:
        assert seen.points is points
        assert (seen.thinned_from, seen.resolution) == (None, None)
        return
    shown = points.values[~np.isnan(points.values[:, 0])]
    assert len(seen.points) <= most
    assert seen.thinned_from == len(points)
    assert np.isin(seen.points.time, points.time).all()
    assert (np.diff(seen.points.time) > 0).all()
    open, high, low, close = seen.points.values.T
    assert (open[0], close[-1]) == (shown[0, 0], shown[-1, 3])
    assert (high.max(), low.min()) == (shown[:, 1].max(), shown[:, 2].min())
    assert (seen.resolution is None) == (len(shown) <= most)
    # What comes out can be pushed.
    items = orjson.dumps(rows(seen.points, tuple(PRICES)))
    assert len(read_points(items, SeriesType.CANDLESTICK, most)) == len(seen.points)


@settings(deadline=None)
@given(candles(), st.integers(5, 60))
def test_a_thinner_line_keeps_its_shape(points: Points, most: int) -> None:
    """The ends, the highest and the lowest, with whatever each point has."""
    fields = np.full(len(points), None, np.object_)
    fields[:] = [b'"color":"#%d"' % place for place in range(len(points))]
    line = Points(points.time, points.values[:, :1], fields)
    seen = view(page(line), most, rebase=False).points
    shown = line[~np.isnan(line.values[:, 0])]
    if len(line) <= most:
        return
    assert len(seen) <= most
    values = seen.values[:, 0]
    assert (values.max(), values.min()) == (shown.values.max(), shown.values.min())
    assert seen.time[[0, -1]].tolist() == shown.time[[0, -1]].tolist()
    places = line.time.searchsorted(seen.time)
    assert seen.further.tolist() == line.further[places].tolist()


@settings(deadline=None)
@given(candles(), st.integers(5, 60), st.booleans())
def test_a_comparison_begins_at_nothing(points: Points, most: int, is_line: bool) -> None:
    """The first close is 0 percent, be there fewer points or not; the rest is in proportion."""
    points = Points(points.time, points.values[:, 3:] if is_line else points.values, points.further)
    plain, seen = (view(page(points), most, rebase=rebase) for rebase in (False, True))
    close = points.values[:, -1]
    known = close[~np.isnan(close)]
    if not len(known):
        assert (seen.base, len(seen.points)) == (None, 0)
        return
    assert seen.base == known[0]
    base = float(known[0])
    if len(points) <= most:
        shown = plain.points.values[len(plain.points) - len(seen.points) :]
        np.testing.assert_allclose(base + seen.points.values * abs(base) / 100, shown)
        assert seen.points.values[0, -1] == 0
    if is_line:
        first = points.time[~np.isnan(close)][0]
        assert (seen.points.time[0], seen.points.values[0, 0]) == (first, 0)


def test_what_can_not_be_compared_is_not_there() -> None:
    """Zeros before the first base, and changes beyond what charts can draw."""
    values = [0, 1e-9, 3e-9, 9e13, 2e-9]
    items = [{"time": number, "value": value} for number, value in enumerate(values)]
    seen = view(of(items), None, rebase=True)
    assert seen.base == 1e-9
    shown = rows(seen.points, ("value",))
    assert [sorted(one) for one in shown] == [
        ["time", "value"], ["time", "value"], ["time"], ["time", "value"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("resolution", "starts", "most", "expected"),
    [
        (Resolution.MINUTE, range(0, 60 * 100, 60), 20, "5m"),
        (Resolution.MINUTES_15, range(0, 900 * 100, 900), 50, "30m"),
        (Resolution.HOURS_4, range(0, 14400 * 60, 14400), 20, "12h"),
        (Resolution.DAY, range(0, DAY * 100, DAY), 10, "11d"),
        (Resolution.WEEK, range(0, 7 * DAY * 100, 7 * DAY), 50, "2w"),
        (Resolution.MONTH, [0, 30 * DAY, 61 * DAY, 91 * DAY, 122 * DAY, 153 * DAY], 5, "2M"),
    ],
)
def test_the_width_of_candles_is_told(
    resolution: Resolution, starts: range | list[int], most: int, expected: str
) -> None:
    """As so many of the resolution that they are made of."""
    time = MONDAY + np.array(starts, np.float64)
    values = np.full((len(time), 4), 1.0)
    points = Points(time, values, np.full(len(time), None, np.object_))
    assert view(page(points, resolution), most, rebase=False).resolution == expected


def test_pushed_points_are_drawn_by_fewer(desk: Desk) -> None:
    """Of more points than a page has; and they can be read on as before."""
    desk.put([candle(number) for number in range(12_000)])
    page = desk.read("?max_points=1000")
    first, second, *_, last = page["items"]
    assert first == candle(0)
    # The grid begins in 1970.
    assert [second["time"] % 780, last["time"] % 780] == [20, 20]
    assert (len(page["items"]), page["resolution"]) == (924, "780s")
    assert page["thinned_from"] == 12_000
    assert (page["has_more_before"], page["has_more_after"], page["count"]) == (False, False, 12000)
    desk.put(dots(12_000), "line")
    page = desk.read("?max_points=50&count=11000", "line")
    assert 45 <= len(page["items"]) <= 50
    assert (page["resolution"], page["thinned_from"]) == (None, 11_000)
    assert page["has_more_before"]
    assert page["items"][0] == dots(1, first=1000)[0]
    before = desk.read(f"?max_points=50&before={page['items'][0]['time']}", "line")
    assert times(before["items"])[-1] == FIRST + 999 * MINUTE


def test_series_are_compared(service: Service, desk: Desk) -> None:
    """Bars as candles and as lines, and an indicator, each by what it first shows."""
    admin = service.admin()
    admin.call("PUT", "/symbols/US:CMP", {})
    daily: list[Row] = [(MONDAY + day * DAY, 10, 30, 5, 10.0 + day, 1) for day in range(20)]
    assert admin.call("POST", "/bars", bar_items("US:CMP", "1d", daily)).json()["rejected"] == 0
    source = {"symbol": "US:CMP", "resolution": "1d"}
    sma = {"indicator": "sma", "params": {"period": 2}, "of": "closes"}
    series = [
        {"id": "candles", "type": "candlestick", "source": source},
        {"id": "closes", "type": "line", "source": source},
        {"id": "sma", "type": "line", "source": sma},
    ]
    desk.change(panes=[{"series": series}])
    query = f"?rebase=true&after={daily[9][0]}"
    closes = desk.read(query, "closes")
    assert (closes["base"], closes["resolution"]) == (20.0, "1d")
    assert [point["value"] for point in closes["items"]] == [5.0 * day for day in range(10)]
    candles = desk.read(query, "candles")
    assert candles["items"][1] == {
        "time": daily[11][0], "open": -50.0, "high": 50.0, "low": -75.0, "close": 5.0,
    }  # fmt: skip
    average = desk.read(query, "sma")
    assert (average["base"], average["items"][0]["value"]) == (19.5, 0)
    plain = desk.read("?max_points=5", "candles")
    assert (plain["base"], plain["resolution"], plain["thinned_from"]) == (None, "5d", 20)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("max_points=4", "max_points"),
        ("max_points=10001", "max_points"),
        ("max_points=x", "max_points"),
        ("count=1000001&max_points=5", "count"),
        ("count=10001&rebase=true", "count"),
        ("rebase=maybe", "rebase"),
    ],
)
def test_what_can_not_be_drawn_is_refused(desk: Desk, query: str, name: str) -> None:
    """With its parameter."""
    answer = desk.person.call("GET", f"{desk.points()}?{query}")
    assert (answer.status_code, code(answer)) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"
