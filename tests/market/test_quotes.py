"""Quotes: what they say, and when they are stale."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.market.conftest import CalendarOf
from tests.market.places import DAY, MONDAY, TODAY, Market, flat
from tradeapi.database import Database
from tradeapi.market.events import Quote
from tradeapi.market.quotes.service import is_stale, quote_view
from tradeapi.market.resolutions import Resolution

QUOTES = "/api/v1/quotes"
HOUR = 3600


def quote(last: float | None = 10, time: float | None = MONDAY, **others: Any) -> Quote:
    values: dict[str, Any] = {
        "day": None,
        "open": None,
        "high": None,
        "low": None,
        "volume": None,
        "previous_close": None,
        "is_intraday": True,
    }
    return Quote(last=last, time=time, **(values | others))


def at(text: str) -> float:
    """An instant of UTC; New York trades from 13:30 to 20:00 in this June."""
    return datetime.fromisoformat(f"2024-06-{text}").replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("priced", "now", "stale"),
    [
        # While the market is open a price may be two minutes old.
        ("10 15:00", "10 15:02", False),
        ("10 15:00", "10 15:02:01", True),
        ("10 15:05", "10 15:00", False),
        # After the close the last two minutes of the session will do, through the weekend.
        ("10 19:59:30", "10 20:01", False),
        ("10 19:58", "10 23:00", False),
        ("10 19:57:59", "10 23:00", True),
        ("07 20:00", "10 13:29", False),
        # For two minutes after the open the close before it will do, and then no longer.
        ("07 19:59", "10 13:31:59", False),
        ("07 19:59", "10 13:32", True),
        ("06 20:00", "10 13:30:30", True),
        ("06 20:00", "10 10:00", True),
    ],
)
def test_an_intraday_price_is_stale_when_the_market_has_moved_on(
    calendar_of: CalendarOf, priced: str, now: str, stale: bool
) -> None:
    """Hours in which the market is closed don't count."""
    newest = quote(time=at(priced))
    assert is_stale(newest, calendar_of("XNYS"), at(now), stale_after=120) is stale


@pytest.mark.parametrize(
    ("priced", "now", "stale"),
    [
        ("07 20:00", "10 13:30", False),
        ("07 20:00", "10 19:59:59", False),
        ("07 20:00", "10 20:00", True),
        ("06 20:00", "07 20:00", True),
        ("06 20:00", "09 12:00", True),
        ("10 20:00", "11 19:00", False),
    ],
)
def test_a_daily_price_is_stale_when_a_later_session_has_closed(
    calendar_of: CalendarOf, priced: str, now: str, stale: bool
) -> None:
    """Its time is the close of its session."""
    daily = quote(time=at(priced), is_intraday=False)
    assert is_stale(daily, calendar_of("XNYS"), at(now), stale_after=120) is stale


def test_a_market_that_never_closes_is_stale_by_the_clock_alone(calendar_of: CalendarOf) -> None:
    """A daily price of it lasts until the next day is over."""
    always = calendar_of("24x7")
    assert not is_stale(quote(time=MONDAY), always, MONDAY + 120, stale_after=120)
    assert is_stale(quote(time=MONDAY), always, MONDAY + 121, stale_after=120)
    daily = quote(time=TODAY, is_intraday=False)
    assert not is_stale(daily, always, TODAY + DAY - 1, stale_after=120)
    assert is_stale(daily, always, TODAY + DAY, stale_after=120)


def test_a_break_at_noon_is_no_reason_to_be_stale(calendar_of: CalendarOf) -> None:
    """Hong Kong rests from 04:00 to 05:00 UTC."""
    hong_kong = calendar_of("XHKG")
    before = quote(time=at("11 03:59"))
    assert not is_stale(before, hong_kong, at("11 05:01:30"), stale_after=120)
    assert is_stale(before, hong_kong, at("11 05:02"), stale_after=120)


def test_a_symbol_without_a_price_is_stale(calendar_of: CalendarOf) -> None:
    """There should be one."""
    view = quote_view(quote(None, None), calendar_of("24x7"), MONDAY, stale_after=120)
    assert view.pop("stale") is True
    assert set(view.values()) == {None}


