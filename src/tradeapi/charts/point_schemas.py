"""Points on the wire, for the OpenAPI document: the routes read and write bytes."""

from pydantic import BaseModel, ConfigDict, Field

from tradeapi.charts.points import SeriesType
from tradeapi.web.schemas import Time


class PointIn(BaseModel):
    """A point: one value for a line, area, baseline or histogram, four for candles and bars, or
    none for a whitespace. Further fields, such as colours, are kept as they are.
    """

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "time": "2024-01-02",
                    "open": 187.15,
                    "high": 188.44,
                    "low": 183.89,
                    "close": 185.64,
                }
            ]
        },
    )

    time: float | str = Field(description="Epoch seconds, epoch milliseconds or ISO 8601.")
    value: float | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None


class PointOut(BaseModel):
    model_config = ConfigDict(extra="allow")

    time: float = Field(description="In epoch seconds.", examples=[1704153600])


class PointsOut(BaseModel):
    """`series.setData(answer.items)` is all that lightweight-charts needs."""

    series: str = Field(examples=["price"])
    type: SeriesType
    resolution: str | None = Field(
        description="Of the bars that are shown; with `max_points` candles may be several of them "
        "wide, such as `6h`. Null where points were pushed and are shown as they are.",
        examples=["1d"],
    )
    start: Time | None = Field(description="With `range` where that begins.")
    items: list[PointOut]
    thinned_from: int | None = Field(
        description="How many points these stand for; null: they are all."
    )
    base: float | None = Field(description="With `rebase` the value that is 0 percent.")
    has_more_before: bool
    has_more_after: bool
    count: int | None = Field(description="Of all points that were pushed.")
    version: int | None


class WrittenOut(BaseModel):
    count: int = Field(description="How many points the series has now.", examples=[2])
    first_time: Time | None
    last_time: Time | None
    version: int
