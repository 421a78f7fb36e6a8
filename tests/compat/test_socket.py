"""The socket of lightweight-charts-pro, as its front ends use it."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from starlette.websockets import WebSocketDisconnect

from tests.auth.people import Service
from tests.charts.desks import FIRST, candle, candles, dots
from tests.compat.front_end import FrontEnd
from tradeapi.compat import socket as compat_socket


def test_a_page_begins_with_what_there_is(page: FrontEnd) -> None:
    """The whole chart, or what it asks for of it; as by HTTP."""
    page.set("price", dots(3))
    page.set("price", dots(4), pane=1)
    page.set("volume", dots(600), "histogram", pane=1)
    with page.connect() as socket:
        whole = socket.ask("get_initial_data")
        assert whole == {"type": "initial_data_response", **page.call("GET")}
        one = socket.ask("get_initial_data", paneId=1, seriesId="price")
        assert one["data"] == dots(4)
        assert (one["paneId"], one["seriesId"], one["chunked"]) == (1, "price", False)
        panes = socket.ask("get_initial_data", paneId=1)["panes"]
        assert [pane["paneId"] for pane in panes] == [1]
        assert [series["seriesId"] for series in panes[0]["series"]] == ["price", "volume"]
        panes = socket.ask("get_initial_data", seriesId="price")["panes"]
        assert [(pane["paneId"], len(pane["series"])) for pane in panes] == [(0, 1), (1, 1)]


def test_a_chart_costs_as_many_messages_as_it_has_series(page: FrontEnd) -> None:
    """Who asks for a large one again and again is told to wait; who did it once is served."""
    series = [{"id": f"s{number}", "type": "line"} for number in range(50)]
    page.person.call("POST", "/charts", {"name": "desk", "panes": [{"series": series}]})
    with page.connect() as socket:
        assert len(socket.ask("get_initial_data")["panes"][0]["series"]) == 50
        assert socket.ask("ping") == {"type": "pong"}
        told = [socket.ask("get_initial_data")["type"] for _ in range(6)]
        assert "error" in told


def test_a_page_scrolls_back(page: FrontEnd) -> None:
    """By its socket, to the first point."""
    page.set("price", dots(1200))
    with page.connect() as socket:
        part = socket.ask("get_initial_data", paneId=0, seriesId="price")
        data = part["data"]
        while part["hasMoreBefore"]:
            part = socket.ask(
                "request_history", paneId=0, seriesId="price", beforeTime=data[0]["time"], count=300
            )
            assert (part["type"], part["paneId"]) == ("history_response", 0)
            data = part["data"] + data
        assert data == dots(1200)
        assert part["chunkInfo"]["startIndex"] == 0
        latest = socket.ask("request_history", paneId=0, seriesId="price")
        assert latest["data"] == dots(500, first=700)


def test_each_page_is_told_of_each_update_once(page: FrontEnd) -> None:
    """With the points in it, however many pages there are."""
    page.set("price", candles(1), "candlestick")
    with ExitStack() as pages:
        sockets = [pages.enter_context(page.connect()) for _ in range(5)]
        for socket in sockets:
            assert socket.ask("get_initial_data")["type"] == "initial_data_response"
        page.append("price", [candle(1, close=10.5)])
        page.append("price", candles(2, 3))
        page.set("price", candles(7), "candlestick")
        heads = {"chartId": "desk", "paneId": 0, "seriesId": "price", "type": "data_update"}
        expected = [
            {"append": True, "count": 1, "data": [candle(1, close=10.5)]},
            {"append": True, "count": 2, "data": candles(2, 3)},
            {"append": False, "count": 1, "data": candles(7)},
        ]
        for socket in sockets:
            frames = [socket.hear() for _ in expected]
            seqs = [frame.pop("seq") for frame in frames]
            assert seqs == sorted(set(seqs))
            assert frames == [{**heads, **one} for one in expected]
            assert socket.hear_all() == []


def test_updates_name_the_series_of_their_pane(page: FrontEnd) -> None:
    """Also one that came while the page was there."""
    page.set("price", dots(1))
    with page.connect() as socket:
        socket.ask("get_initial_data")
        page.set("price", dots(2), pane=2)
        frame = socket.hear()
        assert (frame["paneId"], frame["seriesId"], frame["data"]) == (2, "price", dots(2))
        page.append("price", dots(1, first=2), pane=2)
        assert socket.hear()["paneId"] == 2
        page.append("price", dots(1, first=1))
        assert socket.hear()["paneId"] == 0
        body = {"time": FIRST, "value": 7}
        chart = page.person.get("/charts/desk")["id"]
        path = f"/charts/{chart}/series/price/points?amend=true"
        assert page.person.call("POST", path, body).is_success
        frame = socket.hear()
        assert (frame["append"], frame["revise"], frame["data"]) == (False, True, [body])


def test_a_page_may_be_there_before_its_chart(page: FrontEnd) -> None:
    """And after it: it is told when there is one again."""
    with page.connect() as socket:
        answer = socket.ask("get_initial_data")
        assert (answer["type"], answer["errorCode"]) == ("error", "CHART_NOT_FOUND")
        page.set("price", dots(3))
        assert socket.hear()["data"] == dots(3)
        assert page.person.call("DELETE", "/charts/desk").status_code == 204
        assert socket.hear()["errorCode"] == "CHART_NOT_FOUND"
        page.set("price", dots(2))
        assert socket.hear()["data"] == dots(2)


NONSENSE = [
    "",
    "nonsense",
    "[]",
    '["type"]',
    "1",
    "null",
    "{}",
    '{"type": 1}',
    '{"type": "subscribe"}',
    '{"type": "request_history"}',
    '{"type": "request_history", "paneId": 0, "seriesId": "price", "count": "abc"}',
    '{"type": "request_history", "paneId": 0, "seriesId": "price", "count": 0}',
    '{"type": "request_history", "paneId": 0, "seriesId": "price", "beforeTime": "now"}',
    '{"type": "request_history", "paneId": 0, "seriesId": "price", "beforeTime": 1e300}',
    '{"type": "request_history", "paneId": true, "seriesId": "price"}',
    '{"type": "get_initial_data", "paneId": "0"}',
    '{"type": "get_initial_data", "seriesId": ["price"]}',
]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_answered_and_the_socket_lives(page: FrontEnd, text: str) -> None:
    """With an error that the page can read."""
    page.set("price", dots(1))
    with page.connect() as socket:
        socket.raw.send_text(text)
        answer = socket.hear()
        assert (answer["type"], answer["errorCode"]) == ("error", "VALIDATION_ERROR")
        socket.raw.send_bytes(b"\x00")
        assert socket.hear()["type"] == "error"
        assert socket.ask("ping") == {"type": "pong"}


def test_what_is_not_there_is_said_on_the_socket(page: FrontEnd) -> None:
    """Of panes and of series."""
    page.set("price", dots(1))
    with page.connect() as socket:
        for fields in ({"paneId": 1, "seriesId": "price"}, {"paneId": 0, "seriesId": "none"}):
            for type in ("get_initial_data", "request_history"):
                assert socket.ask(type, **fields)["errorCode"] == "SERIES_NOT_FOUND"


def test_whoever_goes_on_with_nonsense_is_sent_away(page: FrontEnd) -> None:
    """Not for one or two mistakes."""
    with page.connect() as socket:
        for _ in range(20):
            socket.raw.send_text("[]")
        assert socket.hear_close() == 1008


@pytest.mark.parametrize("chart", ["a..b", "a" * 129, "a%20b", "a/b"])
def test_an_id_that_is_none_is_closed(service: Service, page: FrontEnd, chart: str) -> None:
    """After it was accepted, so that the page learns of it."""
    connect = service.client.websocket_connect
    with connect(f"/ws/charts/{chart}", headers=page.person.headers) as raw:
        with pytest.raises(WebSocketDisconnect) as closed:
            raw.receive_text()
        assert closed.value.code == 1008


def test_pages_are_pinged_and_may_be_idle_for_so_long(
    page: FrontEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then their socket is closed, as one that was left."""
    monkeypatch.setattr(compat_socket, "PING_SECONDS", 0.2)
    monkeypatch.setattr(compat_socket, "IDLE_SECONDS", 0.5)
    with page.connect() as socket:
        assert socket.hear()["type"] == "ping"
        socket.say("pong")
        assert socket.hear_close() == 1000


