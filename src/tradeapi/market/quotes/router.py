"""Quotes over HTTP."""

from collections.abc import Sequence
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from tradeapi.market.dependencies import DirectoryDep
from tradeapi.market.quotes.service import MOST_SYMBOLS, list_quotes
from tradeapi.web.dependencies import ClockDep, DatabaseDep, SettingsDep
from tradeapi.web.principal import NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter(tags=["quotes"])

# Should a client escape every letter of it, the server still takes the address.
LONGEST_LIST = 20_000


class QuoteOut(BaseModel):
    """What isn't known is null; so are `bid` and `ask` where no source tells them."""

    symbol: str = Field(examples=["US:AAPL"])
    currency: str = Field(examples=["USD"])
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


class NoQuote(BaseModel):
    """A symbol that can't be quoted, as it was asked for."""

    symbol: str = Field(examples=["US:NOPE"])
    code: str = Field(examples=["unknown_symbol"])
    detail: str = Field(examples=["There is no symbol US:NOPE."])


class Quotes(BaseModel):
    items: Sequence[QuoteOut | NoQuote]


@router.get(
    "/quotes",
    summary="The newest prices of several symbols",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=Quotes,
    responses=problems(422),
)
async def list(
    symbols: Annotated[
        str,
        Query(
            description=f"Up to {MOST_SYMBOLS} symbols, separated by commas.",
            examples=["US:AAPL,US:MSFT"],
            min_length=1,
            max_length=LONGEST_LIST,
            pattern="^[ -~]*$",
        ),
    ],
    database: DatabaseDep,
    directory: DirectoryDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Response:
    """In the order in which they are asked for. A symbol that isn't known has an entry with the
    `code` of that error; the answer is 200 even if none is known.
    """
    items = await list_quotes(
        symbols.split(","),
        database,
        directory,
        clock.now(),
        stale_after=settings.quote_stale_seconds,
    )
    return Response(
        orjson.dumps({"items": items}),
        media_type="application/json",
        headers={"cache-control": "no-cache"},
    )
