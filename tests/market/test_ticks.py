"""Posting ticks."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.market.bars_http import get, post
from tests.market.conftest import CalendarData
from tests.market.places import DAY, MONDAY, TODAY, Market, flat
from tradeapi.clock import FixedClock
from tradeapi.market.bars.tick_ids import KEPT_SECONDS, PRUNED_AFTER

TICKS = "/api/v1/ticks"
SYMBOL = "CRYPTO:BTC"
NOW = MONDAY
TICK = {"symbol": SYMBOL, "price": 100, "size": 2, "time": NOW}


@pytest.fixture(autouse=True)
def symbols(client: TestClient) -> None:
    for symbol in (SYMBOL, "CRYPTO:ETH"):
        client.put(f"/api/v1/symbols/{symbol}", json={})


def sent(client: TestClient, body: object) -> list[dict[str, Any]]:
    answer = client.post(TICKS, json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    items: list[dict[str, Any]] = said["items"]
    statuses = [item["status"] for item in items]
    for status in ("accepted", "duplicate", "rejected"):
        assert said[status] == statuses.count(status)
    assert [item["index"] for item in items] == list(range(len(items)))
    return items


def tick(time: float, price: float, size: float = 1, **fields: object) -> dict[str, object]:
    return {"symbol": SYMBOL, "time": time, "price": price, "size": size, **fields}


def minute(client: TestClient, time: int = NOW) -> tuple[float, ...]:
    page = get(client, SYMBOL, resolution="1m", start=time, limit=1)
    return tuple(page[name][0] for name in ("open", "high", "low", "close", "volume"))


def test_ticks_build_minutes_and_what_follows_from_them(client: TestClient) -> None:
    """Single, in an array, by name, and in milliseconds or ISO 8601."""
    sent(client, tick(NOW + 1, 100))
    sent(client, [tick(NOW + 2, 103), tick((NOW + 3) * 1000, 99, 2)])
    sent(client, {"items": [tick("2024-06-10T15:00:30Z", 101, 0.5)]})  # type: ignore[arg-type]
    assert minute(client) == (100, 103, 99, 101, 4.5)
    for resolution in ("5m", "1h", "4h", "1d", "1w", "1M"):
        page = get(client, SYMBOL, resolution=resolution)
        assert (page["open"], page["close"], page["volume"]) == ([100], [101], [4.5])


def test_open_and_close_are_by_time_not_by_arrival(client: TestClient) -> None:
    """Of two trades at one instant the first to arrive opens and the last closes."""
    ticks = [(30, 5), (10, 3), (10, 4), (50, 7), (50, 8), (20, 9), (40, 1)]
    sent(client, [tick(NOW + second, price) for second, price in ticks])
    assert minute(client) == (3, 9, 1, 8, 7)


def test_a_late_tick_amends_its_bar_and_is_a_revision(
    client: TestClient, clock: FixedClock
) -> None:
    """If its bar was closed; otherwise history was not history yet."""
    sent(client, tick(NOW, 100))
    clock.time = NOW + 30
    sent(client, tick(NOW + 30, 101))
    assert get(client, SYMBOL)["revision"] == 0
    clock.time = NOW + 61
    sent(client, tick(NOW + 60, 102))
    revision = get(client, SYMBOL)["revision"]
    sent(client, tick(NOW + 59, 90))
    assert minute(client) == (100, 101, 90, 90, 3)
    assert get(client, SYMBOL)["revision"] == revision + 1


def test_a_posted_bar_is_left_as_it_is(client: TestClient) -> None:
    """The tick is refused by name, and its id is free for another."""
    post(client, SYMBOL, "1m", flat(NOW, 50, 7))
    refused, accepted = sent(client, [tick(NOW, 60, id="a"), tick(NOW + 60, 61, id="b")])
    assert (refused["status"], refused["code"]) == ("rejected", "bar_is_native")
    assert accepted["status"] == "accepted"
    assert minute(client) == (50, 50, 50, 50, 7)
    assert [item["status"] for item in sent(client, [tick(NOW + 60, 1, id="a")])] == ["accepted"]


def test_an_id_counts_once_for_each_symbol(client: TestClient) -> None:
    """In one request, in the next, and as a number."""
    ethereum = tick(NOW, 1, id="7") | {"symbol": "CRYPTO:ETH"}
    first = sent(client, [tick(NOW, 1, id="7"), tick(NOW, 2, id=7), tick(NOW, 3), ethereum])
    assert [item["status"] for item in first] == ["accepted", "duplicate", "accepted", "accepted"]
    again = sent(client, [tick(NOW, 1, id="7"), tick(NOW, 3), ethereum])
    assert [item["status"] for item in again] == ["duplicate", "accepted", "duplicate"]
    assert minute(client)[4] == 3


async def test_ids_are_kept_for_a_day(
    client: TestClient, clock: FixedClock, market: Market
) -> None:
    """Then they go, a few at a time, as new ones come."""

    async def ids() -> int:
        async with market.database.read() as raw:
            return int((await raw.fetch("SELECT count(*) FROM tick_ids"))[0][0])

    sent(client, [tick(NOW, 1, id=f"a{number}") for number in range(1500)])
    clock.time += KEPT_SECONDS - 10
    sent(client, [tick(NOW, 1, id=f"b{number}") for number in range(PRUNED_AFTER)])
    assert await ids() == 2500
    clock.time += 20
    sent(client, [tick(NOW, 1, id=f"c{number}") for number in range(PRUNED_AFTER)])
    assert await ids() == 2000


def test_one_bad_tick_spoils_no_other(client: TestClient) -> None:
    """Each is named with its reason."""
    bad: list[tuple[object, str]] = [
        (TICK | {"price": 0}, "invalid_price"),
        (TICK | {"price": -1}, "invalid_price"),
        (TICK | {"price": None}, "invalid_price"),
        (TICK | {"price": 1e14}, "invalid_price"),
        (TICK | {"price": "1"}, "invalid_field"),
        (TICK | {"price": True}, "invalid_field"),
        (TICK | {"size": -1}, "invalid_size"),
        (TICK | {"size": 1e22}, "invalid_size"),
        (TICK | {"size": [1]}, "invalid_field"),
        (TICK | {"time": None}, "bad_time"),
        (TICK | {"time": "soon"}, "bad_time"),
        (TICK | {"time": True}, "bad_time"),
        (TICK | {"time": -DAY}, "time_out_of_range"),
        (TICK | {"time": NOW * 10**9}, "time_out_of_range"),
        (TICK | {"time": "9999-12-31"}, "time_out_of_range"),
        (TICK | {"time": NOW + 61}, "in_future"),
        (TICK | {"id": ""}, "invalid_id"),
        (TICK | {"id": "x" * 65}, "invalid_id"),
        (TICK | {"id": "a\x00"}, "invalid_id"),
        (TICK | {"id": 1.5}, "invalid_id"),
        (TICK | {"id": True}, "invalid_id"),
        (TICK | {"id": ["a"]}, "invalid_id"),
        (TICK | {"symbol": "CRYPTO:NOPE"}, "unknown_symbol"),
        (TICK | {"symbol": "\x00"}, "unknown_symbol"),
        (TICK | {"symbol": None}, "invalid_field"),
        (TICK | {"volume": 1}, "unknown_field"),
        ({"symbol": SYMBOL}, "missing_field"),
        ([], "invalid_item"),
        (5, "invalid_item"),
    ]
    items = sent(client, [*(item for item, _ in bad), TICK | {"time": NOW + 60}, TICK])
    assert [item["code"] for item in items] == [*(code for _, code in bad), None, None]
    assert all(item["detail"].endswith(".") for item in items[:-2])
    assert minute(client) == (100, 100, 100, 100, 2)


async def test_outside_the_session_ticks_are_for_those_who_ask(
    client: TestClient, market: Market, calendar_data: CalendarData
) -> None:
    """Others refuse them by name; a day's bar is of the session only."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    for ticker, extended in (("A", False), ("B", True)):
        fields = {"calendar": "XNYS", "extended_hours": extended}
        assert client.put(f"/api/v1/symbols/US:{ticker}", json=fields).status_code == 201
    early, open = NOW - 3 * 3600, NOW - 3600
    ticks = [
        {"symbol": f"US:{ticker}", "time": time, "price": 5, "size": 1}
        for ticker in "AB"
        for time in (early, open)
    ]
    items = sent(client, ticks)
    assert [item["code"] for item in items] == ["outside_session", None, None, None]
    for ticker, count in (("A", 1), ("B", 2)):
        assert len(get(client, f"US:{ticker}", resolution="1m")["time"]) == count
        assert get(client, f"US:{ticker}")["volume"] == [1]
        assert get(client, f"US:{ticker}")["time"] == [TODAY]


def test_a_long_request_of_ticks_is_taken_in_order(client: TestClient) -> None:
    """As if each had come alone; the newest price is the last by time."""
    ticks = [tick(NOW - 600 + number / 100, 1 + number % 9) for number in range(50_000)]
    assert {item["status"] for item in sent(client, ticks)} == {"accepted"}
    page = get(client, SYMBOL, resolution="1m")
    assert sum(page["volume"]) == 50_000
    assert set(page["volume"][:-1]) == {6000}
    assert page["open"][0] == 1
    last = 1 + 49_999 % 9
    assert page["close"][-1] == last
    quote = client.get(f"/api/v1/quotes?symbols={SYMBOL}").json()
    assert quote["items"][0]["last"] == last
