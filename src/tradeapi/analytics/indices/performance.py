"""How well a level series did, and how evenly.

x are the simple returns, k their number, A the periods per year, rf and mar per period. Sharpe,
"The Sharpe Ratio", 1994; Sortino and van der Meer, "Downside Risk", 1991; Young, "Calmar Ratio",
1991; Martin and McCann, "The Investor's Guide to Fidelity Funds", 1989 (Ulcer index); Keating and
Shadwick, "A Universal Performance Measure", 2002 (Omega).
"""

from datetime import date
from math import sqrt

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.sample import Sample, annual
from tradeapi.analytics.indices.undefined import Undefined

DAYS_PER_YEAR = 365.25


def total_return(sample: Sample) -> float:
    return _growth(sample) - 1


def cagr(sample: Sample) -> float:
    """By sessions: the growth to the power of A / k, less 1."""
    return float(_growth(sample) ** (sample.per_year / len(sample.returns)) - 1)


def cagr_calendar(sample: Sample) -> float:
    """By the calendar days since the base."""
    growth, days = _growth(sample), sample.levels.days
    return float(growth ** (DAYS_PER_YEAR / int((days[-1] - days[0]).astype(np.int64))) - 1)


def mean_return(sample: Sample) -> float:
    """A times the mean."""
    return sample.per_year * sample.mean


def volatility(sample: Sample) -> float:
    return annual(sample.deviation, sample.per_year)


def sharpe(sample: Sample) -> float:
    return annual(sample.sharpe, sample.per_year)


def sortino(sample: Sample) -> float:
    """All k returns count in the mean of the squared shortfalls."""
    shortfall = np.minimum(sample.at_least(2) - sample.minimum, 0)
    downside = sqrt(float((shortfall**2).mean()))
    if downside <= sample.noise:
        raise Undefined("No return is below the minimum.")
    return annual((sample.mean - sample.minimum) / downside, sample.per_year)


def calmar(sample: Sample) -> float:
    """The growth rate by sessions over the depth of the deepest drawdown."""
    return cagr(sample) / -sample.deepest.depth


def omega(sample: Sample) -> float:
    """What exceeds mar over what falls short of it."""
    excess = sample.at_least(2) - sample.minimum
    shortfall = -float(np.minimum(excess, 0).sum())
    if shortfall <= sample.noise:
        raise Undefined("No return is below the minimum.")
    return float(np.maximum(excess, 0).sum()) / shortfall


def max_drawdown(sample: Sample) -> float:
    """0 if the level never fell."""
    return float(sample.underwater.min())


def max_drawdown_peak_day(sample: Sample) -> date:
    return sample.deepest.peak


def max_drawdown_trough_day(sample: Sample) -> date:
    return sample.deepest.trough


def max_drawdown_recovery_day(sample: Sample) -> date:
    recovery = sample.deepest.recovery
    if recovery is None:
        raise Undefined("The level has not recovered.")
    return recovery


def ulcer_index(sample: Sample) -> float:
    """The root of the mean squared depth, over the k sessions after the base."""
    return sqrt(float((sample.underwater**2).mean()))


def best_return(sample: Sample) -> float:
    return float(sample.returns.max())


def best_return_day(sample: Sample) -> date:
    """The first, if there are several."""
    return sample.levels.day(1 + int(sample.returns.argmax()))


def worst_return(sample: Sample) -> float:
    return float(sample.returns.min())


def worst_return_day(sample: Sample) -> date:
    """The first, if there are several."""
    return sample.levels.day(1 + int(sample.returns.argmin()))


def hit_rate(sample: Sample) -> float:
    """The share of returns above 0."""
    return float((sample.returns > 0).mean())


def payoff(sample: Sample) -> float:
    """The mean return above 0 over the mean one below it."""
    return _mean(_gains(sample), "above") / _mean(-_losses(sample), "below")


def _growth(sample: Sample) -> float:
    sample.at_least(1)
    return float(sample.levels.values[-1] / sample.levels.values[0])


def _gains(sample: Sample) -> Float64Array:
    return sample.returns[sample.returns > 0]


def _losses(sample: Sample) -> Float64Array:
    return sample.returns[sample.returns < 0]


def _mean(returns: Float64Array, side: str) -> float:
    if not len(returns):
        raise Undefined(f"No return is {side} 0.")
    return float(returns.mean())