@pytest.mark.parametrize(
    ("last", "previous", "change", "percent"),
    [
        (189.3, 188.1, 1.2, 0.638),
        (65000.12, 64999.99, 0.13, 0.0002),
        (0.00001234, 0.00001230, 0.00000004, 0.3252),
        (90, 100, -10, -10),
        (100, 100, 0, 0),
        (100, None, None, None),
    ],
)
def test_the_change_is_against_the_previous_close(
    calendar_of: CalendarOf, last: float, previous: float | None, change: float, percent: float
) -> None:
    """Without the noise that float64 has in its last digits."""
    view = quote_view(
        quote(last, previous_close=previous), calendar_of("24x7"), MONDAY, stale_after=120
    )
    assert (view["change"], view["change_percent"]) == (change, percent)


def write(database_url: str, resolution: Resolution, **prices: list[tuple[int, float]]) -> None:
    async def run() -> None:
        async with Database(database_url) as database:
            market = Market(database)
            for ticker, bars in prices.items():
                listing = await market.add(f"US:{ticker}")
                await market.write(listing, resolution, [flat(*bar) for bar in bars])

    asyncio.run(run())


def test_quotes_come_in_the_order_asked_for(database_url: str, client: TestClient) -> None:
    """Each once, by whatever name; what is unknown says so in its place."""
    write(
        database_url,
        Resolution.MINUTE,
        A=[(MONDAY - DAY, 10), (MONDAY - HOUR, 10.5), (MONDAY - 60, 11)],
        B=[(MONDAY - 600, 5)],
    )
    client.put("/api/v1/symbols/US:NEW", json={}).raise_for_status()
    answer = client.get(QUOTES, params={"symbols": "b, NOPE,US:A,..,us:new,US:A,"})
    assert answer.status_code == 200
    b, nope, a, dots, new = answer.json()["items"]
    assert a == {
        "symbol": "US:A",
        "currency": "USD",
        "last": 11,
        "bid": None,
        "ask": None,
        "change": 1,
        "change_percent": 10,
        "open": 10.5,
        "high": 11,
        "low": 10.5,
        "volume": 200,
        "previous_close": 10,
        "time": MONDAY,
        "stale": False,
    }
    assert (b["symbol"], b["last"], b["previous_close"], b["stale"]) == ("US:B", 5, None, True)
    assert nope == {
        "symbol": "NOPE", "code": "unknown_symbol", "detail": "There is no symbol NOPE."
    }  # fmt: skip
    assert dots["code"] == "unknown_symbol"
    assert (new["symbol"], new["last"], new["time"], new["stale"]) == ("US:NEW", None, None, True)


def test_a_daily_symbol_is_quoted_by_its_closes(database_url: str, client: TestClient) -> None:
    """Two sessions are enough for a change."""
    write(database_url, Resolution.DAY, A=[(TODAY - 2 * DAY, 8), (TODAY - DAY, 10)])
    [item] = client.get(QUOTES, params={"symbols": "US:A"}).json()["items"]
    assert (item["last"], item["change"], item["change_percent"]) == (10, 2, 25)
    assert (item["time"], item["stale"]) == (TODAY, False)


def test_an_ambiguous_ticker_is_an_entry_of_its_own(client: TestClient) -> None:
    """All the others are quoted."""
    for symbol in ("US:A", "LSE:A"):
        client.put(f"/api/v1/symbols/{symbol}", json={}).raise_for_status()
    items = client.get(QUOTES, params={"symbols": "A,US:A"}).json()["items"]
    assert [item.get("code") for item in items] == ["ambiguous_symbol", None]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "symbol=A",
        "symbols=",
        "symbols=,,",
        "symbols=" + ",".join(map(str, range(501))),
        "symbols=" + "A" * 20_001,
        "symbols=%00",
        "symbols=%ff",
        "symbols=%F0%9F%98%80",
    ],
)
def test_what_is_no_list_of_symbols_is_refused(client: TestClient, query: str) -> None:
    """By the name of the parameter; 500 are enough for any screen."""
    answer = client.get(f"{QUOTES}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert answer.json()["errors"][0]["pointer"] == "/query/symbols"


@pytest.mark.parametrize("symbols", ["' OR 1=1 --", "../..", "A%2FB", "%25", "A" * 999])
def test_strange_symbols_are_unknown(client: TestClient, symbols: str) -> None:
    """Nothing of them reaches the database."""
    answer = client.get(f"{QUOTES}?symbols={symbols}")
    assert [item["code"] for item in answer.json()["items"]] == ["unknown_symbol"]
