"""Who may do what with a chart: its owner, others, programs of the owner, and nobody."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.auth.people import Service, bearer, code, shared
from tests.charts.desks import Desk, candles

Call = tuple[str, str, Any, int]


@pytest.fixture
def named(desk: Desk) -> Desk:
    """One that has a name, points and a share."""
    desk.change(name="desk")
    desk.put(candles(1, 2))
    return desk


def calls(desk: Desk, key: str) -> Iterator[Call]:
    """Each route, with what its owner gets; the chart is gone in the end."""
    share = desk.person.call("POST", f"{desk.path}/shares", {}).json()["id"]
    points = f"/charts/{key}/series/candlestick/points"
    yield "GET", f"/charts/{key}", None, 200
    yield "GET", points, None, 200
    yield "GET", f"/charts/{key}/shares", None, 200
    yield "PUT", points, candles(1, 2), 200
    yield "POST", points, candles(2), 200
    yield "POST", f"/charts/{key}/duplicate", {}, 201
    yield "POST", f"/charts/{key}/shares", {}, 201
    yield "DELETE", f"/charts/{key}/shares/{share}", None, 204
    yield "PATCH", f"/charts/{key}", {"title": "x"}, 200
    yield "PUT", f"/charts/{key}", {"title": "y"}, 200
    yield "DELETE", f"/charts/{key}", None, 204


@pytest.mark.parametrize("by_name", [False, True])
def test_the_owner_may_do_all(named: Desk, by_name: bool) -> None:
    """By the id or, until that is changed, by the name."""
    for method, path, body, expected in calls(named, "desk" if by_name else named.id):
        answer = named.person.call(method, path, body)
        assert answer.status_code == expected, f"{method} {path}: {answer.text}"


def test_a_stranger_finds_nothing(service: Service, named: Desk) -> None:
    """Neither by the id nor by the name, as if it were not there; not even an admin does."""
    before = named.chart()
    for stranger in (service.person(), service.admin()):
        for key in (named.id, "desk"):
            for method, path, body, _ in calls(named, key):
                answer = stranger.call(method, path, body)
                assert (answer.status_code, code(answer)) == (404, "not_found"), path
                assert answer.json()["detail"] == "There is no such chart."
        assert stranger.get("/charts")["items"] == []
    assert named.chart() == before


def test_nobody_gets_in(service: Service, named: Desk) -> None:
    """Nor learns what there is."""
    for method, path, body, _ in (*calls(named, named.id), ("GET", "/charts", None, 200)):
        answer = service.client.request(method, f"/api/v1{path}", json=body)
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")


def test_a_key_may_do_what_its_scopes_say(service: Service, named: Desk) -> None:
    """One that reads changes nothing."""
    key = {"x-api-key": named.person.key(scopes=["read"])["key"]}
    for method, path, body, expected in calls(named, named.id):
        answer = service.client.request(method, f"/api/v1{path}", json=body, headers=key)
        assert answer.status_code == (expected if method == "GET" else 403), path


def test_a_share_shows_its_chart(service: Service, named: Desk) -> None:
    """And the points of that, by its id; nothing else of the owner's, and it changes nothing."""
    other = Desk.of(named.person)
    made = named.person.call("POST", f"{named.path}/shares", {"expires_in_days": 2})
    assert made.headers["cache-control"] == "no-store"
    share = made.json()
    assert share["expires_at"] == pytest.approx(service.clock.time + 2 * 86_400, abs=5)
    headers = bearer(share["token"])

    def ask(path: str, method: str = "GET", body: object = None) -> httpx2.Response:
        return service.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    assert ask(named.path).json() == named.chart()
    assert ask(named.points()).json()["items"] == candles(1, 2)
    for path in ("/charts/desk", other.path, other.points(), "/charts/desk/series/a/points"):
        assert ask(path).status_code == 404
    for method, path, body, _ in calls(named, named.id):
        if method != "GET" or path.endswith("/shares"):
            answer = ask(path, method, body)
            assert (answer.status_code, code(answer)) == (403, "insufficient_scope")
    assert ask("/charts").status_code == 403


