"""API keys and tickets over HTTP, and the keys that verify our tokens."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from tradeapi.auth.dependencies import ApiKeysDep, PrincipalDep
from tradeapi.auth.schemas import (
    ApiKeyIn,
    ApiKeyOut,
    ApiKeysOut,
    JwksOut,
    NewApiKeyOut,
    TicketIn,
    TicketOut,
)
from tradeapi.auth.tickets import TicketKind, Tickets
from tradeapi.web.dependencies import ClockDep, SessionDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.principal import (
    FOR_EVERYBODY,
    NEEDS_LOGIN_TO_READ,
    NEEDS_LOGIN_TO_WRITE,
    NEEDS_READ,
)
from tradeapi.web.problems import problems

router = APIRouter(prefix="/auth", tags=["auth"])
making_router = APIRouter(route_class=Idempotent)
jwks_router = APIRouter(tags=["auth"])


@making_router.post(
    "/api-keys",
    summary="Make an API key",
    status_code=201,
    response_model=NewApiKeyOut,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 422),
)
async def create_key(keys: ApiKeysDep, body: ApiKeyIn, response: Response) -> Mapping[str, Any]:
    """For programs: sent as `X-API-Key`, or as a bearer token. The key is shown this once."""
    key, text = await keys.create(body.name, frozenset(body.scopes), body.expires_in_days)
    response.headers["cache-control"] = "no-store"
    return {**ApiKeyOut.model_validate(key).model_dump(), "key": text}


router.include_router(making_router)


@router.get(
    "/api-keys",
    summary="Your API keys",
    response_model=ApiKeysOut,
    dependencies=[NEEDS_LOGIN_TO_READ],
    responses=problems(401, 403),
)
async def list_keys(keys: ApiKeysDep) -> Mapping[str, Any]:
    return {"items": await keys.list()}


@router.delete(
    "/api-keys/{id}",
    summary="Revoke an API key",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 404, 422),
)
async def revoke_key(keys: ApiKeysDep, id: UUID) -> None:
    """Its requests are refused and its sockets closed within seconds, on every process."""
    await keys.revoke(id)


@router.post(
    "/ws-ticket",
    summary="Get a ticket for a socket or a stream",
    response_model=TicketOut,
    dependencies=[NEEDS_READ],
    responses=problems(401, 403, 422),
)
async def issue_ticket(
    session: SessionDep,
    clock: ClockDep,
    principal: PrincipalDep,
    response: Response,
    body: TicketIn | None = None,
) -> Mapping[str, Any]:
    """Browsers can't send headers with a WebSocket or an EventSource: connect to `/ws?ticket=…`, or
    with the kind `stream` to `/api/v1/stream?ticket=…`, within 30 seconds. A ticket opens one
    socket; a stream may come back with its own for as long as your access token is good, or an
    hour. Either may do what you may.
    """
    kind = TicketKind.STREAM if body and body.kind == "stream" else TicketKind.SOCKET
    ticket = await Tickets(session, clock).issue(kind, principal)
    response.headers["cache-control"] = "no-store"
    return {"ticket": ticket.text, "expires_in": int(ticket.expires_in)}


@jwks_router.get(
    "/.well-known/jwks.json",
    summary="The public keys that verify access tokens",
    response_model=JwksOut,
    dependencies=[FOR_EVERYBODY],
)
async def jwks(request: Request) -> dict[str, list[dict[str, str]]]:
    """Empty as long as a secret signs them."""
    keys: dict[str, list[dict[str, str]]] = request.state.jwks
    return keys
