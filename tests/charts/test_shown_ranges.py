"""Series over a range, such as a year, in the resolution that fits it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from tests.auth.people import Service, code
from tests.charts.desks import Desk, Json, dots, times
from tests.market.bars_http import items as bar_items
from tests.market.places import flat
from tradeapi.market.bars.ranges import Range

HOUR = 3600
# 00:00 UTC on Monday, 2024-06-10.
TODAY = 1717977600


@pytest.fixture
def ranged(service: Service, desk: Desk) -> Desk:
    """With 200 days of hours that end on Monday, each a little dearer, and an average of them."""
    admin = service.admin()
    if admin.call("GET", "/symbols/C:RANGED").status_code != 200:
        admin.call("PUT", "/symbols/C:RANGED", {})
        hours = [flat(TODAY + HOUR * (hour + 10), 100 + hour / 100, 1) for hour in range(-4800, 1)]
        posted = admin.call("POST", "/bars", bar_items("C:RANGED", "1h", hours))
        assert posted.json()["rejected"] == 0
    source = {"symbol": "C:RANGED", "resolution": "1w"}
    series: list[Json] = [
        {"id": "candles", "type": "candlestick", "source": source},
        {"id": "pushed", "type": "line"},
    ]
    series += [
        {
            "id": f"of-{of}",
            "type": "line",
            "source": {"indicator": "sma", "params": {"period": 10}, "of": of},
        }
        for of in ("candles", "pushed")
    ]
    assert desk.change(panes=[{"series": series}]).is_success
    return desk


@pytest.mark.parametrize(
    ("range", "resolution", "start", "first"),
    [
        ("1D", "1h", "2024-06-10", "2024-06-10"),
        ("1M", "1h", "2024-05-10", "2024-05-10"),
        ("6M", "4h", "2023-12-10", "2023-12-10"),
        ("YTD", "1d", "2024-01-01", "2024-01-01"),
        ("1Y", "1d", "2023-06-10", "2023-11-23"),
        ("5Y", "1w", "2019-06-10", "2023-11-20"),
        ("ALL", "4h", "2023-11-23", "2023-11-23"),
    ],
)
def test_a_range_is_shown_in_what_fits_it(
    ranged: Desk, range: str, resolution: str, start: str, first: str
) -> None:
    """Whatever resolution the series has else, up to the newest bar; the answer says which."""
    page = ranged.read(f"?range={range}", "candles")
    assert page["resolution"] == resolution
    assert datetime.fromtimestamp(page["start"], UTC).strftime("%Y-%m-%d %H:%M") == f"{start} 00:00"
    begins = datetime.fromtimestamp(page["items"][0]["time"], UTC)
    assert begins.strftime("%Y-%m-%d") == first
    assert not page["has_more_after"]
    assert page["has_more_before"] == (page["items"][0]["open"] > 52)
    assert page["items"][-1]["close"] == 100


def test_an_indicator_has_a_range_with_what_comes_before_it(ranged: Desk) -> None:
    """Its first point is that of the first bar."""
    bars = ranged.read("?range=1D", "candles")
    average = ranged.read("?range=1D", "of-candles")
    assert (average["resolution"], average["start"]) == ("1h", bars["start"])
    assert times(average["items"]) == times(bars["items"])
    values = [point["value"] for point in average["items"]]
    np.testing.assert_allclose(values, [bar["close"] - 0.045 for bar in bars["items"]])


def test_a_range_can_be_drawn_by_fewer_and_compared(ranged: Desk) -> None:
    """As any other window."""
    page = ranged.read("?range=YTD&max_points=40&rebase=true", "candles")
    assert (page["resolution"], page["thinned_from"]) == ("5d", 162)
    assert page["items"][0]["time"] == page["start"]
    assert page["base"] == pytest.approx(100 - 0.01 * (24 * 160 + 11))


def test_a_symbol_without_bars_has_no_start(service: Service, desk: Desk) -> None:
    """And no points."""
    service.admin().call("PUT", "/symbols/C:NOTHING", {})
    source = {"symbol": "C:NOTHING", "resolution": "1d"}
    desk.change(panes=[{"series": [{"id": "it", "type": "line", "source": source}]}])
    for range in Range:
        page = desk.read(f"?range={range}", "it")
        assert (page["items"], page["start"], page["has_more_before"]) == ([], None, False)


@pytest.mark.parametrize("series", ["pushed", "of-pushed"])
def test_what_is_pushed_has_no_range(ranged: Desk, series: str) -> None:
    """Nobody knows its resolutions, or its exchange."""
    ranged.put(dots(3), "pushed")
    answer = ranged.person.call("GET", f"{ranged.points(series)}?range=1D")
    assert (answer.status_code, code(answer)) == (422, "no_range")
    assert answer.json()["errors"][0]["pointer"] == "/query/range"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("range=2D", "range"),
        ("range=1d", "range"),
        ("range=1D&before=5", "before"),
        ("range=1D&after=5", "after"),
        ("range=1D&count=5", "count"),
    ],
)
def test_a_range_stands_alone(ranged: Desk, query: str, name: str) -> None:
    """It says already where it begins and ends."""
    answer = ranged.person.call("GET", f"{ranged.points('candles')}?{query}")
    assert (answer.status_code, code(answer)) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == f"/query/{name}"
