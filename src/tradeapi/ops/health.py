"""Health: is the process alive, and can it serve?"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from tradeapi import __version__
from tradeapi.ops.readiness import Outlook, Readiness
from tradeapi.web.drain import Drain, drain_of
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.principal import FOR_EVERYBODY
from tradeapi.web.problems import problem_response, problems

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    status: Literal["healthy"] = Field(examples=["healthy"])
    version: str = Field(examples=["0.1.0"])


class DependencyState(BaseModel):
    status: Literal["up", "down"]
    detail: str | None


class Ready(BaseModel):
    status: Literal["ready", "degraded"] = Field(
        description="Degraded: something is away that we can serve without."
    )
    version: str = Field(examples=["0.1.0"])
    dependencies: dict[str, DependencyState] = Field(
        examples=[{"database": {"status": "up", "detail": None}}]
    )


async def _readiness(request: Request) -> Readiness:
    outlook: Outlook = request.state.outlook
    return await outlook.readiness()


@router.get(
    "/health",
    summary="Is the process alive?",
    dependencies=[FOR_EVERYBODY],
    response_model=Health,
)
async def health() -> dict[str, str]:
    """Looks at nothing outside the process, so that no outage elsewhere has it restarted."""
    return healthy()


@router.get(
    "/health/ready",
    summary="Can the process serve requests?",
    dependencies=[FOR_EVERYBODY],
    response_model=Ready,
    responses=problems(503),
)
async def ready(request: Request, state: Annotated[Readiness, Depends(_readiness)]) -> object:
    """503 without the database or with a migration missing, with each dependency's state; and when
    the process is about to stop, though it still serves."""
    return readiness_answer(state, request.scope[REQUEST_ID], drain_of(request.scope))


def healthy() -> dict[str, str]:
    return {"status": "healthy", "version": __version__}


def readiness_answer(state: Readiness, request_id: str, drain: Drain | None) -> Response:
    dependencies = {
        name: {"status": "down" if fault else "up", "detail": fault}
        for name, fault in state.dependencies.items()
    }
    if drain is not None and drain.has_begun:
        detail = "The process is about to stop."
        return _refusal(request_id, "draining", detail, dependencies)
    if state.state == "unavailable":
        detail = "Something that is needed to serve requests is missing."
        return _refusal(request_id, "not_ready", detail, dependencies)
    return JSONResponse(
        {"status": state.state, "version": __version__, "dependencies": dependencies}
    )


def _refusal(request_id: str, code: str, detail: str, dependencies: object) -> Response:
    return problem_response(
        request_id,
        503,
        code,
        detail,
        headers={"retry-after": "1"},
        dependencies=dependencies,
    )
