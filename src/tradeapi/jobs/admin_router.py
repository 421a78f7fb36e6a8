"""Jobs that were given up, for admins."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from tradeapi.auth.dependencies import AuditDep
from tradeapi.jobs.dead_letters import DeadLetters
from tradeapi.jobs.dependencies import JobsDep
from tradeapi.jobs.schemas import DeadLetterOut
from tradeapi.web.dependencies import CursorsDep, SessionDep
from tradeapi.web.pages import Cursor, Limit, Page
from tradeapi.web.principal import NEEDS_ADMIN
from tradeapi.web.problems import problems

router = APIRouter(
    prefix="/admin/jobs", tags=["admin"], dependencies=[NEEDS_ADMIN], responses=problems(401, 403)
)

Id = Annotated[str, Path(max_length=100, examples=["17"])]


async def _dead_letters(session: SessionDep, jobs: JobsDep, audit: AuditDep) -> DeadLetters:
    return DeadLetters(session, jobs, audit)


DeadLettersDep = Annotated[DeadLetters, Depends(_dead_letters)]


@router.get(
    "",
    summary="Jobs that were given up",
    response_model=Page[DeadLetterOut],
    responses=problems(422),
)
async def list_jobs(
    letters: DeadLettersDep, cursors: CursorsDep, limit: Limit = 100, cursor: Cursor = None
) -> Mapping[str, Any]:
    """The newest first, each with what went wrong the last time."""
    before = str(cursors.decode("jobs", cursor)[0]) if cursor else None
    found = await letters.list(before=before, limit=limit + 1)
    page = found[:limit]
    next = cursors.encode("jobs", [page[-1].id]) if len(found) > limit else None
    return {"items": page, "next_cursor": next}


@router.post(
    "/{id}/requeue",
    summary="Do a job again",
    status_code=204,
    response_class=Response,
    responses=problems(404, 422),
)
async def requeue_job(letters: DeadLettersDep, id: Id) -> None:
    """As if it were new, with all its tries."""
    await letters.requeue(id)


@router.delete(
    "/{id}",
    summary="Forget a job",
    status_code=204,
    response_class=Response,
    responses=problems(404, 422),
)
async def discard_job(letters: DeadLettersDep, id: Id) -> None:
    """It is never done."""
    await letters.discard(id)
