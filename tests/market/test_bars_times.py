"""Instants in every spelling that clients use."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.errors import Invalid
from tradeapi.market.times import LATEST, parse_time, parse_times

NEW_YEAR = 1704067200.0


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        (1704067200, NEW_YEAR),
        (1704067200.5, NEW_YEAR + 0.5),
        (1704067200000, NEW_YEAR),
        ("1704067200", NEW_YEAR),
        (" 1704067200000 ", NEW_YEAR),
        ("1.7040672e9", NEW_YEAR),
        ("2024-01-01", NEW_YEAR),
        ("2024-01-01T00:00:00Z", NEW_YEAR),
        ("2024-01-01 00:00", NEW_YEAR),
        ("2024-01-01T01:00:00+01:00", NEW_YEAR),
        ("2023-12-31T19:00:00-05:00", NEW_YEAR),
        ("2024-01-01T00:00:00.250Z", NEW_YEAR + 0.25),
        ("2024-01-01T01:00:00 01:00", NEW_YEAR),  # a + that was not escaped in a URL
        (99999999999, 99999999999.0),
        (100000000000, 100000000.0),
        (0, 0.0),
        ("-86400", -86400.0),
    ],
)
def test_seconds_milliseconds_and_iso_name_the_same_instant(
    written: float | str, instant: float
) -> None:
    """Numbers from 1e11 on are milliseconds; without a zone it is UTC."""
    assert parse_time(written) == instant


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "bad_time"),
        ("yesterday", "bad_time"),
        ("2024-13-01", "bad_time"),
        ("2024-02-30T00:00:00", "bad_time"),
        ("nan", "bad_time"),
        ("Infinity", "bad_time"),
        ("١٧٠٤٠٦٧٢٠٠", "bad_time"),
        ("'; DROP TABLE bar_rows; --", "bad_time"),
        (True, "bad_time"),
        (None, "bad_time"),
        ([1], "bad_time"),
        ({"a": 1}, "bad_time"),
        (1704067200000000000, "time_out_of_range"),
        ("1e300", "time_out_of_range"),
        ("9" * 400, "time_out_of_range"),
        (math.inf, "time_out_of_range"),
        (math.nan, "time_out_of_range"),
    ],
)
def test_what_is_no_time_is_refused_with_a_reason(written: object, code: str) -> None:
    """Nanoseconds are out of range rather than misread."""
    with pytest.raises(Invalid) as raised:
        parse_time(written)
    assert raised.value.code == code


def test_a_column_of_times_is_read_like_each_of_them() -> None:
    """What is no time is NaN; what is out of range stays a number that is."""
    times = parse_times([1704067200000, "2024-01-01", None, True, [], "soon", "1e300"])
    assert times[:2].tolist() == [NEW_YEAR, NEW_YEAR]
    assert np.isnan(times[2:6]).all()
    assert times[6] > LATEST
    assert parse_times([]).tolist() == []


@given(st.text() | st.floats() | st.integers(-(2**70), 2**70))
def test_nothing_a_client_can_write_breaks_the_reading(written: float | str) -> None:
    """It is an instant within the years 1 to 9999, or refused."""
    try:
        instant = parse_time(written)
    except Invalid:
        return
    assert abs(instant) < 2.6e11
