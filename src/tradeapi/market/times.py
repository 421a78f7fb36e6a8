"""Instants as clients write them, normalised once to epoch seconds.

A number below 1e11 is seconds and one from there on milliseconds; ISO 8601 without a zone is UTC.

>>> parse_time("2024-01-02")
1704153600.0
>>> parse_time(1704153600000)
1704153600.0
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite, nan

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.errors import Invalid

MILLISECONDS_FROM = 1e11
# Years 1 to 9999, the instants that ISO 8601 can name.
YEAR_ONE = -62135596800
YEAR_10000 = 253402300800
# Bars and ticks: from the first Monday of 1970, so that every week has a label, to the year 2200.
EARLIEST = 345600
LATEST = 7258118400
# Numbers of more digits are none that anybody means, and reading them takes its time.
LONGEST_TEXT = 400

_FORMS = (
    "times are epoch seconds, epoch milliseconds or ISO 8601 such as 2024-01-02 or "
    "2024-01-02T14:30:00Z"
)
_is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII).fullmatch
# A `+` that was not escaped in a URL arrives as a space.
_lost_plus = re.compile(r"(?<=T)([\d:.]+) (?=\d\d:?\d\d$)", re.ASCII)


def parse_time(value: object) -> float:
    """The instant in epoch seconds; raises Invalid for what is none or beyond years 1 to 9999."""
    if isinstance(value, str):
        return _parse_text(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within_calendar(_seconds(value), value)
    raise Invalid(f"A time is a number or text; {_FORMS}.", code="bad_time")


def parse_times(values: Sequence[object]) -> Float64Array:
    """The instant of each; NaN for what is none."""
    if set(map(type, values)) <= {int, float}:
        return to_seconds(np.array(values, np.float64))
    return np.array([_time_or_nan(value) for value in values], np.float64)


def to_seconds(times: Float64Array) -> Float64Array:
    """Numbers that are seconds or milliseconds as seconds."""
    return np.where(np.abs(times) >= MILLISECONDS_FROM, times / 1000, times)


def _parse_text(text: str) -> float:
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"A time has up to {LONGEST_TEXT} characters; {_FORMS}.", code="bad_time")
    if _is_number(text):
        return _within_calendar(_seconds(float(text)), text)
    try:
        instant = datetime.fromisoformat(_lost_plus.sub(r"\1+", text))
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return instant.timestamp()
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{text[:40]!r} is not a time; {_FORMS}.", code="bad_time") from error


def _seconds(number: float) -> float:
    return number / 1000 if abs(number) >= MILLISECONDS_FROM else float(number)


def _within_calendar(seconds: float, given: object) -> float:
    if isfinite(seconds) and YEAR_ONE <= seconds < YEAR_10000:
        return seconds
    raise Invalid(
        f"The time {str(given)[:40]} lies outside the years 1 to 9999; {_FORMS}.",
        code="time_out_of_range",
    )


def _time_or_nan(value: object) -> float:
    if type(value) is int or type(value) is float:
        return _seconds(value)
    if not isinstance(value, str):
        return nan
    try:
        return parse_time(value)
    except Invalid as error:
        # A number beyond all calendars stays one, so that it is refused for being out of range.
        return float(value) if error.code == "time_out_of_range" else nan
