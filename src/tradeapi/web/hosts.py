"""Under which names we may be called, and that callers use https.

Starlette has layers for both, whose answers are plain text, and which let sockets pass without TLS.
"""

import re
from collections.abc import Collection
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.errors import Forbidden
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.guard import respond
from tradeapi.web.path_tokens import PATH_TOKEN
from tradeapi.web.problems import problem_response, trade_problem

HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

_parts = re.compile(r"([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?").fullmatch


class Hosts:
    """`allowed` holds names, and `*.example.com` for all below it; when it is empty, any will do.

    At the addresses `exempt` probes ask, by the process's own address and without TLS.
    """

    def __init__(
        self, app: ASGIApp, *, allowed: Collection[str], force_https: bool, exempt: Collection[str]
    ) -> None:
        self._app = app
        names = [name.lower() for name in allowed]
        self._names = frozenset(name for name in names if not name.startswith("*."))
        self._endings = tuple(name[1:] for name in names if name.startswith("*."))
        self._is_restricted = bool(names)
        self._force_https = force_https
        self._exempt = frozenset(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not (self._is_restricted or self._force_https):
            await self._app(scope, receive, send)
            return
        if self._force_https and scope["scheme"] in {"https", "wss"}:
            send = _Strict(send).send
        refusal = None if scope["path"] in self._exempt else self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await respond(refusal, scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        host = _host(scope)
        if host is None or not self._knows(host):
            return problem_response(
                scope[REQUEST_ID],
                HTTPStatus.BAD_REQUEST,
                "unknown_host",
                "We are not called by this name.",
            )
        if not self._force_https or scope["scheme"] in {"https", "wss"}:
            return None
        if scope["type"] == "websocket":
            return trade_problem(scope[REQUEST_ID], Forbidden("Sockets are for wss only."))
        if PATH_TOKEN in scope:
            # It has been told to everybody on the way, and must not seem to work.
            return trade_problem(scope[REQUEST_ID], Forbidden("Path tokens are for https only."))
        return Response(
            status_code=HTTPStatus.PERMANENT_REDIRECT,
            headers={"location": f"https://{host}{_target(scope)}"},
        )

    def _knows(self, host: str) -> bool:
        if not self._is_restricted:
            return True
        match = _parts(host)
        name = match[1].rstrip(".") if match else ""
        return name in self._names or name.endswith(self._endings)


class _Strict:
    """Tells browsers to come by https only, from now on."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], HSTS]}
        await self._send(message)


def _host(scope: Scope) -> str | None:
    """The one host that the request names, with its port; None where that is not clear."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
    return host if _parts(host) else None


def _target(scope: Scope) -> str:
    """The path and the query as they came, so that what was encoded stays so."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")
