"""How an index has done over some sessions, the first of which is the base of all that is told."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.drawdowns import drawdowns, underwater
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import (
    MEASURES,
    RELATIVE_MEASURES,
    Measure,
    measure,
    measure_against,
)
from tradeapi.analytics.indices.periods import monthly, yearly
from tradeapi.analytics.indices.sample import Terms
from tradeapi.indices.performance.benchmarks import Benchmark
from tradeapi.indices.published import Series
from tradeapi.indices.spans import bad_range, dates
from tradeapi.market.calendars.days import DAY


class Shown:
    """Some sessions (epoch seconds) with their levels."""

    def __init__(self, days: Int64Array, values: Float64Array) -> None:
        self.days = days
        self.values = values

    @classmethod
    def of(cls, series: Series, places: slice) -> Self:
        return cls(series.days[places], series.levels[places])

    @cached_property
    def levels(self) -> Levels:
        """Raises ValueError for what has no returns."""
        return Levels.of(self.days // DAY, self.values)

    def columns(self) -> Mapping[str, Any]:
        """Returns that there are none of are NaN."""
        daily = np.full(len(self.values), np.nan)
        cumulative = daily.copy()
        try:
            returns = self.levels.returns
        except ValueError:
            returns = np.empty(0)
        else:
            cumulative = self.values / self.values[0] - 1
        daily[1 : 1 + len(returns)] = returns
        return {
            "date": dates(self.days),
            "level": self.values,
            "daily_return": daily,
            "cumulative_return": cumulative,
        }

    def summary(self, terms: Terms) -> Mapping[str, Any]:
        try:
            return _told(measure(self.levels, terms))
        except ValueError as error:
            return _told(dict.fromkeys(MEASURES, Measure(None, str(error))))

    def against(self, benchmark: Benchmark, terms: Terms) -> Mapping[str, Any]:
        """The benchmark on these sessions, and the measures against it on those that both have."""
        values = self.aligned(benchmark)
        common = np.flatnonzero(~np.isnan(values))
        with np.errstate(all="ignore"):
            cumulative = values / values[common[0]] - 1 if len(common) else values
        try:
            theirs = Levels.of(benchmark.days // DAY, benchmark.values)
            measures = measure_against(self.levels, theirs, terms)
        except ValueError as error:
            measures = dict.fromkeys(RELATIVE_MEASURES, Measure(None, str(error)))
        return {
            "symbol": benchmark.symbol,
            "currency": benchmark.currency,
            "adjustment": benchmark.adjustment,
            "revision": benchmark.revision,
            "sessions": len(common),
            "level": values,
            "cumulative_return": np.where(np.isfinite(cumulative), cumulative, np.nan),
            **_told(measures),
        }

    def aligned(self, benchmark: Benchmark) -> Float64Array:
        """Its values on these sessions, NaN where it has none."""
        values = np.full(len(self.days), np.nan)
        _, rows, places = np.intersect1d(
            self.days, benchmark.days, assume_unique=True, return_indices=True
        )
        values[rows] = benchmark.values[places]
        return values

    @property
    def sound(self) -> Levels:
        """The levels; raises Invalid where nothing can be told of them."""
        try:
            return self.levels
        except ValueError as error:
            raise bad_range("start", str(error)) from error


def falls(shown: Shown, count: int) -> Mapping[str, Any]:
    levels = shown.sound
    depth = underwater(levels.values)
    return {
        "items": [
            {
                "peak": one.peak,
                "trough": one.trough,
                "recovery": one.recovery,
                "depth": one.depth,
                "length": one.length,
                "recovery_length": one.recovery_length,
            }
            for one in drawdowns(levels, count)
        ],
        "date": dates(shown.days[: len(depth)]),
        "drawdown": depth,
    }


def months(shown: Shown) -> Mapping[str, Any]:
    """By year, with the year's total: the returns of months compound to it."""
    by_month, by_year = monthly(shown.sound), yearly(shown.sound)
    years: dict[int, dict[str, Any]] = {
        day.year: {"year": day.year, "months": [None] * 12, "total": total}
        for day, total in zip(by_year.last.tolist(), by_year.returns.tolist(), strict=True)
    }
    for day, value in zip(by_month.last.tolist(), by_month.returns.tolist(), strict=True):
        years[day.year]["months"][day.month - 1] = value
    return {"years": [*years.values()]}


def _told(measures: Mapping[str, Measure]) -> Mapping[str, Any]:
    return {
        "summary": {name: one.value for name, one in measures.items()},
        "undefined": {name: one.reason for name, one in measures.items() if one.reason is not None},
    }
