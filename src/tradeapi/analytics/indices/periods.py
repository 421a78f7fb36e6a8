"""Returns by month and by year, compounded from those of their sessions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.levels import Days, Levels


@dataclass(frozen=True, slots=True, eq=False)
class PeriodReturns:
    """Shape (periods,) each: the first and the last session of each, and its return.

    A return is from the last level before the period, or from the base, to its last. So the first
    period may be a part of one; a period of the base alone is absent.
    """

    first: Days
    last: Days
    returns: Float64Array


def monthly(levels: Levels) -> PeriodReturns:
    return _compounded(levels, "M")


def yearly(levels: Levels) -> PeriodReturns:
    return _compounded(levels, "Y")


def _compounded(levels: Levels, unit: Literal["M", "Y"]) -> PeriodReturns:
    period = levels.days[1:].astype(f"datetime64[{unit}]")
    _, opening = np.unique(period, return_index=True)
    closing = np.append(opening, len(period))[1:]
    returns = levels.values[closing] / levels.values[opening] - 1
    return PeriodReturns(levels.days[opening + 1], levels.days[closing], returns)
