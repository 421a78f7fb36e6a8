"""Which name brings which part of a risk.

A risk that doubles with its weights is the sum of weight times marginal risk (Euler's theorem;
Tasche, "Risk contributions and performance measurement", 1999).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.levels import NOISE
from tradeapi.analytics.indices.tails import tail_weights
from tradeapi.analytics.indices.undefined import Undefined


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """`parts` sum to `risk`, shape (names,); those that lower it are negative."""

    risk: float
    parts: Float64Array

    @property
    def shares(self) -> Float64Array:
        """Of the risk, summing to 1. Raises Undefined if the risk is 0."""
        if self.risk == 0:
            raise Undefined("There is no risk to share.")
        return self.parts / self.risk


def volatility_contributions(
    weights: Float64Array, returns: Float64Array, periods_per_year: float
) -> Contributions:
    """Per year, from the covariance of a sample, shapes (names,) and (periods, names).

    The weights are held at what they are. Raises Undefined with fewer than 2 periods or if the
    volatility is 0, ValueError if a return is not a number.
    """
    _check(weights, returns, 2)
    # The covariance of each name with the whole: the matrix of all pairs is never made.
    whole = returns @ weights
    deviations = returns - returns.mean(axis=0)
    marginal = deviations.T @ (whole - whole.mean()) * (periods_per_year / (len(returns) - 1))
    parts = weights * marginal
    variance = float(parts.sum())
    volatility = sqrt(max(variance, 0))
    noise = NOISE * sqrt(periods_per_year) * (1 + float(abs(whole).max()))
    if volatility <= noise or variance <= NOISE * float(abs(parts).sum()):
        raise Undefined("The volatility is 0.")
    return Contributions(volatility, parts / volatility)


def cvar_contributions(
    weights: Float64Array, returns: Float64Array, confidence: float
) -> Contributions:
    """The mean loss by each name where the whole loses most, over one period.

    Shapes (names,) and (periods, names); it sums to the historical CVaR of `returns @ weights`.
    Raises Undefined with fewer than 2 periods, ValueError if a return is not a number.
    """
    _check(weights, returns, 2)
    tail = tail_weights(returns @ weights, confidence)
    parts = -(tail @ returns) * weights
    return Contributions(float(parts.sum()), parts)


def _check(weights: Float64Array, returns: Float64Array, least: int) -> None:
    if returns.ndim != 2 or returns.shape[1] != len(weights):
        raise ValueError("Returns must be of shape (periods, names).")
    if not (np.isfinite(weights).all() and np.isfinite(returns).all()):
        raise ValueError("Weights and returns must be numbers.")
    if len(returns) < least:
        raise Undefined(f"It takes {least} periods, there are {len(returns)}.")
