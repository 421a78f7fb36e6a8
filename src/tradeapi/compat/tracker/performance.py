"""Levels of an index as clients of the tracker have them: returns are in percent."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import Measure, measure
from tradeapi.analytics.indices.sample import Terms
from tradeapi.errors import FieldError, Invalid
from tradeapi.indices.published import Series
from tradeapi.market.calendars.days import DAY, date_at, day_of

PERCENT = 100.0


class Performance:
    """Of the sessions from one day to another, which need be none. Raises Invalid without any."""

    def __init__(self, series: Series, start: date, end: date) -> None:
        check(start, end)
        first, last = series.days.searchsorted([day_of(start), day_of(end) + DAY]).tolist()
        if first == last:
            detail = f"{series.code} has no session from {start} to {end}."
            raise Invalid(detail, code="invalid_range", errors=[_fault(detail)])
        self._start, self._end = start, end
        self._days = series.days[first:last]
        self._values = series.levels[first:last]
        self._levels = Levels.of(self._days // DAY, self._values)

    def document(self) -> Mapping[str, Any]:
        """May take its time."""
        return {
            "start_date": self._start.isoformat(),
            "end_date": self._end.isoformat(),
            "total_days": len(self._days),
            "performance_data": self.rows(),
            "summary": self._summary(),
        }

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """A session each."""
        returns: list[float | None] = [None, *(PERCENT * self._levels.returns).tolist()]
        # There is none from nothing.
        returns += [None] * (len(self._days) - len(returns))
        since = PERCENT * (self._values / self._values[0] - 1)
        columns = zip(
            self._days.tolist(), self._values.tolist(), returns, since.tolist(), strict=True
        )
        return [
            {
                "date": date_at(day).isoformat(),
                "value": value,
                "daily_return": change,
                "cumulative_return": total,
            }
            for day, value, change, total in columns
        ]

    def _summary(self) -> Mapping[str, float | None]:
        found = measure(self._levels, Terms())
        average = None
        if len(self._levels.returns):
            average = PERCENT * float(self._levels.returns.mean())
        return {
            "total_return": PERCENT * float(self._values[-1] / self._values[0] - 1),
            "average_daily_return": average,
            "volatility": _percent(found["volatility"]),
            "max_daily_return": _percent(found["best_return"]),
            "min_daily_return": _percent(found["worst_return"]),
            "sharpe_ratio": _number(found["sharpe"]),
        }


def check(start: date, end: date) -> None:
    """Raises Invalid."""
    if start > end:
        detail = f"The end {end} lies before the start {start}."
        raise Invalid(detail, code="invalid_range", errors=[_fault(detail)])


def _fault(detail: str) -> FieldError:
    return FieldError("/query/end_date", detail)


def _percent(found: Measure) -> float | None:
    number = _number(found)
    return None if number is None else PERCENT * number


def _number(found: Measure) -> float | None:
    return found.value if isinstance(found.value, float) else None
