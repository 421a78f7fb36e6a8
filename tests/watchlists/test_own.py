"""Favourites, and what somebody has looked for."""

from concurrent.futures import ThreadPoolExecutor

from tests.auth.people import NOON, Person, Service, code
from tests.watchlists.lists import list_symbols


def favourites(person: Person) -> list[str]:
    return [one["symbol"] for one in person.get("/favourites")["items"]]


def searches(person: Person) -> list[str]:
    return [one["query"] for one in person.get("/searches")["items"]]


def test_a_symbol_is_a_favourite_once(service: Service) -> None:
    """Of the user who says so; the newest first."""
    person, other = service.person(), service.person()
    for symbol in ("T:AAA", "bbb", "T:AAA"):
        assert person.call("PUT", f"/favourites/{symbol}").status_code == 204
        service.clock.time += 1
    assert favourites(person) == ["T:BBB", "T:AAA"]
    assert person.get("/favourites")["items"][1] == {
        "symbol": "T:AAA",
        "name": "AAA Inc.",
        "added_at": service.clock.time - 3,
    }
    assert favourites(other) == []
    with ThreadPoolExecutor(4) as pool:
        put = list(pool.map(lambda _: other.call("PUT", "/favourites/T:CCC").status_code, range(4)))
    assert (put, favourites(other)) == ([204] * 4, ["T:CCC"])
    service.clock.time = NOON


def test_a_favourite_is_removed(service: Service) -> None:
    """By its owner, or with its symbol."""
    admin = list_symbols(service, ["T:GONE"])
    for symbol in ("T:AAA", "T:GONE"):
        admin.call("PUT", f"/favourites/{symbol}")
    assert admin.call("DELETE", "/symbols/T:GONE").is_success
    assert favourites(admin) == ["T:AAA"]
    answer = service.person().call("DELETE", "/favourites/T:AAA")
    assert (answer.status_code, code(answer)) == (404, "not_listed")
    assert admin.call("DELETE", "/favourites/aaa").status_code == 204
    assert favourites(admin) == []
    for method in ("PUT", "DELETE"):
        answer = admin.call(method, "/favourites/T:NONE")
        assert (answer.status_code, code(answer)) == (404, "unknown_symbol")


def test_the_last_hundred_searches_are_kept(service: Service) -> None:
    """Each once, the newest first."""
    person = service.person()
    for number in range(103):
        service.clock.time += 1
        assert person.call("POST", "/searches", {"query": f" {number} "}).status_code == 204
    service.clock.time += 1
    person.call("POST", "/searches", {"query": "50"})
    expected = ["50", *(str(number) for number in range(102, 2, -1) if number != 50)]
    assert searches(person) == expected
    assert searches(service.person()) == []
    service.clock.time = NOON


def test_searches_are_forgotten(service: Service) -> None:
    """One, or all."""
    person, other = service.person(), service.person()
    for query in ("apple", "pear & plum"):
        for one in (person, other):
            one.call("POST", "/searches", {"query": query})
    assert person.call("DELETE", "/searches?query=pear+%26+plum").status_code == 204
    assert searches(person) == ["apple"]
    assert person.call("DELETE", "/searches").status_code == 204
    assert person.call("DELETE", "/searches").status_code == 204
    assert searches(person) == []
    assert len(searches(other)) == 2


def test_a_search_has_to_be_some_text(service: Service) -> None:
    """And not too much."""
    person = service.person()
    for query in ("", "  ", "x" * 101, "a\x00", None, 5):
        assert person.call("POST", "/searches", {"query": query}).status_code == 422
    assert searches(person) == []


def test_nobody_has_any(service: Service) -> None:
    """A key that only reads changes none."""
    key = {"x-api-key": service.person().key(scopes=["read"])["key"]}
    for method, path in (
        ("GET", "/favourites"),
        ("PUT", "/favourites/T:AAA"),
        ("DELETE", "/favourites/T:AAA"),
        ("GET", "/searches"),
        ("POST", "/searches"),
        ("DELETE", "/searches"),
    ):
        answer = service.client.request(method, f"/api/v1{path}", json={"query": "x"})
        assert (answer.status_code, code(answer)) == (401, "unauthenticated")
        answer = service.client.request(method, f"/api/v1{path}", json={"query": "x"}, headers=key)
        assert answer.status_code == (200 if method == "GET" else 403)


def test_they_are_told_all_that_we_have(service: Service) -> None:
    """Lists, favourites and searches are in the export."""
    person = service.person()
    id = person.call("POST", "/watchlists", {"name": "Letters"}).json()["id"]
    person.call("PUT", "/favourites/T:AAA")
    person.call("POST", "/searches", {"query": "apple"})
    export = person.get("/auth/me/export")
    assert [one["id"] for one in export["watchlists"]] == [id]
    assert [one["symbol"] for one in export["favourites"]] == ["T:AAA"]
    assert [one["query"] for one in export["searches"]] == ["apple"]
