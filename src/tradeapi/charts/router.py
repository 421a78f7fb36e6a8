"""Charts over HTTP: documents and shares."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from tradeapi.auth.dependencies import PrincipalDep
from tradeapi.auth.share_schemas import NewShareOut, ShareIn, ShareOut, SharesOut
from tradeapi.charts.answers import document, summary
from tradeapi.charts.dependencies import (
    AccessesDep,
    ChartsDep,
    ReadableChartsDep,
    SharesDep,
    TtlDep,
)
from tradeapi.charts.documents import FoundChart, read_chart
from tradeapi.charts.models import Chart
from tradeapi.charts.schemas import (
    ChartChange,
    ChartIn,
    ChartOut,
    ChartPath,
    ChartSummary,
    CopyIn,
    NewChartIn,
)
from tradeapi.web.dependencies import CursorsDep, ReaderDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.pages import Cursor, Limit, Page
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_READ_OR_SHARE, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/charts", tags=["charts"])
making_router = APIRouter(prefix="/charts", tags=["charts"], route_class=Idempotent)


@making_router.post(
    "",
    summary="Make a chart",
    status_code=201,
    response_model=ChartOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 409, 422),
)
async def create(charts: ChartsDep, body: NewChartIn, ttl: TtlDep) -> Response:
    """With a `name` it can be asked for by that. Names are each user's own."""
    return _answer(await charts.create(body), ttl, status=201)


@making_router.post(
    "/{id}/duplicate",
    summary="Copy a chart",
    status_code=201,
    response_model=ChartOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 422),
)
async def duplicate(charts: ChartsDep, id: ChartPath, body: CopyIn, ttl: TtlDep) -> Response:
    """With all points that were pushed to it; shares stay with the original."""
    return _answer(await charts.duplicate(id, body), ttl, status=201)


@making_router.post(
    "/{id}/shares",
    summary="Share a chart",
    status_code=201,
    response_model=NewShareOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 422),
)
async def share(
    shares: SharesDep, id: ChartPath, body: ShareIn, response: Response
) -> Mapping[str, Any]:
    """Whoever has the token may read this chart and its points, by its id, and nothing else."""
    made, token = await shares.create(id, body.expires_in_days)
    response.headers["cache-control"] = "no-store"
    return {**ShareOut.model_validate(made).model_dump(), "token": token}


@router.get(
    "",
    summary="Your charts",
    response_model=Page[ChartSummary],
    dependencies=[NEEDS_READ],
    responses=problems(422),
)
async def list_charts(
    charts: ReadableChartsDep,
    cursors: CursorsDep,
    ttl: TtlDep,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Mapping[str, Any]:
    """The newest first, without their documents."""
    after = UUID(str(cursors.decode("charts", cursor)[0])) if cursor else None
    found = await charts.list(after=after, limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return {
        "items": [summary(chart, ttl) for chart in page],
        "next_cursor": cursors.encode("charts", [str(page[-1].id)]) if more else None,
    }


@router.get(
    "/{id}",
    summary="One chart",
    response_model=ChartOut,
    dependencies=[NEEDS_READ_OR_SHARE],
    responses=problems(404, 422),
)
async def get(
    reader: ReaderDep, principal: PrincipalDep, id: ChartPath, accesses: AccessesDep, ttl: TtlDep
) -> Response:
    """With its series, but for their points. The ETag is for `If-Match`."""
    by_id = principal.share is not None
    chart = await read_chart(reader, principal.owner, id, by_id=by_id)
    accesses.note(chart.id, chart.accessed_at)
    return _answer(chart, ttl)


@router.put(
    "/{id}",
    summary="Replace a chart",
    response_model=ChartOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 412, 422),
)
async def replace(
    charts: ChartsDep, id: ChartPath, body: ChartIn, precondition: PreconditionDep, ttl: TtlDep
) -> Response:
    """What is left out is empty then; its name stays. Series keep their points as long as they are
    in a pane, and are of a type that the points fit.
    """
    return _answer(await charts.replace(id, body, precondition), ttl)


@router.patch(
    "/{id}",
    summary="Change or rename a chart",
    response_model=ChartOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 412, 422),
)
async def change(
    charts: ChartsDep, id: ChartPath, body: ChartChange, precondition: PreconditionDep, ttl: TtlDep
) -> Response:
    """What is left out stays; each field that is there is replaced as a whole."""
    return _answer(await charts.change(id, body, precondition), ttl)


@router.delete(
    "/{id}",
    summary="Remove a chart",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 412, 422),
)
async def delete(charts: ChartsDep, id: ChartPath, precondition: PreconditionDep) -> None:
    """With its series, their points and its shares."""
    await charts.delete(id, precondition)


@router.get(
    "/{id}/shares",
    summary="Shares of a chart",
    response_model=SharesOut,
    dependencies=[NEEDS_READ],
    responses=problems(404, 422),
)
async def list_shares(shares: SharesDep, id: ChartPath) -> Mapping[str, Any]:
    """Those that have not ended, the newest first."""
    return {"items": await shares.list(id)}


@router.delete(
    "/{id}/shares/{share}",
    summary="End a share",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def end_share(shares: SharesDep, id: ChartPath, share: UUID) -> None:
    """Requests with its token are refused within seconds, on every process."""
    await shares.end(id, share)


def _answer(chart: Chart | FoundChart, ttl: float, *, status: int = 200) -> Response:
    headers = {"etag": chart.etag, "cache-control": "no-store"}
    return Response(document(chart, ttl), status, headers=headers, media_type="application/json")
