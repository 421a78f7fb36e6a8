"""Measures of an index over a window that moves by a session at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices import rolling
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.sample import Terms
from tradeapi.indices.performance.benchmarks import Benchmark
from tradeapi.indices.performance.queries import Rolling
from tradeapi.indices.performance.shown import Shown
from tradeapi.indices.spans import bad_range
from tradeapi.market.calendars.days import DAY


def rollings(
    shown: Shown,
    window: int,
    measures: Sequence[Rolling],
    terms: Terms,
    benchmark: Benchmark | None,
) -> Mapping[str, Any]:
    """`shown` begins a window before the first session that is told."""
    levels = shown.sound
    days = rolling.rolling_days(levels, window)
    return {
        "date": days.tolist(),
        "measures": {
            name.value: _beta(levels, benchmark, window)
            if name is Rolling.BETA and benchmark is not None
            else _measure(name, levels, window, terms)
            for name in measures
        },
    }


def _measure(name: Rolling, levels: Levels, window: int, terms: Terms) -> Float64Array:
    match name:
        case Rolling.VOLATILITY:
            return rolling.rolling_volatility(levels, window, terms)
        case Rolling.SHARPE:
            return rolling.rolling_sharpe(levels, window, terms)
        case Rolling.MAX_DRAWDOWN:
            return rolling.rolling_max_drawdown(levels, window)
        case _:
            return rolling.rolling_return(levels, window)


def _beta(levels: Levels, benchmark: Benchmark, window: int) -> Float64Array:
    """NaN on sessions that the benchmark does not have."""
    try:
        theirs = Levels.of(benchmark.days // DAY, benchmark.values)
    except ValueError as error:
        raise bad_range("benchmark", str(error)) from error
    shown = rolling.rolling_days(levels, window)
    days, found = rolling.rolling_beta(levels, theirs, window)
    betas = np.full(len(shown), np.nan)
    _, rows, places = np.intersect1d(shown, days, assume_unique=True, return_indices=True)
    betas[rows] = found[places]
    return betas
