"""Who may do what with a watchlist: its owner, others, programs of the owner, and nobody."""

from collections.abc import Iterator
from typing import Any

from tests.auth.people import Service, code
from tests.watchlists.lists import List

Call = tuple[str, str, Any, int]


def calls(mine: List) -> Iterator[Call]:
    """Each route, with what its owner gets; the list is gone in the end."""
    path, item = mine.path, f"{mine.path}/items/T:AAA"
    yield "POST", f"{path}/items", {"symbol": "T:AAA"}, 201
    yield "GET", path, None, 200
    yield "GET", f"{path}/stats", None, 200
    yield "GET", f"{path}/export", None, 200
    yield "PATCH", item, {"notes": "n"}, 200
    yield "PATCH", f"{path}/items", {"items": [{"symbol": "T:AAA"}]}, 200
    yield "DELETE", item, None, 204
    yield "DELETE", f"{path}/items", None, 204
    yield "POST", f"{path}/duplicate", {"name": "Copy"}, 201
    yield "PATCH", path, {"name": "x"}, 200
    yield "DELETE", path, None, 204


def test_the_owner_may_do_all(mine: List) -> None:
    """Also import."""
    assert mine.take("symbol\nT:BBB\n").status_code == 200
    for method, path, body, expected in calls(mine):
        answer = mine.person.call(method, path, body)
        assert answer.status_code == expected, f"{method} {path}: {answer.text}"


def test_a_stranger_finds_nothing(service: Service, mine: List) -> None:
    """As if it were not there; not even an admin does."""
    mine.add("T:AAA")
    before = mine.read()
    for stranger in (service.person(), service.admin()):
        theirs = List(stranger, mine.id)
        for method, path, body, _ in calls(mine):
            answer = stranger.call(method, path, body)
            assert (answer.status_code, code(answer)) == (404, "not_found"), path
            assert answer.json()["detail"] == "There is no such watchlist."
        assert theirs.take("symbol\nT:BBB\n").status_code == 404
        assert stranger.get("/watchlists")["items"] == []
    assert mine.read() == before


def test_nobody_gets_in(service: Service, mine: List) -> None:
    """Nor learns what there is."""
    everything = (*calls(mine), ("GET", "/watchlists", None, 0), ("POST", "/watchlists", {}, 0))
    for method, path, body, _ in everything:
        answer = service.client.request(method, f"/api/v1{path}", json=body)
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")
    answer = service.client.post(f"/api/v1{mine.path}/import", content="symbol\n")
    assert answer.status_code == 401


def test_a_key_may_do_what_its_scopes_say(service: Service, mine: List) -> None:
    """One that reads changes nothing."""
    key = {"x-api-key": mine.person.key(scopes=["read"])["key"]}
    for method, path, body, expected in calls(mine):
        answer = service.client.request(method, f"/api/v1{path}", json=body, headers=key)
        assert answer.status_code == (expected if method == "GET" else 403), path
    assert service.client.get("/api/v1/watchlists", headers=key).is_success
