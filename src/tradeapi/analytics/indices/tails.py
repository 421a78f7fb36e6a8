"""The distribution of returns: its shape, and what is lost in its lower tail.

Value at risk and its relatives are losses over one period, positive if money is lost.
Rockafellar and Uryasev, "Conditional value-at-risk for general loss distributions", 2002;
Cornish and Fisher, 1937, as in Zangari, "A VaR methodology for portfolios that include options",
1996; Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", 2012.
"""

from math import floor, sqrt
from statistics import NormalDist

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.sample import Sample
from tradeapi.analytics.indices.undefined import Undefined

_NORMAL = NormalDist()


def skewness(sample: Sample) -> float:
    """m3 / m2^(3/2) of the central moments over n."""
    return sample.skewness


def excess_kurtosis(sample: Sample) -> float:
    """m4 / m2^2 - 3 of the central moments over n: 0 for a normal distribution."""
    return sample.kurtosis - 3


def tail_ratio(sample: Sample) -> float:
    """The 95 % quantile over the 5 % quantile without its sign."""
    low, high = sample.quantile(0.05), sample.quantile(0.95)
    if abs(low) <= sample.noise:
        raise Undefined("The 5 % quantile of the returns is 0.")
    return high / abs(low)


def var_historical(sample: Sample) -> float:
    """From the quantile, interpolated linearly between returns."""
    return -sample.quantile(1 - sample.terms.confidence)


def var_normal(sample: Sample) -> float:
    return -(sample.mean + _NORMAL.inv_cdf(1 - sample.terms.confidence) * sample.deviation)


def var_cornish_fisher(sample: Sample) -> float:
    """The normal quantile corrected for skewness S and excess kurtosis K."""
    z = _NORMAL.inv_cdf(1 - sample.terms.confidence)
    s, k = skewness(sample), excess_kurtosis(sample)
    slope = 1 + z * s / 3 + (z**2 - 1) * k / 8 - (6 * z**2 - 5) * s**2 / 36
    if slope <= 0:
        # There a higher confidence would give a smaller loss.
        raise Undefined("The expansion does not hold for such a skewness and kurtosis.")
    corrected = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    return -(sample.mean + corrected * sample.deviation)


def cvar_historical(sample: Sample) -> float:
    """The mean of exactly the worst 1 - confidence of the returns."""
    returns = sample.at_least(2)
    return -float(tail_weights(returns, sample.terms.confidence) @ returns)


def cvar_normal(sample: Sample) -> float:
    tail = 1 - sample.terms.confidence
    return sample.deviation * _NORMAL.pdf(_NORMAL.inv_cdf(tail)) / tail - sample.mean


def probabilistic_sharpe(sample: Sample) -> float:
    """The probability that the true Sharpe ratio is above 0, given length, skewness, kurtosis."""
    return probability_above_zero(
        sample.sharpe, len(sample.returns), sample.skewness, sample.kurtosis
    )


def probability_above_zero(ratio: float, count: int, skewness: float, kurtosis: float) -> float:
    """Of a Sharpe ratio per period of `count` returns; here the kurtosis of a normal one is 3."""
    variance = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
    if variance <= 0:
        raise Undefined("The deviation of the Sharpe ratio is 0.")
    return _NORMAL.cdf(ratio * sqrt((count - 1) / variance))


def tail_weights(returns: Float64Array, confidence: float) -> Float64Array:
    """Which part of the tail each return is, shape (returns,); they sum to 1.

    The tail holds (1 - confidence) * k returns, the last of them in part. Equal returns on its
    edge share what is left, so that their order does not matter.
    """
    size = (1 - confidence) * len(returns)
    edge = np.sort(returns)[min(floor(size), len(returns) - 1)]
    below, on_edge = returns < edge, returns == edge
    weights: Float64Array = below + on_edge * ((size - below.sum()) / on_edge.sum())
    return weights / size
