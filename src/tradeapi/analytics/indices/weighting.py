"""Target weights of constituents, which add up to 1."""

import numpy as np

from tradeapi.analytics.bars import Float64Array


def capped(weights: Float64Array, cap: float) -> Float64Array:
    """The weights with none above `cap`: what is above goes to the others in proportion, again and
    again until none is (S&P DJI, capped market capitalisation weighting).

    Raises ValueError where so few cannot add up to 1.
    """
    if cap * len(weights) < 1.0 - 1e-12:
        raise ValueError(f"{len(weights)} constituents of at most {cap:.4g} each are less than 1.")
    is_capped = np.zeros(len(weights), np.bool_)
    result = weights.copy()
    while (result[~is_capped] > cap).any():
        is_capped |= result > cap
        free = weights[~is_capped]
        result[is_capped] = cap
        if len(free):
            result[~is_capped] = free / free.sum() * (1.0 - cap * np.count_nonzero(is_capped))
    return result


def inverse_volatility(returns: Float64Array) -> Float64Array:
    """Weights in inverse proportion to the standard deviation of each column of simple returns.

    NaN, and no weight, where that is unknown or nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = 1.0 / np.std(returns, axis=0, ddof=1)
    inverse[~np.isfinite(inverse)] = np.nan
    weights: Float64Array = inverse / np.nansum(inverse)
    return weights
