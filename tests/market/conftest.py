"""Real calendars for the market's tests, and the market they are for."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from starlette.testclient import TestClient

from tests.caller import Caller
from tests.market.places import MONDAY, Market
from tradeapi.app import create_app
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.market.calendars.calendar import CONTINUOUS, Calendar, load
from tradeapi.market.calendars.source import build
from tradeapi.settings import Settings

CalendarOf = Callable[[str], Calendar]
CalendarData = Callable[[str], bytes]


@pytest.fixture(scope="session")
def calendar_data() -> CalendarData:
    """What a calendar is loaded from, built once for all tests."""

    @cache
    def of(code: str) -> bytes:
        return b"" if code == CONTINUOUS else build(code)

    return of


@pytest.fixture(scope="session")
def calendar_of(calendar_data: CalendarData) -> CalendarOf:
    """Any calendar by its code, built once for all tests."""
    return cache(lambda code: load(code, calendar_data(code)))


@pytest.fixture
def market(database: Database) -> Market:
    """On Monday, 2024-06-10, 11:00 in New York."""
    return Market(database)


@pytest.fixture
def clock() -> FixedClock:
    """The application's."""
    return FixedClock(MONDAY)


@pytest.fixture
def client(database_url: str, clock: FixedClock) -> Iterator[TestClient]:
    """The application at the same time, on SQLite and on PostgreSQL."""
    settings = Settings(database_url=database_url, demo=False)
    with Caller(create_app(settings, clock)) as client:
        yield client
