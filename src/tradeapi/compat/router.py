"""The routes of lightweight-charts-pro, under `/api/charts`."""

from typing import Annotated, Any

import orjson
from fastapi import Path, Query, Request, Response
from pydantic import BaseModel

from tradeapi import __version__
from tradeapi.charts.parsing import BYTES_OF_A_POINT
from tradeapi.charts.sources import LONGEST_NAME, NAME
from tradeapi.compat.bodies import (
    LAST_PANE,
    ChartOptions,
    HistoryBody,
    Pushed,
    SeriesBody,
    loads,
    parse,
    pushed,
)
from tradeapi.compat.dependencies import ProChartsDep
from tradeapi.compat.schemas import (
    HistoryOut,
    MadeOut,
    ProChartOut,
    SeriesOut,
    SetOut,
)
from tradeapi.compat.windows import DEFAULT_COUNT, MOST_COUNT, window_of
from tradeapi.market.bars.posted import in_turn
from tradeapi.web.below import Below
from tradeapi.web.dependencies import SettingsDep
from tradeapi.web.principal import FOR_EVERYBODY, NEEDS_READ_OR_SHARE, NEEDS_WRITE
from tradeapi.web.problems import problems

router = Below(prefix="/api/charts", tags=["lightweight-charts-pro"])

ChartId = Annotated[
    str, Path(description="Its name.", examples=["desk"], max_length=LONGEST_NAME, pattern=NAME)
]
SeriesId = Annotated[
    str,
    Path(
        description="Unique in its pane.",
        examples=["price"],
        max_length=LONGEST_NAME,
        pattern=NAME,
    ),
]
PaneId = Annotated[int, Path(ge=0, le=LAST_PANE, examples=[0])]
Seconds = Annotated[float | None, Query(description="In epoch seconds.")]


def _body(model: type[BaseModel], *, required: bool, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """For a route's `openapi_extra`; the names in snake_case are taken as well."""
    schema = model.model_json_schema(by_alias=False)
    schema["properties"] |= more
    schema["required"] = [*schema.get("required", ()), *more]
    if not required:
        schema = {"anyOf": [schema, {"type": "null"}]}
    return {
        "requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}
    }


_POINTS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["time"],
        "properties": {"time": {"anyOf": [{"type": "number"}, {"type": "string"}]}},
    },
    "example": [{"time": 1704153600, "value": 187.2}],
}


# Not in the document: there it is a chart that can be made, too.
@router.get("/health", dependencies=[FOR_EVERYBODY], include_in_schema=False)
async def health(settings: SettingsDep) -> dict[str, str]:
    return {
        "status": "healthy",
        "version": __version__,
        "environment": settings.environment.value,
    }


@router.post(
    "/{chart}",
    summary="Make a chart, or set its options",
    dependencies=[NEEDS_WRITE],
    response_model=MadeOut,
    openapi_extra=_body(ChartOptions, required=False),
    responses=problems(403, 422),
)
async def create(request: Request, chart: ChartId, charts: ProChartsDep) -> Response:
    """Options that the chart has already, and that are not there, stay."""
    body = await request.body()
    content = loads(body) if body.strip() else {}
    options = parse({} if content is None else content, ChartOptions)
    return _json(await charts.create(chart, options.model_dump(exclude_unset=True, by_alias=True)))


@router.get(
    "/{chart}",
    summary="A chart with its points",
    dependencies=[NEEDS_READ_OR_SHARE],
    response_model=ProChartOut,
    responses=problems(404, 422),
)
async def get(chart: ChartId, charts: ProChartsDep) -> Response:
    """Of a long series the newest; `chunked` says so."""
    return _json(await charts.chart(chart))


@router.get(
    "/{chart}/data/{pane}/{series}",
    summary="A series with its points",
    dependencies=[NEEDS_READ_OR_SHARE],
    response_model=SeriesOut,
    responses=problems(404, 422),
)
async def get_series(
    chart: ChartId, pane: PaneId, series: SeriesId, charts: ProChartsDep
) -> Response:
    return _json(await charts.series(chart, pane, series))


@router.post(
    "/{chart}/data/{series}",
    summary="Set the points of a series",
    dependencies=[NEEDS_WRITE],
    response_model=SetOut,
    openapi_extra=_body(SeriesBody, required=True, data=_POINTS),
    responses=problems(400, 403, 409, 413, 422),
)
async def set_series(
    request: Request, chart: ChartId, series: SeriesId, charts: ProChartsDep
) -> Response:
    """Chart and series are made if there are none."""
    return _json(await charts.set(chart, series, await _pushed(request)))


@router.patch(
    "/{chart}/data/{series}",
    summary="Append points to a series",
    dependencies=[NEEDS_WRITE],
    response_model=SetOut,
    openapi_extra=_body(SeriesBody, required=True, data=_POINTS),
    responses=problems(400, 403, 404, 409, 413, 422),
)
async def append(
    request: Request, chart: ChartId, series: SeriesId, charts: ProChartsDep
) -> Response:
    """A point with the time of the last one replaces it."""
    return _json(await charts.append(chart, series, await _pushed(request)))


@router.get(
    "/{chart}/history/{pane}/{series}",
    summary="Some points of a series",
    dependencies=[NEEDS_READ_OR_SHARE],
    response_model=HistoryOut,
    responses=problems(404, 422),
)
async def get_history(  # noqa: PLR0913, PLR0917  they are the query
    chart: ChartId,
    pane: PaneId,
    series: SeriesId,
    charts: ProChartsDep,
    before_time: Seconds = None,
    after_time: Seconds = None,
    count: Annotated[int, Query(ge=1, le=MOST_COUNT)] = DEFAULT_COUNT,
) -> Response:
    """The latest of those before one time and after the other; with `after_time` alone the
    earliest.
    """
    window = window_of(before_time, after_time, count)
    return _json(await charts.history(chart, pane, series, window))


@router.post(
    "/{chart}/history",
    summary="The same by POST",
    dependencies=[NEEDS_READ_OR_SHARE],
    response_model=HistoryOut,
    openapi_extra=_body(HistoryBody, required=True),
    responses=problems(404, 422),
)
async def post_history(request: Request, chart: ChartId, charts: ProChartsDep) -> Response:
    asked = parse(loads(await request.body()), HistoryBody)
    window = window_of(asked.before_time, asked.after_time, asked.count)
    return _json(await charts.history(chart, asked.pane_id, asked.series_id, window))


async def _pushed(request: Request) -> Pushed:
    body = await request.body()
    return await in_turn(len(body) // BYTES_OF_A_POINT, lambda: pushed(body))


def _json(value: object) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(value), headers=headers, media_type="application/json")
