"""Where definitions agree, an independent library finds the same numbers."""

from math import sqrt

import empyrical
import pytest

from tests.analytics.indices.samples import levels_of, number, random_returns
from tradeapi.analytics.indices.measures import measure, measure_against
from tradeapi.analytics.indices.sample import Terms

RISK_FREE = 0.03
TERMS = Terms(risk_free=RISK_FREE, minimum=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_measures_are_those_of_empyrical(seed: int) -> None:
    """Of 500 returns: then its whole number of returns in the tail is exact too."""
    levels = levels_of(random_returns(500, seed).tolist())
    returns, daily, least = levels.returns, RISK_FREE / 252, 0.01 / 252
    expected = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.cagr(returns),
        "volatility": empyrical.annual_volatility(returns),
        "sharpe": empyrical.sharpe_ratio(returns, risk_free=daily),
        "sortino": empyrical.sortino_ratio(returns, required_return=least),
        "calmar": empyrical.calmar_ratio(returns),
        "omega": empyrical.omega_ratio(returns, risk_free=least),
        "max_drawdown": empyrical.max_drawdown(returns),
        "tail_ratio": empyrical.tail_ratio(returns),
        "var_historical": -empyrical.value_at_risk(returns, cutoff=0.05),
        "cvar_historical": -empyrical.conditional_value_at_risk(returns, cutoff=0.05),
    }
    found = measure(levels, TERMS)
    assert {name: number(found[name]) for name in expected} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_measures_against_a_benchmark_are_those_of_empyrical(seed: int) -> None:
    """Its alpha is compounded, and its information ratio that of a period."""
    market = random_returns(500, seed)
    own = 0.8 * market + random_returns(500, seed + 100, 0.004)
    levels, benchmark = levels_of(own.tolist()), levels_of(market.tolist())
    returns, theirs, daily = levels.returns, benchmark.returns, RISK_FREE / 252
    expected = {
        "beta": empyrical.beta(returns, theirs, risk_free=daily),
        "alpha_compounded": empyrical.alpha(returns, theirs, risk_free=daily),
        "information_ratio": sqrt(252) * empyrical.excess_sharpe(returns, theirs),
        "up_capture": empyrical.up_capture(returns, theirs),
        "down_capture": empyrical.down_capture(returns, theirs),
    }
    found = measure_against(levels, benchmark, TERMS)
    assert {name: number(found[name]) for name in expected} == pytest.approx(expected, rel=1e-9)
