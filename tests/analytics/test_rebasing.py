"""Series as change in percent."""

import numpy as np

from tradeapi.analytics.rebasing import rebased


def percent(values: list[float]) -> list[tuple[int, float]]:
    time, change = rebased(np.arange(len(values)), np.array(values, np.float64))
    return list(zip(time.tolist(), change.tolist(), strict=True))


def test_the_first_value_is_0_percent() -> None:
    """And one of half as much more is 50 percent."""
    assert percent([10, 15, 10, 5]) == [(0, 0), (1, 50), (2, 0), (3, -50)]


def test_a_first_value_that_can_be_no_base_is_absent() -> None:
    """The next that is a number other than 0 is the base; later zeros are a loss of everything."""
    assert percent([0, np.nan, np.inf, 4, 0]) == [(3, 0), (4, -100)]


def test_a_series_without_a_base_has_no_points() -> None:
    """Neither one of zeros nor an empty one."""
    assert percent([0, 0, np.nan]) == []
    assert percent([]) == []


def test_more_is_up_below_0_too() -> None:
    """From -4 to -2 is a rise by half of 4."""
    assert percent([-4, -2, -8]) == [(0, 0), (1, 50), (2, -100)]


def test_what_is_not_finite_is_absent() -> None:
    """A missing value, and a change too large for a number."""
    assert percent([2.0**-1000, np.nan, 2.0**1000, 2.0**-999]) == [(0, 0), (3, 100)]
