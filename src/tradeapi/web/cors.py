"""Which web pages may call us."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.errors import Forbidden
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.guard import respond
from tradeapi.web.problems import problem_response, trade_problem

# Pages of a front end's own development server; never in production.
THIS_MACHINE = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


class Cors(CORSMiddleware):
    """Starlette's, with its refusals as problems, and for sockets too.

    Browsers ask nobody before they let a page open a socket anywhere, they only say whose page it
    is. Who says nothing is no browser.
    """

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...], this_machine: bool) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_origin_regex=THIS_MACHINE if this_machine else None,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            allow_credentials=True,
            expose_headers=(
                "X-Request-ID",
                "ETag",
                "Retry-After",
                "Location",
                "RateLimit",
                "RateLimit-Policy",
                "Idempotency-Replayed",
            ),
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not self._may_connect(scope):
            refusal = Forbidden("Pages of this origin may not connect.", code="origin_refused")
            await respond(trade_problem(scope[REQUEST_ID], refusal), scope, receive, send)
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif not any(name == b"origin" for name, _ in scope["headers"]):
            # Not a page of another origin, but what a cache keeps may be shown to one.
            await self.app(scope, receive, _Varying(send).send)
        elif scope["method"] == "OPTIONS" and _is_preflight(scope):
            await self._preflight(scope)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _may_connect(self, scope: Scope) -> bool:
        """From pages of our own host, and from those that may call."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        return all(
            [_host(origin)] == hosts or self.is_allowed_origin(origin)
            for origin in headers.getlist("origin")
        )

    def _preflight(self, scope: Scope) -> Response:
        response = self.preflight_response(Headers(scope=scope))
        if response.status_code != HTTPStatus.BAD_REQUEST:
            return response
        return problem_response(
            scope[REQUEST_ID],
            HTTPStatus.FORBIDDEN,
            "cors_refused",
            f"{bytes(response.body).decode()}.",
            headers={"vary": response.headers["vary"]},
        )


class _Varying:
    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"vary", b"Origin")]}
        await self._send(message)


def _host(origin: str) -> str:
    """With its port; browsers leave out the scheme's own there and in Host alike."""
    return origin.rpartition("://")[2]


def _is_preflight(scope: Scope) -> bool:
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])
