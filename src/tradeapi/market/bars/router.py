"""Bars over HTTP: history and export, posting, removal."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from tradeapi.auth.dependencies import CallerDep
from tradeapi.market.bars import bar_writer
from tradeapi.market.bars.answers import bars_response
from tradeapi.market.bars.bar_writer import PostedBars
from tradeapi.market.bars.export import MEDIA_TYPES, export
from tradeapi.market.bars.posted import describe_items, outcomes_response, read_items
from tradeapi.market.bars.query import (
    TIME,
    BarsParameters,
    TimeText,
    bars_query,
    parse_range,
)
from tradeapi.market.bars.ranges import opened
from tradeapi.market.bars.schemas import BarColumns, BarIn, BarRows, BarsOut, Removed
from tradeapi.market.dependencies import BarWriterDep, bar_history
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.schemas import SymbolPath
from tradeapi.web.cache import keep
from tradeapi.web.large_reads import in_turn
from tradeapi.web.principal import NEEDS_INGEST, NEEDS_MARKET_DATA
from tradeapi.web.problems import problems
from tradeapi.web.query import describe_query

router = APIRouter(prefix="/bars", tags=["bars"])

_FILES: dict[str, Any] = {
    media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()
}


@router.get(
    "/{symbol}",
    summary="History of a symbol",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(BarsParameters),
    responses={
        200: {
            "model": BarColumns | BarRows,
            "content": _FILES,
            "description": "Columns, rows, or a file.",
        },
        304: {"description": "What the caller has (If-None-Match) is still right."},
        **problems(404, 409, 422),
    },
)
@in_turn
async def get(request: Request, symbol: SymbolPath) -> Response:
    """Bars with `start <= time < end`, ascending; derived from finer bars where none were given."""
    query, history = bars_query(request), bar_history(request)
    if query.range is not None:
        query = query.within(await opened(history, symbol, query.range))
    if query.format in MEDIA_TYPES:
        return await export(history, symbol, query)
    answer = await history.read(symbol, query.resolution, query.window, query.adjustment)
    # Whom a bare ticker means may change at any time.
    is_named = ":" in symbol
    keep(request.scope, answer.is_good if is_named else lambda: False, state=answer.state)
    return await bars_response(
        answer,
        query,
        query.revision if is_named else None,
        is_public=request.state.settings.public_read,
    )


@router.post(
    "",
    summary="Insert or correct bars",
    dependencies=[NEEDS_INGEST],
    response_model=BarsOut,
    openapi_extra=describe_items(BarIn),
    responses=problems(413, 415, 422),
)
async def post(request: Request, writer: BarWriterDep) -> Response:
    """Each bar is taken or refused on its own, and the answer names each; what is taken is
    committed. A posted bar replaces what there is of the same symbol, resolution and time. Of two
    in one request the later counts, and the earlier is refused as `duplicate`.
    """
    outcomes = await writer.post(await read_items(request, PostedBars))
    return await outcomes_response(outcomes, bar_writer.STATUSES)


@router.delete(
    "/{symbol}",
    summary="Remove bars",
    dependencies=[NEEDS_INGEST],
    responses=problems(404, 409, 422),
)
async def delete(  # noqa: PLR0913, PLR0917  they are the query
    symbol: SymbolPath,
    writer: BarWriterDep,
    caller: CallerDep,
    resolution: Annotated[
        str,
        Query(description="Bars of this width only.", json_schema_extra={"enum": [*Resolution]}),
    ],
    start: Annotated[TimeText | None, Query(description=f"The first instant. {TIME}")] = None,
    end: Annotated[
        TimeText | None, Query(description=f"The instant after the last. {TIME}")
    ] = None,
) -> Removed:
    """Removes bars that were posted, imported or built from ticks, with `start <= time < end`.

    What was derived from them goes or changes with them; where finer bars are left, bars derived
    from those take their place.
    """
    removed, revision = await writer.remove(
        symbol, Resolution.parse(resolution), *parse_range(start, end=end), caller
    )
    return Removed(removed=removed, revision=revision)
