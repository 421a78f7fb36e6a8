"""Alerts over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response

from tradeapi.alerts import answers
from tradeapi.alerts.dependencies import AlertsDep, ReadableAlertsDep
from tradeapi.alerts.schemas import AlertChange, AlertIn, AlertOut, Status, SuggestionsOut
from tradeapi.alerts.service import Named
from tradeapi.alerts.suggestions import suggestions
from tradeapi.market.dependencies import DirectoryDep
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.notifications.dependencies import NotifierDep
from tradeapi.web.dependencies import CursorsDep, ReaderDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.ids import ById
from tradeapi.web.pages import Cursor, Limit, Page
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems


class OfOne(ById):
    named = ("suggestions",)


router = APIRouter(prefix="/alerts", tags=["alerts"])
one_router = APIRouter(prefix="/alerts", tags=["alerts"], route_class=OfOne)
making_router = APIRouter(prefix="/alerts", tags=["alerts"], route_class=Idempotent)

SymbolFilter = Annotated[
    str | None, Query(max_length=64, description="Only those on it.", examples=["US:AAPL"])
]
WatchlistFilter = Annotated[UUID | None, Query(description="Only those that its items keep.")]


@making_router.post(
    "",
    summary="Make an alert",
    status_code=201,
    response_model=AlertOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 422),
)
async def create(alerts: AlertsDep, body: AlertIn) -> Response:
    """It is watched from now on. A level that is passed already fires at once, a crossing only
    when the price crosses it from here.
    """
    return _answer(await alerts.create(body), status=201)


@router.get(
    "",
    summary="Your alerts",
    response_model=Page[AlertOut],
    dependencies=[NEEDS_READ],
    responses=problems(404, 409, 422),
)
async def list_alerts(  # noqa: PLR0913, PLR0917  they are what it takes
    alerts: ReadableAlertsDep,
    cursors: CursorsDep,
    symbol: SymbolFilter = None,
    status: Status | None = None,
    watchlist: WatchlistFilter = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Mapping[str, Any]:
    """The newest first."""
    name = f"alerts:{symbol}:{status}:{watchlist}"
    after = None if cursor is None else UUID(str(cursors.decode(name, cursor)[0]))
    found = await alerts.list(
        symbol=symbol, status=status, watchlist=watchlist, after=after, limit=limit + 1
    )
    shown = found[:limit]
    more = cursors.encode(name, [str(shown[-1][0].id)]) if len(found) > limit else None
    return {"items": [answers.document(*one) for one in shown], "next_cursor": more}


@router.get(
    "/suggestions",
    summary="Alerts that suit a symbol",
    response_model=SuggestionsOut,
    dependencies=[NEEDS_READ],
    responses=problems(404, 409, 422),
)
async def suggest(
    directory: DirectoryDep,
    raw: ReaderDep,
    symbol: Annotated[str, Query(max_length=64, examples=["US:AAPL"])],
) -> Mapping[str, Any]:
    """Each may be posted as it is."""
    listing = await directory.get(symbol)
    quotes = await read_quotes(raw, [listing.id])
    last = quotes[listing.id].last if listing.id in quotes else None
    return {"items": suggestions(listing.symbol, last)}


@one_router.get(
    "/{id}",
    summary="One alert",
    response_model=AlertOut,
    dependencies=[NEEDS_READ],
    responses=problems(404, 422),
)
async def get(alerts: ReadableAlertsDep, id: UUID) -> Response:
    """The ETag is for `If-Match`."""
    return _answer(await alerts.get(id))


@one_router.patch(
    "/{id}",
    summary="Change an alert",
    response_model=AlertOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 412, 422),
)
async def change(
    alerts: AlertsDep, id: UUID, body: AlertChange, precondition: PreconditionDep
) -> Response:
    """What is left out stays. `enabled` stops it, and has it watched again."""
    return _answer(await alerts.change(id, body, precondition))


@one_router.delete(
    "/{id}",
    summary="Delete an alert",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 412, 422),
)
async def delete(alerts: AlertsDep, id: UUID, precondition: PreconditionDep) -> Response:
    """What it has told stays in your inbox."""
    await alerts.delete(id, precondition)
    return Response(status_code=204)


@router.post(
    "/{id}/test",
    summary="Have an alert tell you something",
    status_code=202,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def test(alerts: AlertsDep, notifier: NotifierDep, id: UUID) -> Response:
    """As if it had fired, on all its channels, and marked as a test; the alert stays as it is."""
    await alerts.test(id, notifier)
    return Response(status_code=202)


def _answer(named: Named, *, status: int = 200) -> Response:
    alert, symbol = named
    return Response(
        orjson.dumps(answers.document(alert, symbol)),
        status,
        headers={"etag": alert.etag, "cache-control": "no-store"},
        media_type="application/json",
    )
