"""Series that are bound to indicators, over HTTP."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.analytics.series import Temper, bars
from tests.auth.people import Service, bearer, code
from tests.charts.desks import Desk, Json, times
from tests.market.bars_http import items as bar_items
from tests.market.places import Row
from tradeapi.analytics.bars import PRICES, Bars
from tradeapi.analytics.points import Columns, compute
from tradeapi.analytics.studies import Study
from tradeapi.market.calendars.calendar import load
from tradeapi.market.calendars.marks import sessions
from tradeapi.market.calendars.source import build
from tradeapi.market.resolutions import Resolution

COUNT = 1300
DAY = 86400
# A Monday in 2024.
MONDAY = 19_884 * DAY


def given_bars(service: Service, symbol: str) -> tuple[np.ndarray, Columns]:
    """Daily bars of a new symbol, without gaps."""
    time, columns = bars(Temper.RANDOM, COUNT, 3)
    time = MONDAY + np.arange(COUNT) * DAY
    rows = list(zip(time.tolist(), *(values.tolist() for values in _prices(columns)), strict=True))
    admin = service.admin()
    admin.call("PUT", f"/symbols/{symbol}", {})
    posted = admin.call("POST", "/bars", bar_items(symbol, "1d", rows))
    assert posted.json()["rejected"] == 0, posted.text
    return time, {**columns, "session": time.astype(np.float64)}


def _prices(columns: Columns) -> Sequence[np.ndarray]:
    return [columns["close"], *(columns[name] for name in ("high", "low", "close", "volume"))]


def over(indicator: str, of: str = "price", **fields: object) -> Json:
    return {"indicator": indicator, "of": of, **fields}


def line(id: str, source: Json | None = None, type: str = "line") -> Json:
    return {"id": id, "type": type, "source": source}


def pages(desk: Desk, series: str, count: int) -> list[tuple[float, float]]:
    """All points, page by page from the last."""
    found: list[Json] = []
    page = desk.read(f"?count={count}", series)
    while page["items"]:
        found = page["items"] + found
        if not page["has_more_before"]:
            break
        page = desk.read(f"?count={count}&before={found[0]['time']}", series)
    return [(point["time"], point["value"]) for point in found]


def assert_shows(points: list[tuple[float, float]], study: Study, output: str, *of: object) -> None:
    """What TA-Lib gives over the whole history."""
    time, columns = of
    assert isinstance(time, np.ndarray)
    assert isinstance(columns, dict)
    expected = compute(study, time, columns)
    assert [time for time, _ in points] == expected.time.tolist()
    values = [value for _, value in points]
    np.testing.assert_allclose(values, expected.outputs[output], rtol=1e-9, atol=1e-7)


def test_indicators_over_a_symbol_are_those_of_its_whole_history(
    service: Service, desk: Desk
) -> None:
    """In pages, whichever they are; each has its warm-up before it, and the first has none."""
    time, columns = given_bars(service, "US:WHOLE")
    price = line("price", {"symbol": "US:WHOLE", "resolution": "1d"}, "candlestick")
    chosen = [
        ("rsi", {"period": 5}, "rsi"),
        ("ema", {"period": 7}, "ema"),
        ("macd", {"fast": 3, "slow": 6, "signal": 4}, "signal"),
        ("bollinger", {}, "lower"),
        ("atr", {"period": 5}, "atr"),
        ("stochastic", {}, "d"),
        ("obv", {}, "obv"),
        ("vwap", {}, "vwap"),
    ]
    series = [
        line(name, over(name, params=params, output=output)) for name, params, output in chosen
    ]
    assert desk.change(panes=[{"series": [price, *series]}]).is_success
    for name, params, output in chosen:
        points = pages(desk, name, 400)
        assert_shows(points, Study.of(name, params), output, time, columns)
    some = desk.read(f"?after={time[600]}&count=20", "rsi")
    assert times(some["items"]) == time[601:621].tolist()
    assert (some["has_more_before"], some["has_more_after"]) == (True, True)
    assert (some["count"], some["version"], some["type"]) == (None, None, "line")
    early = desk.read(f"?before={time[9]}", "rsi")
    assert times(early["items"]) == time[5:9].tolist()
    assert not early["has_more_before"]


def test_indicators_are_computed_over_pushed_points(desk: Desk) -> None:
    """Of candles and of values, whitespace left out, and over one another."""
    close = [10.0 + number * number % 7 for number in range(600)]
    points: list[Json] = [
        {"time": 60 * number, **dict.fromkeys(PRICES, value)}
        if number % 50
        else {"time": 60 * number}
        for number, value in enumerate(close)
    ]
    series = [
        line("price", type="candlestick"),
        line("sma", over("sma", params={"period": 4})),
        line("of-sma", over("rsi", "sma", params={"period": 3})),
        line("third", over("ema", "of-sma", params={"period": 2}), "histogram"),
        line("atr", over("atr")),
    ]
    assert desk.change(panes=[{"series": series}]).is_success
    desk.put(points, "price")
    time = np.array([point["time"] for point in points if "open" in point])
    values: Columns = {"close": np.array([point["open"] for point in points if "open" in point])}
    for name, study in [
        ("sma", Study.of("sma", {"period": 4})),
        ("of-sma", Study.of("rsi", {"period": 3})),
        ("third", Study.of("ema", {"period": 2})),
    ]:
        (output,) = study.indicator.outputs
        assert_shows(pages(desk, name, 70), study, output, time, values)
        expected = compute(study, time, values)
        time, values = expected.time, {"close": expected.outputs[output]}
    assert {point["value"] for point in desk.items(series="atr")} != {0}
    desk.put([], "price")
    assert desk.read(series="third")["items"] == []


def test_a_vwap_begins_anew_with_each_session(service: Service, desk: Desk) -> None:
    """Of the symbol's calendar, on a page that begins within one."""
    admin = service.admin()
    admin.call("PUT", "/exchanges/NY", {"calendar": "XNYS"})
    admin.call("PUT", "/symbols/NY:VWAP", {})
    # 13:30 UTC on Monday 2024-06-10, and the same on Tuesday.
    rows: list[Row] = []
    for minute in (day * 1440 + one for day in range(2) for one in range(390)):
        price = 10.0 + minute % 7
        rows.append((1718026200 + 60 * minute, price, price, price, price, 1.0 + minute % 3))
    posted = admin.call("POST", "/bars", bar_items("NY:VWAP", "1m", rows))
    assert posted.json()["rejected"] == 0
    closes = line("closes", {"symbol": "NY:VWAP", "resolution": "1m"})
    vwap = line("vwap", over("vwap", "closes"))
    assert desk.change(panes=[{"series": [closes, vwap]}]).is_success
    traded = rows[390:]
    total = np.cumsum([row[5] for row in traded])
    paid = np.cumsum([row[4] * row[5] for row in traded])
    page = desk.read("?count=100", "vwap")
    np.testing.assert_allclose([point["value"] for point in page["items"]], (paid / total)[-100:])
    opening = desk.read(f"?before={traded[1][0]}&count=1", "vwap")["items"]
    assert opening == [{"time": traded[0][0], "value": traded[0][4]}]


