"""Items: put on a list, changed, moved, taken off."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth.people import NOON, Service, code
from tests.watchlists.lists import FULL, PLAIN, SYMBOLS, List, list_symbols
from tradeapi.watchlists.order import rearranged


def test_a_symbol_is_put_on_a_list(mine: List) -> None:
    """With the symbol's own name and the time, if nothing else is said."""
    item = mine.add("t:aaa")
    plain = {"symbol": "T:AAA", "name": "AAA Inc.", "position": 0, "added_at": NOON}
    assert item == {**plain, **PLAIN}
    full = mine.add("BBB", **FULL)
    assert full == {"symbol": "T:BBB", "position": 1, **FULL}
    assert mine.items() == [item, full]


def test_its_price_is_noted(service: Service) -> None:
    """The last one there is, unless the caller knows better: null is that there is none."""
    admin = list_symbols(service, ["T:PRICED"])
    bar = {"symbol": "T:PRICED", "resolution": "1d", "time": "2024-01-02"}
    posted = admin.call("POST", "/bars", [{**bar, "open": 1, "high": 9, "low": 1, "close": 7}])
    assert posted.json()["rejected"] == 0, posted.text
    mine = List.of(admin)
    assert mine.add("T:PRICED")["added_price"] == 7
    for price in (5.5, None):
        mine.person.call("DELETE", f"{mine.path}/items/T:PRICED")
        assert mine.add("T:PRICED", added_price=price)["added_price"] == price
    mine.person.call("DELETE", f"{mine.path}/items/T:PRICED")
    mine.take("symbol\nT:PRICED\nT:AAA\n")
    assert [item["added_price"] for item in mine.items()] == [7, None]


def test_a_symbol_is_on_a_list_once(mine: List) -> None:
    """However it is written."""
    mine.add("T:AAA")
    for name in ("T:AAA", "t:aaa", "aaa"):
        answer = mine.try_add(name)
        assert (answer.status_code, code(answer)) == (409, "already_listed")
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: mine.try_add("T:BBB").status_code, range(4)))
    assert sorted(statuses) == [201, 409, 409, 409]
    assert mine.symbols() == ["T:AAA", "T:BBB"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"notes": "x" * 1001}, "/notes"),
        ({"notes": "a\x00b"}, "/notes"),
        ({"priority": "urgent"}, "/priority"),
        ({"tags": ["x"] * 21}, "/tags"),
        ({"tags": ["a;b"]}, "/tags/0"),
        ({"tags": ["a", " "]}, "/tags/1"),
        ({"tags": None}, "/tags"),
        ({"category": "x" * 51}, "/category"),
        ({"name": ""}, "/name"),
        ({"target_price": 0}, "/target_price"),
        ({"stop_loss": -1}, "/stop_loss"),
        ({"added_price": "much"}, "/added_price"),
        ({"added_at": -1}, "/added_at"),
        ({"position": -1}, "/position"),
        ({"position": True}, "/position"),
        ({"target_price": "5"}, "/target_price"),
        ({"alert_enabled": 1}, "/alert_enabled"),
        ({"alert_enabled": None}, "/alert_enabled"),
        ({"alerts": True}, "/alerts"),
    ],
)
def test_what_is_no_good_is_refused(mine: List, fields: dict[str, Any], pointer: str) -> None:
    """Where it is put on a list, and where it is changed, with a pointer to it."""
    mine.add("T:AAA")
    before = mine.read()
    many = {"items": [{"symbol": "T:AAA", **fields}]}
    for answer, place in (
        (mine.try_add("T:BBB", **fields), pointer),
        (mine.change("T:AAA", **fields), pointer),
        (mine.person.call("PATCH", f"{mine.path}/items", many), f"/items/0{pointer}"),
    ):
        assert (answer.status_code, code(answer)) == (422, "invalid_field"), answer.text
        assert answer.json()["errors"][0]["pointer"] == place
    assert mine.read() == before


def test_only_what_is_named_changes(mine: List) -> None:
    """Null takes away what there may not be."""
    mine.add("T:AAA", **FULL)
    assert mine.change("T:AAA", priority="low", category=None).json() == {
        "symbol": "T:AAA",
        "position": 0,
        **FULL,
        "priority": "low",
        "category": None,
    }
    answer = mine.change("T:AAA", name=None, added_price=None, target_price=None, stop_loss=None)
    assert answer.json()["name"] == "AAA Inc."
    assert {answer.json()[name] for name in ("added_price", "target_price", "stop_loss")} == {None}
    assert mine.change("T:AAA").status_code == 200


