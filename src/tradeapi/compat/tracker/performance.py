"""How an index has done as clients of the tracker have it: returns are in percent."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.sample import Terms
from tradeapi.indices.performance.shown import Shown
from tradeapi.indices.published import Series
from tradeapi.indices.spans import Span

PERCENT = 100.0


class Performance:
    """Of the sessions from one day to another, which need be none. Raises Invalid without any."""

    def __init__(self, series: Series, start: date, end: date) -> None:
        self._start, self._end = start, end
        self._shown = Shown.of(series, Span(start=start, end=end).of(series.days))

    def document(self) -> Mapping[str, Any]:
        """May take its time."""
        columns = self._shown.columns()
        return {
            "start_date": self._start.isoformat(),
            "end_date": self._end.isoformat(),
            "total_days": len(self._shown.days),
            "performance_data": self.rows(),
            "summary": self._summary(columns["daily_return"], columns["cumulative_return"]),
        }

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """A session each."""
        columns = self._shown.columns()
        values = zip(
            columns["date"],
            columns["level"].tolist(),
            _percent(columns["daily_return"]),
            _percent(columns["cumulative_return"]),
            strict=True,
        )
        names = ("date", "value", "daily_return", "cumulative_return")
        return [dict(zip(names, row, strict=True)) for row in values]

    def _summary(self, daily: Float64Array, cumulative: Float64Array) -> Mapping[str, Any]:
        found = self._shown.summary(Terms())["summary"]
        returns = daily[~np.isnan(daily)]
        [total] = _percent(cumulative[-1:])
        return {
            # Nothing is what a single session has come to.
            "total_return": total,
            "average_daily_return": PERCENT * float(returns.mean()) if len(returns) else None,
            **{name: _in_percent(found[measure]) for name, measure in _MEASURES.items()},
            "sharpe_ratio": found["sharpe"],
        }


def _percent(fractions: Float64Array) -> list[float | None]:
    """What is NaN has no value."""
    return [None if one != one else one for one in (PERCENT * fractions).tolist()]  # noqa: PLR0124


def _in_percent(fraction: float | None) -> float | None:
    return None if fraction is None else PERCENT * fraction


_MEASURES = {
    "volatility": "volatility",
    "max_daily_return": "best_return",
    "min_daily_return": "worst_return",
}
