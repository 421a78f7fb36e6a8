"""Every measure of performance and risk by its name, each with its value or why there is none.

Returns, rates and losses are fractions: 0.01 is one percent. What is per year says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import TypeVar

import numpy as np

from tradeapi.analytics.indices import performance, relative, tails
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.relative import Pair
from tradeapi.analytics.indices.sample import Sample, Terms
from tradeapi.analytics.indices.undefined import Undefined

Value = float | date
Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Measure:
    """A finite number or a day, or None with the reason."""

    value: Value | None
    reason: str | None = None


MEASURES: dict[str, Callable[[Sample], Value]] = {
    formula.__name__: formula
    for formula in (
        performance.total_return,
        performance.cagr,
        performance.cagr_calendar,
        performance.mean_return,
        performance.volatility,
        performance.sharpe,
        performance.sortino,
        performance.calmar,
        performance.omega,
        performance.max_drawdown,
        performance.max_drawdown_peak_day,
        performance.max_drawdown_trough_day,
        performance.max_drawdown_recovery_day,
        performance.ulcer_index,
        performance.best_return,
        performance.best_return_day,
        performance.worst_return,
        performance.worst_return_day,
        performance.hit_rate,
        performance.payoff,
        tails.skewness,
        tails.excess_kurtosis,
        tails.tail_ratio,
        tails.var_historical,
        tails.var_normal,
        tails.var_cornish_fisher,
        tails.cvar_historical,
        tails.cvar_normal,
        tails.probabilistic_sharpe,
    )
}

RELATIVE_MEASURES: dict[str, Callable[[Pair], Value]] = {
    formula.__name__: formula
    for formula in (
        relative.beta,
        relative.alpha,
        relative.alpha_compounded,
        relative.correlation,
        relative.tracking_error,
        relative.information_ratio,
        relative.treynor,
        relative.m_squared,
        relative.up_capture,
        relative.down_capture,
    )
}


def measure(levels: Levels, terms: Terms) -> dict[str, Measure]:
    """All of MEASURES, in their order."""
    return _measured(MEASURES, Sample(levels, terms))


def measure_against(levels: Levels, benchmark: Levels, terms: Terms) -> dict[str, Measure]:
    """All of RELATIVE_MEASURES, in their order, on the days that both have."""
    return _measured(RELATIVE_MEASURES, Pair(levels, benchmark, terms))


def _measured(
    formulas: Mapping[str, Callable[[Subject], Value]], subject: Subject
) -> dict[str, Measure]:
    with np.errstate(all="ignore"):
        return {name: _value(formula, subject) for name, formula in formulas.items()}


def _value(formula: Callable[[Subject], Value], subject: Subject) -> Measure:
    try:
        value = formula(subject)
    except Undefined as undefined:
        return Measure(None, str(undefined))
    except OverflowError:
        value = float("inf")
    if isinstance(value, float) and not isfinite(value):
        return Measure(None, "The number is too large.")
    return Measure(value)
