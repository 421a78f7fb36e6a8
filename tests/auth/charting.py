"""Routes where charts have theirs, which know nothing of tokens in addresses."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request

from tradeapi.auth.dependencies import PrincipalDep
from tradeapi.web.principal import NEEDS_LOGIN_TO_READ, NEEDS_READ, NEEDS_WRITE

router = APIRouter()


@router.get("/udf/probe", dependencies=[NEEDS_READ])
@router.post("/udf/probe", dependencies=[NEEDS_WRITE])
@router.get("/udf/account", dependencies=[NEEDS_LOGIN_TO_READ])
@router.get("/udf-storage/1.1/probe", dependencies=[NEEDS_READ])
@router.post("/udf-storage/1.1/probe", dependencies=[NEEDS_WRITE])
async def answer(request: Request, principal: PrincipalDep) -> dict[str, Any]:
    """All that it knows."""
    return {"user": principal.user, "scopes": sorted(principal.scopes), "url": str(request.url)}


def add_to(app: FastAPI) -> None:
    app.include_router(router)
