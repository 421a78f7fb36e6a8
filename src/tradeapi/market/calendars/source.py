"""Calendars as exchange_calendars knows them; only ever imported by a process of its own.

`python -m tradeapi.market.calendars.source XNYS` writes the calendar to its standard output, or
refuses with a sentence on standard error; without a code it writes those there are. The library
brings pandas, 130 MB and two seconds, which no server should carry: see
`tradeapi.market.calendars.build`.
"""

import sys
import warnings
from typing import Any

import exchange_calendars
import numpy as np
from exchange_calendars.errors import InvalidCalendarName

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.calendars.build import REFUSED
from tradeapi.market.calendars.sessions import pack

START = "1970-01-01"


def build(code: str) -> bytes:
    """Sessions from 1970, or from the first year known, to a year from now.

    Raises ValueError, as a sentence, for what the library does not know or fails to make.
    """
    with warnings.catch_warnings():
        # The library still calls what pandas 3 deprecates.
        warnings.simplefilter("ignore")
        try:
            return _columns(_source(code))
        except InvalidCalendarName as error:
            raise ValueError(f"There is no calendar {code}.") from error
        except (NotImplementedError, ValueError) as error:
            raise ValueError(
                f"exchange_calendars fails to make {code}: {str(error)[:200]}."
            ) from error


def _source(code: str) -> Any:  # noqa: ANN401  # the library has no types
    calendar = exchange_calendars.get_calendar(code)
    bound = calendar.bound_min()
    start = START if bound is None else max(START, bound.date().isoformat())
    return exchange_calendars.get_calendar(code, start=start)


def _columns(calendar: Any) -> bytes:  # noqa: ANN401  # the library has no types
    day, open, close = map(_seconds, (calendar.sessions, calendar.opens, calendar.closes))
    break_start, break_end = map(_seconds, (calendar.break_starts, calendar.break_ends))
    # No break is NaT, the lowest integer there is.
    unbroken = break_start < open
    break_start, break_end = (
        np.where(unbroken, close, column) for column in (break_start, break_end)
    )
    return pack(str(calendar.tz), np.stack([day, open, close, break_start, break_end]))


def _seconds(times: Any) -> Int64Array:  # noqa: ANN401  # a Series or an Index of pandas
    """Epoch seconds, whatever unit pandas chose to keep them in."""
    return np.asarray(times.to_numpy(dtype="datetime64[s]")).astype(np.int64)


def main() -> int:
    if not sys.argv[1:]:
        sys.stdout.write("\n".join(exchange_calendars.get_calendar_names()))
        return 0
    try:
        data = build(sys.argv[1])
    except ValueError as error:
        sys.stderr.write(str(error))
        return REFUSED
    sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
