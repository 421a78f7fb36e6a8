"""Ticks over HTTP."""

from fastapi import APIRouter, Request, Response

from tradeapi.market.bars.posted import describe_items, outcomes_response, read_items
from tradeapi.market.bars.schemas import TickIn, TicksOut
from tradeapi.market.bars.tick_writer import STATUSES, PostedTicks
from tradeapi.market.dependencies import tick_writer
from tradeapi.web.principal import NEEDS_INGEST
from tradeapi.web.problems import problems

router = APIRouter(prefix="/ticks", tags=["ticks"])


@router.post(
    "",
    summary="Send trades",
    dependencies=[NEEDS_INGEST],
    response_model=TicksOut,
    openapi_extra=describe_items(TickIn),
    responses=problems(413, 415, 422),
)
async def post(request: Request) -> Response:
    """Each tick is folded into its 1-minute bar, in order of arrival; the answer says of each what
    became of it, and what is accepted is committed, all of a request at once.

    - The open is the earliest trade by time and the close the latest, whenever they arrive.
    - A late tick amends its bar. If that bar was closed, this is announced as a revision, and the
      `revision` of the history rises.
    - A tick may be up to 60 seconds ahead of our clock (`in_future`), and has to be within the
      session (`outside_session`), unless the symbol has extended hours.
    - A bar that was posted as a whole stays as it is (`bar_is_native`).
    - With an `id`, a tick that is sent again within a day is a `duplicate` and does no harm.
    """
    outcomes = await tick_writer(request).post(await read_items(request, PostedTicks))
    return await outcomes_response(outcomes, STATUSES)
