"""The inbox over HTTP: each user's own, listed, marked and cleared."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.auth.people import Person, Service, at_once, code, pages
from tests.notifications.telling import notice, tell

KEYS = [f"k{number:02}" for number in range(12)]


@pytest.fixture
def ada(service: Service) -> Person:
    """Somebody who has been told of the keys."""
    person = service.person()
    kinds = ("alert.fired", "alert.expired")
    tell(
        service.url,
        *(notice(person.id, key, type=kinds[n % 2]) for n, key in enumerate(KEYS)),
    )
    return person


def keys(items: list[dict[str, object]]) -> list[object]:
    return [item["data"]["key"] for item in items]  # type: ignore[index]


def test_what_was_told_is_listed_with_all_that_is_known_of_it(
    service: Service, ada: Person
) -> None:
    """The newest first."""
    answer = ada.get("/notifications")
    assert keys(answer["items"]) == KEYS[::-1]
    assert (answer["unread"], answer["next_cursor"]) == (12, None)
    newest = answer["items"][0]
    assert newest == {
        "id": newest["id"],
        "seq": 12,
        "type": "alert.expired",
        "title": "What k11 says",
        "text": "All that k11 says.",
        "data": {"key": "k11"},
        "is_test": False,
        "time": service.clock.time - 1,
        "created_at": service.clock.time,
        "read_at": None,
    }


def test_a_long_list_has_pages(ada: Person) -> None:
    """Without holes, whatever comes meanwhile; with a filter they are its own."""
    found = [item for page in pages(ada, "/notifications?limit=5") for item in page]
    assert keys(found) == KEYS[::-1]
    expired = [
        item for page in pages(ada, "/notifications?limit=2&type=alert.expired") for item in page
    ]
    assert keys(expired) == KEYS[::-2]
    cursor = ada.get("/notifications?limit=2")["next_cursor"]
    answer = ada.call("GET", f"/notifications?unread=true&cursor={cursor}")
    assert (answer.status_code, code(answer)) == (422, "bad_cursor")


def test_one_is_read_and_unread_again(ada: Person) -> None:
    """Those that are not are listed alone, and counted."""
    id = ada.get("/notifications")["items"][3]["id"]
    for _ in range(2):
        marked = ada.call("PATCH", f"/notifications/{id}", {"read": True}).json()
        assert marked["read_at"] is not None
    answer = ada.get("/notifications?unread=true")
    assert (answer["unread"], len(answer["items"])) == (11, 11)
    assert id not in {item["id"] for item in answer["items"]}
    marked = ada.call("PATCH", f"/notifications/{id}", {"read": False}).json()
    assert marked["read_at"] is None
    assert ada.get("/notifications")["unread"] == 12


def test_all_are_read_up_to_the_last_that_was_seen(service: Service, ada: Person) -> None:
    """What has come since then is not."""
    seen = ada.get("/notifications")["items"][0]["seq"]
    tell(service.url, notice(ada.id, "late"))
    for _ in range(2):
        assert ada.call("POST", "/notifications/read", {"until": seen}).status_code == 204
        answer = ada.get("/notifications?unread=true")
        assert (answer["unread"], keys(answer["items"])) == (1, ["late"])
    assert ada.call("POST", "/notifications/read", {}).status_code == 204
    assert ada.get("/notifications")["unread"] == 0
    assert len(ada.get("/notifications")["items"]) == 13


def test_one_goes_or_all(ada: Person) -> None:
    """And is not counted any more."""
    items = ada.get("/notifications")["items"]
    path = f"/notifications/{items[0]['id']}"
    assert ada.call("DELETE", path).status_code == 204
    assert ada.call("DELETE", path).status_code == 404
    assert ada.call("PATCH", path, {"read": True}).status_code == 404
    ada.call("PATCH", f"/notifications/{items[1]['id']}", {"read": True})
    assert ada.get("/notifications")["unread"] == 10
    assert ada.call("DELETE", f"/notifications?until={items[4]['seq']}").status_code == 204
    answer = ada.get("/notifications")
    assert (keys(answer["items"]), answer["unread"]) == (["k10", "k09", "k08"], 2)
    for _ in range(2):
        assert ada.call("DELETE", "/notifications").status_code == 204
        answer = ada.get("/notifications")
        assert (answer["items"], answer["unread"]) == ([], 0)


def test_who_was_told_nothing_has_an_empty_inbox(service: Service) -> None:
    """And may mark and remove all that is in it."""
    person = service.person()
    assert person.get("/notifications") == {"items": [], "next_cursor": None, "unread": 0}
    assert person.call("POST", "/notifications/read", {}).status_code == 204
    assert person.call("DELETE", "/notifications").status_code == 204


def test_those_who_mark_at_once_count_right(service: Service, ada: Person) -> None:
    """Tabs, and what comes in between."""
    items = ada.get("/notifications")["items"]
    rest: Iterator[dict[str, object]] = iter(items)

    def work() -> None:
        one = next(rest)
        for read in (True, False, True):
            ada.call("PATCH", f"/notifications/{one['id']}", {"read": read})
        tell(service.url, notice(ada.id, f"new-{one['seq']}"))

    at_once(6, work)
    answer = ada.get("/notifications?limit=500")
    assert answer["unread"] == sum(item["read_at"] is None for item in answer["items"]) == 12
    assert len(answer["items"]) == 18


def routes(id: str) -> Iterator[tuple[str, str, object, int]]:
    yield "GET", "/notifications", None, 200
    yield "PATCH", f"/notifications/{id}", {"read": True}, 200
    yield "POST", "/notifications/read", {}, 204
    yield "DELETE", f"/notifications/{id}", None, 204
    yield "DELETE", "/notifications", None, 204


def test_an_inbox_is_its_owners_alone(service: Service, ada: Person) -> None:
    """Others find nothing of it and change nothing of it; nobody gets in."""
    id = ada.get("/notifications")["items"][0]["id"]
    before, eve = ada.get("/notifications"), service.person()
    for method, path, body, _ in routes(id):
        answer = service.client.request(method, f"/api/v1{path}", json=body)
        assert answer.status_code == 401, path
        is_one = path.endswith(id)
        answer = eve.call(method, path, body)
        assert answer.status_code == 404 if is_one else answer.status_code < 300, path
        other = eve.call(method, path.replace(id, str(uuid4())), body)
        assert not is_one or other.json()["detail"] == answer.json()["detail"]
    assert eve.get("/notifications")["items"] == []
    assert ada.get("/notifications") == before
    for method, path, body, status in routes(id):
        assert ada.call(method, path, body).status_code == status, path


def test_reading_takes_less_than_changing(service: Service, ada: Person) -> None:
    """With a key for reading."""
    id = ada.get("/notifications")["items"][0]["id"]
    key = {"x-api-key": ada.key(scopes=["read"])["key"]}
    for method, path, body, _ in routes(id):
        answer = service.client.request(method, f"/api/v1{path}", json=body, headers=key)
        assert answer.status_code == (200 if method == "GET" else 403), path


@pytest.mark.parametrize("name", ["read", "preferences", "mail-off"])
def test_what_has_a_name_is_no_id(ada: Person, name: str) -> None:
    """Who asks in a wrong way is told which ones there are."""
    for method in ("PATCH", "DELETE"):
        answer = ada.call(method, f"/notifications/{name}", {"read": True})
        assert answer.status_code == 405, answer.text
        assert method not in answer.headers["allow"]
    assert ada.call("PATCH", "/notifications/other", {"read": True}).status_code == 422


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "unread=maybe", "type=", "type=A%00", "cursor=x"]
)
def test_what_makes_no_sense_is_refused(ada: Person, query: str) -> None:
    """As everywhere."""
    assert ada.call("GET", f"/notifications?{query}").status_code == 422
    for until in (2**60, False, "1", -1):
        assert ada.call("POST", "/notifications/read", {"until": until}).status_code == 422
    assert ada.call("DELETE", "/notifications?until=-1").status_code == 422


def test_an_inbox_is_in_the_export_and_goes_with_the_account(ada: Person) -> None:
    """All of it."""
    exported = ada.get("/auth/me/export")["notifications"]
    assert keys(exported) == KEYS[::-1]
    answer = ada.call("DELETE", "/auth/me", {"password": ada.password})
    assert answer.status_code == 204, answer.text
