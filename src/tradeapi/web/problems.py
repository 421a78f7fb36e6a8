"""Every error as RFC 9457 `application/problem+json`."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from tradeapi.errors import FieldError, Invalid, TooMany, TradeError, Unauthenticated, Unavailable
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.ids import ById
from tradeapi.web.principal import need_of

MEDIA_TYPE = "application/problem+json"
LONGEST_DETAIL = 2000
MOST_ERRORS = 100

# What Starlette and FastAPI raise knows a status only.
CODES = {401: "unauthenticated", 403: "forbidden", 413: "too_large"}
DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
}


class ProblemField(BaseModel):
    pointer: str = Field(
        description="JSON pointer into the body, or /query/…, /path/…, /header/…",
        examples=["/query/resolution"],
    )
    detail: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(examples=["/problems/unknown_resolution"])
    title: str = Field(examples=["Unknown resolution"])
    status: int = Field(examples=[422])
    detail: str = Field(description="A sentence for people.")
    code: str = Field(
        description="What a program can act on; streams use the same codes.",
        examples=["unknown_resolution"],
    )
    request_id: str = Field(description="Also in X-Request-ID and in our log.")
    errors: list[ProblemField] = Field(description="The fields at fault, where fields are.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: the problems it may answer with, beyond those all routes do."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem_response(  # noqa: PLR0913  they are the fields of a problem
    request_id: str,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> Response:
    """`members` are further fields of this kind of problem."""
    problem = {
        "type": f"/problems/{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": _presentable(detail),
        "code": code,
        "request_id": request_id,
        "errors": [
            {"pointer": _presentable(error.pointer), "detail": _presentable(error.detail)}
            for error in errors[:MOST_ERRORS]
        ],
        **members,
    }
    return Response(
        orjson.dumps(problem),
        int(status),
        headers={**(headers or {}), "cache-control": "no-store"},
        media_type=MEDIA_TYPE,
    )


def trade_problem(request_id: str, error: TradeError) -> Response:
    headers = {}
    if isinstance(error, Unavailable | TooMany):
        headers["retry-after"] = str(error.retry_after)
    elif isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return problem_response(
        request_id, error.status, error.code, str(error), errors=error.errors, headers=headers
    )


def install_problems(app: FastAPI) -> None:
    """Have what FastAPI and Starlette raise themselves answered as problems."""
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    # Starlette's own last resort would answer in plain text before Guard could.
    app.add_exception_handler(Exception, _on_crash)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  Starlette's type of a handler is wider
    id = request.scope[REQUEST_ID]
    if error.status_code == HTTPStatus.BAD_REQUEST and error.__cause__ is not None:
        # FastAPI's answer to a body that it can't decode, nested too deep for example.
        await _ask_who_calls(request)
        return trade_problem(id, Invalid("The body can not be read.", code="bad_body"))
    status = HTTPStatus(error.status_code)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        # The exception names the methods of the first route at this path, not of all of them.
        headers["allow"] = ", ".join(sorted(_methods_at(request)))
    detail = error.detail if error.detail != status.phrase else DETAILS.get(status, status.phrase)
    code = CODES.get(status, status.name.lower())
    return problem_response(id, status, code, detail, headers=headers)


async def _on_crash(_: Request, error: Exception) -> Response:
    raise error


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    await _ask_who_calls(request)
    # What a route and a dependency of it both read is found twice.
    found = [*{(fault["loc"], fault["msg"]): fault for fault in error.errors()}.values()]
    faults = [_field_error(fault, error.body) for fault in found[:MOST_ERRORS]]
    first = faults[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    detail = f"{first.pointer.removeprefix('/query/') or 'The body'}: {first.detail}{more}"
    return trade_problem(request.scope[REQUEST_ID], Invalid(detail, errors=faults))


async def _ask_who_calls(request: Request) -> None:
    """FastAPI reads a body first; but whoever may not come in learns nothing of its form."""
    need = need_of(request.scope["fastapi"].get("effective_route_context"))
    if need is not None:
        await need(request)


def _methods_at(request: Request) -> set[str]:
    contexts = iter_route_contexts(request.app.routes)
    path = request.scope["path"]
    return {
        method
        for context in contexts
        if getattr(context, "path_regex", None) is not None
        and (found := context.path_regex.match(path))
        and not _is_named(context.original_route, found)
        for method in context.methods or ()
    }


def _is_named(route: BaseRoute, found: re.Match[str]) -> bool:
    return isinstance(route, ById) and found["id"] in route.named


def _field_error(fault: Mapping[str, Any], body: object) -> FieldError:
    if fault["type"] == "json_invalid":
        # Its location is a position in the text.
        return FieldError("", f"Not JSON: {fault['ctx']['error']} at {fault['loc'][-1]}.")
    return FieldError(_pointer(fault["loc"], body), fault["msg"].removeprefix("Value error, "))


def _pointer(location: Sequence[int | str], body: object) -> str:
    """`("query", "limit")` is /query/limit; `("body", "bars", 0)` is /bars/0."""
    if location and location[0] == "body":
        location = _without_tags(location[1:], body)
    # RFC 6901
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _without_tags(location: Sequence[int | str], value: object) -> list[int | str]:
    """The model that a `type` has chosen is named in the location, and not in the body."""
    kept: list[int | str] = []
    for part in location:
        if isinstance(value, Mapping):
            if part not in value and value.get("type") == part:
                continue
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        kept.append(part)
    return kept


def _presentable(text: str) -> str:
    """Short, and without the halves of surrogate pairs that clients can send but JSON can't."""
    return text[:LONGEST_DETAIL].encode(errors="replace").decode()
