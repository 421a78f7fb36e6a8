"""Quotes on the wire."""

from collections.abc import Sequence

from pydantic import BaseModel, Field


class Quote(BaseModel):
    """What isn't known is null; so are `bid` and `ask` where no source tells them."""

    last: float | None = Field(examples=[189.3])
    bid: float | None = Field(examples=[None])
    ask: float | None = Field(examples=[None])
    change: float | None = Field(
        description="Against the previous session's close.", examples=[1.2]
    )
    change_percent: float | None = Field(examples=[0.6379])
    open: float | None = Field(description="Of the session, like the next.", examples=[188.0])
    high: float | None = Field(examples=[189.4])
    low: float | None = Field(examples=[187.7])
    volume: float | None = Field(examples=[812000])
    previous_close: float | None = Field(examples=[188.1])
    time: float | None = Field(description="When `last` was traded.", examples=[1700000041.2])
    stale: bool = Field(description="Whether there should be a newer price.", examples=[False])


class QuoteOut(Quote):
    """What isn't known is null; so are `bid` and `ask` where no source tells them."""

    symbol: str = Field(examples=["US:AAPL"])
    currency: str = Field(examples=["USD"])


class NoQuote(BaseModel):
    """A symbol that can't be quoted, as it was asked for."""

    symbol: str = Field(examples=["US:NOPE"])
    code: str = Field(examples=["unknown_symbol"])
    detail: str = Field(examples=["There is no symbol US:NOPE."])


class Quotes(BaseModel):
    items: Sequence[QuoteOut | NoQuote]
