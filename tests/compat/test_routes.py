"""The routes of lightweight-charts-pro, as its front ends use them."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.auth.people import Service, at_once
from tests.charts.desks import FIRST, Json, candle, candles, dots
from tests.compat.front_end import Failed, FrontEnd
from tradeapi.charts import study_frames
from tradeapi.compat import bodies
from tradeapi.compat.bodies import pushed


def refusal(call: Callable[..., object], *arguments: Any, **more: Any) -> tuple[int, str | None]:
    with pytest.raises(Failed) as failed:
        call(*arguments, **more)
    assert str(failed.value)
    return failed.value.status, failed.value.code


def test_health_is_for_everybody(service: Service) -> None:
    """And is no chart."""
    answer = service.client.get("/api/charts/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"
    assert answer.json().keys() == {"status", "version", "environment"}


def test_a_chart_that_is_made_again_keeps_its_options(page: FrontEnd) -> None:
    """And gets the new ones, in whatever case they are written."""
    assert page.call("POST") == {"chartId": "desk", "options": {}}
    page.call("POST", body={"width": 800, "layout": {"textColor": "#222"}, "mine": [1]})
    made = page.call("POST", body={"height": 300, "time_scale": {"a": 1}, "layout": {"b": 2}})
    expected = {
        "width": 800,
        "height": 300,
        "layout": {"textColor": "#222", "b": 2},
        "timeScale": {"a": 1},
        "mine": [1],
    }
    assert made == {"chartId": "desk", "options": expected}
    assert page.call("GET") == {"chartId": "desk", "panes": [], "options": expected}


@pytest.mark.parametrize("way", ["options", "points"])
def test_many_who_make_the_same_chart_make_one(service: Service, way: str) -> None:
    """Whoever comes at the same time as another finds it made."""
    person = service.person()
    for number in range(5):
        page = FrontEnd(person, f"desk-{number}")

        def make(page: FrontEnd = page) -> Json:
            return page.call("POST") if way == "options" else page.set("price", dots(3))

        made = at_once(6, make)
        assert made == [made[0]] * 6
    charts = person.client.get("/api/v1/charts", headers=person.headers).json()["items"]
    assert len(charts) == 5


@pytest.mark.parametrize("body", [{"width": 99}, {"height": 10_001}, {"width": "800"}, [], "a", 1])
def test_options_that_are_none_are_refused(page: FrontEnd, body: object) -> None:
    """With a text that the page can show."""
    assert refusal(page.call, "POST", "", body) == (422, "VALIDATION_ERROR")


def deep(levels: int) -> Any:
    return [deep(levels - 1)] if levels else 1


@pytest.mark.parametrize("options", [{"a": "x" * 20_000}, {"a": deep(300)}, {"a": deep(900)}])
def test_options_that_can_not_be_kept_are_refused(page: FrontEnd, options: Json) -> None:
    """Of charts and of series; nothing of them stays."""
    content = json.dumps(options).encode()
    assert refusal(page.send, "POST", "", content) == (422, "VALIDATION_ERROR")
    content = json.dumps({"data": dots(1), "options": options}).encode()
    assert refusal(page.send, "POST", "/data/price", content) == (422, "VALIDATION_ERROR")
    assert refusal(page.call, "GET") == (404, "CHART_NOT_FOUND")


@pytest.mark.parametrize("levels", [250, 300, 900])
def test_a_point_that_is_nested_too_deep_is_refused(page: FrontEnd, levels: int) -> None:
    """As by the other routes."""
    data = [{"time": 1, "value": 1, "x": deep(levels)}]
    content = json.dumps({"data": data}).encode()
    assert refusal(page.send, "POST", "/data/price", content) == (422, "VALIDATION_ERROR")


def test_points_make_their_series_and_chart(page: FrontEnd) -> None:
    """All at once, and come back as they were sent."""
    data: list[Json] = [candle(1, color="#f00"), candle(2, customValues={"a": 1}), candle(3)]
    made = page.set("price", data, "candlestick", options={"upColor": "#0f0"})
    assert made == {"seriesId": "price", "seriesType": "candlestick", "count": 3}
    series = {
        "seriesId": "price",
        "seriesType": "candlestick",
        "data": data,
        "options": {"upColor": "#0f0"},
        "chunked": False,
        "totalCount": 3,
    }
    assert page.series("price") == series
    panes = [{"paneId": 0, "series": [series]}]
    assert page.call("GET") == {"chartId": "desk", "panes": panes, "options": {}}
    assert all(type(point["time"]) is int for point in page.series("price")["data"])


def test_names_may_be_in_camel_case(page: FrontEnd) -> None:
    """In bodies, as in answers."""
    body = {"paneId": 2, "seriesType": "area", "data": dots(3)}
    assert page.call("POST", "/data/price", body)["seriesType"] == "area"
    assert page.series("price", 2)["data"] == dots(3)
    asked = {"paneId": 2, "seriesId": "price", "beforeTime": FIRST + 60.5, "count": 1}
    assert page.call("POST", "/history", asked)["data"] == dots(1, first=1)
    asked = {"pane_id": 2, "series_id": "price", "before_time": FIRST + 60, "count": 5}
    assert page.call("POST", "/history", asked)["data"] == dots(1)


def test_times_that_are_no_integers_stay_so(page: FrontEnd) -> None:
    """To the fraction of a second."""
    data: list[Json] = [{"time": 1700000000.25, "value": 1.5}, {"time": 1700000001, "value": 2}]
    page.set("price", data)
    assert page.series("price")["data"] == data


@pytest.mark.parametrize("count", [499, 500, 501, 1700])
def test_a_long_series_comes_in_parts(page: FrontEnd, count: int) -> None:
    """From 500 points on; by its parts the page gets all of it."""
    page.set("price", dots(count))
    series = page.series("price")
    assert (series["chunked"], series["totalCount"]) == (count >= 500, count)
    assert series["data"] == dots(min(count, 500), first=max(count - 500, 0))
    if count >= 500:
        info = series["chunkInfo"]
        assert (info["startIndex"], info["endIndex"], info["count"]) == (count - 500, count, 500)
        assert info["start_index"] == info["startIndex"]
        assert (series["hasMoreBefore"], series["hasMoreAfter"]) == (count > 500, False)
    else:
        assert "chunkInfo" not in series
    assert page.whole_history("price") == dots(count)


def test_an_operator_says_what_is_long(serve: Callable[..., Service]) -> None:
    """By CHUNK_SIZE_THRESHOLD."""
    page = FrontEnd(serve(chunk_size_threshold=100).person(), "desk")
    page.set("price", dots(150))
    assert page.series("price")["data"] == dots(100, first=50)


def test_history_lies_between_two_times(page: FrontEnd) -> None:
    """Both may be left out; which points of all they are is said."""
    page.set("price", dots(5000))
    time = dots(1, first=3000)[0]["time"]
    before = page.history("price", before_time=time, count=10)
    assert before["data"] == dots(10, first=2990)
    assert before["chunkInfo"]["startIndex"] == 2990
    assert before["chunkInfo"]["end_time"] == before["data"][-1]["time"]
    assert (before["hasMoreBefore"], before["hasMoreAfter"]) == (True, True)
    after = page.history("price", after_time=time, count=10)
    assert after["data"] == dots(10, first=3001)
    assert after["chunkInfo"]["startIndex"] == 3001
    latest = page.history("price")
    assert latest["data"] == dots(500, first=4500)
    assert (latest["totalCount"], latest["hasMoreAfter"]) == (5000, False)
    nothing = page.history("price", before_time=FIRST)
    assert (nothing["data"], nothing["chunkInfo"]["count"]) == ([], 0)
    assert refusal(page.history, "price", count=0) == (422, "VALIDATION_ERROR")
    assert refusal(page.history, "price", count=10_001) == (422, "VALIDATION_ERROR")


def test_the_forming_bar_is_replaced(page: FrontEnd) -> None:
    """Where its time is that of the last one; newer ones are added, and older ones refused."""
    page.set("price", candles(1, 2), "candlestick")
    assert page.append("price", [candle(2, close=9.5), candle(3)])["count"] == 3
    data = page.series("price")["data"]
    assert data == [candle(1), candle(2, close=9.5), candle(3)]
    assert refusal(page.append, "price", candles(2)) == (400, "INVALID_TIMESTAMP")
    assert page.series("price")["data"] == data


def test_what_is_not_there_is_said(page: FrontEnd) -> None:
    """Of charts, of panes and of series."""
    ways: list[tuple[Callable[..., Json], list[Any]]] = [
        (page.series, ["price"]),
        (page.history, ["price"]),
        (page.append, ["price", dots(1)]),
    ]
    for call, arguments in [(page.call, ["GET"]), *ways]:
        assert refusal(call, *arguments) == (404, "CHART_NOT_FOUND")
    page.set("price", dots(1), pane=1)
    for call, arguments in ways:
        assert refusal(call, *arguments) == (404, "SERIES_NOT_FOUND")


@pytest.mark.parametrize(
    ("data", "type", "expected"),
    [
        ([dots(2)[1], dots(2)[0]], "line", (400, "INVALID_TIMESTAMP")),
        ([dots(1)[0], dots(1)[0]], "line", (400, "INVALID_TIMESTAMP")),
        ([{"time": FIRST}], "line", (422, "VALIDATION_ERROR")),
        ([{"time": FIRST, "value": "1"}], "line", (422, "VALIDATION_ERROR")),
        ([{"value": 1}], "line", (422, "INVALID_TIMESTAMP")),
        ([{"time": FIRST, "open": 1, "high": 2, "low": 0}], "bar", (422, "VALIDATION_ERROR")),
        ([candle(1, high=1)], "candlestick", (422, "INVALID_DATA")),
        ([1], "line", (422, "VALIDATION_ERROR")),
        ("dots", "line", (422, "VALIDATION_ERROR")),
    ],
)
def test_points_that_are_none_are_refused(
    page: FrontEnd, data: Any, type: str, expected: tuple[int, str]
) -> None:
    """As a whole, and no chart is made for them."""
    assert refusal(page.set, "price", data, type) == expected
    assert refusal(page.call, "GET") == (404, "CHART_NOT_FOUND")


@pytest.mark.parametrize("pane", [-1, 101, "0", 0.5, None])
def test_panes_that_are_none_are_refused(page: FrontEnd, pane: Any) -> None:
    """There are 101."""
    assert refusal(page.set, "price", dots(1), pane=pane) == (422, "VALIDATION_ERROR")


def test_each_pane_has_series_of_its_own(page: FrontEnd) -> None:
    """Of the same name, even."""
    for pane, count in ((0, 1), (3, 2), (100, 3)):
        page.set("price", dots(count), pane=pane)
    page.append("price", dots(1, first=9), pane=3)
    shown = page.call("GET")["panes"]
    assert [pane["paneId"] for pane in shown] == [0, 3, 100]
    assert [pane["series"][0]["seriesId"] for pane in shown] == ["price"] * 3
    counts = [page.series("price", pane)["totalCount"] for pane in (0, 3, 100)]
    assert counts == [1, 3, 3]
    assert shown[1]["series"][0]["options"] == {}


def test_a_series_may_become_another(page: FrontEnd) -> None:
    """With other points, or the same; options that are not sent stay."""
    page.set("price", dots(3), options={"color": "red"})
    page.set("price", dots(2), "histogram")
    series = page.series("price")
    assert (series["seriesType"], series["options"]) == ("histogram", {"color": "red"})
    page.set("price", candles(1), "bar", options={})
    series = page.series("price")
    assert (series["seriesType"], series["data"]) == ("bar", candles(1))
    assert series["options"] == {}


def test_types_that_nobody_knows_are_kept(page: FrontEnd) -> None:
    """With whatever their points have."""
    data: list[Json] = [{"time": FIRST, "band": [1, 2]}, {"time": FIRST + 60, "band": [2, 3]}]
    page.set("band", data, "ribbon")
    series = page.series("band")
    assert (series["seriesType"], series["data"], series["options"]) == ("ribbon", data, {})
    page.append("band", [{"time": FIRST + 60, "band": [5]}])
    assert page.series("band")["data"][-1]["band"] == [5]


def test_both_protocols_have_the_same_charts(page: FrontEnd) -> None:
    """By its name a chart is the same, whoever has made it."""
    page.set("price", dots(3), pane=1)
    chart = page.person.get("/charts/desk")
    assert [len(pane["series"]) for pane in chart["panes"]] == [0, 1]
    path = f"/charts/{chart['id']}/series/price/points"
    assert page.person.get(path)["items"] == dots(3)
    page.person.call("POST", path, dots(1, first=3))
    assert page.series("price", 1)["data"] == dots(4)
    assert page.person.call("DELETE", "/charts/desk").status_code == 204
    assert refusal(page.call, "GET") == (404, "CHART_NOT_FOUND")


def test_a_bound_series_has_no_points_pushed(page: FrontEnd) -> None:
    """It is shown, here without a symbol that exists, and hurts no other."""
    source = {"symbol": "US:NONE", "resolution": "1d"}
    series = [{"id": "bound", "type": "line", "source": source}]
    page.person.call("POST", "/charts", {"name": "desk", "panes": [{"series": series}]})
    page.set("price", dots(1))
    shown = page.call("GET")["panes"][0]["series"]
    assert [(one["seriesId"], one["totalCount"]) for one in shown] == [("bound", 0), ("price", 1)]
    assert refusal(page.append, "bound", dots(1)) == (409, "INVALID_DATA")


def test_an_indicator_that_can_not_be_computed_hurts_no_other(
    page: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing ever moved, each value depends on all before."""
    monkeypatch.setattr(study_frames, "MOST_EARLIER", 500)
    page.set("price", [{"time": number, "value": 1} for number in range(3000)])
    source = {"indicator": "rsi", "of": "price"}
    panes = page.person.get("/charts/desk")["panes"]
    series = [{"id": "price", "type": "line"}, {"id": "rsi", "type": "line", "source": source}]
    page.person.call("PATCH", "/charts/desk", {"panes": [{**panes[0], "series": series}]})
    shown = page.call("GET")["panes"][0]["series"]
    assert [(one["seriesId"], one["totalCount"]) for one in shown] == [("price", 3000), ("rsi", 0)]
    assert refusal(page.history, "rsi") == (422, "HISTORY_TOO_LONG")


