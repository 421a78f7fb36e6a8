"""Measures over a moving window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.indices.samples import levels_of, number, random_returns, several_returns
from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices import rolling
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import Measure, measure, measure_against
from tradeapi.analytics.indices.sample import Terms

TERMS = Terms(risk_free=0.02)


def rolled(levels: Levels, window: int) -> dict[str, Float64Array]:
    return {
        "total_return": rolling.rolling_return(levels, window),
        "volatility": rolling.rolling_volatility(levels, window, TERMS),
        "sharpe": rolling.rolling_sharpe(levels, window, TERMS),
        "max_drawdown": rolling.rolling_max_drawdown(levels, window),
    }


def compare(found: float, expected: Measure) -> None:
    wanted = np.nan if expected.value is None else number(expected)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(several_returns(), several_returns(), st.integers(2, 8))
def test_each_window_is_measured_as_if_it_were_all(
    own: list[float], theirs: list[float], window: int
) -> None:
    """Also where nothing moves, or everything is lost."""
    levels, benchmark = levels_of(own), levels_of(theirs)
    days, betas = rolling.rolling_beta(levels, benchmark, window)
    series = rolled(levels, window)
    assert {len(values) for values in series.values()} == {max(len(levels) - window, 0)}
    for start, day in enumerate(rolling.rolling_days(levels, window)):
        part = Levels(levels.days[start:], levels.values[start:])
        part = Levels(part.days[: window + 1], part.values[: window + 1])
        assert part.days[-1] == day
        for name, found in measure(part, TERMS).items():
            if name in series:
                compare(series[name][start], found)
        if start < len(days):
            compare(betas[start], measure_against(part, benchmark, TERMS)["beta"])


def test_a_calm_window_after_a_storm_is_calm() -> None:
    """No rounding error of earlier windows is carried into it."""
    levels = levels_of([0.5, -0.3, 0.9, -0.5] * 100 + [0.0001] * 300)
    assert rolling.rolling_volatility(levels, 100, TERMS)[-200:].tolist() == [0] * 200
    assert np.isnan(rolling.rolling_sharpe(levels, 100, TERMS)[-200:]).all()
    still = levels_of([0.0001] * 700)
    moving = levels_of(random_returns(700, 5).tolist())
    assert not rolling.rolling_beta(still, moving, 20)[1].any()
    assert np.isnan(rolling.rolling_beta(moving, still, 20)[1]).all()


def test_a_window_longer_than_the_series_has_no_values() -> None:
    """And one that is too short for a deviation is refused."""
    levels = levels_of([0.01, 0.02])
    assert {len(values) for values in rolled(levels, 3).values()} == {0}
    assert {len(values) for values in rolled(levels, 2).values()} == {1}
    assert len(rolling.rolling_days(levels, 9)) == len(rolling.rolling_beta(levels, levels, 9)[0])
    with pytest.raises(ValueError, match="at least 2"):
        rolling.rolling_return(levels, 1)
