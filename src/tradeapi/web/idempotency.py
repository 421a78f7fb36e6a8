"""`Idempotency-Key`, as draft 7 of the IETF has it: a POST sent again is carried out once."""

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection

from tradeapi.errors import FieldError, Invalid
from tradeapi.security.secrets import Secrets
from tradeapi.web.claims import (
    CLAIM,
    MOST_KEPT,
    MOST_KEPT_BYTES,
    Claim,
    Seal,
    claim_of,
    digest_of,
)
from tradeapi.web.dependencies import open_session
from tradeapi.web.envelope import route_template
from tradeapi.web.principal import principal_of
from tradeapi.web.problems import problems

HEADER = "Idempotency-Key"
LONGEST = 255
PURPOSE = "idempotency"

_is_key = re.compile(rf"[!-~]{{1,{LONGEST}}}").fullmatch
_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A key of your own, new for each request and the same when you send it again: "
    "for 24 hours that gives the first answer again, with `Idempotency-Replayed: true`. Your last "
    f"{MOST_KEPT:,} are kept, up to {MOST_KEPT_BYTES >> 20} MiB together.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


async def _claim(connection: HTTPConnection) -> Claim | None:
    return claim_of(connection.scope)


class Idempotent(APIRoute):
    """A POST that makes something in the transaction of SessionDep, and nowhere else.

        making = APIRouter(route_class=Idempotent)

    Keys belong to a user and a route. Those of callers who are not known are ignored: they would
    share them, and one be given the answer of another. Only successes are kept; an answer that
    streams has no body to keep, and fails. What waits for the commit happens at most once.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Awaitable[object]],
        **options: Any,  # noqa: ANN401  FastAPI's own
    ) -> None:
        options["responses"] = {**problems(409, 422), **(options.get("responses") or {})}
        extra = options.get("openapi_extra") or {}
        parameters = [*extra.get("parameters", ()), _PARAMETER]
        options["openapi_extra"] = {**extra, "parameters": parameters}
        super().__init__(path, _replaying(endpoint), **options)
        if (
            self.methods != {"POST"}
            or not inspect.iscoroutinefunction(endpoint)
            or not _has_session(self.dependant)
        ):
            raise TypeError(f"{path} is not idempotent: that takes an async POST with SessionDep.")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            user = principal_of(request.scope).user
            if key is None or user is None:
                return await handle(request)
            claim = request.scope[CLAIM] = await _claimed(request, user, key)
            # The session ends after this and before the answer leaves, and takes it along.
            claim.response = await handle(request)
            return claim.response

        return handle_once


async def _claimed(request: Request, user: UUID, key: str) -> Claim:
    if _is_key(key) is None:
        detail = f"{HEADER} has 1 to {LONGEST} visible ASCII characters."
        fault = FieldError(f"/header/{HEADER.lower()}", detail)
        raise Invalid(detail, errors=[fault])
    scope = request.scope
    route = f"{scope['method']} {route_template(scope)}"
    return Claim(
        user,
        name=digest_of(user.bytes, route.encode(), key.encode()),
        fingerprint=digest_of(scope["path"].encode(), scope["query_string"], await request.body()),
        now=request.state.clock.now(),
        seal=Seal(Secrets.of(request.state.settings).derive(PURPOSE)),
    )


def _replaying(endpoint: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """Answers as it did before, in its place: after all that it asks for has let the caller in.

    An API key must not be told what only its user's login may make.
    """

    @wraps(endpoint)
    async def replay_or_make(*, idempotency_claim: Claim | None, **values: object) -> object:
        if idempotency_claim is not None and idempotency_claim.first is not None:
            return idempotency_claim.first
        return await endpoint(**values)

    signature = inspect.signature(endpoint, eval_str=True)
    ours = inspect.Parameter(
        "idempotency_claim",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[Claim | None, Depends(_claim)],
    )
    replay_or_make.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), ours]
    )
    return replay_or_make


def _has_session(dependant: Dependant) -> bool:
    return any(
        (one.call is open_session and one.scope == "function") or _has_session(one)
        for one in dependant.dependencies
    )
