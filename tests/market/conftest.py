"""Real calendars for the market's tests."""

from collections.abc import Callable
from functools import cache

import pytest

from tradeapi.market.calendar_source import build
from tradeapi.market.calendars import CONTINUOUS, Calendar, load

CalendarOf = Callable[[str], Calendar]


@pytest.fixture(scope="session")
def calendar_of() -> CalendarOf:
    """Any calendar by its code, built once for all tests."""

    @cache
    def of(code: str) -> Calendar:
        return load(code, b"" if code == CONTINUOUS else build(code))

    return of
