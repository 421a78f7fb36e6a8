"""Jobs over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from tradeapi.tracked.answers import accepted
from tradeapi.tracked.dependencies import ReadableTrackedJobsDep, TrackedJobsDep
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.schemas import JobOut
from tradeapi.web.dependencies import CursorsDep
from tradeapi.web.pages import Cursor, Limit, Page
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get(
    "",
    summary="Your jobs",
    response_model=Page[JobOut],
    dependencies=[NEEDS_READ],
    responses=problems(422),
)
async def list_jobs(
    jobs: ReadableTrackedJobsDep, cursors: CursorsDep, limit: Limit = 50, cursor: Cursor = None
) -> Mapping[str, Any]:
    """The newest first, until 7 days after their end. Admins see those of all."""
    before = UUID(str(cursors.decode("tracked_jobs", cursor)[0])) if cursor else None
    found = await jobs.list(before=before, limit=limit + 1)
    page = found[:limit]
    next = cursors.encode("tracked_jobs", [str(page[-1].id)]) if len(found) > limit else None
    return {"items": page, "next_cursor": next}


@router.get(
    "/{id}",
    summary="One job",
    response_model=JobOut,
    dependencies=[NEEDS_READ],
    responses=problems(404, 422),
)
async def get(jobs: ReadableTrackedJobsDep, id: UUID, response: Response) -> TrackedJob:
    """The topic `jobs:{id}` of the stream tells each change of it."""
    response.headers["cache-control"] = "no-store"
    return await jobs.get(id)


@router.delete(
    "/{id}",
    summary="Cancel a job",
    status_code=202,
    response_model=JobOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 422),
)
async def cancel(jobs: TrackedJobsDep, id: UUID, response: Response) -> TrackedJob:
    """One that runs stops soon, unless it succeeds or fails first: look again."""
    return accepted(await jobs.cancel(id), response)
