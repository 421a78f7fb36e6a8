"""The routes of the equal-weight index tracker, under `/api/v1`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from tradeapi import __version__
from tradeapi.compat.tracker.builds import CODE, failure
from tradeapi.compat.tracker.compositions import (
    changes_within,
    composition_on,
    compositions_within,
)
from tradeapi.compat.tracker.dependencies import TrackerBuildsDep
from tradeapi.compat.tracker.export import MEDIA_TYPES, export
from tradeapi.compat.tracker.performance import Performance
from tradeapi.compat.tracker.schemas import (
    BuildIndexIn,
    BuiltOut,
    ExportIn,
    TrackerChanges,
    TrackerComposition,
    TrackerFile,
    TrackerHealth,
    TrackerPerformance,
)
from tradeapi.indices.answers import answer, json, source_of
from tradeapi.indices.dependencies import PublishedDep
from tradeapi.indices.holdings.reading import Sessions, at_one_revision
from tradeapi.indices.published import Series
from tradeapi.market.symbols.schemas import Day
from tradeapi.ops.readiness import Outlook
from tradeapi.web.dependencies import ClockDep, DatabaseDep
from tradeapi.web.large_reads import turn
from tradeapi.web.principal import FOR_EVERYBODY, NEEDS_ADMIN, NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter(tags=["index-tracker"])

# Of what can be away, that which callers of this protocol call a cache.
_CACHES = {"redis", "bus"}
_CSV = "date,value,daily_return,cumulative_return\r\n2024-01-02,1000.0,,0.0\r\n"

Start = Annotated[Day, Query(description="It need not be a session.", examples=["2024-01-02"])]
End = Annotated[Day, Query(description="The last day.", examples=["2024-10-25"])]


@router.post(
    "/build-index",
    summary="Build the index EW100, and wait for it",
    dependencies=[NEEDS_ADMIN],
    response_model=BuiltOut,
    responses={202: {"model": BuiltOut, "description": "It goes on."}, **problems(409, 422)},
)
async def build_index(
    builds: TrackerBuildsDep, published: PublishedDep, body: BuildIndexIn, response: Response
) -> Mapping[str, Any]:
    """The index is defined if there is none: the 100 largest stocks, each with the same weight
    every day. All sessions in range are built, and those between them and what is built, so that
    each level follows from the one before it. What takes longer than a request may goes on as the
    job that `message` and `Location` name.
    """
    url, job = await builds.build(body.start_date, body.end_date)
    asked = {"start_date": body.start_date, "end_date": body.end_date}
    if job is None:
        response.status_code, response.headers["location"] = 202, url
        message = f"The build goes on: {url}."
        return {"success": False, "message": message, "dates_processed": 0, **asked}
    if error := failure(job):
        raise error
    # Whoever asks here next is told what was built, though the news of it may still be on its way.
    await published.anew(CODE)
    result = job.result or {}
    count, first, last = result["sessions"], result["start"], result["end"]
    return {
        "success": True,
        "message": f"Built {count} sessions from {first} to {last}.",
        "dates_processed": count,
        **asked,
        "end_date": body.end_date or last,
    }


@router.get(
    "/index-performance",
    summary="The levels of EW100, and how it did",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=TrackerPerformance,
    responses=problems(404, 422),
)
async def index_performance(
    request: Request, published: PublishedDep, start_date: Start, end_date: End
) -> Response:
    """Returns are in percent, and all but the first follow from the level before. So does the
    volatility, which is per year; the Sharpe ratio has no unit.
    """
    series = await published.get(CODE)
    performance = Performance(series, start_date, end_date)
    return await _answer(request, series, performance.document)


@router.get(
    "/index-composition",
    summary="Who is in EW100",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=TrackerComposition,
    responses=problems(404, 422),
)
async def index_composition(
    request: Request,
    published: PublishedDep,
    database: DatabaseDep,
    date: Annotated[Day, Query(examples=["2024-10-25"])],
) -> Response:
    """After the close of that session, or of the last one before it."""

    async def read(sessions: Sessions) -> Response:
        found = await composition_on(sessions, date)
        return await _answer(request, sessions.series, lambda: found)

    return await at_one_revision(published, database, CODE, read)


@router.get(
    "/composition-changes",
    summary="Who came into EW100, and who left it",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=TrackerChanges,
    responses=problems(404, 422),
)
async def composition_changes(
    request: Request,
    published: PublishedDep,
    database: DatabaseDep,
    start_date: Start,
    end_date: End,
) -> Response:
    """At the close of each session with changes; the first in range is compared with the session
    before it."""

    async def read(sessions: Sessions) -> Response:
        found = await changes_within(sessions, start_date, end_date)
        return await _answer(request, sessions.series, lambda: found)

    return await at_one_revision(published, database, CODE, read)


@router.post(
    "/export",
    summary="EW100 as a file",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=TrackerPerformance | TrackerFile,
    responses={
        200: {
            "content": {MEDIA_TYPES["csv"]: {"schema": {"type": "string"}, "example": _CSV}},
            "description": "CSV or JSON.",
        },
        **problems(404, 422),
    },
)
async def export_index(
    request: Request, published: PublishedDep, database: DatabaseDep, body: ExportIn
) -> Response:
    """The levels with their returns in percent; `include_composition` adds the constituents of
    each session: as rows of their own in CSV, as `compositions` in JSON.
    """
    start, end = body.start_date, body.end_date

    async def read(sessions: Sessions) -> Response:
        performance = Performance(sessions.series, start, end)
        pages = compositions_within(sessions, start, end) if body.include_composition else None
        return await export(performance, pages, body.format, f"{CODE}_{start}_{end}")

    async with turn(request):
        return await at_one_revision(published, database, CODE, read)


@router.get(
    "/health",
    summary="Does the index tracker work?",
    dependencies=[FOR_EVERYBODY],
    response_model=TrackerHealth,
)
async def tracker_health(request: Request, clock: ClockDep) -> Mapping[str, Any]:
    """For its clients; whoever runs the service asks `GET /health/ready`, which is an error where
    this one says `unhealthy`."""
    outlook: Outlook = request.state.outlook
    found = await outlook.readiness()
    away = {name for name, fault in found.dependencies.items() if fault}
    return {
        "status": "unhealthy" if found.state == "unavailable" else "healthy",
        "timestamp": datetime.fromtimestamp(clock.now(), UTC).isoformat(),
        "version": __version__,
        "database": "disconnected" if "database" in away else "connected",
        "cache": "disconnected" if away & _CACHES else "connected",
    }


async def _answer(
    request: Request,
    series: Series,
    document: Callable[[], Mapping[str, Any]],
) -> Response:
    """What a `document` takes its time for is not waited for by others."""
    body = await to_thread.run_sync(lambda: json(document()))
    return answer(request, body, source_of(request, series))
