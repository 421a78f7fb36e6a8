"""What every HTTP exchange is wrapped in: a request id, headers, an access event and metrics.

It is the outermost layer and one class on purpose: each layer costs every request its share.
"""

import os
import re
from time import perf_counter
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from tradeapi.metrics import REQUEST_SECONDS, REQUESTS, REQUESTS_IN_PROGRESS
from tradeapi.tracing import name_of
from tradeapi.web.drain import Drain, drain_of
from tradeapi.web.path_tokens import take_token

# Where a layer that answers ahead of the router says whose answer it is.
ROUTE_TEMPLATE = "tradeapi.route"
REQUEST_ID = "tradeapi.request_id"
# A list, to which layers further in may add: errors leave with them, too.
ANSWER_HEADERS = "tradeapi.answer_headers"
UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# No Server header: uvicorn is told to leave it out. The pages under /docs bring their own policy.
CONTENT_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

Headers = list[tuple[bytes, bytes]]

_acceptable_id = re.compile(rb"[A-Za-z0-9-]{8,64}").fullmatch
_log = structlog.get_logger("tradeapi.access")


class Envelope:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # Looking a labelled metric up costs more than counting with it.
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, _Handshake(_identify(scope), send).send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        exchange = _Exchange(_identify(scope), send, drain_of(scope))
        # Copies of the scope share this, so that the route chosen inside is seen out here.
        scope.setdefault("fastapi", {})
        REQUESTS_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, exchange.send)
        finally:
            REQUESTS_IN_PROGRESS.dec()
            self._report(scope, exchange, perf_counter() - started)

    def _report(self, scope: Scope, exchange: "_Exchange", seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = route_template(scope)
        self._counter(method, route, exchange.status).inc()
        self._histogram(method, route).observe(seconds)
        client = scope["client"]
        _log.info(
            "request",
            method=method,
            route=route,
            status=exchange.status,
            duration_ms=round(seconds * 1000, 3),
            bytes=exchange.size,
            client=client[0] if client else None,
        )

    def _counter(self, method: str, route: str, status: int) -> Counter:
        key = (method, route, status)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = REQUESTS.labels(*key)
        return counter

    def _histogram(self, method: str, route: str) -> Histogram:
        key = (method, route)
        histogram = self._histograms.get(key)
        if histogram is None:
            histogram = self._histograms[key] = REQUEST_SECONDS.labels(*key)
        return histogram


class _Exchange:
    """Adds our headers to one answer and sees how it turns out."""

    __slots__ = ("_drain", "_headers", "_send", "size", "status")

    def __init__(self, headers: Headers, send: Send, drain: Drain | None) -> None:
        self._headers = headers
        self._send = send
        self._drain = drain
        # What the server answers when the application has not answered at all.
        self.status = 500
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        elif message["type"] == "http.response.start":
            self.status = message["status"]
            if self._drain is not None and self._drain.has_begun:
                # The server closes the connection after it.
                self._headers.append((b"connection", b"close"))
            message = _headed(message, self._headers)
        await self._send(message)


class _Handshake:
    """The answer to a socket's handshake gets them as well."""

    __slots__ = ("_headers", "_send")

    def __init__(self, headers: Headers, send: Send) -> None:
        self._headers = headers
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        elif message["type"] == "websocket.http.response.start":
            message = _headed(message, self._headers)
        await self._send(message)


def _headed(start: Message, further: Headers) -> Message:
    headers = [*start["headers"], *further]
    if not any(name == b"content-security-policy" for name, _ in headers):
        headers.append(CONTENT_POLICY)
    return {**start, "headers": headers}


def _identify(scope: Scope) -> Headers:
    """Give the request its id, and take from it what nothing may log; the headers that its answer
    has in any case."""
    take_token(scope)
    id = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    if _acceptable_id(id) is None:
        id = os.urandom(16).hex().encode()
    scope[REQUEST_ID] = id.decode()
    # A pipelined request begins in the context of the one before it.
    clear_contextvars()
    bind_contextvars(request_id=scope[REQUEST_ID])
    if (telemetry := scope.get("fastapi.telemetry")) is not None:
        bind_contextvars(trace_id=name_of(telemetry.span))
    headers = scope[ANSWER_HEADERS] = [*SECURITY_HEADERS, (b"x-request-id", id)]
    return headers


def route_template(scope: Scope) -> str:
    """The template of the route with its prefix; `scope["route"]` of a router lacks the prefix."""
    context: Any = scope["fastapi"].get("effective_route_context") or scope.get("route")
    if context is not None:
        return str(context.path)
    return str(scope.get(ROUTE_TEMPLATE, UNMATCHED))
