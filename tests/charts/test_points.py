"""Points that are pushed: set, appended, replaced while they form, amended; and what is none."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.auth.people import Service, code
from tests.charts.desks import FIRST, PRICES, Desk, candle, candles, dots, times
from tests.market.bars_http import items as bar_items
from tradeapi.charts.points import SeriesType

# A day in 2024, counted from 1970.
DAY_ONE = 19_800
VALUE = {"value": 1.5}
# What is said of points that are answered as they are.
PLAIN = {"resolution": None, "start": None, "thinned_from": None, "base": None}


@pytest.mark.parametrize("series", SeriesType)
def test_points_of_every_type_come_back(desk: Desk, series: SeriesType) -> None:
    """With their further fields; whitespace points and negative values are points."""
    values = PRICES if series.columns == ("open", "high", "low", "close") else VALUE
    points = [
        {"time": FIRST, **values},
        {"time": FIRST + 1},
        {"time": FIRST + 2, **dict.fromkeys(values, -3.0), "color": "#fff"},
        {"time": FIRST + 3, **values, "customValues": {"n": [1, {"a": None}], "t": "ü\n"}},
        {"time": FIRST + 4, "customValues": {}},
        {"time": FIRST + 5, **values, "color": "#fff"},
    ]
    written = desk.put(points, series)
    assert written.json() == {
        "count": 6, "first_time": FIRST, "last_time": FIRST + 5, "version": 1,
    }  # fmt: skip
    page = desk.read(series=series)
    assert page == {
        "series": series, "type": series, "items": points, "has_more_before": False,
        "has_more_after": False, "count": 6, "version": 1, **PLAIN,
    }  # fmt: skip
    assert {**desk.series(series)} == {
        "id": series, "type": series, "options": {}, "source": None, **written.json(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (1704153600, 1704153600),
        (1704153600.0, 1704153600),
        (1704153600000, 1704153600),
        (1704153600250, 1704153600.25),
        (1704153600.25, 1704153600.25),
        ("2024-01-02", 1704153600),
        ("2024-01-02T00:00:00Z", 1704153600),
        ("2024-01-02T01:00:00.5+01:00", 1704153600.5),
        ("1704153600000", 1704153600),
        (0, 0),
        (-1.5, -1.5),
        ("1900-01-01", -2208988800),
    ],
)
def test_times_are_normalised_once(desk: Desk, time: object, seconds: float) -> None:
    """To seconds, whole ones as integers."""
    assert desk.put({"time": time, **PRICES}).is_success
    (point,) = desk.items()
    assert (point["time"], type(point["time"])) == (seconds, type(seconds))


def test_forms_of_time_may_mix(desk: Desk) -> None:
    """They are all instants."""
    mixed: list[object] = ["2023-11-14", FIRST, (FIRST + 1) * 1000, "2023-11-15T00:00:00"]
    assert desk.put([{"time": time} for time in mixed]).is_success
    assert times(desk.items()) == [1699920000, FIRST, FIRST + 1, 1700006400]


def test_the_forming_point_is_replaced_and_newer_ones_are_added(desk: Desk) -> None:
    """Both in one request, too; what is replaced is so as a whole."""
    assert desk.post(candle(0, color="red")).json()["count"] == 1
    assert desk.post(candle(0, high=13.0)).json()["count"] == 1
    assert desk.items() == [candle(0, high=13.0)]
    assert desk.post([candle(0, high=14.0), candle(1), candle(5)]).json() == {
        "count": 3, "first_time": FIRST, "last_time": FIRST + 300, "version": 3,
    }  # fmt: skip
    assert desk.items() == [candle(0, high=14.0), candle(1), candle(5)]


def test_older_points_need_to_be_meant(desk: Desk) -> None:
    """Without `amend` nothing of the request is taken; with it they are inserted or replaced."""
    desk.put(candles(0, 2, 4))
    answer = desk.post(candles(3, 5))
    assert (answer.status_code, code(answer)) == (409, "point_too_old")
    assert desk.items() == candles(0, 2, 4)
    amended = [candle(-1), candle(2, close=10.5), candle(3), candle(4, close=10.0), candle(5)]
    assert desk.post(amended, amend=True).json() == {
        "count": 6, "first_time": FIRST - 60, "last_time": FIRST + 300, "version": 2,
    }  # fmt: skip
    assert desk.items() == [amended[0], candle(0), *amended[1:]]


def test_all_points_can_be_taken_away(desk: Desk) -> None:
    """And the series begins anew."""
    desk.put(candles(5, 6))
    assert desk.put([]).json() == {
        "count": 0, "first_time": None, "last_time": None, "version": 2,
    }  # fmt: skip
    assert desk.items() == []
    assert desk.post([]).json()["version"] == 2
    assert desk.post(candles(1)).json()["count"] == 1


def test_bodies_have_three_forms(desk: Desk) -> None:
    """One point, many, and many by name."""
    for number, body in enumerate((candle(1), [candle(2)], {"items": [candle(3)]})):
        assert desk.post(body).json()["count"] == number + 1
    assert desk.items() == candles(1, 2, 3)


def test_a_lost_update_of_points_is_refused(desk: Desk) -> None:
    """By the version of the series, that of no other series and of none before it."""
    written = desk.put(candles(1)).headers["etag"]
    read = desk.person.call("GET", desk.points()).headers["etag"]
    assert written == read
    assert desk.put(dots(1), "line").headers["etag"] != read
    for method in ("POST", "PUT"):
        headers = {"if-match": read}
        answer = desk.person.call(method, desk.points(), candles(2), headers=headers)
        assert answer.is_success
        stale = desk.person.call(method, desk.points(), candles(3), headers=headers)
        assert (stale.status_code, code(stale)) == (412, "stale_version")
        read = answer.headers["etag"]
    desk.change(panes=[])
    desk.change(panes=[{"series": [{"id": "candlestick", "type": "candlestick"}]}])
    desk.put(candles(1))
    assert desk.person.call("GET", desk.points()).headers["etag"] != written


FAULTS: list[tuple[str, object, str]] = [
    ("line", 1, "bad_body"),
    ("line", [1], "invalid_item"),
    ("line", [[]], "invalid_item"),
    ("line", [None], "invalid_item"),
    ("line", {"items": 3}, "bad_time"),
    ("line", {"value": 1}, "bad_time"),
    ("line", {"time": None, "value": 1}, "bad_time"),
    ("line", {"time": True, "value": 1}, "bad_time"),
    ("line", {"time": "soon", "value": 1}, "bad_time"),
    ("line", {"time": {"year": 2024, "month": 1, "day": 2}, "value": 1}, "bad_time"),
    ("line", {"time": 1e15, "value": 1}, "time_out_of_range"),
    ("line", {"time": "12345678901234567890123", "value": 1}, "time_out_of_range"),
    ("line", {"time": 1, "value": None}, "invalid_value"),
    ("line", {"time": 1, "value": "1"}, "invalid_value"),
    ("line", {"time": 1, "value": True}, "invalid_value"),
    ("line", {"time": 1, "value": 9.1e13}, "invalid_value"),
    ("line", {"time": 1, "value": -9.1e13}, "invalid_value"),
    ("line", [{"time": 1}, {"time": 1}], "not_ascending"),
    ("line", [{"time": 2}, {"time": 1}], "not_ascending"),
    ("line", [{"time": 1704153600}, {"time": 1704153600000}], "not_ascending"),
    ("line", {"time": 1, "value": 1, "color": 3}, "invalid_color"),
    ("line", {"time": 1, "value": 1, "color": "x" * 65}, "invalid_color"),
    ("line", {"time": 1, "topColor": None}, "invalid_color"),
    ("line", {"time": 1, "value": 1, "customValues": "x" * 1024}, "too_long"),
    ("bar", {"time": 1, "value": 1, "open": 1}, "missing_field"),
    ("bar", {"time": 1, "open": 1, "high": 1, "low": 1}, "missing_field"),
    ("bar", {"time": 1, "open": 1, "high": 1, "low": 1, "close": "1"}, "invalid_value"),
    ("bar", {"time": 1, "open": 1, "high": 1, "low": 2, "close": 1}, "high_below_low"),
    ("bar", {"time": 1, "open": 3, "high": 2, "low": 1, "close": 1}, "outside_range"),
    ("bar", {"time": 1, "open": 1, "high": 2, "low": 1, "close": 0.5}, "outside_range"),
]


@pytest.mark.parametrize(("series", "body", "expected"), FAULTS)
def test_what_is_no_point_is_named(desk: Desk, series: str, body: object, expected: str) -> None:
    """And nothing of the request is taken."""
    for send in (desk.put, desk.post):
        answer = send(body, series)
        assert (answer.status_code, code(answer)) == (422, expected)
    assert desk.series(series)["version"] == 0


def test_the_points_at_fault_are_named_by_their_place(desk: Desk) -> None:
    """Each with what is wrong with it, the first in words."""
    points = candles(*range(1000))
    points[300] = {**points[300], "high": 1.0}
    points[700] = {"time": "x"}
    problem = desk.put(points).json()
    assert problem["detail"] == "Point 300: The high is below the low."
    assert [error["pointer"] for error in problem["errors"]] == ["/300", "/700"]


def test_a_bound_series_shows_bars(service: Service, desk: Desk) -> None:
    """In the form of its type, by the same route, and takes no points."""
    admin = service.admin()
    admin.call("PUT", "/symbols/US:ABC", {})
    rows = [
        (86_400 * day, 10.0, 12.0, 9.0, 10.0 + day % 8 / 4, float(day))
        for day in range(DAY_ONE, DAY_ONE + 5)
    ]
    posted = admin.call("POST", "/bars", bar_items("US:ABC", "1d", rows))
    assert posted.json()["rejected"] == 0
    source = {"symbol": "us:abc", "resolution": "1d"}
    series = [
        {"id": "candles", "type": "candlestick", "source": source},
        {"id": "closes", "type": "area", "source": source},
        {"id": "volumes", "type": "histogram", "source": {**source, "field": "volume"}},
        {"id": "nothing", "type": "line", "source": {**source, "symbol": "US:NONE"}},
    ]
    desk.change(panes=[{"series": series}])
    page = desk.read("?count=2", "candles")
    assert page["items"] == [
        {"time": time, "open": open, "high": high, "low": low, "close": close}
        for time, open, high, low, close, _ in rows[-2:]
    ]
    assert (page["has_more_before"], page["has_more_after"]) == (True, False)
    assert (page["count"], page["version"]) == (None, None)
    values = {series: desk.items(series=series) for series in ("closes", "volumes")}
    assert values["closes"] == [{"time": row[0], "value": row[4]} for row in rows]
    assert values["volumes"] == [{"time": row[0], "value": row[5]} for row in rows]
    between = desk.items(f"?after={rows[0][0]}&before={rows[3][0]}", "closes")
    assert times(between) == [row[0] for row in rows[1:3]]
    earliest = desk.read(f"?after={rows[0][0]}&count=1", "closes")
    assert times(earliest["items"]) == [rows[1][0]]
    assert earliest["has_more_before"]
    assert earliest["has_more_after"]
    missing = desk.person.call("GET", desk.points("nothing"))
    assert (missing.status_code, code(missing)) == (404, "unknown_symbol")
    for answer in (desk.put([], "closes"), desk.post(dots(1), "closes")):
        assert (answer.status_code, code(answer)) == (409, "series_is_bound")


BAD_BODIES: list[bytes] = [
    b"", b"null", b'"text"', b"[", b"[{]", b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe",
    b'[{"time":1,"value":NaN}]', b'[{"time":1,"value":1e999}]', b'[{"time":1,"x":"\\ud800"}]',
    b"\x00" * 1000, b" " * 600_000, b"[" + b'{"time":1},' * 60_000, b"[{},{}" + b" " * 600_000,
    b'{"items":[' + b'{"time":1},' * 60_000 + b"]]", b"1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("levels", [250, 300, 900])
def test_a_point_that_is_nested_too_deep_is_refused(desk: Desk, levels: int) -> None:
    """By its place; one as deep as anybody means it is taken."""
    for depth, status in ((levels, 422), (200, 200)):
        text = '[{"time":1,"value":1},{"time":2,"value":1,"x":%s}]' % ("[" * depth + "]" * depth)
        headers = {**desk.person.headers, "content-type": "application/json"}
        answer = desk.person.client.put(
            f"/api/v1{desk.points('line')}", content=text, headers=headers
        )
        assert answer.status_code == status, answer.text
        if status == 422:
            assert (code(answer), answer.json()["errors"][0]["pointer"]) == ("invalid_item", "/1")
        else:
            assert desk.items(series="line") == orjson.loads(text)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 400_000 + b"1]",
        b'[{"time":1,"value":1'
        + b"".join(b',"%d":1' % number for number in range(120_000))
        + b"}]",
        b'{"points":[' + b'{"time":1},' * 120_000 + b"{}]}",
    ],
    ids=range(3),
)
def test_a_long_body_that_is_not_made_of_points_is_not_read(desk: Desk, body: bytes) -> None:
    """The parser would let nobody run meanwhile."""
    headers = {**desk.person.headers, "content-type": "application/json"}
    for method in ("PUT", "POST"):
        answer = desk.person.client.request(
            method, f"/api/v1{desk.points('line')}", content=body, headers=headers
        )
        assert (answer.status_code, code(answer)) == (422, "bad_body")


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_hostile_body_is_refused(desk: Desk, body: bytes) -> None:
    """Whichever way it comes."""
    headers = {**desk.person.headers, "content-type": "application/json"}
    for method in ("PUT", "POST"):
        answer = desk.person.client.request(
            method, f"/api/v1{desk.points('line')}", content=body, headers=headers
        )
        assert answer.status_code == 422, answer.text
        assert code(answer) in {"bad_body", "bad_time", "not_ascending"}
    assert desk.series("line")["version"] == 0


def test_other_media_types_are_refused(desk: Desk) -> None:
    """NDJSON, too."""
    for media_type in ("application/x-ndjson", "text/plain", ""):
        headers = {**desk.person.headers, "content-type": media_type}
        answer = desk.person.client.put(f"/api/v1{desk.points()}", content=b"[]", headers=headers)
        assert (answer.status_code, code(answer)) == (415, "unsupported_media_type")


def test_a_body_has_the_size_that_points_may_have(serve: Callable[..., Service]) -> None:
    """And not that of documents."""
    service = serve(max_body_bytes=2_000_000)
    desk = Desk.of(service.person())
    assert desk.put(dots(40_000), "line").is_success
    assert code(desk.put(dots(60_000), "line")) == "too_large"
    assert code(desk.change(drawings=["x" * 600_000])) == "too_large"


@pytest.mark.parametrize("query", ["count=0", "count=10001", "count=x", "before=x", "after=1e99"])
def test_a_wrong_query_is_refused(desk: Desk, query: str) -> None:
    """With its parameter."""
    answer = desk.person.call("GET", f"{desk.points()}?{query}")
    assert answer.status_code == 422
    errors: list[dict[str, Any]] = answer.json()["errors"]
    assert errors[0]["pointer"] == f"/query/{query.partition('=')[0]}"


def test_long_series_are_read_from_either_end(desk: Desk) -> None:
    """Page by page, each point once."""
    points = dots(9_000)
    assert desk.put(points[:6_000], "line").is_success
    assert desk.post(points[6_000:], "line").is_success
    assert len(desk.items(series="line")) == 500
    back: list[dict[str, Any]] = []
    page = desk.read("?count=1300", "line")
    while page["items"]:
        back = page["items"] + back
        assert page["has_more_before"] == (len(back) < 9_000)
        page = desk.read(f"?count=1300&before={back[0]['time']}", "line")
    assert back == points
    on: list[dict[str, Any]] = []
    page = desk.read(f"?count=1300&after={FIRST - 1}", "line")
    while page["items"]:
        on += page["items"]
        assert page["has_more_after"] == (len(on) < 9_000)
        page = desk.read(f"?count=1300&after={on[-1]['time']}", "line")
    assert on == points
