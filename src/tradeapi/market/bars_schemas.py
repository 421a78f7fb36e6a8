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
    resolution: Resolution
    adjustment: Adjustment = Field(description="What the prices really are restated for.")
    basis: Adjustment | None = Field(
        default=None,
        description="What the stored prices already are restated for; left out for `raw`.",
    )
    has_more_before: bool
    has_more_after: bool
    final_until: int = Field(description="Bars before this instant are closed.")
    previous_time: int | None = Field(description="The time of the bar before the first.")
    revision: int = Field(description="Rises when closed history of the symbol changes.")


class BarColumns(BarsAnswer):
    """Bars as columns of equal length, ascending by time."""

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

    model_config = ConfigDict(extra="forbid")

    symbol: str = Field(examples=["US:AAPL"])
    resolution: Annotated[str, Field(json_schema_extra={"enum": [*Resolution]})]
    time: Instant
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Volume = 0


class TickIn(BaseModel):
    """One trade; with an `id` it counts once, however often it is sent within a day."""

    model_config = ConfigDict(extra="forbid")

    symbol: str = Field(examples=["CRYPTO:BTCUSD"])
    price: Price
    size: Volume
    time: Instant
    id: str | int | None = None


class ItemOut(BaseModel):
    """What became of one item; `code` and `detail` say why it was refused."""

    index: int = Field(description="Its place in the request, from 0.")
    code: str | None
    detail: str | None


class BarOut(ItemOut):
    status: Literal["inserted", "updated", "unchanged", "rejected"]


class BarsOut(BaseModel):
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    items: list[BarOut]


class TickOut(ItemOut):
    status: Literal["accepted", "duplicate", "rejected"]


class TicksOut(BaseModel):
    accepted: int
    duplicate: int
    rejected: int
    items: list[TickOut]


class Removed(BaseModel):
    removed: int
    revision: int
