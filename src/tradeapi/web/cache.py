"""Answers kept as the bytes that were sent, for as long as whoever made them says they hold.

It stands outside the compression, whose work is kept too, and inside everything that decides who
may ask, counts and logs: a kept answer takes the same way in and out as a new one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from zlib import crc32

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.metrics import CACHE_BYTES, CACHE_ENTRIES, CACHE_HITS, CACHE_MISSES
from tradeapi.web.envelope import ROUTE_TEMPLATE, route_template
from tradeapi.web.principal import principal_of

MAKING = "tradeapi.making"
# What an entry takes beside its body.
OVERHEAD_BYTES = 2048
# One answer must not push out all the others.
LARGEST_SHARE = 8
CODINGS = (b"zstd", b"br", b"gzip")

Headers = list[tuple[bytes, bytes]]
Key = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it left, with what tells whether it still holds."""

    headers: Headers
    body: bytes
    etag: bytes
    route: str
    is_good: Callable[[], bool]
    size: int


class Making:
    """An answer on its way: the handler says whether it is to be kept, others wait for it."""

    __slots__ = ("ended", "is_good", "state")

    def __init__(self) -> None:
        self.is_good: Callable[[], bool] | None = None
        self.state = ""
        self.ended = asyncio.Event()


def keep(scope: Scope, is_good: Callable[[], bool], *, state: str) -> None:
    """Have the answer kept and given to others for as long as `is_good()`; gives it an ETag.

    No other answer at the same address has this `state`, unless the database is another. For that
    case, and because each coding has its own bytes, the ETag holds a checksum too: a real hash of
    a large answer would cost more than the rest of the way out.
    """
    making: Making | None = scope.get(MAKING)
    if making is not None:
        making.is_good = is_good
        making.state = state


class Cache:
    """Answers to GET below `prefix`; those asked for last stay, up to `bytes` in all.

    Of several callers who ask for the same at the same time one makes the answer. Hits and misses
    are counted under `name`, and so is what there is.
    """

    def __init__(
        self, app: ASGIApp, *, name: str, prefix: str | tuple[str, ...], bytes: int
    ) -> None:
        self._app = app
        self._hits, self._misses = CACHE_HITS.labels(name), CACHE_MISSES.labels(name)
        self._entries, self._held = CACHE_ENTRIES.labels(name), CACHE_BYTES.labels(name)
        self._prefix = prefix
        self._bytes = bytes
        self._used = 0
        self._kept: dict[Key, Kept] = {}
        self._making: dict[Key, Making] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not scope["path"].startswith(self._prefix)
        ):
            await self._app(scope, receive, send)
            return
        # Ahead of the routes, whose own checks a kept answer does not pass.
        principal_of(scope).require_market_data()
        accepted, known = _negotiation(scope)
        key = (scope["path"], scope["query_string"], accepted)
        kept = self._find(key)
        while kept is None and (making := self._making.get(key)) is not None:
            await making.ended.wait()
            if making.is_good is None:
                # Such answers are not kept: those who ask for them must not queue.
                break
            kept = self._find(key)
        if kept is None:
            self._misses.inc()
            await self._make(key, known, scope, receive, send)
            return
        self._hits.inc()
        scope[ROUTE_TEMPLATE] = kept.route
        await _answer(kept, known, send)

    def _find(self, key: Key) -> Kept | None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return None
        if kept.is_good():
            # Back in at the end: what is asked for least is at the front.
            self._kept[key] = kept
            return kept
        self._used -= kept.size
        self._count()
        return None

    async def _make(
        self, key: Key, known: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        making = scope[MAKING] = self._making[key] = Making()
        recorder = _Recorder(making, send)
        try:
            await self._app(scope, receive, recorder.send)
            kept = recorder.kept(key, scope)
            if kept is not None:
                self._put(key, kept)
        finally:
            making.ended.set()
            if self._making.get(key) is making:
                del self._making[key]
        if kept is not None:
            await _answer(kept, known, send)

    def _put(self, key: Key, kept: Kept) -> None:
        if kept.size > self._bytes // LARGEST_SHARE or not kept.is_good():
            return
        replaced = self._kept.pop(key, None)
        self._used += kept.size - (replaced.size if replaced else 0)
        self._kept[key] = kept
        while self._used > self._bytes:
            self._used -= self._kept.pop(next(iter(self._kept))).size
        self._count()

    def _count(self) -> None:
        self._entries.set(len(self._kept))
        self._held.set(self._used)


class _Recorder:
    """Holds an answer back that is to be kept; lets every other one pass."""

    def __init__(self, making: Making, send: Send) -> None:
        self._making = making
        self._send = send
        self._headers: Headers | None = None
        self._parts: list[bytes] = []
        self._is_whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._making.is_good is not None and message["status"] == HTTPStatus.OK:
                self._headers = message["headers"]
                return
            self._making.is_good = None
            self._making.ended.set()
        elif self._headers is not None:
            self._parts.append(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            return
        await self._send(message)

    def kept(self, key: Key, scope: Scope) -> Kept | None:
        if self._headers is None or not self._is_whole or self._making.is_good is None:
            return None
        body = b"".join(self._parts)
        etag = b'"%b-%x-%x"' % (self._making.state.encode(), len(body), crc32(body))
        return Kept(
            headers=[*map(_without_repetition, self._headers), (b"etag", etag)],
            body=body,
            etag=etag,
            route=route_template(scope),
            is_good=self._making.is_good,
            size=len(body) + sum(map(len, key)) + OVERHEAD_BYTES,
        )


def _without_repetition(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The compression adds its own to Vary, whether it is there or not."""
    name, value = header
    if name != b"vary":
        return header
    return name, b", ".join(dict.fromkeys(part.strip() for part in value.split(b",")))


async def _answer(kept: Kept, known: bytes, send: Send) -> None:
    if known and is_known(kept.etag, known):
        headers = [header for header in kept.headers if not header[0].startswith(b"content-")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    # The layers outside add headers of their own.
    await send({"type": "http.response.start", "status": 200, "headers": kept.headers.copy()})
    await send({"type": "http.response.body", "body": kept.body})


def _negotiation(scope: Scope) -> tuple[bytes, bytes]:
    """The codings that the caller accepts, in one spelling, and the ETags it knows."""
    accepted = known = b""
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            accepted += b"," + value
        elif name == b"if-none-match":
            known += b"," + value
    return _spell(accepted), known[1:]


@lru_cache(maxsize=1024)
def _spell(accepted: bytes) -> bytes:
    """One spelling for the plain lists that come to the same; all others stand for themselves."""
    if b";" in accepted or b"*" in accepted:
        return accepted
    names = {name.strip() for name in accepted.lower().split(b",")}
    return b",".join(coding for coding in CODINGS if coding in names)


def is_known(etag: bytes, known: bytes) -> bool:
    tags = {tag.strip().removeprefix(b"W/") for tag in known.split(b",")}
    return etag in tags or b"*" in tags
