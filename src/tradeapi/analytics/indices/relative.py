"""A level series against a benchmark, on the days that both have.

x are the series' returns from one common day to the next, m the benchmark's, A the periods per
year, rf per period. Jensen, "The Performance of Mutual Funds in the Period 1945-1964", 1968;
Treynor, "How to Rate Management of Investment Funds", 1965; Modigliani and Modigliani,
"Risk-Adjusted Performance", 1997; Grinold and Kahn, "Active Portfolio Management", 1999;
Morningstar, "Upside and Downside Capture Ratio".
"""

from functools import cached_property

import numpy as np

from tradeapi.analytics.bars import BoolArray
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.sample import Sample, Terms, annual, deviation
from tradeapi.analytics.indices.undefined import Undefined


class Pair:
    """Both series on their common days; numbers are per period."""

    def __init__(self, levels: Levels, benchmark: Levels, terms: Terms) -> None:
        own, theirs = levels.common(benchmark)
        self.own = Sample(own, terms)
        self.benchmark = Sample(theirs, terms)
        self.per_year = terms.periods_per_year

    @cached_property
    def market(self) -> float:
        """The benchmark's deviation as a divisor."""
        if self.benchmark.deviation == 0:
            raise Undefined("All returns of the benchmark are equal.")
        return self.benchmark.deviation

    @cached_property
    def covariance(self) -> float:
        """Of the sample (n - 1); 0 if either series does not move."""
        own, theirs = self.own, self.benchmark
        if 0 in (own.deviation, theirs.deviation):
            return 0.0
        products = (own.returns - own.mean) * (theirs.returns - theirs.mean)
        return float(products.sum()) / (len(products) - 1)

    @cached_property
    def beta(self) -> float:
        return self.covariance / self.market**2

    @cached_property
    def alpha(self) -> float:
        """(mean x - rf) - beta * (mean m - rf)."""
        own, theirs = self.own, self.benchmark
        return own.mean - own.risk_free - self.beta * (theirs.mean - theirs.risk_free)

    @cached_property
    def tracking(self) -> float:
        """The deviation of x - m; 0 if they differ by rounding only."""
        noise = self.own.noise + self.benchmark.noise
        return deviation(self.own.at_least(2) - self.benchmark.returns, noise)


def beta(pair: Pair) -> float:
    """The covariance over the benchmark's variance."""
    return pair.beta


def alpha(pair: Pair) -> float:
    """A times alpha per period."""
    return pair.per_year * pair.alpha


def alpha_compounded(pair: Pair) -> float:
    """What alpha per period compounds to in a year."""
    if pair.alpha < -1:
        raise Undefined("An alpha below -1 per period does not compound.")
    return float((1 + pair.alpha) ** pair.per_year - 1)


def correlation(pair: Pair) -> float:
    return float(np.clip(pair.covariance / pair.market / pair.own.spread, -1, 1))


def tracking_error(pair: Pair) -> float:
    """The deviation of x - m, annualised."""
    return annual(pair.tracking, pair.per_year)


def information_ratio(pair: Pair) -> float:
    """A times the mean of x - m, over the tracking error."""
    if pair.tracking == 0:
        raise Undefined("The series never leaves its benchmark.")
    return annual((pair.own.mean - pair.benchmark.mean) / pair.tracking, pair.per_year)


def treynor(pair: Pair) -> float:
    """A * (mean x - rf) / beta."""
    if abs(pair.beta) * pair.market <= pair.own.noise:
        raise Undefined("Beta is 0.")
    return pair.per_year * (pair.own.mean - pair.own.risk_free) / pair.beta


def m_squared(pair: Pair) -> float:
    """The yearly return at the benchmark's volatility: Sharpe * volatility of m + A * rf."""
    return pair.per_year * (pair.own.sharpe * pair.benchmark.deviation + pair.own.risk_free)


def up_capture(pair: Pair) -> float:
    """The growth per year in periods in which m > 0, over that of the benchmark: 1 is all of it."""
    return _capture(pair, pair.benchmark.at_least(2) > 0, "above")


def down_capture(pair: Pair) -> float:
    """The same where m < 0."""
    return _capture(pair, pair.benchmark.at_least(2) < 0, "below")


def _capture(pair: Pair, chosen: BoolArray, side: str) -> float:
    if not chosen.any():
        raise Undefined(f"No return of the benchmark is {side} 0.")
    own, theirs = (
        np.expm1(pair.per_year * np.log1p(sample.returns[chosen]).mean())
        for sample in (pair.own, pair.benchmark)
    )
    return float(own / theirs)
