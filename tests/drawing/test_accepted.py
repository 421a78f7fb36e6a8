"""lightweight-charts takes what we serve: its development build, which throws at what is wrong."""

from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.datafeed.market import Market
from tests.datafeed.page import Failed, Page
from tests.hostile.serving import Server, eventually
from tradeapi.analytics.bars import PRICES
from tradeapi.charts.points import SeriesType

MINUTE, DAY = 60, 86_400
FRAMES = 10_000
# In one request: so few that each of them is told.
MINUTES_AT_ONCE = 50
# Daylight saving begins or ends between them: 8 to 11 March, 1 to 4 November 2024.
SPRING, AUTUMN = 1_709_856_000, 1_730_419_200
WEEKEND = 4 * DAY

COLORS = {
    SeriesType.CANDLESTICK: "wickColor",
    SeriesType.BAR: "color",
    SeriesType.LINE: "color",
    SeriesType.AREA: "lineColor",
    SeriesType.BASELINE: "topFillColor1",
    SeriesType.HISTOGRAM: "color",
}

Item = dict[str, Any]


def test_what_can_not_be_drawn_is_refused(window: Page) -> None:
    """It is the build that looks."""
    for items in (
        [{"time": 2, "value": 1}, {"time": 1, "value": 1}],
        [{"time": 1, "value": 1}, {"time": 1, "value": 1}],
        [{"time": 1, "value": None}],
    ):
        with pytest.raises(Failed, match="Assertion failed"):
            window.do("refuses", type="line", items=items)


@pytest.mark.parametrize("type", SeriesType)
def test_points_of_every_type_are_drawn(server: Server, window: Page, type: SeriesType) -> None:
    """As they were pushed: with gaps, colours, fields of their own, and parts of seconds."""
    values = dict.fromkeys(type.columns, 10.5)
    pushed: list[Item] = [
        {"time": "2024-01-02", **values},
        {"time": "2024-01-02T14:30:00Z"},
        {"time": 1_704_326_400_000, **values, "customValues": {"note": "},{"}},
        {"time": 1_704_326_401.5, **values, COLORS[type]: "#ef5350"},
    ]
    path = _chart(server, {"id": "one", "type": type})
    answer = server.client.put(f"/api/v1{path}", json=pushed)
    assert answer.is_success, answer.text
    drawn = window.do("show", path=path, type=type)
    # The library says nothing of gaps.
    assert drawn == [item for item in server.get(path)["items"] if len(item) > 1]
    assert len(drawn) == len(pushed) - 1


@pytest.mark.parametrize("type", SeriesType)
def test_bars_of_a_symbol_are_drawn_as_every_type(
    server: Server, market: Market, window: Page, type: SeriesType
) -> None:
    """With all prices, or one of them."""
    market.post_bars(1_000)
    source = {"symbol": market.symbol, "resolution": "5m"}
    path = _chart(server, {"id": "one", "type": type, "source": source})
    drawn = window.do("show", path=path, type=type)
    assert drawn == server.get(path)["items"]
    assert len(drawn) >= 200


def test_ten_thousand_frames_are_drawn(server: Server, market: Market, window: Page) -> None:
    """Each is taken, and what is drawn at last is the history."""
    first = market.now - (FRAMES + 100) * MINUTE
    _trade(server, market, range(first, first + MINUTE, 10))
    _follow(window, market)
    for begin in range(first, first + (FRAMES + 1) * MINUTE, MINUTES_AT_ONCE * MINUTE):
        _trade(server, market, range(begin, begin + MINUTES_AT_ONCE * MINUTE, 30))
    _becomes(server, window, market)
    seen = window.do("seen")
    assert seen["kinds"]["bar"] >= FRAMES
    assert (seen["faults"], seen["kinds"].keys()) == ([], {"snapshot", "bar"})


