"""Errors in the words that TradingView's clients parse.

They take any body that does not say it is an error for what they have asked for, whatever the
status is. So it is a layer around everything that may refuse, and not a matter of routes.
"""

from collections.abc import Callable, Mapping

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.web.path_tokens import Place
from tradeapi.web.problems import MEDIA_TYPE

Words = Callable[[str], Mapping[str, str]]

JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", MEDIA_TYPE.encode())


def udf_error(detail: str) -> Mapping[str, str]:
    return {"s": "error", "errmsg": detail}


def storage_error(detail: str) -> Mapping[str, str]:
    return {"status": "error", "message": detail}


_WORDS: Mapping[str, Words] = {Place.UDF: udf_error, Place.UDF_STORAGE: storage_error}


class Dialects:
    """Has problems at TradingView's addresses told in its way; their status and headers stay."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/udf"):
            words = _WORDS.get(scope["path"].split("/", 2)[1])
            if words is not None:
                send = _Translated(words, send).send
        await self._app(scope, receive, send)


class _Translated:
    """Passes everything on but a problem, which it holds back until it is whole."""

    __slots__ = ("_body", "_send", "_start", "_words")

    def __init__(self, words: Words, send: Send) -> None:
        self._words = words
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _PROBLEM in message["headers"]:
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        problem = orjson.loads(self._body)
        body = orjson.dumps(self._words(problem["detail"] or problem["title"]))
        kept = [
            header for header in start["headers"] if header[0] not in {JSON[0], b"content-length"}
        ]
        length = (b"content-length", str(len(body)).encode())
        await self._send({**start, "headers": [*kept, JSON, length]})
        await self._send({"type": "http.response.body", "body": body})
