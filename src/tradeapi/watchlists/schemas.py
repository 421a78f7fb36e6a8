"""Watchlists on the wire."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from tradeapi.market.symbols.schemas import SymbolName
from tradeapi.web.schemas import LINE, LINES, In, Out, Time, never_null

MOST_TAGS = 20
MOST_AT_ONCE = 1000


class Priority(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def _once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


ListName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=LINE),
    Field(description="Unique among your lists.", examples=["Semiconductors"]),
]
ItemName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=LINE),
    Field(examples=["Apple Inc."]),
]
Category = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=LINE),
    Field(examples=["hardware"]),
]
Notes = Annotated[str, StringConstraints(max_length=1000, pattern=LINES)]
# In CSV a semicolon stands between two.
Tag = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f;]*$"
    ),
]
Tags = Annotated[
    list[Tag],
    Field(max_length=MOST_TAGS, description="Each once.", examples=[["dividend"]]),
    AfterValidator(_once),
]
Price = Annotated[float, Field(strict=True, gt=0, le=1e15, allow_inf_nan=False, examples=[187.5])]
AddedAt = Annotated[
    float,
    Field(strict=True, ge=0, le=253_402_300_799, allow_inf_nan=False, examples=[1795217326.361]),
]
Position = Annotated[
    int, Field(strict=True, ge=0, le=100_000, description="From 0; beyond the end: the end.")
]


class NewWatchlistIn(In):
    name: ListName


class WatchlistChange(In):
    """What is left out stays."""

    name: ListName | None = None
    position: Position | None = Field(None, description="Among your lists, from 0.")

    _is_there = never_null("name", "position")


class _Facts(In):
    name: ItemName | None = Field(None, description="Null: the symbol's own.")
    category: Category | None = None
    notes: Notes = ""
    priority: Priority = Priority.MEDIUM
    tags: Tags = Field(default_factory=list)
    added_at: AddedAt | None = Field(None, description="Left out: now.")
    added_price: Price | None = Field(
        None, description="What it cost then; left out, its last price as you add it."
    )
    target_price: Price | None = None
    stop_loss: Price | None = None
    alert_enabled: bool = Field(
        False, strict=True, description="Whether an alert is kept for the target, and for the stop."
    )


class ItemIn(_Facts):
    symbol: SymbolName
    position: Position | None = Field(None, description="From 0; null: at the end.")


class ItemChange(_Facts):
    """What is left out stays."""

    position: Position | None = Field(None, description="Where it is moved to, from 0.")

    _is_there = never_null("position", "added_at")


class NamedItemChange(ItemChange):
    symbol: SymbolName


class ItemChangesIn(In):
    items: Annotated[list[NamedItemChange], Field(min_length=1, max_length=MOST_AT_ONCE)]


class ItemOut(BaseModel):
    symbol: str = Field(examples=["US:AAPL"])
    name: str = Field(description="Yours, or else the symbol's.", examples=["Apple Inc."])
    position: int
    category: str | None = Field(examples=["hardware"])
    notes: str
    priority: Priority
    tags: list[str] = Field(examples=[["dividend"]])
    added_at: Time
    added_price: float | None = Field(examples=[187.5])
    target_price: float | None = Field(examples=[220.0])
    stop_loss: float | None = Field(examples=[170.0])
    alert_enabled: bool


class ItemsOut(BaseModel):
    items: list[ItemOut]


class TakenOut(BaseModel):
    added: int = Field(examples=[12])
    updated: int = Field(examples=[3])
    removed: int = Field(examples=[0])


class WatchlistSummary(BaseModel):
    id: UUID
    name: str = Field(examples=["Semiconductors"])
    position: int = Field(description="Among your lists, from 0.")
    count: int = Field(description="How many items there are.", examples=[12])
    version: int = Field(description="Rises with each change of the list and its items.")
    created_at: Time
    updated_at: Time


class WatchlistsOut(BaseModel):
    items: list[WatchlistSummary]


class WatchlistOut(WatchlistSummary):
    items: list[ItemOut]


SearchText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=LINE),
    Field(examples=["apple"]),
]


class FavouriteOut(Out):
    symbol: str = Field(examples=["US:AAPL"])
    name: str = Field(examples=["Apple Inc."])
    added_at: Time


class FavouritesOut(BaseModel):
    items: list[FavouriteOut]


class SearchIn(In):
    query: SearchText


class SearchOut(Out):
    query: str = Field(examples=["apple"])
    searched_at: Time


class SearchesOut(BaseModel):
    items: list[SearchOut]


class PricedOut(BaseModel):
    """What isn't known is null."""

    symbol: str = Field(examples=["US:AAPL"])
    name: str = Field(examples=["Apple Inc."])
    currency: str = Field(examples=["USD"])
    last: float | None = Field(examples=[189.3])
    change: float | None = Field(
        description="Against the previous session's close.", examples=[1.2]
    )
    change_percent: float | None = Field(examples=[0.6379])
    since_added: float | None = Field(
        description="Against `added_price`, restated for the splits since.", examples=[1.8]
    )
    since_added_percent: float | None = Field(examples=[0.96])
    low: float | None = Field(description="Of the session, as is `high`.", examples=[187.7])
    high: float | None = Field(examples=[189.4])
    low_52_weeks: float | None = Field(
        description="In terms of today's shares, as is `high_52_weeks`.", examples=[164.1]
    )
    high_52_weeks: float | None = Field(examples=[199.6])
    closes: list[float] = Field(
        description="For a sparkline: the newest daily closes of the 52 weeks, up to 60.",
        examples=[[188.1, 189.3]],
    )
    time: float | None = Field(description="When `last` was traded.", examples=[1700000041.2])
    stale: bool = Field(description="Whether there should be a newer price.", examples=[False])


class PricedItemsOut(BaseModel):
    version: int = Field(description="Of the list.")
    items: list[PricedOut]


class CategoryCount(BaseModel):
    category: str | None = Field(description="Null: without one.", examples=["hardware"])
    count: int


class TagCount(BaseModel):
    tag: str = Field(examples=["dividend"])
    count: int


class StatsOut(BaseModel):
    count: int
    by_category: list[CategoryCount] = Field(description="The most frequent first.")
    by_priority: dict[Priority, int]
    by_tag: list[TagCount] = Field(description="The most frequent first.")
    recently_added: list[str] = Field(
        description="The symbols added within seven days, the newest first; up to ten.",
        examples=[["US:AAPL"]],
    )
    with_notes: int
    with_alerts: int = Field(description="Those whose `alert_enabled` is true.")