def test_what_is_corrected_is_drawn(server: Server, market: Market, window: Page) -> None:
    """A trade that is late revises a bar, and one where nobody has traded makes another one."""
    market.post_bars(1_000)
    market.trade(0, 11)
    _follow(window, market)
    market.trade(2, 12)
    market.trade(0, 20, seconds=30)
    _becomes(server, window, market)
    assert window.do("seen")["kinds"]["revise"] == 1
    market.trade(1, 13)
    market.correct(-5, 0)
    _becomes(server, window, market)
    assert window.do("seen")["faults"] == []


def test_a_chart_scrolls_to_the_first_bar(server: Server, market: Market, window: Page) -> None:
    """Page by page, while it is traded."""
    market.post_bars(3_000)
    _follow(window, market)
    for minute in range(60):
        market.trade(minute, 10 + minute % 3)
        window.do("scroll")
    for _ in eventually(60):
        window.do("scroll")
        if window.do("seen")["hasMore"] is False and window.do("data") == _rows(server, market):
            break
    seen = window.do("seen")
    assert seen["faults"] == []
    assert len(window.do("data")) == 3_060


@pytest.mark.parametrize("resolution", ["1m", "1h", "4h", "1d", "1w"])
@pytest.mark.parametrize("calendar", ["XNYS", "CMES", "24x7"])
def test_two_changes_of_the_clocks_are_drawn(
    server: Server, window: Page, calendar: str, resolution: str
) -> None:
    """Of an exchange by day, of one by day and night, and of one that never closes."""
    symbol = _over_the_changes(server, calendar)
    query = {"resolution": resolution, "format": "rows", "limit": 50_000}
    path = f"/bars/{symbol}"
    drawn = window.do("show", path=f"{path}?{urlencode(query)}", type="candlestick")
    assert drawn == [_candle(item) for item in server.get(path, **query)["items"]]
    assert all(one["time"] < other["time"] for one, other in pairwise(drawn))


def _chart(server: Server, series: Item) -> str:
    """Where the points of the one series of a new chart are."""
    answer = server.client.post("/api/v1/charts", json={"panes": [{"series": [series]}]})
    assert answer.is_success, answer.text
    return f"/charts/{answer.json()['id']}/series/{series['id']}/points"


def _follow(window: Page, market: Market) -> None:
    window.do(
        "follow",
        type="candlestick",
        source={"symbol": market.symbol, "resolution": "1m"},
        path=f"/bars/{market.symbol}?resolution=1m&format=rows&limit=500",
    )
    for _ in eventually():
        if window.do("data"):
            return


def _trade(server: Server, market: Market, times: range) -> None:
    ticks = [
        {"symbol": market.symbol, "price": 10 + time % 7 / 4, "size": 1, "time": time}
        for time in times
    ]
    assert server.post("/ticks", ticks)["accepted"] == len(ticks)


def _becomes(server: Server, window: Page, market: Market) -> None:
    """Wait until what is drawn is what REST has, as far back as it goes."""
    rows = _rows(server, market)
    for _ in eventually(60):
        data = window.do("data")
        if data and data == rows[-len(data) :]:
            return


def _rows(server: Server, market: Market) -> list[Item]:
    query = {"resolution": "1m", "format": "rows", "limit": 50_000}
    return [_candle(item) for item in server.get(f"/bars/{market.symbol}", **query)["items"]]


def _candle(item: Item) -> Item:
    return {name: item[name] for name in ("time", *PRICES)}


def _over_the_changes(server: Server, calendar: str) -> str:
    """A symbol with the minutes of two weekends on which the clocks change."""
    exchange = f"OF{calendar.upper()}"
    symbol = f"{exchange}:GOLD"
    if server.client.get(f"/api/v1/symbols/{symbol}").is_success:
        return symbol
    server.put(f"/exchanges/{exchange}", calendar=calendar)
    server.put(f"/symbols/{symbol}", name="Gold")
    for start in (SPRING, AUTUMN):
        bar = {"symbol": symbol, "resolution": "1m", **dict.fromkeys(PRICES, 10), "volume": 1}
        items = [{**bar, "time": time} for time in range(start, start + WEEKEND, MINUTE)]
        assert server.post("/bars", items)["inserted"] > 0
    return symbol
