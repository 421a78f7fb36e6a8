"""Lists: made, named, put in order, copied, removed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.auth.people import Service, code
from tests.watchlists.lists import SYMBOLS, List, list_symbols


def names(mine: List) -> list[str]:
    lists = mine.person.get("/watchlists")["items"]
    assert [one["position"] for one in lists] == list(range(len(lists)))
    return [one["name"] for one in lists]


def test_a_list_is_made(service: Service) -> None:
    """Empty, at version 1, and its ETag is that of what is read."""
    person = service.person()
    made = person.call("POST", "/watchlists", {"name": "  Chips "})
    assert made.status_code == 201
    document = made.json()
    assert document["name"] == "Chips"
    assert (document["items"], document["count"], document["version"]) == ([], 0, 1)
    read = person.call("GET", f"/watchlists/{document['id']}")
    assert (read.json(), read.headers["etag"]) == (document, made.headers["etag"])
    assert read.headers["cache-control"] == "no-store"


def test_lists_are_in_their_owners_order(mine: List) -> None:
    """The newest last, until one is moved."""
    others = [List.of(mine.person, name) for name in ("B", "C", "D")]
    assert names(mine) == ["Letters", "B", "C", "D"]

    def move(one: List, place: int) -> None:
        answer = mine.person.call("PATCH", one.path, {"position": place})
        assert answer.status_code == 200
        assert answer.json()["position"] == min(place, 3)

    move(others[2], 0)
    assert names(mine) == ["D", "Letters", "B", "C"]
    move(mine, 99)
    assert names(mine) == ["D", "B", "C", "Letters"]
    move(others[0], 1)
    assert names(mine) == ["D", "B", "C", "Letters"]
    mine.person.call("DELETE", others[0].path)
    assert names(mine) == ["D", "C", "Letters"]


def test_a_name_is_taken_once(service: Service, mine: List) -> None:
    """By each owner: others may have a list of the same name."""
    List.of(service.person(), "Letters")
    other = List.of(mine.person, "Other")
    for answer in (
        mine.person.call("POST", "/watchlists", {"name": "Letters"}),
        mine.person.call("PATCH", other.path, {"name": "Letters"}),
        mine.person.call("PATCH", other.path, {"name": "Letters", "position": 0}),
        mine.person.call("POST", f"{other.path}/duplicate", {"name": "Letters"}),
    ):
        assert (answer.status_code, code(answer)) == (409, "name_taken")
    assert mine.person.call("PATCH", mine.path, {"name": "Letters"}).status_code == 200
    assert names(mine) == ["Letters", "Other"]


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": " "}, {"name": "x" * 101}, {"name": "a\x00"}, {"nome": "a"}, []],
)
def test_a_name_has_to_be_one(mine: List, body: object) -> None:
    """Nothing is made of it."""
    answer = mine.person.call("POST", "/watchlists", body)
    assert (answer.status_code, code(answer)) == (422, "invalid_field")
    assert mine.person.call("PATCH", mine.path, {"name": None}).status_code == 422
    assert names(mine) == ["Letters"]


def test_a_copy_is_a_list_of_its_own(mine: List) -> None:
    """With all items as they are, and what happens to the one does not happen to the other."""
    mine.add("T:BBB", notes="n", tags=["x"], position=0)
    mine.add("T:AAA", target_price=5)
    answer = mine.person.call("POST", f"{mine.path}/duplicate", {"name": "Copy"})
    assert answer.status_code == 201
    copy = List(mine.person, answer.json()["id"])
    assert copy.items() == mine.items() == answer.json()["items"]
    mine.change("T:BBB", notes="other")
    copy.person.call("DELETE", f"{copy.path}/items/T:AAA")
    assert copy.symbols() == ["T:BBB"]
    assert copy.items()[0]["notes"] == "n"
    assert mine.symbols() == ["T:BBB", "T:AAA"]


def test_a_change_that_was_overtaken_is_refused(mine: List) -> None:
    """Whatever kind of change it is; nothing of it is done."""
    mine.add("T:AAA")
    old = mine.person.call("GET", mine.path).headers["etag"]
    mine.add("T:BBB")
    before = mine.read()
    csv = "symbol\nT:CCC\n"
    calls: list[tuple[str, str, Any]] = [
        ("PATCH", mine.path, {"name": "x"}),
        ("PATCH", mine.path, {"position": 0}),
        ("DELETE", mine.path, None),
        ("POST", f"{mine.path}/items", {"symbol": "T:CCC"}),
        ("PATCH", f"{mine.path}/items", {"items": [{"symbol": "T:AAA", "notes": "x"}]}),
        ("PATCH", f"{mine.path}/items/T:AAA", {"notes": "x"}),
        ("DELETE", f"{mine.path}/items/T:AAA", None),
        ("DELETE", f"{mine.path}/items", None),
    ]
    for method, path, body in calls:
        answer = mine.person.call(method, path, body, headers={"if-match": old})
        assert (answer.status_code, code(answer)) == (412, "stale_version"), path
    taken = mine.person.client.post(
        f"/api/v1{mine.path}/import",
        content=csv,
        headers=mine.person.headers | {"content-type": "text/csv", "if-match": old},
    )
    assert taken.status_code == 412
    assert mine.read() == before


def test_each_change_raises_the_version_once(mine: List) -> None:
    """And its answer has the ETag of the list as it is then."""
    calls: list[tuple[str, str, Any]] = [
        ("POST", f"{mine.path}/items", {"symbol": "T:AAA"}),
        ("POST", f"{mine.path}/items", {"symbol": "T:BBB", "position": 0}),
        ("PATCH", f"{mine.path}/items", {"items": [{"symbol": "T:AAA", "notes": "x"}]}),
        ("PATCH", f"{mine.path}/items/T:AAA", {"position": 0}),
        ("DELETE", f"{mine.path}/items/T:AAA", None),
        ("DELETE", f"{mine.path}/items", None),
        ("PATCH", mine.path, {"name": "Other"}),
    ]
    etag = mine.person.call("GET", mine.path).headers["etag"]
    for version, (method, path, body) in enumerate(calls, 2):
        answer = mine.person.call(method, path, body, headers={"if-match": etag})
        assert answer.is_success, answer.text
        read = mine.person.call("GET", mine.path)
        assert read.json()["version"] == version
        assert answer.headers["etag"] == read.headers["etag"]
        etag = read.headers["etag"]


def test_a_removed_list_is_gone(mine: List) -> None:
    """With its items; the name is free."""
    mine.add("T:AAA")
    assert mine.person.call("DELETE", mine.path).status_code == 204
    assert mine.person.call("GET", mine.path).status_code == 404
    assert List.of(mine.person, "Letters").symbols() == []


def test_there_are_so_many_and_no_more(serve: Callable[..., Service]) -> None:
    """Of lists and of items, by whatever way, and also when several are made at once."""
    service = serve(watchlists_per_user=2, items_per_watchlist=3)
    list_symbols(service)
    mine = List.of(service.person(), symbols=SYMBOLS[:2])

    def make(number: int) -> int:
        name = {"name": f"Other {number}"}
        return mine.person.call("POST", "/watchlists", name).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [201, 403, 403, 403]
        added = pool.map(lambda symbol: mine.try_add(symbol).status_code, SYMBOLS[2:])
        assert sorted(added) == [201, 403, 403]
    assert code(mine.person.call("POST", "/watchlists", {"name": "x"})) == "quota_watchlists"
    answer = mine.person.call("POST", f"{mine.path}/duplicate", {"name": "x"})
    assert code(answer) == "quota_watchlists"
    missing = next(symbol for symbol in SYMBOLS if symbol not in mine.symbols())
    for mode, rows in (("merge", [missing]), ("replace", SYMBOLS[:4])):
        answer = mine.take("\n".join(["symbol", *rows]), mode=mode)
        assert answer.status_code in {403, 422}
    assert len(mine.symbols()) == 3


def test_what_is_on_a_list_is_counted(mine: List) -> None:
    """The most frequent first."""
    now = 4_000_000_000.0
    mine.add("T:AAA", category="b", tags=["x", "y"], notes="n", added_at=now - 8 * 86_400)
    mine.add("T:BBB", category="a", tags=["y"], priority="high", added_at=now - 60)
    mine.add("T:CCC", category="a", added_at=now - 30)
    mine.add("T:DDD", added_at=now - 90)
    assert mine.person.get(f"{mine.path}/stats") == {
        "count": 4,
        "by_category": [
            {"category": "a", "count": 2},
            {"category": None, "count": 1},
            {"category": "b", "count": 1},
        ],
        "by_priority": {"low": 0, "medium": 3, "high": 1},
        "by_tag": [{"tag": "y", "count": 2}, {"tag": "x", "count": 1}],
        "recently_added": ["T:CCC", "T:BBB", "T:DDD"],
        "with_notes": 1,
        "with_alerts": 0,
    }


def test_a_repeated_request_makes_one_list(mine: List) -> None:
    """With an idempotency key."""
    key = {"idempotency-key": "once"}
    first, again = (
        mine.person.call("POST", "/watchlists", {"name": "Once"}, headers=key) for _ in range(2)
    )
    assert first.json() == again.json()
    assert names(mine) == ["Letters", "Once"]