def test_many_change_together(mine: List) -> None:
    """Or none: the answer has those that were named, in order."""
    for symbol in SYMBOLS[:3]:
        mine.add(symbol)
    changes = [
        {"symbol": "T:CCC", "position": 0, "tags": ["moved"]},
        {"symbol": "T:AAA", "notes": "first", "position": 9},
    ]
    answer = mine.person.call("PATCH", f"{mine.path}/items", {"items": changes})
    assert [item["symbol"] for item in answer.json()["items"]] == ["T:CCC", "T:AAA"]
    assert mine.symbols() == ["T:CCC", "T:BBB", "T:AAA"]
    assert answer.json()["items"] == [mine.items()[0], mine.items()[2]]
    before = mine.read()
    for symbol, expected in (("T:DDD", "not_listed"), ("T:NONE", "unknown_symbol")):
        changes = [{"symbol": "T:CCC", "notes": "x"}, {"symbol": symbol, "notes": "x"}]
        answer = mine.person.call("PATCH", f"{mine.path}/items", {"items": changes})
        assert (answer.status_code, code(answer)) == (404, expected)
    assert answer.json()["errors"][0]["pointer"] == "/items/1/symbol"
    assert mine.read() == before
    assert mine.person.call("PATCH", f"{mine.path}/items", {"items": []}).status_code == 422


def test_items_are_taken_off(mine: List) -> None:
    """One, which has to be there, or all."""
    for symbol in SYMBOLS:
        mine.add(symbol)
    for symbol in ("T:AAA", "ccc"):
        assert mine.person.call("DELETE", f"{mine.path}/items/{symbol}").status_code == 204
    assert mine.symbols() == ["T:BBB", "T:DDD", "T:EEE"]
    answer = mine.person.call("DELETE", f"{mine.path}/items/T:AAA")
    assert (answer.status_code, code(answer)) == (404, "not_listed")
    answer = mine.person.call("DELETE", f"{mine.path}/items/T:NONE")
    assert (answer.status_code, code(answer)) == (404, "unknown_symbol")
    mine.add("T:CCC", position=1)
    assert mine.symbols() == ["T:BBB", "T:CCC", "T:DDD", "T:EEE"]
    assert mine.person.call("DELETE", f"{mine.path}/items").status_code == 204
    assert mine.symbols() == []


def test_an_item_goes_with_its_symbol(service: Service) -> None:
    """The others stay in order."""
    admin = list_symbols(service, ["T:GONE"])
    mine = List.of(admin, symbols=["T:AAA", "T:GONE", "T:BBB"])
    assert admin.call("DELETE", "/symbols/T:GONE").is_success
    assert mine.symbols() == ["T:AAA", "T:BBB"]
    mine.change("T:BBB", position=0)
    assert mine.symbols() == ["T:BBB", "T:AAA"]


def test_those_who_move_at_once_lose_nothing(mine: List) -> None:
    """Each move is made, one after the other."""
    for symbol in SYMBOLS:
        mine.add(symbol)
    version = mine.version()
    with ThreadPoolExecutor(5) as pool:
        answers = pool.map(lambda symbol: mine.change(symbol, position=2), SYMBOLS)
        assert {answer.status_code for answer in answers} == {200}
    assert sorted(mine.symbols()) == SYMBOLS
    assert mine.version() == version + 5


@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rearranging_is_moving_in_a_list(data: st.DataObject) -> None:
    """Whatever the gaps are; those that stay are not written."""
    keys = data.draw(st.lists(st.integers(0, 50), unique=True, min_size=1, max_size=12))
    positions = sorted(data.draw(st.sets(st.integers(0, 99), min_size=len(keys))))[: len(keys)]
    placed = list(zip(keys, positions, strict=True))
    moves = data.draw(st.lists(st.tuples(st.sampled_from(keys), st.integers(0, 15)), max_size=6))
    expected = list(keys)
    for key, place in moves:
        expected.remove(key)
        expected.insert(place, key)
    moved = rearranged(placed, moves)
    after = dict(placed) | dict(moved)
    assert sorted(after, key=after.__getitem__) == expected
    assert all(dict(placed)[key] != position for key, position in moved.items())
    assert sorted(after.values()) == positions