def test_what_trades_outside_of_a_session_goes_on_with_that_before() -> None:
    """Until the next opens; a lunch break ends none, and a day is a session of its own."""
    new_york = load("XNYS", build("XNYS"))
    friday, monday = 1717977600 - 3 * DAY, 1717977600
    # Friday's session and after it; Monday before the open, and the open at 13:30 UTC.
    time = [friday + 14 * 3600, friday + 22 * 3600, monday + 9 * 3600, monday + 13 * 3600 + 1800]
    minutes = Bars.of([(one, 1, 1, 1, 1, 1) for one in time])
    found = sessions(new_york, minutes, Resolution.MINUTE).tolist()
    assert found == [friday, friday, friday, monday]
    assert sessions(new_york, minutes, Resolution.DAY).tolist() == time


FAULTS: list[tuple[Json, str, str]] = [
    ({"indicator": "zigzag", "of": "price"}, "/source/indicator", "There is no indicator"),
    ({"indicator": "rsi"}, "/source/of", "Field required"),
    ({"indicator": "rsi", "of": "none"}, "/source/of", "no series none"),
    ({"indicator": "rsi", "of": "it"}, "/source/of", "none over itself"),
    ({"indicator": "rsi", "of": "third"}, "/source/of", "up to 2 others"),
    ({"indicator": "atr", "of": "values"}, "/source/of", "needs high, low"),
    ({"indicator": "obv", "of": "pushed"}, "/source/of", "needs volume"),
    ({"indicator": "vwap", "of": "volume"}, "/source/of", "which volume has not"),
    ({"indicator": "cci", "of": "first"}, "/source/of", "needs high, low"),
    (over("rsi", params={"period": 1}), "/source/params/period", "from 2 to 1000"),
    (over("rsi", params={"period": 14.5}), "/source/params/period", "whole number"),
    (over("rsi", params={"period": "14"}), "/source/params/period", "whole number"),
    (over("rsi", params={"length": 14}), "/source/params", "no parameter 'length'"),
    (over("rsi", params=[]), "/source/params", "valid dictionary"),
    (over("macd", output="signal", params={"fast": 9, "slow": 9}), "/source/params/slow", "above"),
    (over("macd"), "/source/output", "macd, signal, histogram"),
    (over("rsi", output="signal"), "/source/output", "has the outputs rsi"),
    (over("rsi", color="red"), "/source/color", "not permitted"),
    ({"symbol": "US:ABC"}, "/source/resolution", "Field required"),
    ({}, "/source/symbol", "Field required"),
]


