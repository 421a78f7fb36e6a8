"""What performance and risk come to, and where they have no value."""

from datetime import date
from math import exp, isfinite, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.indices.samples import levels_of, number, random_returns, several_returns
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import MEASURES, RELATIVE_MEASURES, Measure, measure
from tradeapi.analytics.indices.sample import Terms
from tradeapi.analytics.indices.tails import probability_above_zero, tail_weights
from tradeapi.analytics.indices.undefined import Undefined

TERMS = Terms(periods_per_year=12, risk_free=0.024, minimum=0.012, confidence=0.6)
DAILY = Terms()


def values(returns: list[float], terms: Terms = TERMS) -> dict[str, object]:
    return {name: found.value for name, found in measure(levels_of(returns), terms).items()}


def reasons(returns: list[float], terms: Terms = TERMS) -> dict[str, str]:
    found = measure(levels_of(returns), terms)
    return {name: found.reason for name, found in found.items() if found.reason is not None}


def test_the_measures() -> None:
    """By the names that clients see."""
    assert list(MEASURES) == [
        *("total_return", "cagr", "cagr_calendar", "mean_return", "volatility"),
        *("sharpe", "sortino", "calmar", "omega"),
        *("max_drawdown", "max_drawdown_peak_day", "max_drawdown_trough_day"),
        *("max_drawdown_recovery_day", "ulcer_index"),
        *("best_return", "best_return_day", "worst_return", "worst_return_day"),
        *("hit_rate", "payoff", "skewness", "excess_kurtosis", "tail_ratio"),
        *("var_historical", "var_normal", "var_cornish_fisher"),
        *("cvar_historical", "cvar_normal", "probabilistic_sharpe"),
    ]
    assert list(RELATIVE_MEASURES) == [
        *("beta", "alpha", "alpha_compounded", "correlation"),
        *("tracking_error", "information_ratio", "treynor", "m_squared"),
        *("up_capture", "down_capture"),
    ]


