"""Where a difference from a benchmark came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeapi.analytics.indices.attribution import Holdings, attribute, effects, linking_factors
from tradeapi.analytics.indices.undefined import Undefined


def holdings(weights: object, returns: object) -> Holdings:
    return Holdings(
        np.atleast_2d(np.array(weights, float)), np.atleast_2d(np.array(returns, float))
    )


PORTFOLIO = holdings([0.5, 0.3, 0.2], [0.10, 0.02, -0.05])
BENCHMARK = holdings([0.4, 0.4, 0.2], [0.08, 0.03, -0.02])


def test_effects_of_one_period() -> None:
    """Brinson and Fachler's three, by sector."""
    assert PORTFOLIO.total.tolist() == pytest.approx([0.046])
    assert BENCHMARK.total.tolist() == pytest.approx([0.040])
    found = effects(PORTFOLIO, BENCHMARK)
    assert found.allocation[0].tolist() == pytest.approx([0.004, 0.001, 0])
    assert found.selection[0].tolist() == pytest.approx([0.008, -0.004, -0.006])
    assert found.interaction[0].tolist() == pytest.approx([0.002, 0.001, 0])
    assert found.active.tolist() == pytest.approx([0.006])


def test_effects_of_two_periods_are_linked() -> None:
    """Carino's factors, by which they sum to the difference of what is compounded."""
    portfolio, benchmark = np.array([0.046, 0.03]), np.array([0.04, 0.01])
    factors = linking_factors(portfolio, benchmark)
    assert factors.round(8).tolist() == [1.01997691, 1.04300693]
    assert float(factors @ (portfolio - benchmark)) == pytest.approx(0.02698, abs=1e-15)


def test_equal_returns_need_no_limit_to_be_taken() -> None:
    """Nor do returns that are almost equal lose their digits."""
    assert linking_factors(np.array([0.05]), np.array([0.05])).tolist() == [1]
    near, equal = (
        linking_factors(np.array([0.05 + gap, 0.02]), np.array([0.05, 0.01])) for gap in (1e-13, 0)
    )
    np.testing.assert_allclose(near, equal, rtol=1e-12)


def test_a_sector_that_one_of_them_lacks_may_have_no_return() -> None:
    """All that it brought beyond the benchmark's return is the choice within the sector."""
    found = effects(
        holdings([0.5, 0.5, 0], [0.1, 0.02, np.nan]),
        holdings([0.5, 0, 0.5], [0.06, np.nan, 0.02]),
    )
    assert found.allocation[0].tolist() == pytest.approx([0, 0, 0.01])
    assert found.selection[0].tolist() == pytest.approx([0.02, 0, 0])
    assert found.interaction[0].tolist() == pytest.approx([0, -0.01, 0])
    assert found.active.tolist() == pytest.approx([0.06 - 0.04])


def test_a_period_that_lost_everything_is_not_linked() -> None:
    """Its effects stand for themselves."""
    lost = holdings([1.0], [-1.0])
    with pytest.raises(Undefined, match="lost everything"):
        attribute(lost, holdings([1.0], [0.1]))
    with pytest.raises(Undefined, match="lost everything"):
        attribute(holdings([1.0], [0.1]), lost)
    assert effects(lost, holdings([1.0], [0.1])).active.tolist() == pytest.approx([-1.1])


@pytest.mark.parametrize(
    ("weights", "returns", "why"),
    [
        ([0.5, 0.4], [0, 0], "sum to 1"),
        ([0.5, np.nan], [0, 0], "sum to 1"),
        ([0.5, 0.5], [0, np.nan], "must be a number"),
        ([1, 0], [0, np.inf], "must be a number"),
        ([0.5, 0.5], [0], "shape"),
    ],
)
def test_impossible_holdings_are_refused(
    weights: list[float], returns: list[float], why: str
) -> None:
    """Their effects would not add up."""
    with pytest.raises(ValueError, match=why):
        holdings(weights, returns)


def test_both_must_have_the_same_sectors() -> None:
    """And periods."""
    with pytest.raises(ValueError, match="same periods and sectors"):
        effects(PORTFOLIO, holdings([1.0], [0.1]))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12), st.integers(1, 5))
def test_linked_effects_sum_to_the_difference(seed: int, periods: int, sectors: int) -> None:
    """To the last digits, over any number of periods."""
    random = np.random.default_rng(seed)
    own, theirs = (
        Holdings(
            random.dirichlet(np.ones(sectors), periods), random.normal(0, 0.1, (periods, sectors))
        )
        for _ in range(2)
    )
    found = attribute(own, theirs)
    np.testing.assert_allclose(found.periods.active, own.total - theirs.total, atol=1e-14)
    np.testing.assert_allclose(found.portfolio, (1 + own.total).prod() - 1, atol=1e-12)
    np.testing.assert_allclose(found.linked.active, found.portfolio - found.benchmark, atol=1e-12)
    nothing = attribute(own, own)
    assert not nothing.linked.selection.any()
    assert nothing.linked.active == pytest.approx(0, abs=1e-15)
