"""Returns by month and year."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.analytics.indices.samples import levels_of, several_returns
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.periods import monthly, yearly


def test_months_and_years_run_from_close_to_close() -> None:
    """The base's own month is absent, a month without sessions too; the last may be a part."""
    levels = Levels.of(
        ["2023-12-29", "2024-01-02", "2024-01-31", "2024-03-01", "2025-01-02", "2025-01-03"],
        [100, 104, 110, 99, 118.8, 120],
    )
    months = monthly(levels)
    assert months.first.astype(str).tolist() == ["2024-01-02", "2024-03-01", "2025-01-02"]
    assert months.last.astype(str).tolist() == ["2024-01-31", "2024-03-01", "2025-01-03"]
    assert months.returns.tolist() == pytest.approx([0.1, -0.1, 120 / 99 - 1])
    years = yearly(levels)
    assert years.first.astype(str).tolist() == ["2024-01-02", "2025-01-02"]
    assert years.returns.tolist() == pytest.approx([-0.01, 120 / 99 - 1])


def test_a_base_within_a_month_begins_it() -> None:
    """Then the first return is of a part of the month."""
    levels = Levels.of(["2024-01-10", "2024-01-11", "2024-02-01"], [100, 101, 102.01])
    assert monthly(levels).returns.tolist() == pytest.approx([0.01, 0.01])


def test_a_base_has_no_periods() -> None:
    """Nor has nothing."""
    for levels in (levels_of([]), Levels.of([], [])):
        assert len(monthly(levels).returns) == len(yearly(levels).first) == 0


@settings(deadline=None)
@given(several_returns(least=1))
def test_periods_compound_to_the_whole(returns: list[float]) -> None:
    """So do months within a year."""
    levels = levels_of([x for x in returns for _ in range(9) if x > -1] + [0.01])
    whole = levels.values[-1] / levels.values[0]
    for table in (monthly(levels), yearly(levels)):
        np.testing.assert_allclose((1 + table.returns).prod(), whole, rtol=1e-9)
        assert (table.first <= table.last).all()