def test_a_worked_example() -> None:
    """Months of +10 %, -10 %, +20 % and 0, with rates of 0.2 % and 0.1 % per month."""
    found = values([0.1, -0.1, 0.2, 0])
    mean, deviation, z = 0.05, sqrt(0.05 / 3), -0.2533471031357997
    expected = {
        "total_return": 0.188,
        "cagr": 1.188**3 - 1,
        "cagr_calendar": 1.188 ** (365.25 / 4) - 1,
        "mean_return": 0.6,
        "volatility": sqrt(12) * deviation,
        "sharpe": sqrt(12) * 0.048 / deviation,
        "sortino": sqrt(12) * 0.049 / sqrt((0.101**2 + 0.001**2) / 4),
        "calmar": (1.188**3 - 1) / 0.1,
        "omega": (0.099 + 0.199) / (0.101 + 0.001),
        "max_drawdown": -0.1,
        "ulcer_index": 0.05,
        "best_return": 0.2,
        "worst_return": -0.1,
        "hit_rate": 0.5,
        "payoff": 1.5,
        "skewness": 0.0,
        "excess_kurtosis": (2 * 0.05**4 + 2 * 0.15**4) / 4 / 0.0125**2 - 3,
        "tail_ratio": (0.1 + 0.85 * 0.1) / (0.1 - 0.15 * 0.1),
        # The quantile 0.4 lies at 1.2 between the ordered returns -0.1, 0, 0.1 and 0.2.
        "var_historical": -0.02,
        # The tail holds 1.6 returns: all of -10 %, and 0.6 of the 0.
        "cvar_historical": 0.1 / 1.6,
        "var_normal": -(mean + z * deviation),
        "cvar_normal": deviation * 0.3863425335 / 0.4 - mean,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    kurtosis = expected["excess_kurtosis"]
    corrected = z + (z**3 - 3 * z) * kurtosis / 24
    assert found["var_cornish_fisher"] == pytest.approx(-(mean + corrected * deviation))
    assert found["best_return_day"] == date(2024, 2, 3)
    assert found["worst_return_day"] == date(2024, 2, 2)
    assert found["max_drawdown_peak_day"] == date(2024, 2, 1)
    assert found["max_drawdown_trough_day"] == date(2024, 2, 2)
    assert found["max_drawdown_recovery_day"] == date(2024, 2, 3)


def test_the_probability_of_a_published_sharpe_ratio() -> None:
    """Bailey and Lopez de Prado's fund of 24 months: 0.458 a month, and fat tails to the left."""
    assert probability_above_zero(0.458, 24, 0, 3) == pytest.approx(0.982, abs=5e-4)
    assert probability_above_zero(0.458, 24, -2.448, 10.164) == pytest.approx(0.913, abs=5e-4)


def test_a_sharpe_ratio_that_cannot_err_has_no_probability() -> None:
    """That of returns that take two values, if it is twice the inverse of their skewness."""
    with pytest.raises(Undefined, match="deviation of the Sharpe ratio is 0"):
        probability_above_zero(2, 24, 1, 2)


def test_risk_free_rates_compound_if_asked_to() -> None:
    """To the rate of a year, where a simple one is divided by the periods."""
    assert Terms(12, 0.05, compounding="geometric").per_period(0.05) == 1.05 ** (1 / 12) - 1
    assert Terms(12, 0.06).per_period(0.06) == 0.005


def test_without_a_return_nothing_is_defined() -> None:
    """Of a base alone, or of no level."""
    for levels in (levels_of([]), Levels.of([], [])):
        found = measure(levels, DAILY).values()
        assert {measure.value for measure in found} == {None}
        assert all("returns, there are 0." in str(measure.reason) for measure in found)


def test_one_return_has_no_spread() -> None:
    """What is defined of one return stays so."""
    undefined = reasons([0.01])
    assert undefined["sharpe"] == undefined["volatility"] == "It takes 2 returns, there are 1."
    assert undefined["skewness"] == "It takes 3 returns, there are 1."
    assert undefined["excess_kurtosis"] == "It takes 4 returns, there are 1."
    assert {"total_return", "cagr", "mean_return", "hit_rate", "max_drawdown"}.isdisjoint(undefined)


@pytest.mark.parametrize("step", [0, 0.0007, -0.0003, 0.1])
def test_equal_returns_have_a_volatility_of_0_and_no_ratio(step: float) -> None:
    """Though returns read off levels differ in their last digits."""
    found = measure(levels_of([step] * 250), DAILY)
    assert found["volatility"] == Measure(0.0)
    for name in ("sharpe", "skewness", "excess_kurtosis", "probabilistic_sharpe"):
        assert found[name] == Measure(None, "All returns are equal.")
    assert found["var_normal"].value == pytest.approx(-step)


def test_without_a_fall_there_is_no_downside() -> None:
    """A depth of 0 is a number; a ratio to it is not."""
    found = measure(levels_of([0.01, 0, 0.02]), DAILY)
    assert found["max_drawdown"] == found["ulcer_index"] == Measure(0.0)
    for name in ("calmar", "max_drawdown_peak_day", "max_drawdown_recovery_day"):
        assert found[name] == Measure(None, "The level never fell.")
    for name in ("sortino", "omega"):
        assert found[name] == Measure(None, "No return is below the minimum.")
    assert found["payoff"] == Measure(None, "No return is below 0.")
    assert reasons([-0.01, -0.02])["payoff"] == "No return is above 0."


def test_a_fall_that_lasts_has_no_recovery() -> None:
    """But it has a peak and a trough."""
    undefined = reasons([0.1, -0.2, 0.1, 0.05])
    assert undefined["max_drawdown_recovery_day"] == "The level has not recovered."
    assert "max_drawdown_trough_day" not in undefined


def test_everything_can_be_lost() -> None:
    """Minus 100 percent is a return; after it there are none."""
    levels = Levels.of(np.arange(5), [100, 110, 0, 0, 0])
    found = measure(levels, DAILY)
    assert len(levels.returns) == 2
    for name in ("total_return", "cagr", "cagr_calendar", "max_drawdown", "worst_return"):
        assert found[name] == Measure(-1.0)


def test_a_quantile_of_0_has_no_ratio() -> None:
    """And an expansion that turns back is not used."""
    assert reasons([0.0] * 30 + [0.01])["tail_ratio"] == "The 5 % quantile of the returns is 0."
    assert "expansion" in reasons([0.0001] * 60 + [0.5], DAILY)["var_cornish_fisher"]


def test_what_no_number_can_hold_is_undefined() -> None:
    """Twenty times as much in a day, for a year."""
    found = measure(levels_of([19]), DAILY)
    assert found["cagr"] == Measure(None, "The number is too large.")
    assert found["total_return"] == Measure(19.0)
    tremendous = measure(Levels.of([0, 1, 2, 3, 4], [1e-40, 1e60, 1, 1e60, 2]), DAILY)
    assert all((found.value is None) == bool(found.reason) for found in tremendous.values())


@pytest.mark.parametrize(
    ("days", "levels", "why"),
    [
        ([0, 1], [1, -1], "negative"),
        ([0, 1], [1, np.nan], "numbers"),
        ([0, 1], [np.inf, 1], "numbers"),
        ([0, 1], [0, 1], "base"),
        ([0, 1, 2], [1, 0, 1], "rise from 0"),
        ([0, 1], [1e-300, 1], "further apart"),
        ([1, 1], [1, 1], "ascend"),
        ([2, 1], [1, 1], "ascend"),
        ([0, np.datetime64("NaT")], [1, 1], "ascend"),
        ([0], [1, 1], "its day"),
        ([[0]], [[1]], "its day"),
    ],
)
def test_impossible_levels_are_refused(days: list[int], levels: list[float], why: str) -> None:
    """They would give numbers that mean nothing."""
    with pytest.raises(ValueError, match=why):
        Levels.of(np.array(days, "datetime64[D]"), levels)


@pytest.mark.parametrize(
    "terms",
    [
        {"periods_per_year": 0},
        {"periods_per_year": float("inf")},
        {"risk_free": float("nan")},
        {"minimum": -1},
        {"confidence": 1},
        {"confidence": 0},
    ],
)
def test_impossible_terms_are_refused(terms: dict[str, float]) -> None:
    """No period, rates that lose everything, certainty."""
    with pytest.raises(ValueError, match=r"must be"):
        Terms(**terms)  # type: ignore[arg-type]


def test_days_are_dates_or_counted_from_1970() -> None:
    """What is stored as whole numbers needs no detour."""
    assert Levels.of([19753], [1]).day(0) == date(2024, 1, 31)
    assert Levels.of(["2024-01-31"], [1]).day(0) == date(2024, 1, 31)


def test_rounding_is_no_return() -> None:
    """A level that is summed up again in another order has not moved."""
    found = measure(Levels.of(range(4), [0.6, 0.1 + 0.2 + 0.3, 0.6, 0.3]), DAILY)
    assert found["hit_rate"] == Measure(0.0)
    assert found["payoff"] == Measure(None, "No return is above 0.")


@settings(deadline=None)
@given(several_returns(least=0))
def test_a_measure_is_a_number_or_a_reason(returns: list[float]) -> None:
    """Never both, never neither, and never a number that JSON lacks."""
    for found in measure(levels_of(returns), DAILY).values():
        assert (found.value is None) == bool(found.reason)
        assert not isinstance(found.value, float) or isfinite(found.value)


@settings(deadline=None)
@given(several_returns())
def test_measures_keep_their_bounds(returns: list[float]) -> None:
    """Where they are defined."""
    found = {
        name: found.value
        for name, found in measure(levels_of(returns), DAILY).items()
        if isinstance(found.value, float)
    }
    assert -1 <= found["worst_return"] <= found["best_return"]
    assert -1 <= found["max_drawdown"] <= min(found["worst_return"], 0) + 1e-12
    assert 0 <= found["ulcer_index"] <= -found["max_drawdown"] + 1e-12
    assert 0 <= found["hit_rate"] <= 1
    assert found["cvar_historical"] >= found["var_historical"] - 1e-12
    assert found["cvar_normal"] >= found["var_normal"]
    assert 0 <= found.get("probabilistic_sharpe", 0) <= 1
    assert found.get("omega", 0) >= 0
    assert found.get("excess_kurtosis", 9e9) >= found.get("skewness", 0) ** 2 - 2 - 1e-9


@settings(deadline=None)
@given(several_returns(), st.integers(-20, 20))
def test_the_size_of_levels_does_not_matter(returns: list[float], exponent: int) -> None:
    """Bit for bit where the scale is a power of two."""
    levels = levels_of(returns)
    scaled = Levels(levels.days, levels.values * 2.0**exponent)
    assert measure(scaled, DAILY) == measure(levels, DAILY)


@settings(deadline=None)
@given(several_returns(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_tail_is_the_one_that_minimises(returns: list[float], confidence: float) -> None:
    """Rockafellar and Uryasev: CVaR is the least of c + E[max(loss - c, 0)] / (1 - confidence)."""
    levels = levels_of(returns)
    losses = -levels.returns
    bounds = [c + np.maximum(losses - c, 0).mean() / (1 - confidence) for c in losses]
    found = measure(levels, Terms(confidence=confidence))["cvar_historical"]
    assert number(found) == pytest.approx(min(bounds), abs=1e-12)
    assert tail_weights(levels.returns, confidence).sum() == pytest.approx(1)


def test_ratios_of_reordered_returns_are_the_same() -> None:
    """Only drawdowns know the order."""
    returns = random_returns(300, seed=1)
    ordered = measure(levels_of(np.sort(returns).tolist()), DAILY)
    found = measure(levels_of(returns.tolist()), DAILY)
    for name in ("sharpe", "sortino", "omega", "skewness", "var_cornish_fisher", "payoff"):
        assert number(found[name]) == pytest.approx(number(ordered[name]), rel=1e-9)


def test_growth_by_sessions_and_by_days_agree_where_both_count_the_same() -> None:
    """365.25 daily sessions a year."""
    found = measure(levels_of([0.001] * 300), Terms(periods_per_year=365.25))
    assert number(found["cagr"]) == pytest.approx(number(found["cagr_calendar"]))
    assert number(found["cagr"]) == pytest.approx(exp(365.25 * log(1.001)) - 1)
