"""What of the difference from a benchmark came from which sector, and by which decision.

Brinson and Fachler, "Measuring non-US equity portfolio performance", 1985; several periods are
linked as in Carino, "Combining attribution effects over time", 1999.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.undefined import Undefined

_ROUNDING = 1e-6  # by how much weights may miss a sum of 1


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """Weights before each period and returns over it, both of shape (periods, sectors).

    Weights of a period sum to 1; 0.01 is one percent. The return of a sector that was not held
    may be NaN. Raises ValueError.
    """

    weights: Float64Array
    returns: Float64Array

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.weights.shape != self.returns.shape:
            raise ValueError("Weights and returns must both be of shape (periods, sectors).")
        if not (abs(self.weights.sum(axis=1) - 1) <= _ROUNDING).all():
            raise ValueError("The weights of a period must sum to 1.")
        unknown = np.isnan(self.returns) & (self.weights == 0)
        if not (np.isfinite(self.returns) | unknown).all():
            raise ValueError("The return of a sector that is held must be a number.")

    @property
    def total(self) -> Float64Array:
        """The return of each period, shape (periods,)."""
        held = np.where(self.weights == 0, 0, self.returns)
        total: Float64Array = (self.weights * held).sum(axis=1)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """By sector, of shape (..., sectors). Summed over sectors and effects they are `active`."""

    allocation: Float64Array
    selection: Float64Array
    interaction: Float64Array

    @property
    def active(self) -> Float64Array:
        """What the sectors added to the return of the benchmark, shape (...,)."""
        summed: Float64Array = (self.allocation + self.selection + self.interaction).sum(axis=-1)
        return summed

    def linked(self, factors: Float64Array) -> Self:
        """Over all periods, of shape (sectors,)."""
        return type(self)(
            factors @ self.allocation, factors @ self.selection, factors @ self.interaction
        )


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """`periods` of shape (periods, sectors), `linked` of shape (sectors,), `factors` (periods,).

    `linked` sums to `portfolio` - `benchmark`, which are compounded over all periods.
    """

    periods: Effects
    linked: Effects
    factors: Float64Array
    portfolio: float
    benchmark: float


def attribute(portfolio: Holdings, benchmark: Holdings) -> Attribution:
    """Raises Undefined if either lost everything, ValueError if their shapes differ."""
    periods = effects(portfolio, benchmark)
    factors = linking_factors(portfolio.total, benchmark.total)
    return Attribution(
        periods=periods,
        linked=periods.linked(factors),
        factors=factors,
        portfolio=_compounded(portfolio.total),
        benchmark=_compounded(benchmark.total),
    )


def effects(portfolio: Holdings, benchmark: Holdings) -> Effects:
    """Of each period for itself.

    With weights w and returns r of the sectors of portfolio (p) and benchmark (b), whose return is
    R: allocation (wp - wb)(rb - R), selection wb(rp - rb), interaction (wp - wb)(rp - rb). A sector
    that the benchmark lacks is taken to have returned there what the benchmark did, one that the
    portfolio lacks what it did in the benchmark, if their returns are NaN.
    """
    if portfolio.weights.shape != benchmark.weights.shape:
        raise ValueError("Both must have the same periods and sectors.")
    overall = benchmark.total[:, np.newaxis]
    theirs = np.where(np.isnan(benchmark.returns), overall, benchmark.returns)
    ours = np.where(np.isnan(portfolio.returns), theirs, portfolio.returns)
    active, better = portfolio.weights - benchmark.weights, ours - theirs
    return Effects(active * (theirs - overall), benchmark.weights * better, active * better)


def linking_factors(portfolio: Float64Array, benchmark: Float64Array) -> Float64Array:
    """Carino's, shape (periods,): by which effects are multiplied so that they add up.

    Both hold the return of each period. Raises Undefined if one of them is -1 or less.
    """
    if (portfolio <= -1).any() or (benchmark <= -1).any():
        raise Undefined("What lost everything in one period cannot be linked to others.")
    total = _carino(np.array([_compounded(portfolio)]), np.array([_compounded(benchmark)]))
    factors: Float64Array = _carino(portfolio, benchmark) / total
    return factors


def _carino(portfolio: Float64Array, benchmark: Float64Array) -> Float64Array:
    """(ln(1 + p) - ln(1 + b)) / (p - b), and 1 / (1 + b) where they are equal."""
    # By the difference itself: that of two logarithms loses its digits as the returns converge.
    relative = (portfolio - benchmark) / (1 + benchmark)
    growth = np.divide(
        np.log1p(relative), relative, out=np.ones_like(relative), where=relative != 0
    )
    factors: Float64Array = growth / (1 + benchmark)
    return factors


def _compounded(returns: Float64Array) -> float:
    return float(np.expm1(np.log1p(returns).sum()))
