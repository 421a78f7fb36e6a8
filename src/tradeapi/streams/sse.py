"""One client of server-sent events: what it would hear on a socket, as an answer without an end."""

import asyncio
import random
from contextlib import closing
from functools import partial

import anyio
import orjson
from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tradeapi import metrics
from tradeapi.auth.authenticator import Authenticator
from tradeapi.streams import credentials, farewell, protocol
from tradeapi.streams.access import Access
from tradeapi.streams.bookmark import Bookmark
from tradeapi.streams.codes import POLICY, RESTART, TRY_LATER
from tradeapi.streams.connection import connection_of
from tradeapi.streams.hub import Hub
from tradeapi.streams.mailbox import Lagged, Mailbox
from tradeapi.streams.requests import Subscribe
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.web.proxies import caller_key

# The bookmark of more would be too long for a header.
MOST_TOPICS = 100
# Comments in between the heartbeats keep proxies from taking a quiet stream for a dead one.
SILENCE_SECONDS = 5.0
SHORTEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 5.0
# No frame begins like a comment.
COMMENT = ":"
HEADERS = {
    "cache-control": "no-store",
    # nginx and its like would hold events back.
    "x-accel-buffering": "no",
    "connection": "close",
}


class Events(Response):
    """The frames of the topics that are asked for; it raises what is wrong before it begins."""

    media_type = "text/event-stream"

    def __init__(self, asked: Subscribe) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hub: Hub = scope["state"]["hub"]
        if hub.is_full:
            # Whatever is no 200 a browser takes for the end.
            await self.begin(send)
            await send(_body(_event(farewell.full()), is_last=True))
            return
        with hub.mailbox() as mailbox, metrics.STREAM_CLIENTS.track_inprogress():
            await EventStream(self, scope, receive, send, mailbox, self._asked).run()

    async def begin(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})


class EventStream:
    """Lives as long as its answer; `run` returns when that is over."""

    def __init__(  # noqa: PLR0913, PLR0917  ASGI has three of them
        self,
        answer: Events,
        scope: Scope,
        receive: Receive,
        send: Send,
        mailbox: Mailbox,
        asked: Subscribe,
    ) -> None:
        self._answer = answer
        self._scope = scope
        self._receive = receive
        self._send = send
        self._mailbox = mailbox
        self._asked = asked
        self._hub: Hub = scope["state"]["hub"]
        self._connection = connection_of(HTTPConnection(scope))
        self._bookmark = Bookmark(asked.topics, asked.resume)
        self._subscriptions = Subscriptions(self._hub, mailbox)
        client = scope.get("client")
        self._access = Access(
            self._hub.callers,
            self._hub.clock,
            caller_key(client[0] if client else None),
            auth_seconds=self._hub.limits.auth_seconds,
            warn=self._warn,
            end=self._cut_off,
        )
        self._sending = anyio.CancelScope()
        self._farewell = RESTART
        self._is_silent = True

    async def run(self) -> None:
        authenticator: Authenticator = self._scope["state"]["authenticator"]
        with closing(self._access), closing(self._subscriptions):
            now = self._hub.clock.now()
            self._access.take(await credentials.of_handshake(authenticator, self._scope, now))
            self._connection.on_shutdown(self.leave)
            await self._answer.begin(self._send)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write, tasks.cancel_scope)
                tasks.start_soon(self._listen, tasks.cancel_scope)
                tasks.start_soon(self._break_silence)
                tasks.start_soon(self._hub.serve_snapshots, self._mailbox)
                lookups = await self._subscriptions.add(self._asked, self._access.principal)
                if not lookups.is_complete:
                    # Nobody could ask for the rest later on, so the client has to come again.
                    self._close(TRY_LATER)

    def leave(self) -> float:
        """The server stops; in how many seconds the client has been told, at the latest."""
        close = partial(self._close, RESTART)
        return farewell.part(self._mailbox, self._hub.limits.drain_seconds, close)

    def _close(self, code: int) -> None:
        self._farewell = code
        self._mailbox.close()

    def _cut_off(self, code: int, _: str) -> None:
        """End without a further word; the next request is told why."""
        self._close(code)
        self._sending.cancel()

    def _warn(self, seconds: float) -> None:
        self._mailbox.say(protocol.auth_expiring(seconds))

    async def _listen(self, stream: anyio.CancelScope) -> None:
        """Until the client leaves; nothing else that it sends is of interest."""
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        except HTTPException:
            # It sends a body, and more of it than anybody may.
            self._close(POLICY)
        else:
            stream.cancel()

    async def _break_silence(self) -> None:
        while True:
            await anyio.sleep(SILENCE_SECONDS)
            if self._is_silent:
                self._mailbox.say(COMMENT)
            self._is_silent = True

    async def _write(self, stream: anyio.CancelScope) -> None:
        """Send what is due until the stream ends, and end it if the client does not keep up."""
        code = TRY_LATER
        try:
            with self._sending:
                await self._say(_greeting())
                while texts := await self._mailbox.take():
                    await self._say(b"".join(map(self._event, texts)))
            code = self._farewell
        except (Lagged, TimeoutError):
            pass
        await self._end(code)
        stream.cancel()

    async def _say(self, events: bytes) -> None:
        self._is_silent = False
        async with asyncio.timeout(self._hub.limits.send_seconds):
            await self._send(_body(events))

    async def _end(self, code: int) -> None:
        metrics.STREAM_CLOSED.labels(code).inc()
        with anyio.move_on_after(farewell.PATIENCE_SECONDS) as patience:
            await self._send(_body(b"", is_last=True))
        if patience.cancelled_caught:
            # What the client does not read keeps the end of the answer, too, from being sent.
            self._connection.abort()

    def _event(self, text: str) -> bytes:
        return _event(text, self._bookmark)


def _greeting() -> bytes:
    """How soon to come back; what is sent at once shows that nobody holds the answer back."""
    wait = random.uniform(SHORTEST_RETRY_SECONDS, LONGEST_RETRY_SECONDS)  # noqa: S311
    return format_sse_event(comment="", retry=round(wait * 1000))


def _event(text: str, bookmark: Bookmark | None = None) -> bytes:
    if text == COMMENT:
        return format_sse_event(comment="")
    frame = orjson.loads(text)
    return format_sse_event(
        data_str=text,
        id=bookmark.move(frame) if bookmark is not None else None,
        retry=frame.get("reconnect_in_ms"),
    )


def _body(events: bytes, *, is_last: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": events, "more_body": not is_last}
