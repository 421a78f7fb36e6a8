"""Returns as a sample, under the terms on which they are measured."""

from dataclasses import dataclass
from functools import cached_property
from math import floor, isfinite, sqrt
from typing import Literal

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.drawdowns import Drawdown, drawdowns, underwater
from tradeapi.analytics.indices.levels import NOISE, Levels
from tradeapi.analytics.indices.undefined import Undefined


@dataclass(frozen=True, slots=True)
class Terms:
    """`risk_free` and `minimum` (the least acceptable return) are per year: 0.02 is 2 percent.

    A session's share of them is a `periods_per_year`-th of them, or with `compounding` geometric
    what compounds to them. `confidence` is that of the value at risk. Raises ValueError.
    """

    periods_per_year: float = 252
    risk_free: float = 0.0
    minimum: float = 0.0
    confidence: float = 0.95
    compounding: Literal["simple", "geometric"] = "simple"

    def __post_init__(self) -> None:
        if not (isfinite(self.periods_per_year) and self.periods_per_year > 0):
            raise ValueError("There must be more than 0 periods per year.")
        if not 0 < self.confidence < 1:
            raise ValueError("The confidence must be between 0 and 1.")
        if not all(isfinite(rate) and rate > -1 for rate in (self.risk_free, self.minimum)):
            raise ValueError("A rate must be a number above -1.")

    def per_period(self, rate: float) -> float:
        if self.compounding == "geometric":
            return float((1 + rate) ** (1 / self.periods_per_year) - 1)
        return rate / self.periods_per_year


class Sample:
    """What several measures need; computed once. Raises Undefined where there is no such number."""

    def __init__(self, levels: Levels, terms: Terms) -> None:
        self.levels = levels
        self.terms = terms
        self.per_year = terms.periods_per_year
        self.risk_free = terms.per_period(terms.risk_free)
        self.minimum = terms.per_period(terms.minimum)

    @cached_property
    def returns(self) -> Float64Array:
        return self.at_least(1)

    def at_least(self, count: int) -> Float64Array:
        """The returns, if there are so many."""
        returns = self._returns
        if len(returns) < count:
            raise Undefined(f"It takes {count} returns, there are {len(returns)}.")
        return returns

    @cached_property
    def mean(self) -> float:
        return float(self.returns.mean())

    @cached_property
    def deviation(self) -> float:
        """Of the sample (n - 1); 0 if the returns differ by rounding only."""
        return deviation(self.at_least(2), self.noise)

    @cached_property
    def spread(self) -> float:
        """The deviation as a divisor."""
        if self.deviation == 0:
            raise Undefined("All returns are equal.")
        return self.deviation

    @cached_property
    def sharpe(self) -> float:
        """Per period."""
        return (self.mean - self.risk_free) / self.spread

    @cached_property
    def noise(self) -> float:
        """What rounding alone may make of a return."""
        return NOISE * (1 + float(abs(self.returns).max()))

    @cached_property
    def skewness(self) -> float:
        """m3 / m2^(3/2) of the central moments over n."""
        self.at_least(3)
        scores = self._scores
        return float((scores * scores * scores).mean())

    @cached_property
    def kurtosis(self) -> float:
        """m4 / m2^2 of the central moments over n: 3 for a normal distribution."""
        self.at_least(4)
        squares = self._scores * self._scores
        return float((squares * squares).mean())

    def quantile(self, share: float) -> float:
        """Of the returns, interpolated linearly between them."""
        ordered = self._ordered
        place = share * (len(ordered) - 1)
        low = floor(place)
        below, above = ordered[low], ordered[min(low + 1, len(ordered) - 1)]
        return float(below + (above - below) * (place - low))

    @cached_property
    def underwater(self) -> Float64Array:
        """One number for each return: the base is not below a high."""
        self.at_least(1)
        return underwater(self.levels.values)[1:]

    @cached_property
    def deepest(self) -> Drawdown:
        self.at_least(1)
        found = drawdowns(self.levels, 1)
        if not found:
            raise Undefined("The level never fell.")
        return found[0]

    @cached_property
    def _scores(self) -> Float64Array:
        """The returns less their mean over their deviation (n)."""
        count = len(self.returns)
        scores: Float64Array = (self.returns - self.mean) / (
            self.spread * sqrt((count - 1) / count)
        )
        return scores

    @cached_property
    def _ordered(self) -> Float64Array:
        return np.sort(self.at_least(2))

    @cached_property
    def _returns(self) -> Float64Array:
        return self.levels.returns


def deviation(values: Float64Array, noise: float) -> float:
    found = float(values.std(ddof=1))
    return 0.0 if found <= noise else found


def annual(deviation: float, per_year: float) -> float:
    return deviation * sqrt(per_year)
