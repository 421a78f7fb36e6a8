"""Which name brings which part of a risk."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.indices.samples import levels_of, number
from tradeapi.analytics.indices.contributions import (
    Contributions,
    cvar_contributions,
    volatility_contributions,
)
from tradeapi.analytics.indices.measures import measure
from tradeapi.analytics.indices.sample import Terms
from tradeapi.analytics.indices.undefined import Undefined

COVARIANCE = np.array([[0.04, 0.006, 0.002], [0.006, 0.0225, 0.003], [0.002, 0.003, 0.01]])
WEIGHTS = np.array([0.5, 0.3, 0.2])


def returns_of(covariance: "np.ndarray[Any, np.dtype[np.float64]]") -> Any:
    """Some periods that have exactly this covariance."""
    random = np.random.default_rng(1).normal(size=(20, len(covariance)))
    orthogonal, _ = np.linalg.qr(random - random.mean(axis=0))
    return np.sqrt(19) * orthogonal @ np.linalg.cholesky(covariance).T


def test_a_worked_example() -> None:
    """Three names."""
    found = volatility_contributions(WEIGHTS, returns_of(COVARIANCE), 1)
    assert round(found.risk, 9) == 0.122413235
    assert found.parts.round(9).tolist() == [0.090676470, 0.025364904, 0.006371860]
    assert found.shares.round(6).tolist() == [0.740741, 0.207207, 0.052052]


def test_a_hedge_lowers_the_risk() -> None:
    """Its part is negative."""
    returns = returns_of(np.array([[0.04, 0.03], [0.03, 0.04]]))
    found = volatility_contributions(np.array([1, -0.5]), returns, 1)
    assert found.parts[1] < 0
    assert found.shares.sum() == pytest.approx(1)


def test_without_risk_there_are_no_parts() -> None:
    """Of a perfect hedge, of names that do not move, of too few periods, of no names."""
    ones = np.ones((2, 2))
    hedge = np.array([1.0, -1.0])
    with pytest.raises(Undefined, match="The volatility is 0"):
        volatility_contributions(np.empty(0), np.empty((2, 0)), 252)
    moving = np.random.default_rng(0).normal(0, 0.01, (50, 1)) * ones[:1]
    for weights, returns in ((hedge, moving), (hedge + 3, 0 * moving + 0.003)):
        with pytest.raises(Undefined, match="The volatility is 0"):
            volatility_contributions(weights, returns, 252)
    with pytest.raises(Undefined, match="It takes 2 periods, there are 1"):
        volatility_contributions(hedge, ones[:1], 252)
    with pytest.raises(Undefined, match="It takes 2 periods, there are 0"):
        cvar_contributions(hedge, ones[:0], 0.95)
    with pytest.raises(Undefined, match="no risk to share"):
        _ = Contributions(0.0, np.zeros(2)).shares


def test_what_does_not_fit_is_refused() -> None:
    """And what lacks numbers."""
    ones = np.ones((2, 2))
    with pytest.raises(ValueError, match="shape"):
        cvar_contributions(WEIGHTS, ones, 0.95)
    with pytest.raises(ValueError, match="numbers"):
        cvar_contributions(WEIGHTS[:2], ones * np.nan, 0.95)


def test_losses_on_the_edge_of_the_tail_are_shared() -> None:
    """The order of equally bad periods is no reason to blame one name."""
    returns = np.array([[-0.2, 0], [0, -0.2], [0.1, 0.1], [0.1, 0.1]])
    found = cvar_contributions(np.array([0.5, 0.5]), returns, 0.75)
    assert found.risk == pytest.approx(0.1)
    assert found.parts.tolist() == pytest.approx([0.05, 0.05])


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60), st.integers(1, 6))
def test_parts_sum_to_the_risk(seed: int, periods: int, names: int) -> None:
    """Each weight times its covariance with the whole, scaled with the weights, in any order."""
    random = np.random.default_rng(seed)
    returns, weights = random.normal(0, 0.02, (periods, names)), random.normal(0, 1, names)
    covariance = 252 * np.atleast_2d(np.cov(returns, rowvar=False))
    found = volatility_contributions(weights, returns, 252)
    np.testing.assert_allclose(found.parts.sum(), found.risk)
    np.testing.assert_allclose(found.risk, np.sqrt(252) * (returns @ weights).std(ddof=1))
    expected = weights * (covariance @ weights) / found.risk
    np.testing.assert_allclose(found.parts, expected, atol=1e-12)
    twice = volatility_contributions(2 * weights, returns, 252)
    np.testing.assert_allclose(twice.parts, 2 * found.parts)
    order = random.permutation(names)
    tail = cvar_contributions(weights, returns, 0.9)
    shuffled = cvar_contributions(weights[order], random.permutation(returns)[:, order], 0.9)
    np.testing.assert_allclose(shuffled.parts, tail.parts[order], atol=1e-12)


def test_parts_of_the_tail_sum_to_that_of_the_whole() -> None:
    """As it is measured from levels."""
    returns = np.random.default_rng(2).normal(0, 0.01, (101, 3))
    found = cvar_contributions(WEIGHTS, returns, 0.95)
    whole = measure(levels_of((returns @ WEIGHTS).tolist()), Terms())["cvar_historical"]
    assert found.parts.sum() == pytest.approx(number(whole))
