"""Indices over HTTP: their rules, and their builds."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from tradeapi.auth.dependencies import OwnerDep
from tradeapi.indices.building.requests import build_job
from tradeapi.indices.dependencies import (
    IndicesDep,
    ReadableIndicesDep,
    buildable,
    with_calendar,
    with_calendar_of_new,
)
from tradeapi.indices.documents import build_document, document
from tradeapi.indices.events import Changed, announce
from tradeapi.indices.schemas import BuildBody, BuildOut, IndexIn, IndexOut, IndexPath, Rules
from tradeapi.market.dependencies import DirectoryDep
from tradeapi.tracked.answers import accepted
from tradeapi.tracked.dependencies import TrackedJobsDep
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.schemas import JobOut
from tradeapi.web.dependencies import BusDep, CursorsDep, SessionDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.pages import Cursor, Limit, Page
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_ADMIN, NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter(prefix="/indices", tags=["indices"])
making_router = APIRouter(prefix="/indices", tags=["indices"], route_class=Idempotent)


@making_router.post(
    "",
    summary="Define an index",
    status_code=201,
    response_model=IndexOut,
    dependencies=[NEEDS_ADMIN, Depends(with_calendar_of_new)],
    responses=problems(404, 409, 422),
)
async def create(
    indices: IndicesDep,
    owner: OwnerDep,
    directory: DirectoryDep,
    body: IndexIn,
    response: Response,
) -> Mapping[str, Any]:
    """Its symbol has bars once it is built. Without any rules it is the 100 largest stocks, each
    with the same weight every day."""
    index = await indices.create(body, owner)
    directory.clear()
    response.headers["etag"] = index.etag
    return document(index)


@router.get(
    "",
    summary="The indices",
    response_model=Page[IndexOut],
    dependencies=[NEEDS_MARKET_DATA],
    responses=problems(422),
)
async def list_indices(
    indices: ReadableIndicesDep, cursors: CursorsDep, cursor: Cursor = None, limit: Limit = 100
) -> Mapping[str, Any]:
    """By their codes."""
    after = None if cursor is None else str(cursors.decode("indices", cursor)[0])
    found = await indices.list(after=after, limit=limit + 1)
    shown = found[:limit]
    more = cursors.encode("indices", [shown[-1].code]) if len(found) > limit else None
    return {"items": [document(index) for index in shown], "next_cursor": more}


@router.get(
    "/{code}",
    summary="One index",
    response_model=IndexOut,
    dependencies=[NEEDS_MARKET_DATA],
    responses=problems(404, 422),
)
async def get(
    indices: ReadableIndicesDep, code: IndexPath, response: Response
) -> Mapping[str, Any]:
    """The ETag is for `If-Match`."""
    index = await indices.get(code)
    response.headers["etag"] = index.etag
    return document(index)


@router.put(
    "/{code}",
    summary="Replace the rules of an index",
    response_model=IndexOut,
    dependencies=[NEEDS_ADMIN, Depends(with_calendar)],
    responses=problems(404, 412, 422),
)
async def replace(  # noqa: PLR0913, PLR0917  they are what it takes
    indices: IndicesDep,
    session: SessionDep,
    bus: BusDep,
    directory: DirectoryDep,
    code: IndexPath,
    body: Rules,
    precondition: PreconditionDep,
    response: Response,
) -> Mapping[str, Any]:
    """What is built stays as it is. The next build follows the new rules, from the beginning."""
    index = await indices.replace(code, body, precondition)
    change = Changed(code=index.code, version=index.version, revision=index.revision)
    announce(session, bus, change)
    directory.clear()
    response.headers["etag"] = index.etag
    return document(index)


@router.delete(
    "/{code}",
    summary="Remove an index and all its bars",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_ADMIN],
    responses=problems(404, 412, 422),
)
async def delete(  # noqa: PLR0913, PLR0917  they are what it takes
    indices: IndicesDep,
    session: SessionDep,
    bus: BusDep,
    directory: DirectoryDep,
    code: IndexPath,
    precondition: PreconditionDep,
) -> Response:
    """With its symbol, and what charts and lists show of it."""
    await indices.delete(code, precondition)
    announce(session, bus, Changed(code=code, version=-1, revision=-1))
    directory.clear()
    return Response(status_code=204)


@making_router.post(
    "/{code}/build",
    summary="Build an index",
    status_code=202,
    response_model=JobOut,
    dependencies=[NEEDS_ADMIN, Depends(buildable)],
    responses=problems(404, 409, 422),
)
async def build(
    jobs: TrackedJobsDep, code: IndexPath, body: BuildBody, response: Response
) -> TrackedJob:
    """All sessions from `start` to `end`, and those between them and what is built: a level always
    follows from the one before it. The topic `jobs:{id}` of the stream tells how far it is; what is
    published stays as it is until all of it is there. One build of an index at a time: 409 names
    the one that runs.
    """
    return accepted(await jobs.start(build_job(code, body.start, body.end), subject=code), response)


@router.get(
    "/{code}/builds",
    summary="The builds of an index",
    response_model=Page[BuildOut],
    dependencies=[NEEDS_MARKET_DATA],
    responses=problems(404, 422),
)
async def builds(
    indices: ReadableIndicesDep,
    cursors: CursorsDep,
    code: IndexPath,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Mapping[str, Any]:
    """The newest first, with what was odd in their data."""
    name = f"builds:{code}"
    before = None if cursor is None else UUID(str(cursors.decode(name, cursor)[0]))
    found = await indices.builds(code, before=before, limit=limit + 1)
    shown = found[:limit]
    more = cursors.encode(name, [str(shown[-1].id)]) if len(found) > limit else None
    return {"items": [build_document(build) for build in shown], "next_cursor": more}