def test_nobody_sees_the_charts_of_others(service: Service, page: FrontEnd) -> None:
    """Under the same id they have their own; who is nobody is turned away."""
    page.set("price", dots(1))
    with FrontEnd(service.person(), "desk").connect() as socket:
        assert socket.ask("get_initial_data")["errorCode"] == "CHART_NOT_FOUND"
        page.append("price", dots(1, first=1))
        assert socket.hear_all() == []
    with service.client.websocket_connect("/ws/charts/desk") as raw:
        assert raw.receive_json()["errorCode"] == "UNAUTHENTICATED"
        with pytest.raises(WebSocketDisconnect) as closed:
            raw.receive_text()
        assert closed.value.code == 4401


def test_a_page_without_an_account_works_in_development(serve: Callable[..., Service]) -> None:
    """As the front ends that send no credentials do."""
    service = serve(auth_required=False)
    page = FrontEnd(service.person(), "desk")
    client = service.client
    body = {"pane_id": 0, "series_type": "line", "data": dots(2)}
    assert client.post("/api/charts/desk/data/price", json=body).status_code == 200
    with client.websocket_connect("/ws/charts/desk") as raw:
        assert raw.receive_json()["type"] == "connected"
        raw.send_json({"type": "get_initial_data"})
        assert raw.receive_json()["panes"][0]["series"][0]["data"] == dots(2)
        body = {"data": dots(1, first=2)}
        assert client.patch("/api/charts/desk/data/price", json=body).status_code == 200
        assert raw.receive_json()["data"] == dots(1, first=2)
    assert page.chart == "desk"


def test_a_page_whose_login_ends_is_sent_away(page: FrontEnd) -> None:
    """As on every other socket."""
    with page.connect() as socket:
        assert page.person.call("POST", "/auth/logout", {}).is_success
        assert socket.hear_close() == 4401
