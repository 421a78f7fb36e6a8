"""A series against its benchmark."""

from math import isfinite, sqrt

import numpy as np
import pytest
from hypothesis import given, settings

from tests.analytics.indices.samples import levels_of, number, random_returns, several_returns
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import Measure, measure, measure_against
from tradeapi.analytics.indices.sample import Terms

TERMS = Terms(periods_per_year=12, risk_free=0.024)


def test_a_worked_example() -> None:
    """Four months of both, with a risk-free rate of 0.2 % per month."""
    market = np.array([0.04, -0.02, 0.06, 0])
    own = np.array([0.1, -0.08, 0.15, 0.03])
    found = measure_against(levels_of(own.tolist()), levels_of(market.tolist()), TERMS)
    beta = 0.0106 / 0.004
    difference = own - market
    expected = {
        "beta": beta,
        "alpha": 12 * (0.048 - beta * 0.018),
        "alpha_compounded": (1.048 - beta * 0.018) ** 12 - 1,
        "correlation": 0.0106 / sqrt(0.004 * 0.0298),
        "tracking_error": sqrt(12 * ((difference - 0.03) ** 2).sum() / 3),
        "information_ratio": sqrt(12) * 0.03 / sqrt(((difference - 0.03) ** 2).sum() / 3),
        "treynor": 12 * 0.048 / beta,
        "m_squared": 12 * (0.048 / sqrt(0.0298) * sqrt(0.004) + 0.002),
        "up_capture": ((1.1 * 1.15) ** 6 - 1) / ((1.04 * 1.06) ** 6 - 1),
        "down_capture": (0.92**12 - 1) / (0.98**12 - 1),
    }
    assert {name: measure.value for name, measure in found.items()} == pytest.approx(expected)


def test_only_common_days_count() -> None:
    """A return spans the days that one of the two lacks, in both."""
    own = Levels.of([0, 1, 2, 3, 5], [100, 101, 99, 103, 104])
    theirs = Levels.of([1, 3, 4, 5, 6], [50, 51, 49, 52, 50])
    narrow = measure_against(
        Levels.of([1, 3, 5], [101, 103, 104]), Levels.of([1, 3, 5], [50, 51, 52]), TERMS
    )
    assert measure_against(own, theirs, TERMS) == narrow


def test_without_common_days_nothing_is_defined() -> None:
    """And with one neither."""
    for days in ([7, 8], [1, 7]):
        found = measure_against(Levels.of([0, 1], [1, 2]), Levels.of(days, [1, 2]), TERMS)
        assert {measure.value for measure in found.values()} == {None}


def test_a_series_is_like_itself() -> None:
    """There is nothing to inform about, though one is quoted in thirds of the other."""
    returns = random_returns(500, seed=3).tolist()
    own, same = levels_of(returns), levels_of(returns, base=1000 / 3)
    found = measure_against(own, same, TERMS)
    for name in ("beta", "correlation", "up_capture", "down_capture"):
        assert number(found[name]) == pytest.approx(1, abs=1e-9)
    assert number(found["alpha"]) == pytest.approx(0, abs=1e-12)
    assert found["tracking_error"] == Measure(0.0)
    assert found["information_ratio"] == Measure(None, "The series never leaves its benchmark.")
    mean_return = number(measure(own, TERMS)["mean_return"])
    assert number(found["m_squared"]) == pytest.approx(mean_return)


def test_a_benchmark_that_does_not_move_explains_nothing() -> None:
    """It still can be tracked badly."""
    found = measure_against(levels_of([0.01, -0.02, 0.03]), levels_of([0.001] * 3), TERMS)
    for name in ("beta", "alpha", "correlation", "treynor"):
        assert found[name] == Measure(None, "All returns of the benchmark are equal.")
    assert found["down_capture"] == Measure(None, "No return of the benchmark is below 0.")
    assert number(found["tracking_error"]) > 0


def test_a_series_that_does_not_move_has_a_beta_of_0() -> None:
    """And no ratio to it."""
    found = measure_against(levels_of([0.001] * 3), levels_of([-0.01, -0.02, -0.03]), TERMS)
    assert found["beta"] == Measure(0.0)
    assert found["treynor"] == Measure(None, "Beta is 0.")
    assert found["correlation"] == Measure(None, "All returns are equal.")
    assert found["up_capture"] == Measure(None, "No return of the benchmark is above 0.")


def test_a_daily_loss_of_more_than_everything_does_not_compound() -> None:
    """Alpha per year is defined nevertheless."""
    own, theirs = levels_of([-0.5, -0.9]), levels_of([1, 0.9])
    found = measure_against(own, theirs, Terms())
    assert found["alpha_compounded"].reason == "An alpha below -1 per period does not compound."
    assert number(found["alpha"]) < -252


@settings(deadline=None)
@given(several_returns(least=0), several_returns(least=0))
def test_a_measure_is_a_number_or_a_reason(own: list[float], theirs: list[float]) -> None:
    """Never both, never neither, and never a number that JSON lacks."""
    found = measure_against(levels_of(own), levels_of(theirs), Terms())
    for one in found.values():
        assert (one.value is None) == bool(one.reason)
        assert not isinstance(one.value, float) or isfinite(one.value)
    if found["correlation"].value is not None:
        assert -1 <= number(found["correlation"]) <= 1
