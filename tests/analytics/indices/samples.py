"""Level series to measure."""

import itertools
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import Measure


def levels_of(returns: Sequence[float], base: float = 1000, first: str = "2024-01-31") -> Levels:
    """One for every day from `first` on."""
    values = list(itertools.accumulate(returns, lambda level, x: level * (1 + x), initial=base))
    return Levels.of(np.datetime64(first, "D") + np.arange(len(values)), values)


def random_returns(count: int, seed: int, spread: float = 0.01) -> Float64Array:
    """With a few large ones among them."""
    return spread * np.random.default_rng(seed).standard_t(4, count) + spread / 20


def several_returns(least: int = 2, most: int = 40) -> st.SearchStrategy[list[float]]:
    """In whole basis points: what is equal is so but for rounding."""
    points = st.one_of(st.integers(-2000, 2000), st.sampled_from([-10_000, -100, 0, 0, 100]))
    returns = st.lists(points.map(lambda n: n / 10_000), min_size=least, max_size=most)
    return returns.map(until_lost).filter(lambda kept: len(kept) >= least)


def until_lost(returns: list[float]) -> list[float]:
    return returns[: returns.index(-1) + 1] if -1 in returns else returns


def number(measure: Measure) -> float:
    """Of one that must be defined."""
    assert isinstance(measure.value, float), measure.reason
    return measure.value