def test_a_share_can_be_ended(service: Service, named: Desk) -> None:
    """By its owner, and by no other way than its id in its chart; the record tells."""
    admin = service.admin()
    path = f"{named.path}/shares"
    one, other = (named.person.call("POST", path, {}).json() for _ in range(2))
    assert [share["id"] for share in named.person.get(path)["items"]] == [other["id"], one["id"]]
    assert "token" not in named.person.get(path)["items"][0]
    elsewhere = Desk.of(named.person)
    wrong = named.person.call("DELETE", f"{elsewhere.path}/shares/{one['id']}")
    assert wrong.status_code == 404
    assert named.person.call("DELETE", f"{path}/{one['id']}").status_code == 204
    assert named.person.call("DELETE", f"{path}/{one['id']}").status_code == 404
    look = service.client.get
    answer = look(f"/api/v1{named.path}", headers=bearer(one["token"]))
    assert (answer.status_code, code(answer)) == (401, "token_revoked")
    assert look(f"/api/v1{named.path}", headers=bearer(other["token"])).is_success
    assert [share["id"] for share in named.person.get(path)["items"]] == [other["id"]]
    entries = admin.get(f"/admin/audit?target={named.id}")["items"]
    assert [entry["action"] for entry in entries][:1] == ["share.revoke"]
    assert {entry["action"] for entry in entries} == {"share.revoke", "share.create"}


@pytest.mark.parametrize("is_id", [False, True])
def test_a_share_shows_no_later_chart_of_the_same_name(
    service: Service, named: Desk, is_id: bool
) -> None:
    """Which its owner has not shared, be it called by the id of the one that was."""
    token = named.person.call("POST", f"{named.path}/shares", {}).json()["token"]
    assert named.person.call("DELETE", named.path).status_code == 204
    name = named.id if is_id else "desk"
    Desk.of(named.person, name=name)
    for path in (named.path, f"{named.path}/series/line/points", f"/charts/{name}"):
        answer = service.client.get(f"/api/v1{path}", headers=bearer(token))
        assert (answer.status_code, code(answer)) == (404, "not_found")


def test_a_share_of_a_chart_that_never_was_shows_nothing(service: Service) -> None:
    """However right its token is."""
    person = service.person()
    headers = bearer(shared(service, person, "nothing"))
    assert service.client.get("/api/v1/charts/nothing", headers=headers).status_code == 404


def test_shares_are_so_many_and_last_so_long(named: Desk) -> None:
    """A hundred, and 30 days."""
    path = f"{named.path}/shares"
    for days in (0, 31, 1.5, "x"):
        answer = named.person.call("POST", path, {"expires_in_days": days})
        assert (answer.status_code, code(answer)) == (422, "invalid_field")
    statuses = [named.person.call("POST", path, {}).status_code for _ in range(101)]
    assert statuses == [201] * 100 + [403]
    assert len(named.person.get(path)["items"]) == 100


def test_charts_go_with_their_owner(serve: Callable[..., Service]) -> None:
    """With all that belongs to them."""
    service = serve()
    desk = Desk.of(service.person())
    desk.put(candles(1))
    desk.person.call("POST", f"{desk.path}/shares", {})
    body = {"password": desk.person.password}
    assert desk.person.call("DELETE", "/auth/me", body).status_code == 204
    other = Desk.of(service.person())
    assert len(other.person.get("/charts")["items"]) == 1


def test_a_chart_is_followed_by_whom_it_is_for(service: Service, named: Desk) -> None:
    """Its owner, by its id, and nobody else; on a socket and by events."""
    topic = f"charts:{named.id}"
    for person, expected in ((named.person, []), (service.person(), ["not_found"])):
        with service.client.websocket_connect("/ws", headers=person.headers) as socket:
            socket.receive_json()
            topics = [topic, "charts:desk", "charts:01a218ea-ab01-74d5-bdac-67adaba8abfd"]
            socket.send_json({"op": "subscribe", "id": 1, "topics": topics})
            codes = [rejected["code"] for rejected in socket.receive_json()["rejected"]]
            assert codes == [*expected, "unknown_topic", "not_found"]
    with service.client.websocket_connect("/ws") as socket:
        socket.receive_json()
        socket.send_json({"op": "subscribe", "id": 1, "topics": [topic]})
        assert socket.receive_json()["code"] == "unauthenticated"
