"""Ticks over HTTP."""

from fastapi import APIRouter, Request, Response

from tradeapi.market import tick_writer
from tradeapi.market.bars_schemas import TickIn, TicksOut
from tradeapi.market.dependencies import TickWriterDep
from tradeapi.market.posted import describe_items, outcomes_response, read_items
from tradeapi.market.tick_writer import PostedTicks
from tradeapi.web.problems import problems

router = APIRouter(prefix="/ticks", tags=["ticks"])


@router.post(
    "",
    summary="Send trades",
    response_model=TicksOut,
    openapi_extra=describe_items(TickIn),
    responses=problems(413, 415, 422),
)
async def post(request: Request, writer: TickWriterDep) -> Response:
    """Each tick is folded into its 1-minute bar, in order of arrival; the answer says of each what
    became of it, and what is accepted is committed. A late tick amends its bar. With an `id` it is
    safe to send a tick again for a day: the second time it is a `duplicate`.
    """
    outcomes = await writer.post(await read_items(request, PostedTicks))
    return await outcomes_response(outcomes, tick_writer.STATUSES)
