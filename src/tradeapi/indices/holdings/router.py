"""What indices hold, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from tradeapi.indices.answers import answer, json, source_of
from tradeapi.indices.dependencies import PublishedDep
from tradeapi.indices.holdings import export
from tradeapi.indices.holdings.changes import Asked, changes
from tradeapi.indices.holdings.composition import composition, session_at
from tradeapi.indices.holdings.files import MEDIA_TYPES
from tradeapi.indices.holdings.reading import Sessions, at_one_revision
from tradeapi.indices.holdings.schemas import ChangesOut, CompositionOut, Format, What
from tradeapi.indices.schemas import IndexPath
from tradeapi.indices.spans import Span
from tradeapi.market.symbols.schemas import Day
from tradeapi.web.dependencies import CursorsDep, DatabaseDep
from tradeapi.web.large_reads import turn
from tradeapi.web.pages import Cursor, Limit
from tradeapi.web.principal import NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter(prefix="/indices", tags=["indices"])

FILES: dict[str, Any] = {
    media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()
}
FILES[MEDIA_TYPES[Format.JSON]] = {
    "schema": {"type": "object"},
    "example": {
        "code": "EW100",
        "revision": 3,
        "what": "levels",
        "items": [
            {
                "date": "2020-01-10",
                "level": 1060.976104,
                "divisor": 1.0,
                "turnover": 0.0135,
                "count": 100,
            }
        ],
    },
}
Start = Annotated[
    Day | None, Query(description="The first day; else all from the first session on.")
]
End = Annotated[Day | None, Query(description="The last day; else all up to the last session.")]


@router.get(
    "/{code}/composition",
    summary="What an index holds",
    response_model=CompositionOut,
    dependencies=[NEEDS_MARKET_DATA],
    responses=problems(404, 422),
)
async def composition_at(
    request: Request,
    published: PublishedDep,
    database: DatabaseDep,
    code: IndexPath,
    day: Annotated[
        Day | None,
        Query(
            alias="date",
            description="Any day: the last session up to it counts. Else the last session of all.",
            examples=["2024-10-25"],
        ),
    ] = None,
) -> Response:
    """After the close of a session, the largest first."""

    async def read(sessions: Sessions) -> Response:
        series = sessions.series
        held = await sessions.held(session_at(series, day))
        names = await sessions.names(held.ids)
        told = composition(series, held, names, day)
        return answer(request, json(told), source_of(request, series))

    return await at_one_revision(published, database, code, read)


@router.get(
    "/{code}/changes",
    summary="Who came into an index, and who left it",
    response_model=ChangesOut,
    dependencies=[NEEDS_MARKET_DATA],
    responses=problems(404, 422),
)
async def changes_between(  # noqa: PLR0913, PLR0917  they are the query
    request: Request,
    published: PublishedDep,
    database: DatabaseDep,
    cursors: CursorsDep,
    code: IndexPath,
    start: Start = None,
    end: End = None,
    is_all: Annotated[
        bool,
        Query(
            alias="all",
            description="Also sessions at whose close nothing but weights were changed.",
        ),
    ] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """By session, ascending. Each is compared with the one before it, also the first of the range;
    `totals` are those of the whole range."""
    list = f"changes:{code}:{start}:{end}:{is_all}"
    span = Span(start=start, end=end)
    after = None if cursor is None else int(cursors.decode(list, cursor)[0] or 0)

    async def read(sessions: Sessions) -> Response:
        series = sessions.series
        asked = Asked(range=span.of(series.days), after=after, limit=limit, is_all=is_all)
        told, last = await changes(sessions, asked)
        more = None if last is None else cursors.encode(list, [last])
        body = json({**told, "next_cursor": more})
        return answer(request, body, source_of(request, series))

    return await at_one_revision(published, database, code, read)


@router.get(
    "/{code}/export",
    summary="Levels or compositions as a file",
    dependencies=[NEEDS_MARKET_DATA],
    response_class=StreamingResponse,
    responses={
        200: {"content": FILES, "description": "The file."},
        **problems(404, 422),
    },
)
async def export_file(  # noqa: PLR0913, PLR0917  they are the query
    request: Request,
    published: PublishedDep,
    database: DatabaseDep,
    code: IndexPath,
    format: Annotated[Format, Query(description="What kind of file.")],
    what: Annotated[
        What,
        Query(description="A row for each session, or for each constituent of each session."),
    ] = What.LEVELS,
    start: Start = None,
    end: End = None,
) -> Response:
    """Of any length, with the columns of a composition, or with `level`, `divisor`, `turnover` and
    `count`. A sheet of `xlsx` has up to 1,048,575 rows."""
    asked = export.Asked(what=what, format=format, span=Span(start=start, end=end))

    async def read(sessions: Sessions) -> Response:
        return await export.export(sessions, asked)

    async with turn(request):
        return await at_one_revision(published, database, code, read)
