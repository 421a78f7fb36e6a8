"""What a caller asks of the points of a series."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field

from tradeapi.analytics.downsampling import FEWEST_POINTS
from tradeapi.charts.chunks import Window
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.bars.query import MOST_DRAWN, TIME, TimeText
from tradeapi.market.bars.ranges import Range
from tradeapi.market.times import parse_time
from tradeapi.web.query import parse_query

DEFAULT_COUNT = 500
MOST_COUNT = 10_000
# With `max_points`, of a series that is pushed.
MOST_PUSHED = 1_000_000


@dataclass(frozen=True, slots=True)
class PointsQuery:
    """Which points, and how they are shown; `max_points` is None where all are.

    A `range` takes the place of the window's ends.
    """

    window: Window
    range: Range | None
    max_points: int | None
    rebase: bool


class PointsParameters(BaseModel):
    """The parameters as they stand in the URL; of one that is given twice the last counts."""

    before: Annotated[
        TimeText | None, Field(description=f"Only points before this instant. {TIME}")
    ] = None
    after: Annotated[
        TimeText | None, Field(description=f"Only points after this instant. {TIME}")
    ] = None
    count: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_PUSHED,
            description="The most points; of more the latest, with `after` alone the earliest. "
            f"Up to {MOST_COUNT:,}, by default {DEFAULT_COUNT}; up to {MOST_PUSHED:,} with "
            "`max_points`, and by default as many.",
        ),
    ] = None
    range: Annotated[
        Range | None,
        Field(
            description="Up to now, in a fitting resolution, of bars and of indicators over them; "
            "instead of `before`, `after` and `count`. Days are trading days of the exchange."
        ),
    ] = None
    max_points: Annotated[
        int | None,
        Field(
            ge=FEWEST_POINTS,
            le=MOST_DRAWN,
            description="Draw them by so many: candles are made wider, of lines those points are "
            "left that make their shape.",
        ),
    ] = None
    rebase: Annotated[
        bool, Field(description="As the change in percent from the first that is answered.")
    ] = False


def points_query(request: Request) -> PointsQuery:
    asked = parse_query(request, PointsParameters)
    if asked.range is not None:
        for name in sorted(asked.model_fields_set & {"before", "after", "count"}):
            raise _wrong(name, "It is there, and so is range: one of them is enough.")
    most, usual = (MOST_COUNT, DEFAULT_COUNT) if asked.max_points is None else (MOST_PUSHED,) * 2
    if asked.count is not None and asked.count > most:
        raise _wrong("count", f"It is up to {most:,} without max_points, was {asked.count}.")
    ends = {
        name: _parse(name, text)
        for name, text in (("before", asked.before), ("after", asked.after))
        if text is not None
    }
    earliest = asked.before is None and asked.after is not None
    limit = asked.count or (usual if asked.range is None else MOST_COUNT)
    window = Window(limit, earliest=earliest, **ends)
    return PointsQuery(window, asked.range, asked.max_points, asked.rebase)


def _parse(name: str, text: str) -> float:
    try:
        return parse_time(text)
    except Invalid as error:
        raise _wrong(name, str(error), error.code) from error


def _wrong(name: str, detail: str, code: str | None = None) -> Invalid:
    return Invalid(detail, code=code, errors=[FieldError(f"/query/{name}", detail)])