@pytest.mark.parametrize(("source", "pointer", "detail"), FAULTS)
def test_what_can_not_be_computed_is_refused(
    desk: Desk, source: Json, pointer: str, detail: str
) -> None:
    """At its place in the document, with what is wrong with it."""
    symbol = {"symbol": "US:ABC", "resolution": "1d"}
    chart = [
        line("price", symbol, "candlestick"),
        line("volume", {**symbol, "field": "volume"}),
        line("pushed", type="bar"),
        line("values"),
        line("first", over("sma")),
        line("second", over("sma", "first")),
        line("third", over("sma", "second")),
    ]
    assert desk.change(panes=[{"series": chart}]).is_success
    answer = desk.change(panes=[{"series": []}, {"series": [*chart, line("it", source)]}])
    assert (answer.status_code, code(answer)) == (422, "invalid_field"), answer.text
    faults = answer.json()["errors"]
    assert faults[0]["pointer"] == f"/panes/1/series/7{pointer}"
    assert detail in faults[0]["detail"]


def test_indicators_are_drawn_by_one_value(desk: Desk) -> None:
    """Not as candles, and not in a circle."""
    circle = [line("one", over("sma", "two")), line("two", over("sma", "one"), "bar")]
    answer = desk.change(panes=[{"series": circle}])
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == [
        "/panes/0/series/0/source/of",
        "/panes/0/series/1/type",
        "/panes/0/series/1/source/of",
    ]


def test_a_source_is_answered_as_a_whole(desk: Desk) -> None:
    """With the parameters and the output that were left out."""
    desk.change(panes=[{"series": [line("price"), line("it", over("rsi"))]}])
    assert desk.series("it")["source"] == {
        "indicator": "rsi", "params": {"period": 14}, "of": "price", "output": "rsi",
    }  # fmt: skip
    answer = desk.put([], "it")
    assert (answer.status_code, code(answer)) == (409, "series_is_bound")


def test_a_share_shows_indicators(desk: Desk) -> None:
    """With what they are computed over."""
    desk.change(panes=[{"series": [line("price"), line("it", over("sma", params={"period": 2}))]}])
    desk.put([{"time": 1, "value": 1}, {"time": 2, "value": 3}], "price")
    share = desk.person.call("POST", f"{desk.path}/shares", {}).json()
    client, headers = desk.person.client, bearer(share["token"])
    answer = client.get(f"/api/v1{desk.points('it')}", headers=headers)
    assert answer.json()["items"] == [{"time": 2, "value": 2.0}]


@pytest.mark.parametrize("source", [3, "rsi", [], True])
def test_a_source_is_an_object(desk: Desk, source: object) -> None:
    """Or null."""
    series = [{"id": "it", "type": "line", "source": source}]
    answer = desk.change(panes=[{"series": series}])
    assert answer.json()["errors"] == [
        {"pointer": "/panes/0/series/0/source", "detail": "must be an object"}
    ]
