"""Which rows are bars."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.conftest import CalendarOf
from tests.market.places import DAY, MONDAY, TODAY
from tradeapi.analytics.bars import Bars
from tradeapi.market.bars.validation import Reason, Rows, Verdict, validate
from tradeapi.market.calendars.calendar import Continuous
from tradeapi.market.resolutions import Resolution

NAN, INFINITE = math.nan, math.inf
GOOD = (TODAY, 10.0, 12.0, 9.0, 11.0, 100.0)

Row = tuple[float, float, float, float, float, float]


def judge(
    *rows: Row, resolution: Resolution = Resolution.DAY, tick_size: float | None = None
) -> Verdict:
    return validate(columns(*rows), resolution, Continuous(), now=MONDAY, tick_size=tick_size)


def columns(*rows: Row) -> Rows:
    return Rows(*np.array(rows, np.float64).reshape(-1, 6).T)


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        (Reason.BAD_TIME, (NAN, *GOOD[1:])),
        (Reason.TIME_OUT_OF_RANGE, (345599, *GOOD[1:])),
        (Reason.TIME_OUT_OF_RANGE, (7258118400, *GOOD[1:])),
        (Reason.TIME_OUT_OF_RANGE, (-DAY, *GOOD[1:])),
        (Reason.TIME_OUT_OF_RANGE, (INFINITE, *GOOD[1:])),
        (Reason.TIME_OUT_OF_RANGE, (1.7e18, *GOOD[1:])),
        (Reason.IN_FUTURE, (TODAY + 2 * DAY, *GOOD[1:])),
        (Reason.MISALIGNED, (TODAY + 1, *GOOD[1:])),
        (Reason.MISALIGNED, (TODAY + 0.5, *GOOD[1:])),
        (Reason.NULL_PRICE, (TODAY, NAN, 12, 9, 11, 100)),
        (Reason.NULL_PRICE, (TODAY, 10, 12, 9, NAN, 100)),
        (Reason.NOT_FINITE, (TODAY, 10, INFINITE, 9, 11, 100)),
        (Reason.NOT_FINITE, (TODAY, INFINITE, INFINITE, INFINITE, INFINITE, 100)),
        (Reason.NOT_FINITE, (TODAY, 10, 12, 9, 11, INFINITE)),
        (Reason.PRICE_NOT_POSITIVE, (TODAY, 10, 12, -9, 11, 100)),
        (Reason.PRICE_NOT_POSITIVE, (TODAY, 0, 0, 0, 0, 0)),
        (Reason.TOO_LARGE, (TODAY, 1e14, 1e14, 1e14, 1e14, 0)),
        (Reason.TOO_LARGE, (TODAY, 10, 12, 9, 11, 1e22)),
        (Reason.HIGH_BELOW_LOW, (TODAY, 10, 9, 12, 11, 100)),
        (Reason.OUTSIDE_RANGE, (TODAY, 10, 12, 9, 12.02, 100)),
        (Reason.OUTSIDE_RANGE, (TODAY, 8.98, 12, 9, 11, 100)),
        (Reason.NEGATIVE_VOLUME, (TODAY, 10, 12, 9, 11, -1)),
    ],
)
def test_each_fault_has_a_name_and_a_sentence(reason: Reason, row: Row) -> None:
    """And costs no other row its place."""
    verdict = judge((TODAY - DAY, *GOOD[1:]), row)
    assert verdict.rejected == [(1, reason)]
    assert verdict.rows.tolist() == [0]
    assert reason.detail.endswith(".")


def test_a_close_may_lie_outside_by_a_tick() -> None:
    """The symbol's own tick, or else a cent or a thousandth of the price, whichever is less."""
    assert not judge((TODAY, 10, 12, 9, 12.01, 1)).rejected
    assert judge((TODAY, 0.1, 0.12, 0.09, 0.125, 1)).rejected
    assert not judge((TODAY, 100, 101, 99, 101.25, 1), tick_size=0.25).rejected
    assert judge((TODAY, 100, 101, 99, 101.26, 1), tick_size=0.25).rejected


def test_without_a_volume_it_is_zero() -> None:
    """Indices and currencies have none."""
    assert judge((*GOOD[:5], NAN)).bars.volume.tolist() == [0]


def test_of_one_time_the_last_good_row_wins() -> None:
    """A faulty row takes nobody's place."""
    verdict = judge(
        (TODAY, 1, 1, 1, 1, 1), (TODAY - DAY, 2, 2, 2, 2, 2), GOOD, (TODAY, 0, 0, 0, 0, 0)
    )
    assert verdict.rejected == [(0, Reason.DUPLICATE), (3, Reason.PRICE_NOT_POSITIVE)]
    assert verdict.bars == Bars.of([(TODAY - DAY, 2, 2, 2, 2, 2), GOOD])
    assert verdict.rows.tolist() == [1, 2]


def test_weeks_and_months_may_be_named_by_any_of_their_days() -> None:
    """A week is stored by its Monday, a month by its first day."""
    wednesday = TODAY + 2 * DAY - 7 * DAY
    row = (wednesday, *GOOD[1:])
    assert judge(row, resolution=Resolution.WEEK).bars.time.tolist() == [TODAY - 7 * DAY]
    assert judge(row, resolution=Resolution.MONTH).bars.time.tolist() == [1717200000]
    both = judge(row, (wednesday + DAY, *GOOD[1:]), resolution=Resolution.WEEK)
    assert both.rejected == [(0, Reason.DUPLICATE)]


def test_bars_within_a_day_begin_where_the_session_has_them(calendar_of: CalendarOf) -> None:
    """In New York at half past; outside the session only where there are extended hours."""
    open, hour = 1717767000, Resolution.HOUR  # Friday, 2024-06-07 09:30
    rows = columns(*((time, *GOOD[1:]) for time in (open, open + 1800, open - 1800, open + DAY)))
    verdict = validate(rows, hour, calendar_of("XNYS"), now=MONDAY)
    assert verdict.rejected == [
        (1, Reason.MISALIGNED), (2, Reason.OUTSIDE_SESSION), (3, Reason.OUTSIDE_SESSION)
    ]  # fmt: skip
    extended = validate(rows, hour, calendar_of("XNYS"), now=MONDAY, extended_hours=True)
    assert extended.rejected == [(1, Reason.MISALIGNED), (3, Reason.MISALIGNED)]


prices = st.floats(1e-6, 9e13)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TODAY - k * DAY for k in range(4)]) | st.floats(),
            *[st.floats() | prices] * 4,
            st.floats(),
        ),
        max_size=12,
    ),
    st.sampled_from(Resolution),
)
def test_every_row_is_a_bar_or_rejected(rows: list[Row], resolution: Resolution) -> None:
    """Never both and never neither; and what is a bar can be drawn."""
    verdict = judge(*rows, resolution=resolution)
    seen = [*verdict.rows.tolist(), *(row for row, _ in verdict.rejected)]
    assert sorted(seen) == list(range(len(rows)))
    bars = verdict.bars
    assert (np.diff(bars.time) > 0).all()
    assert all(np.isfinite(column).all() for column in bars.columns())
    assert (bars.low > 0).all()
    assert (bars.high >= bars.low).all()
