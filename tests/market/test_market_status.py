"""Which markets are open."""

import asyncio

import pytest
from starlette.testclient import TestClient

from tests.market.conftest import CalendarData, CalendarOf
from tests.market.places import MONDAY, TODAY, Market
from tradeapi.database import Database

STATUS = "/api/v1/market/status"
HOUR = 3600


def test_each_exchange_tells_its_hours(
    database_url: str, client: TestClient, calendar_data: CalendarData
) -> None:
    """New York is in session, and something always is."""

    async def keep() -> None:
        async with Database(database_url) as database:
            await Market(database).keep_calendar("XNYS", calendar_data("XNYS"))

    asyncio.run(keep())
    client.put("/api/v1/exchanges/US", json={"calendar": "XNYS"}).raise_for_status()
    client.put("/api/v1/exchanges/CRYPTO", json={"calendar": "24x7"}).raise_for_status()
    crypto, us = client.get(STATUS).json()["items"]
    assert us == {
        "exchange": "US",
        "calendar": "XNYS",
        "timezone": "America/New_York",
        "is_open": True,
        "session": {
            "day": TODAY,
            "open": TODAY + int(13.5 * HOUR),
            "close": TODAY + 20 * HOUR,
        },
        "next_open": TODAY + int(37.5 * HOUR),
        "next_close": TODAY + 20 * HOUR,
        "time": MONDAY,
    }
    assert (crypto["exchange"], crypto["is_open"]) == ("CRYPTO", True)
    assert (crypto["next_open"], crypto["next_close"]) == (None, None)
    assert client.get(STATUS, params={"exchange": "us"}).json() == {"items": [us]}


def test_an_unknown_exchange_is_not_found(client: TestClient) -> None:
    """And what no exchange can be called is refused."""
    assert client.get(STATUS).json() == {"items": []}
    answer = client.get(STATUS, params={"exchange": "NOPE"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_exchange")
    assert client.get(STATUS, params={"exchange": ".."}).status_code == 422


@pytest.mark.parametrize(
    ("hour", "opens", "closes"),
    [(0, 1.5, 4), (1.5, 5, 4), (4, 5, 8), (4.5, 5, 8), (5, 25.5, 8), (8, 25.5, 28), (20, 25.5, 28)],
)
def test_a_break_at_noon_is_a_close_and_an_open(
    calendar_of: CalendarOf, hour: float, opens: float, closes: float
) -> None:
    """Hong Kong trades 01:30 to 04:00 and 05:00 to 08:00 UTC."""
    hong_kong, tuesday = calendar_of("XHKG"), TODAY + 24 * HOUR
    now = tuesday + hour * HOUR
    assert hong_kong.next_open(now) == tuesday + opens * HOUR
    assert hong_kong.next_close(now) == tuesday + closes * HOUR


def test_where_a_calendar_ends_nothing_is_known_to_come(calendar_of: CalendarOf) -> None:
    """Neither an open nor a close."""
    new_york = calendar_of("XNYS")
    assert new_york.next_open(new_york.until) is None
    assert new_york.next_close(new_york.until) is None
