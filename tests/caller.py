"""Starlette's test client, with one way to the application's thread and back for each request.

Its own transport takes eight, which is half of what a request costs here.
"""

from collections.abc import Mapping
from typing import Any

import httpx2
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

SOCKETS = {"ws", "wss"}


class Caller(TestClient):
    def __init__(self, app: ASGIApp, client: tuple[str, int] = ("testclient", 50000)) -> None:
        super().__init__(app, client=client)
        self._transport = _Whole(self, self._transport, client)

    def stream(self, *args: Any, **kwargs: Any) -> Any:
        """Piece by piece, as the server sends it."""
        return super().stream(*args, **kwargs, extensions={"piecemeal": True})


class _Whole(httpx2.BaseTransport):
    """Answers as a whole; sockets and streams, which have no end, go the other way."""

    def __init__(
        self, caller: Caller, piecemeal: httpx2.BaseTransport, client: tuple[str, int]
    ) -> None:
        self._caller = caller
        self._piecemeal = piecemeal
        self._application = httpx2.ASGITransport(self._with_state, client=client)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        portal = self._caller.portal
        if (
            portal is None
            or request.url.scheme in SOCKETS
            or "piecemeal" in request.extensions
            or not isinstance(request.stream, httpx2.AsyncByteStream)
        ):
            return self._piecemeal.handle_request(request)
        return portal.call(self._answer, request)

    def close(self) -> None:
        self._piecemeal.close()

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._application.handle_async_request(request)
        body = b"".join([part async for part in answer.aiter_raw()])
        # As it came: whoever reads it undoes the compression.
        return httpx2.Response(
            answer.status_code, headers=answer.headers, stream=httpx2.ByteStream(body)
        )

    async def _with_state(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: Mapping[str, Any] = self._caller.app_state
        await self._caller.app({**scope, "state": dict(state)}, receive, send)
