"""Who may do what with a watchlist: its owner, others, programs of the owner, and nobody."""

from collections.abc import Iterator
from typing import Any

import httpx2

from tests.auth.people import Service, bearer, code
from tests.watchlists.lists import List

Call = tuple[str, str, Any, int]


def calls(mine: List) -> Iterator[Call]:
    """Each route, with what its owner gets; the list is gone in the end."""
    path, item = mine.path, f"{mine.path}/items/T:AAA"
    share = mine.person.call("POST", f"{mine.path}/shares", {}).json()["id"]
    yield "POST", f"{path}/items", {"symbol": "T:AAA"}, 201
    yield "GET", path, None, 200
    yield "GET", f"{path}/stats", None, 200
    yield "GET", f"{path}/export", None, 200
    yield "GET", f"{path}/quotes", None, 200
    yield "GET", f"{path}/shares", None, 200
    yield "POST", f"{path}/shares", {}, 201
    yield "DELETE", f"{path}/shares/{share}", None, 204
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


def test_a_share_shows_its_list(service: Service, mine: List) -> None:
    """And the prices on it; nothing else of the owner's, no chart, and it changes nothing."""
    mine.add("T:AAA", notes="n")
    other = List.of(mine.person, "Other")
    made = mine.person.call("POST", f"{mine.path}/shares", {"expires_in_days": 2})
    assert made.headers["cache-control"] == "no-store"
    headers = bearer(made.json()["token"])

    def ask(path: str, method: str = "GET", body: object = None) -> httpx2.Response:
        return service.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    assert ask(mine.path).json() == mine.read()
    assert ask(f"{mine.path}/export").text == mine.export()
    for part in ("quotes", "stats"):
        path = f"{mine.path}/{part}"
        assert ask(path).json() == mine.person.get(path)
    chart = mine.person.call("POST", "/charts", {}).json()["id"]
    for path in (other.path, f"{other.path}/quotes", f"/charts/{chart}"):
        assert ask(path).status_code == 404
    shown = ("", "/export", "/quotes", "/stats")
    for method, path, body, _ in calls(mine):
        if method != "GET" or path.removeprefix(mine.path) not in shown:
            answer = ask(path, method, body)
            assert (answer.status_code, code(answer)) == (403, "insufficient_scope"), path
    assert ask("/watchlists").status_code == 403


def test_a_share_can_be_ended(service: Service, mine: List) -> None:
    """By its owner, in its list; the version of that stays."""
    path, version = f"{mine.path}/shares", mine.version()
    one, other = (mine.person.call("POST", path, {}).json() for _ in range(2))
    assert [share["id"] for share in mine.person.get(path)["items"]] == [other["id"], one["id"]]
    elsewhere = List.of(mine.person, "Other")
    wrong = mine.person.call("DELETE", f"{elsewhere.path}/shares/{one['id']}")
    assert wrong.status_code == 404
    assert mine.person.call("DELETE", f"{path}/{one['id']}").status_code == 204
    look = service.client.get
    answer = look(f"/api/v1{mine.path}", headers=bearer(one["token"]))
    assert (answer.status_code, code(answer)) == (401, "token_revoked")
    assert look(f"/api/v1{mine.path}", headers=bearer(other["token"])).is_success
    assert mine.version() == version
    mine.person.call("DELETE", mine.path)
    assert look(f"/api/v1{mine.path}", headers=bearer(other["token"])).status_code == 404


def test_a_list_has_so_many_shares(mine: List) -> None:
    """One that has ended makes room."""
    path = f"{mine.path}/shares"
    made = [mine.person.call("POST", path, {}).json() for _ in range(100)]
    answer = mine.person.call("POST", path, {})
    assert (answer.status_code, code(answer)) == (403, "quota_shares")
    mine.person.call("DELETE", f"{path}/{made[0]['id']}")
    assert mine.person.call("POST", path, {}).status_code == 201
