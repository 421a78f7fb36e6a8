"""The points of series over HTTP."""

from functools import partial
from typing import Annotated, Any

import orjson
from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from tradeapi.charts.dependencies import PointWriterDep, kept_texts, point_reader
from tradeapi.charts.point_schemas import PointIn, PointsOut, WrittenOut
from tradeapi.charts.points import as_number
from tradeapi.charts.query import PointsParameters, points_query
from tradeapi.charts.schemas import ChartPath, SeriesPath
from tradeapi.charts.targets import State, Target
from tradeapi.charts.views import View, view
from tradeapi.market.bars.posted import describe_items
from tradeapi.web.large_reads import in_turn
from tradeapi.web.media_types import require_media_type
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_READ_OR_SHARE, NEEDS_WRITE
from tradeapi.web.problems import problems
from tradeapi.web.query import describe_query

# To choose among more takes long enough to be felt by others.
MANY_POINTS = 2000

router = APIRouter(prefix="/charts/{id}/series/{series}/points", tags=["charts"])

_BODY: dict[str, Any] = describe_items(PointIn)
_BODY["requestBody"]["content"].pop("application/x-ndjson")


@router.get(
    "",
    summary="Points of a series",
    dependencies=[NEEDS_READ_OR_SHARE],
    response_model=PointsOut,
    openapi_extra=describe_query(PointsParameters),
    responses=problems(404, 409, 422),
)
@in_turn
async def get_points(request: Request, id: ChartPath, series: SeriesPath) -> Response:
    """Ascending, as lightweight-charts takes them; also those of a series that has a source."""
    query = points_query(request)
    page = await point_reader(request).read(id, series, query.window, query.range)
    look = partial(view, page, query.max_points, rebase=query.rebase)
    is_plain = query.max_points is None and not query.rebase
    many = not is_plain and len(page.points) > MANY_POINTS
    seen = await to_thread.run_sync(look) if many else look()
    body = _body(seen, await kept_texts(request).in_json(page, seen.points))
    etag = {} if page.state is None else {"etag": page.state.etag(page.target)}
    return _response(body, etag)


@router.put(
    "",
    summary="Set the points of a series",
    dependencies=[NEEDS_WRITE],
    response_model=WrittenOut,
    openapi_extra=_BODY,
    responses=problems(403, 404, 409, 412, 413, 415, 422),
)
async def put_points(
    request: Request,
    writer: PointWriterDep,
    id: ChartPath,
    series: SeriesPath,
    precondition: PreconditionDep,
) -> Response:
    """Replaces all that there are, or nothing if one of them is no good. Times have to ascend."""
    require_media_type(request, "application/json")
    written = await writer.replace(id, series, partial(_parts, request), precondition)
    return _written(*written)


@router.post(
    "",
    summary="Append points to a series",
    dependencies=[NEEDS_WRITE],
    response_model=WrittenOut,
    openapi_extra=_BODY,
    responses=problems(403, 404, 409, 412, 413, 415, 422),
)
async def post_points(  # noqa: PLR0913, PLR0917  they are what it takes
    request: Request,
    writer: PointWriterDep,
    id: ChartPath,
    series: SeriesPath,
    precondition: PreconditionDep,
    amend: Annotated[
        bool, Query(description="Insert or replace points before the last one, too.")
    ] = False,
) -> Response:
    """A point with the time of the last one replaces it, so that one that is still forming may be
    sent again and again; newer ones are added. All are taken, or none.
    """
    require_media_type(request, "application/json")
    body = partial(_parts, request)
    written = await writer.append(id, series, body, precondition, amend=amend)
    return _written(*written)


def _body(seen: View, items: bytes) -> bytes:
    page = seen.page
    before = orjson.dumps(
        {
            "series": page.target.name,
            "type": page.target.type,
            "resolution": seen.resolution,
            "start": page.start,
        }
    )
    after = orjson.dumps(
        {
            "thinned_from": seen.thinned_from,
            "base": seen.base,
            "has_more_before": page.has_more_before,
            "has_more_after": page.has_more_after,
            "count": None if page.state is None else page.state.count,
            "version": None if page.state is None else page.state.version,
        }
    )
    # Of 10,000 points orjson would make a copy more.
    return b'%b,"items":%b,%b' % (before[:-1], items, after[1:])


def _written(target: Target, state: State) -> Response:
    body = {
        "count": state.count,
        "first_time": as_number(state.first),
        "last_time": as_number(state.last),
        "version": state.version,
    }
    return _response(orjson.dumps(body), {"etag": state.etag(target)})


def _response(body: bytes, headers: dict[str, str]) -> Response:
    headers = {"cache-control": "no-store", **headers}
    return Response(body, headers=headers, media_type="application/json")


async def _parts(request: Request) -> list[bytes]:
    return [part async for part in request.stream()]
