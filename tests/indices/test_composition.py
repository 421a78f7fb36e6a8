"""What an index holds, over HTTP."""

from typing import Any

import pytest

from tests.auth.people import Person, Service, code, eventually
from tests.indices.desk import Desk
from tests.indices.golden import at_desk, build, built, iso

PATH = "/indices/G3/composition"


@pytest.fixture(scope="module")
def reader(service: Service) -> Person:
    return built(service)


def columns(composition: dict[str, Any], *names: str) -> list[list[Any]]:
    return [[item[name] for item in composition["items"]] for name in names]


def test_the_last_session_is_told(reader: Person) -> None:
    """The largest first, each with the same weight: it was rebalanced at this close."""
    told = reader.get(PATH)
    assert [told["date"], told["asked"], told["count"]] == [iso(5), None, 3]
    assert [told["is_rebalanced"], told["revision"]] == [True, 1]
    assert told["level"] == pytest.approx(4774392469 / 4500000)
    symbols, ranks, weights, shares, caps, stale = columns(
        told, "symbol", "rank", "weight", "shares", "market_cap", "stale"
    )
    assert symbols == ["US:A", "US:D", "US:C"]
    assert ranks == [1, 2, 3]
    assert weights == pytest.approx([1 / 3] * 3)
    assert shares == [200, 400, 50]
    assert caps == pytest.approx([5.6532168 * 200, 1.648 * 400, 12.54 * 50])
    assert stale == [0, 0, 0]
    worth = sum(item["index_shares"] * item["price"] for item in told["items"])
    assert worth / told["divisor"] == pytest.approx(told["level"])
    assert {item["currency"] for item in told["items"]} == {told["currency"]} == {"USD"}


def test_a_price_that_is_carried_is_stale(reader: Person) -> None:
    """By the number of sessions without one."""
    told = reader.get(f"{PATH}?date={iso(4)}")
    assert columns(told, "symbol", "price", "stale") == [
        ["US:A", "US:C", "US:D"],
        [pytest.approx(5.71032), pytest.approx(13.2), pytest.approx(1.6)],
        [0, 1, 0],
    ]


def test_of_a_day_without_a_session_the_one_before_is_told(reader: Person) -> None:
    """And both are named; before the first session there is nothing to tell."""
    told = reader.get(f"{PATH}?date={iso(7)}")
    assert [told["date"], told["asked"]] == [iso(5), iso(7)]
    early = reader.call("GET", f"{PATH}?date={iso(-1)}")
    assert [early.status_code, code(early)] == [404, "no_session"]
    assert iso(0) in early.json()["detail"]


def test_between_rebalances_weights_drift(reader: Person) -> None:
    """With the prices; the first session counts as a rebalance."""

    build(reader, "DRIFT", 2, count=3, rebalance="quarterly")
    first, later = (reader.get(f"/indices/drift/composition?date={iso(place)}") for place in (0, 2))
    assert [first["is_rebalanced"], later["is_rebalanced"]] == [True, False]
    symbols, weights = columns(later, "symbol", "weight")
    assert symbols == ["US:A", "US:B", "US:C"]
    grown = [11.55 / 10, 3.92 / 4, 11.4 / 12]
    assert weights == pytest.approx([growth / sum(grown) for growth in grown])


def test_an_index_without_sessions_is_told_apart(reader: Person) -> None:
    """From one that there is not."""
    reader.call("POST", "/indices", {"code": "UNBUILT"})
    answers = [reader.call("GET", f"/indices/{name}/composition") for name in ("NONE", "UNBUILT")]
    assert [code(answer) for answer in answers] == ["unknown_index", "index_not_built"]


def test_an_answer_is_good_until_the_next_build(reader: Person) -> None:
    """By its ETag; extended by a session it is another."""

    build(reader, "GROWS", 0, count=2)
    path = "/indices/GROWS/composition"
    answer = reader.call("GET", path)
    known = {"if-none-match": answer.headers["etag"]}
    assert reader.call("GET", path, headers=known).status_code == 304
    assert answer.headers["cache-control"] == "private, no-cache"

    build(reader, "GROWS", 1)
    for _ in eventually():
        told = reader.call("GET", path, headers=known)
        if told.status_code == 200:
            break
    assert [told.json()["revision"], told.json()["date"]] == [2, iso(1)]


def test_what_is_removed_has_no_name(service: Service, reader: Person) -> None:
    """It was held all the same."""

    async def listed(desk: Desk) -> None:
        await desk.stock("US:GONE", [5, 5], shares=7)

    at_desk(service, listed)
    build(reader, "OF1", 1, universe={"symbols": ["US:GONE"]})
    assert reader.call("DELETE", "/symbols/US:GONE").status_code < 300
    [item] = reader.get("/indices/OF1/composition")["items"]
    assert [item["symbol"], item["name"], item["shares"]] == [None, "", 7]
