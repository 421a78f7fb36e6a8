"""What a caller asks of `GET /bars/{symbol}`."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, Field, WithJsonSchema

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.downsampling import FEWEST_POINTS
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.bars.ranges import Opened, Range
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window
from tradeapi.market.times import YEAR_10000, YEAR_ONE, parse_time
from tradeapi.web.query import parse_query

DEFAULT_LIMIT = 500
MOST_BARS = 50_000
MOST_DRAWN = 10_000
# Of bars that are not answered themselves: a million stop everybody for 50 ms here and there.
MOST_THINNED = 200_000

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
    """`limit` is None where the caller set none, and `max_points` where all bars are to be shown; a
    `range` still has to be opened.
    """

    resolution: Resolution
    start: int | None
    end: int | None
    limit: int | None
    is_earliest: bool
    format: Format
    adjustment: Adjustment
    revision: int | None
    range: Range | None = None
    max_points: int | None = None

    @property
    def window(self) -> Window:
        usual = DEFAULT_LIMIT if self.max_points is None else MOST_THINNED
        return window_of(self.start, self.end, limit=self.limit or usual, earliest=self.is_earliest)

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
            le=MOST_THINNED,
            description=f"The most bars, up to {MOST_BARS:,}; {DEFAULT_LIMIT} unless given, and in "
            f"files all. With `max_points` up to {MOST_THINNED:,}, and by default as many. With "
            "`start` and without `before` the earliest are kept, else the latest.",
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
    max_points: Annotated[
        int | None,
        Field(
            ge=FEWEST_POINTS,
            le=MOST_DRAWN,
            description="Draw them by so many: bars are made wider. Not of files.",
        ),
    ] = None
    revision: Annotated[
        int | None,
        Field(description="The `revision` you know: with the current one closed bars are cached."),
    ] = None


_NOT_WITH_RANGE = {"resolution", "start", "end", "before", "limit"}
_FILES = {Format.CSV, Format.PARQUET}


def bars_query(request: Request) -> BarsQuery:
    asked = parse_query(request, BarsParameters)
    for name in asked.model_fields_set & _NOT_WITH_RANGE if asked.range else ():
        raise _wrong(name, "It is there, and so is range: one is enough.")
    if asked.max_points is not None and asked.format in _FILES:
        raise _wrong("max_points", f"A file has all bars; {asked.format} can not have wider ones.")
    if asked.limit is not None and asked.limit > MOST_BARS and asked.max_points is None:
        raise _wrong("limit", f"It is up to {MOST_BARS:,} without max_points, was {asked.limit}.")
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
        max_points=asked.max_points,
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


def _wrong(name: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(f"/query/{name}", detail)])


def _parse(name: str, text: str | None) -> int | None:
    """The first whole second that is not before the instant: bars begin on whole seconds."""
    if text is None:
        return None
    try:
        return ceil(parse_time(text))
    except Invalid as error:
        fault = FieldError(f"/query/{name}", str(error))
        raise Invalid(str(error), code=error.code, errors=[fault]) from error
