"""A WebSocket of uvicorn's, with what a stream needs beyond ASGI."""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from asyncio.transports import BaseTransport
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from tradeapi.streams.codes import NOT_TEXT, POLICY
from tradeapi.streams.connection import (
    CLOSE_SECONDS,
    EXTENSION,
    FAREWELL_SECONDS,
    Connection,
    Flow,
    be_prompt,
)
from tradeapi.streams.outlet import Outlet
from tradeapi.web.refusals import refusal

# More that the kernel has not taken would only age; a snapshot may be more, and is then all of it.
UNSENT_HIGH, UNSENT_LOW = 32 * 1024, 8 * 1024
# Neither counts as a message, and a client that sends millions of them keeps us from the others.
MOST_FRAGMENTS = 1024
# Pongs count as well: nobody need have asked for them.
MOST_PINGS = 100
PINGS_SECONDS = 10.0

# uvicorn tells the address of each handshake, with the tickets in its query, and to those who debug
# its headers and frames, with the tokens in them.
_log = logging.getLogger("uvicorn.error.sockets")
_log.setLevel(logging.WARNING)


class StreamProtocol(WebSocketsSansIOProtocol, Connection):
    """A WebSocket of uvicorn's that can be aborted, and that can say goodbye."""

    _carried: Callable[[], Awaitable[None]] | None = None
    _flow: Flow | None = None
    # From a close on, whoever says it: nothing may follow.
    _is_closed = False
    _leave: Callable[[], float] | None = None
    _deadline: TimerHandle | None = None
    _pings = 0
    _first_ping = 0.0
    _late_bytes = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = self.conn.logger = _log
        self.conn.debug = False
        self._app, self.app = self.app, self._serve

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=UNSENT_HIGH, low=UNSENT_LOW)
        be_prompt(transport)

    def data_received(self, data: bytes) -> None:
        if self.close_sent:
            self._late_bytes += len(data)
            if self._late_bytes > self.config.ws_max_size:
                # It has not heard that we closed, or does not care: reading it is work for nothing.
                self.transport.pause_reading()
                return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # What the library can't read at all uvicorn leaves unanswered, and open for ever.
            detail = "A WebSocket's handshake has no body, and no line of more than 8192 bytes."
            self.transport.write(refusal(400, "bad_handshake", detail))
            self.transport.close()

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        if len(self.frames) > MOST_FRAGMENTS:
            self._fail(POLICY, "too many fragments")

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                # uvicorn closes, too, but calls it a fault of ours.
                self._fail(NOT_TEXT, "not UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        if self._is_one_ping_too_many():
            self._fail(POLICY, "too many pings")
        elif self.writable.is_set():
            super().handle_ping()
        else:
            # Answers that the client does not read would pile up here.
            self.conn.data_to_send()

    def handle_pong(self, event: Frame) -> None:
        if self._is_one_ping_too_many():
            self._fail(POLICY, "too many pongs")
        else:
            super().handle_pong(event)

    async def carry(self, run: Callable[[], Awaitable[None]]) -> None:
        self._carried = run

    def forget_handshake(self) -> None:
        self.scope.clear()  # type: ignore[attr-defined]
        del self.request, self.response

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        if self._carried is not None:
            await self._carried()

    @property
    def is_writable(self) -> bool:
        return self.writable.is_set() and not self._is_closed

    def write(self, frames: bytes) -> None:
        if not self._is_closed:
            self.transport.write(frames)

    def outlet(self, flow: Flow) -> Outlet | None:
        if self.conn.extensions:
            # What is sent has to be compressed for each client.
            return None
        self._flow = flow
        return self

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._flow is not None:
            self._flow.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._flow is not None:
            self._flow.resume()

    def on_shutdown(self, leave: Callable[[], float]) -> None:
        self._leave = leave

    def abort(self) -> None:
        self.transport.abort()

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self
        await super().run_asgi()
        # A client that does not read would keep the unsent rest, and the socket, for ever.
        self._abort_after(CLOSE_SECONDS)

    async def send(self, message: ASGISendEvent) -> None:
        if self.close_sent:
            # uvicorn calls this a fault of ours; it is a close that we have not heard of yet.
            raise ClientDisconnected
        if message["type"] == "websocket.close":
            self._is_closed = True
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # Else uvicorn misses an answer.
            self.handshake_complete = True

    def handle_close(self, event: Frame) -> None:
        self._is_closed = True
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        self._is_closed = True
        super().handle_parser_exception()

    def keepalive_timeout(self) -> None:
        self._is_closed = True
        super().keepalive_timeout()
        self._abort_after(FAREWELL_SECONDS)

    def shutdown(self) -> None:
        if self._leave is None or self.close_sent or self.disconnected:
            self._is_closed = True
            super().shutdown()
            seconds = 0.0
        else:
            seconds = self._leave()
        self._abort_after(seconds + FAREWELL_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closed = True
        super().connection_lost(exc)
        self._flow = None
        if self._deadline is not None:
            self._deadline.cancel()

    def _is_one_ping_too_many(self) -> bool:
        now = self.loop.time()
        if now - self._first_ping > PINGS_SECONDS:
            self._pings, self._first_ping = 0, now
        self._pings += 1
        return self._pings > MOST_PINGS

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()
            self._abort_after(FAREWELL_SECONDS)

    def _abort_after(self, seconds: float) -> None:
        """Unless it is due sooner already."""
        when = self.loop.time() + seconds
        if self.disconnected or (self._deadline is not None and self._deadline.when() <= when):
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_at(when, self.transport.abort)
