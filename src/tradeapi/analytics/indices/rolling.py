"""Measures over a window that moves by a session at a time.

Each array has an entry for each window of `window` returns, on its last session (`rolling_days`);
none if there are fewer. NaN where the measure is undefined.
"""

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.levels import NOISE, Days, Levels
from tradeapi.analytics.indices.sample import Terms

_AT_ONCE = 64  # windows whose deviations are held at a time: so few stay in the processor's cache


def rolling_days(levels: Levels, window: int) -> Days:
    return levels.days[_checked(window) :]


def rolling_return(levels: Levels, window: int) -> Float64Array:
    """Over the window, not per year."""
    opened = levels.values[: _count(levels, window)]
    returns: Float64Array = levels.values[window:] / opened - 1
    return returns


def rolling_volatility(levels: Levels, window: int, terms: Terms) -> Float64Array:
    """Per year."""
    yearly: Float64Array = _deviations(levels, window) * np.sqrt(terms.periods_per_year)
    return yearly


def rolling_sharpe(levels: Levels, window: int, terms: Terms) -> Float64Array:
    """Per year; NaN where all returns of the window are equal."""
    means = _windows(levels, window).mean(axis=1)
    deviations = _deviations(levels, window)
    deviations[deviations == 0] = np.nan
    excess = means - terms.per_period(terms.risk_free)
    ratios: Float64Array = excess / deviations * np.sqrt(terms.periods_per_year)
    return ratios


def rolling_max_drawdown(levels: Levels, window: int) -> Float64Array:
    """From a high within the window or the level before it; at most 0."""
    count = _count(levels, window)
    high, deepest = levels.values[:count].copy(), np.zeros(count)
    for later in range(1, window + 1):
        level = levels.values[later : later + count]
        np.maximum(high, level, out=high)
        np.minimum(deepest, level / high - 1, out=deepest)
    deepest[deepest >= -NOISE] = 0
    return deepest


def rolling_beta(levels: Levels, benchmark: Levels, window: int) -> tuple[Days, Float64Array]:
    """On the days that both have; NaN where all returns of the benchmark are equal."""
    own, theirs = levels.common(benchmark)
    covariances = _products(own, theirs, window) / (window - 1)
    market = _deviations(theirs, window)
    market[market == 0] = np.nan
    covariances[_deviations(own, window) == 0] = 0
    return rolling_days(own, window), covariances / market**2


def _deviations(levels: Levels, window: int) -> Float64Array:
    """Of samples (n - 1); 0 where the returns of a window differ by rounding only."""
    found: Float64Array = np.sqrt(_products(levels, levels, window) / (window - 1))
    found[found <= NOISE * (1 + abs(levels.returns).max(initial=0))] = 0
    return found


def _products(one: Levels, other: Levels, window: int) -> Float64Array:
    """Of deviations from the mean of the window, summed.

    Sums that are carried from window to window would carry their rounding errors too.
    """
    ours, theirs = _windows(one, window), _windows(other, window)
    sums = np.empty(len(ours))
    for run in _runs(len(ours)):
        centred = _centred(ours[run])
        against = centred if one is other else _centred(theirs[run])
        sums[run] = np.einsum("ij,ij->i", centred, against)
    return sums


def _centred(returns: Float64Array) -> Float64Array:
    deviations: Float64Array = returns - returns.mean(axis=1, keepdims=True)
    return deviations


def _runs(count: int) -> Iterator[slice]:
    return (slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE))


def _windows(levels: Levels, window: int) -> Float64Array:
    """Shape (windows, window), not copied."""
    if not _count(levels, window):
        return np.empty((0, window))
    return sliding_window_view(levels.returns, window)


def _count(levels: Levels, window: int) -> int:
    return max(len(levels) - _checked(window), 0)


def _checked(window: int) -> int:
    if window < 2:
        raise ValueError("A window must be of at least 2 sessions.")
    return window
