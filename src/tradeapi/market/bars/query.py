"""What a caller asks of `GET /bars/{symbol}`."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field, WithJsonSchema

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.bars.ranges import Opened, Range
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window
from tradeapi.market.times import YEAR_10000, YEAR_ONE, parse_time
from tradeapi.web.query import parse_query

DEFAULT_LIMIT = 500
MOST_BARS = 50_000

TIME = "Epoch seconds, epoch milliseconds (from 1e11 on) or ISO 8601; without a zone it is UTC."
TimeText = Annotated[
    str,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": YEAR_ONE, "exclusiveMaximum": YEAR_10000 * 1000},
                {"type": "string", "format": "date"},
                {"type": "string", "format": "date-time"},
            ],
        }
    ),
]


class Format(StrEnum):
    """The ways to write bars."""

    COLUMNS = "columns"
    ROWS = "rows"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class BarsQuery:
    """`limit` is None where the caller set none; a `range` still has to be opened."""

    resolution: Resolution
    start: int | None
    end: int | None
    limit: int | None
    is_earliest: bool
    format: Format
    adjustment: Adjustment
    revision: int | None
    range: Range | None = None

    @property
    def window(self) -> Window:
        return window_of(
            self.start, self.end, limit=self.limit or DEFAULT_LIMIT, earliest=self.is_earliest
        )

    def within(self, opened: Opened) -> "BarsQuery":
        """All bars of a range."""
        return replace(self, resolution=opened.resolution, start=opened.start, limit=MOST_BARS)


def window_of(start: int | None, end: int | None, *, limit: int, earliest: bool) -> Window:
    ends = {name: time for name, time in (("start", start), ("end", end)) if time is not None}
    return Window(limit=limit, earliest=earliest, **ends)


class BarsParameters(BaseModel):
    """The parameters as they stand in the URL; of one that is given twice the last counts."""

    resolution: Annotated[
        str,
        Field(
            description="The width of the bars; case matters: `1m` is a minute, `1M` a month.",
            json_schema_extra={"enum": [*Resolution]},
        ),
    ] = Resolution.DAY
    start: Annotated[
        TimeText | None, Field(description=f"The first instant. {TIME}", examples=["2024-01-02"])
    ] = None
    end: Annotated[
        TimeText | None,
        Field(description=f"The instant after the last. {TIME}", examples=[1735689600]),
    ] = None
    before: Annotated[
        TimeText | None,
        Field(description=f"Go back from here: the latest bars before this instant. {TIME}"),
    ] = None
    limit: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_BARS,
            description=f"The most bars to answer with; {DEFAULT_LIMIT} unless given, and in "
            "files all. With `start` and without `before` the earliest are kept, else the latest.",
        ),
    ] = None
    format: Annotated[
        Format, Field(description="How the bars are written; `csv` and `parquet` are files.")
    ] = Format.COLUMNS
    adjustment: Annotated[
        Adjustment,
        Field(description="What prices are restated for: nothing, splits, or dividends too."),
    ] = Adjustment.RAW
    range: Annotated[
        Range | None,
        Field(
            description="Up to now, in a fitting resolution; instead of that, and of `start`, "
            "`end`, `before` and `limit`. Days are trading days of the exchange."
        ),
    ] = None
    revision: Annotated[
        int | None,
        Field(description="The `revision` you know: with the current one closed bars are cached."),
    ] = None


_NOT_WITH_RANGE = {"resolution", "start", "end", "before", "limit"}


def bars_query(request: Request) -> BarsQuery:
    asked = parse_query(request, BarsParameters)
    for name in asked.model_fields_set & _NOT_WITH_RANGE if asked.range else ():
        fault = FieldError(f"/query/{name}", "It is there, and so is range: one is enough.")
        raise Invalid(fault.detail, errors=[fault])
    start, end = parse_range(asked.start, end=asked.end, before=asked.before)
    return BarsQuery(
        resolution=Resolution.parse(asked.resolution),
        start=start,
        end=end,
        limit=asked.limit,
        is_earliest=asked.start is not None and asked.before is None,
        format=asked.format,
        adjustment=asked.adjustment,
        revision=asked.revision,
        range=asked.range,
    )


def parse_range(start: str | None, **ends: str | None) -> tuple[int | None, int | None]:
    """The instants that bars lie between, `[start, end)`; of several ends the first counts."""
    low = _parse("start", start)
    instants = (_parse(name, text) for name, text in ends.items())
    high = min((instant for instant in instants if instant is not None), default=None)
    if low is not None and high is not None and low > high:
        fault = FieldError("/query/start", "It lies after the end.")
        raise Invalid("The start lies after the end.", code="bad_range", errors=[fault])
    return low, high


def _parse(name: str, text: str | None) -> int | None:
    """The first whole second that is not before the instant: bars begin on whole seconds."""
    if text is None:
        return None
    try:
        return ceil(parse_time(text))
    except Invalid as error:
        fault = FieldError(f"/query/{name}", str(error))
        raise Invalid(str(error), code=error.code, errors=[fault]) from error
