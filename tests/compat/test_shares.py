"""A front end of lightweight-charts-pro on which somebody looks at a chart of somebody else's."""

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.auth.people import Person
from tests.charts.desks import candle, candles, dots
from tests.compat.front_end import Failed, FrontEnd, Socket


class Guest(FrontEnd):
    """Of a page, with a token for its chart."""

    def __init__(self, page: FrontEnd, chart: str | None = None) -> None:
        path = f"/charts/{page.chart}"
        self.id: str = page.person.get(path)["id"]
        share = page.person.call("POST", f"{path}/shares", {}).json()
        self.share, self.token = share["id"], share["token"]
        holder = Person(page.person.client, "nobody")
        holder.access = self.token
        super().__init__(holder, chart or self.id)


@pytest.fixture
def guest(page: FrontEnd) -> Guest:
    page.set("price", candles(1, 2), "candlestick")
    return Guest(page)


def failure(page: FrontEnd, method: str, path: str = "", body: object = None) -> tuple[int, str]:
    with pytest.raises(Failed) as failed:
        page.call(method, path, body)
    return failed.value.status, str(failed.value.code)


def test_a_share_shows_its_chart(page: FrontEnd, guest: Guest) -> None:
    """On every route that reads, the same as to its owner."""
    asked = {"paneId": 0, "seriesId": "price"}
    assert guest.call("GET")["panes"] == page.call("GET")["panes"]
    assert guest.series("price") == page.series("price")
    assert guest.history("price", count=1) == page.history("price", count=1)
    assert guest.call("POST", "/history", asked) == page.call("POST", "/history", asked)


def test_a_share_shows_nothing_else(page: FrontEnd, guest: Guest) -> None:
    """Neither another chart of its owner, nor its own by another name."""
    other = FrontEnd(page.person, "other")
    other.set("price", dots(2))
    for chart in ("other", page.chart, "nothing", Guest(other).chart):
        elsewhere = FrontEnd(guest.person, chart)
        for path in ("", "/data/0/price", "/history/0/price"):
            assert failure(elsewhere, "GET", path) == (404, "CHART_NOT_FOUND")
        body = {"paneId": 0, "seriesId": "price"}
        assert failure(elsewhere, "POST", "/history", body) == (404, "CHART_NOT_FOUND")


def test_a_share_changes_nothing(page: FrontEnd, guest: Guest) -> None:
    """Neither the chart, nor its points."""
    before = page.call("GET")
    body = {"paneId": 0, "data": candles(3)}
    assert failure(guest, "POST", "", {"width": 300}) == (403, "INSUFFICIENT_SCOPE")
    assert failure(guest, "POST", "/data/price", body) == (403, "INSUFFICIENT_SCOPE")
    assert failure(guest, "PATCH", "/data/price", body) == (403, "INSUFFICIENT_SCOPE")
    assert page.call("GET") == before


def test_a_chart_made_later_is_not_shown(page: FrontEnd, guest: Guest) -> None:
    """Not even where its name is the id of the one that was shared."""
    assert page.person.call("DELETE", f"/charts/{guest.id}").status_code == 204
    FrontEnd(page.person, guest.id).set("price", dots(2))
    assert failure(guest, "GET") == (404, "CHART_NOT_FOUND")
    assert failure(guest, "GET", "/data/0/price") == (404, "CHART_NOT_FOUND")
    with guest.connect() as socket:
        assert socket.ask("get_initial_data")["errorCode"] == "CHART_NOT_FOUND"


def test_a_share_follows_its_chart(page: FrontEnd, guest: Guest) -> None:
    """And is told of each update."""
    with guest.connect() as socket:
        assert socket.ask("get_initial_data")["panes"] == page.call("GET")["panes"]
        page.append("price", [candle(3)])
        update = socket.hear()
        assert (update["type"], update["data"]) == ("data_update", [candle(3)])
        assert update["chartId"] == guest.id


def test_a_page_sends_its_share_as_a_subprotocol(guest: Guest) -> None:
    """A browser can send no header, and has to be answered one of those that it offers."""
    client = guest.person.client
    assert isinstance(client, TestClient)
    offered = ["tradeapi.v1", f"bearer.{guest.token}"]
    with client.websocket_connect(f"/ws/charts/{guest.chart}", subprotocols=offered) as raw:
        assert raw.accepted_subprotocol == "tradeapi.v1"
        socket = Socket(raw)
        assert socket.hear()["type"] == "connected"
        assert socket.ask("get_initial_data")["panes"]


def test_the_socket_of_another_chart_stays_shut(page: FrontEnd, guest: Guest) -> None:
    """With a reason."""
    client = guest.person.client
    assert isinstance(client, TestClient)
    path = f"/ws/charts/{page.chart}"
    with client.websocket_connect(path, headers=guest.person.headers) as raw:
        assert Socket(raw).hear()["errorCode"] == "CHART_NOT_FOUND"
        with pytest.raises(WebSocketDisconnect):
            raw.receive_text()


def test_a_share_that_ends_ends_its_socket(page: FrontEnd, guest: Guest) -> None:
    """And shows nothing any more."""
    with guest.connect() as socket:
        path = f"/charts/{guest.id}/shares/{guest.share}"
        assert page.person.call("DELETE", path).status_code == 204
        assert socket.hear_close() == 4401
    assert failure(guest, "GET") == (401, "TOKEN_REVOKED")