def test_strangers_have_charts_of_their_own(service: Service, page: FrontEnd) -> None:
    """Under the same id; of others they learn nothing, and who is nobody gets in nowhere."""
    page.set("price", dots(1))
    stranger = FrontEnd(service.person(), "desk")
    assert refusal(stranger.call, "GET") == (404, "CHART_NOT_FOUND")
    stranger.set("price", dots(2))
    assert page.series("price")["totalCount"] == 1
    answer = service.client.get("/api/charts/desk")
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHENTICATED")
    assert answer.json()["error"] == answer.json()["detail"]


def test_ids_that_are_none_are_refused(page: FrontEnd) -> None:
    """They would name files once."""
    for chart in ("a..b", "a" * 129, "a%20b"):
        bad = FrontEnd(page.person, chart)
        assert refusal(bad.call, "GET") == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "text",
    [
        '{"pane_id": 1, "data": [%s], "series_type": "line", "options": {"a": [1, "]"]}}',
        '{"options": {"data": [1], "x": "\\"data\\": ["}, "pane_id": 1, "data" : [%s]}',
        '{"pane_id": 1, "data": [%s]}',
    ],
)
def test_a_long_body_is_read_in_parts(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """As it would be as a whole, wherever the points are in it."""
    points = orjson.dumps(dots(50))[1:-1].decode()
    body = (text % points).encode()
    whole = pushed(body)
    monkeypatch.setattr(bodies, "BYTES_AT_ONCE", 400)
    part = pushed(body)
    assert part.asked == whole.asked
    assert orjson.loads(part.points) == orjson.loads(whole.points) == dots(50)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[' + b" " * 600_000 + b"]" * 50_000,
        b'{"options":{"a":"' + b"x" * 600_000 + b'"},"data":[]}',
        b'{"x":"\\"data\\":[]","data":[' + b'{"time":1},' * 60_000 + b"{}]" + b"]" * 50_000,
        b"[" * 600_000,
    ],
    ids=range(4),
)
def test_a_long_body_without_plain_points_is_refused(page: FrontEnd, body: bytes) -> None:
    """It is not looked for them again and again."""
    assert refusal(page.send, "POST", "/data/price", body) == (422, "VALIDATION_ERROR")


def test_many_points_fit(serve: Callable[..., Service]) -> None:
    """Where the operator lets bodies be so long."""
    page = FrontEnd(serve(max_body_bytes=64 * 1024 * 1024).person(), "desk")
    assert page.set("price", dots(100_000))["count"] == 100_000
    assert page.series("price")["totalCount"] == 100_000
