"""What bars and ticks look like on the wire, for the OpenAPI document.

The routes write and read bytes: thousands of bars never become objects.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.market.resolutions import Resolution

Time = Annotated[int, Field(description="When the bar opens, in epoch seconds.")]
Instant = Annotated[
    float | str,
    Field(description="Epoch seconds, epoch milliseconds or ISO 8601.", examples=[1704205800]),
]
Price = Annotated[float, Field(gt=0, le=9e13)]
Volume = Annotated[float, Field(ge=0, le=1e21)]


class BarsAnswer(BaseModel):
    """What every answer says of its bars."""

    symbol: str = Field(examples=["US:AAPL"])
    resolution: str = Field(
        pattern=r"^[1-9][0-9]*[mhdwM]$",
        description="With `max_points` bars may be several of one resolution wide, such as `6h`.",
        examples=["1d"],
    )
    adjustment: Adjustment = Field(description="What the prices really are restated for.")
    basis: Adjustment | None = Field(
        default=None,
        description="What the stored prices already are restated for; left out for `raw`.",
    )
    start: int | None = Field(
        default=None, description="Where the `range` begins that was asked for; else left out."
    )
    thinned_from: int | None = Field(
        default=None,
        description="With `max_points` how many bars these stand for; left out where they are all.",
    )
    has_more_before: bool
    has_more_after: bool
    final_until: int = Field(description="Bars before this instant are closed.")
    previous_time: int | None = Field(description="The time of the bar before the first.")
    revision: int = Field(description="Rises when closed history of the symbol changes.")


class BarColumns(BarsAnswer):
    """Bars as columns of equal length, ascending by time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "symbol": "US:AAPL",
                    "resolution": "1d",
                    "adjustment": "raw",
                    "time": [1704153600, 1704240000],
                    "open": [187.15, 184.22],
                    "high": [188.44, 185.88],
                    "low": [183.89, 183.43],
                    "close": [185.64, 184.25],
                    "volume": [82488700, 58414500],
                    "has_more_before": True,
                    "has_more_after": True,
                    "final_until": 1704326400,
                    "previous_time": 1703808000,
                    "revision": 17,
                }
            ]
        }
    )

    time: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


class BarRow(BaseModel):
    time: Time
    open: float
    high: float
    low: float
    close: float
    volume: float


class BarRows(BarsAnswer):
    """Bars as lightweight-charts takes them: `series.setData(answer.items)`."""

    items: list[BarRow]


class BarIn(BaseModel):
    """One bar; what it has in excess is refused, so that no typing error goes unnoticed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "symbol": "US:AAPL",
                    "resolution": "1d",
                    "time": "2024-01-02",
                    "open": 187.15,
                    "high": 188.44,
                    "low": 183.89,
                    "close": 185.64,
                    "volume": 82488700,
                }
            ]
        },
    )

    symbol: str
    resolution: Annotated[str, Field(json_schema_extra={"enum": [*Resolution]})]
    time: Instant
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Volume = 0


class TickIn(BaseModel):
    """One trade; with an `id` it counts once, however often it is sent within a day."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "symbol": "CRYPTO:BTCUSD",
                    "price": 46319.5,
                    "size": 0.25,
                    "time": 1704205800.125,
                    "id": "18466",
                }
            ]
        },
    )

    symbol: str
    price: Price
    size: Volume
    time: Instant
    id: str | int | None = None


class ItemOut(BaseModel):
    """What became of one item; `code` and `detail` say why it was refused."""

    index: int = Field(description="Its place in the request, from 0.", examples=[0])
    code: str | None = Field(examples=["high_below_low"])
    detail: str | None = Field(examples=["The high is below the low."])


class BarOut(ItemOut):
    status: Literal["inserted", "updated", "unchanged", "rejected"]


class BarsOut(BaseModel):
    """How many bars became what, and what became of each."""

    inserted: int
    updated: int
    unchanged: int
    rejected: int
    items: list[BarOut]


class TickOut(ItemOut):
    status: Literal["accepted", "duplicate", "rejected"]


class TicksOut(BaseModel):
    """How many ticks became what, and what became of each."""

    accepted: int
    duplicate: int
    rejected: int
    items: list[TickOut]


class Removed(BaseModel):
    removed: int = Field(description="How many bars there were.", examples=[3])
    revision: int = Field(description="The revision of the history without them.", examples=[18])
