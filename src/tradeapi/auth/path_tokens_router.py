"""Path tokens over HTTP; what they are good for is in web/path_tokens.py."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from tradeapi.auth.dependencies import PathTokensDep
from tradeapi.auth.schemas import NewPathTokenOut, PathTokenIn, PathTokenOut, PathTokensOut
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.principal import NEEDS_LOGIN_TO_READ, NEEDS_LOGIN_TO_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/auth", tags=["auth"])
making_router = APIRouter(route_class=Idempotent)


@making_router.post(
    "/path-tokens",
    summary="Make a path token",
    status_code=201,
    response_model=NewPathTokenOut,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 422),
)
async def create_path_token(
    tokens: PathTokensDep, body: PathTokenIn, response: Response
) -> Mapping[str, Any]:
    """For clients that can send no headers: it stands in the address, `/udf/{token}/…` to read, or
    `/udf-storage/{token}/…` for your own layouts, and is good nowhere else. It is shown this once.
    """
    token, text = await tokens.create(body.name, body.kind, body.expires_in_days)
    response.headers["cache-control"] = "no-store"
    return {**PathTokenOut.model_validate(token).model_dump(), "token": text}


router.include_router(making_router)


@router.get(
    "/path-tokens",
    summary="Your path tokens",
    response_model=PathTokensOut,
    dependencies=[NEEDS_LOGIN_TO_READ],
    responses=problems(401, 403),
)
async def list_path_tokens(tokens: PathTokensDep) -> Mapping[str, Any]:
    return {"items": await tokens.list()}


@router.delete(
    "/path-tokens/{id}",
    summary="Revoke a path token",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 404, 422),
)
async def revoke_path_token(tokens: PathTokensDep, id: UUID) -> None:
    """Requests with it are refused within seconds, on every process."""
    await tokens.revoke(id)
