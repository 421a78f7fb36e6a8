"""Which sessions of an index are asked for: days from the first to the last, both with it."""

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, Field

from tradeapi.analytics.bars import Int64Array
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.calendars.days import day_of
from tradeapi.market.symbols.schemas import Day


class Span(BaseModel):
    """The parameters as they stand in the URL; of one that is given twice the last counts."""

    start: Day | None = Field(
        None, description="The first day; by default the first session.", examples=["2024-01-02"]
    )
    end: Day | None = Field(
        None, description="The last day; by default the last session.", examples=["2024-10-25"]
    )

    def of(self, days: Int64Array) -> slice:
        """Where its sessions stand among these, one at least; raises Invalid."""
        low = 0 if self.start is None else int(days.searchsorted(day_of(self.start)))
        high = len(days) if self.end is None else int(days.searchsorted(day_of(self.end), "right"))
        if self.start is not None and self.end is not None and self.start > self.end:
            raise bad_range("start", "The start lies after the end.")
        if low >= high:
            name = "end" if self.start is None or high == 0 else "start"
            first, last = dates(days[[0, -1]])
            raise bad_range(name, f"There is no session in it; there are some {first} to {last}.")
        return slice(low, high)


def bad_range(name: str, detail: str) -> Invalid:
    return Invalid(detail, code="bad_range", errors=[FieldError(f"/query/{name}", detail)])


def dates(days: Int64Array) -> Sequence[date]:
    found: list[date] = days.astype("datetime64[s]").astype("datetime64[D]").tolist()
    return found
