"""Quotes over HTTP."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from tradeapi.market.dependencies import DirectoryDep
from tradeapi.market.quotes.schemas import Quotes
from tradeapi.market.quotes.service import MOST_SYMBOLS, list_quotes
from tradeapi.web.dependencies import ClockDep, DatabaseDep, SettingsDep
from tradeapi.web.principal import NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter(tags=["quotes"])

# Should a client escape every letter of it, the server still takes the address.
LONGEST_LIST = 20_000


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
