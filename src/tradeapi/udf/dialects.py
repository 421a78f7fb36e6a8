"""Errors in the words that TradingView's clients parse.

They take any body that does not say it is an error for what they have asked for, whatever the
status is. So it is a layer around everything that may refuse, and not a matter of routes.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.web.envelope import UNMATCHED, route_template
from tradeapi.web.path_tokens import Place
from tradeapi.web.translation import Translation

Words = Callable[[str], Mapping[str, str]]

JSON = (b"content-type", b"application/json")


def udf_error(detail: str) -> Mapping[str, str]:
    return {"s": "error", "errmsg": detail}


def storage_error(detail: str) -> Mapping[str, str]:
    return {"status": "error", "message": detail}


class _Dialect(NamedTuple):
    """`told_as_done`: what routes refuse with these statuses is told with 200, and in the body."""

    words: Words
    told_as_done: frozenset[int] = frozenset()


_DIALECTS: Mapping[str, _Dialect] = {
    Place.UDF: _Dialect(udf_error),
    Place.UDF_STORAGE: _Dialect(storage_error, frozenset({404, 413, 422})),
}


class Dialects:
    """Has problems at TradingView's addresses told in its way; their headers stay."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/udf"):
            dialect = _DIALECTS.get(scope["path"].split("/", 2)[1])
            if dialect is not None:
                send = _Translated(dialect, scope, send).send
        await self._app(scope, receive, send)


class _Translated(Translation):
    __slots__ = ("_dialect", "_scope")

    def __init__(self, dialect: _Dialect, scope: Scope, send: Send) -> None:
        super().__init__(send)
        self._dialect = dialect
        self._scope = scope

    async def _tell(self, start: Message) -> None:
        problem = orjson.loads(self._body)
        body = orjson.dumps(self._dialect.words(problem["detail"] or problem["title"]))
        kept = [
            header for header in start["headers"] if header[0] not in {JSON[0], b"content-length"}
        ]
        length = (b"content-length", str(len(body)).encode())
        status = start["status"]
        if status in self._dialect.told_as_done and route_template(self._scope) != UNMATCHED:
            status = 200
        await self._send({**start, "status": status, "headers": [*kept, JSON, length]})
        await self._send({"type": "http.response.body", "body": body})
