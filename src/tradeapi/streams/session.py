"""One client on one socket: what it asks is done, what it follows is sent."""

import asyncio
import uuid
from contextlib import closing
from functools import partial
from typing import assert_never

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradeapi.auth.authenticator import Authenticator
from tradeapi.errors import TradeError, Unauthenticated
from tradeapi.streams import credentials, farewell, protocol, requests
from tradeapi.streams.access import Access, Standing
from tradeapi.streams.callers import Crowded
from tradeapi.streams.codes import (
    NOT_AUTHENTICATED,
    POLICY,
    RESTART,
    TOO_BIG,
    TOO_MANY_SOCKETS,
    TRY_LATER,
)
from tradeapi.streams.connection import as_disconnect, connection_of
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Conduct
from tradeapi.streams.mailbox import Lagged, Mailbox
from tradeapi.streams.replays import Replays, Task
from tradeapi.streams.requests import (
    Authenticate,
    Ping,
    Refused,
    Replay,
    Request,
    StopReplay,
    Subscribe,
    Unsubscribe,
)
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.web.proxies import caller_key


class Session:
    """Lives from hello to close; `run` returns when the socket is gone."""

    def __init__(
        self, socket: WebSocket, authenticator: Authenticator, hub: Hub, mailbox: Mailbox
    ) -> None:
        self._socket = socket
        self._authenticator = authenticator
        self._connection = connection_of(socket)
        self._hub = hub
        self._limits = hub.limits
        self._mailbox = mailbox
        self._conduct = Conduct(hub.limits)
        self._subscriptions = Subscriptions(hub, mailbox)
        self._replays = Replays(hub, mailbox, self._beside)
        self._address = caller_key(socket.client.host if socket.client else None)
        self._access = Access(
            hub.callers,
            hub.clock,
            self._address,
            auth_seconds=hub.limits.auth_seconds,
            warn=self._warn,
            end=self._cut_off,
        )
        # What is read, and where there is no outlet what is sent, until one of them has an end.
        self._reading = anyio.CancelScope()
        self._sending: anyio.CancelScope | None = None
        self._farewell = (1000, "")
        self._stalling: asyncio.TimerHandle | None = None
        self._is_serving = False
        # For what is done beside the reading.
        self._tasks = anyio.create_task_group()

    async def run(self) -> None:
        self._connection.on_shutdown(self.leave)
        outlet = self._connection.outlet(self)
        with closing(self._access), closing(self._subscriptions):
            if outlet is not None:
                self._mailbox.send_to(outlet, self._reading.cancel)
            await self._greet()
            self._connection.forget_handshake()
            async with self._tasks:
                self._mailbox.on_want(self._see_to_snapshots)
                if outlet is None:
                    self._beside(self._write)
                with self._reading:
                    await self._read()
                if self._reading.cancel_called:
                    await self._end()
                self._stop_stalling()
                self._tasks.cancel_scope.cancel()

    def _beside(self, call: Task) -> None:
        self._tasks.start_soon(call)

    def _see_to_snapshots(self) -> None:
        if not self._is_serving:
            self._is_serving = True
            self._beside(self._serve_snapshots)

    async def _serve_snapshots(self) -> None:
        """Not for as long as the client is there: most of the time it wants none."""
        try:
            await self._hub.serve_wanted(self._mailbox)
        finally:
            self._is_serving = False

    def pause(self) -> None:
        """The client does not take what is sent; it has so long to begin again."""
        self._mailbox.pause()
        loop = asyncio.get_running_loop()
        self._stalling = loop.call_later(self._limits.send_seconds, self._lag)

    def resume(self) -> None:
        self._stop_stalling()
        self._mailbox.resume()

    def _stop_stalling(self) -> None:
        if self._stalling is not None:
            self._stalling.cancel()
            self._stalling = None

    def _lag(self) -> None:
        self._farewell = TRY_LATER, "too slow"
        self._mailbox.shut()
        self._reading.cancel()

    async def _greet(self) -> None:
        now, scope = self._hub.clock.now(), self._socket.scope
        try:
            self._access.take(await credentials.of_handshake(self._authenticator, scope, now))
        except TradeError as error:
            self._mailbox.say(protocol.error(error.code, str(error)))
            self._turn_away(error)
        else:
            auth = self._access.standing
            self._mailbox.say(protocol.hello(uuid.uuid4().hex, now, self._limits, auth))

    def leave(self) -> float:
        """The server stops; in how many seconds the client has been told, at the latest."""
        close = partial(self._close, RESTART, "restart")
        return farewell.part(self._mailbox, self._limits.drain_seconds, close)

    def _close(self, code: int, reason: str) -> None:
        self._farewell = code, reason
        self._mailbox.close()

    def _cut_off(self, code: int, reason: str) -> None:
        """Close without a further word; what is on its way to the writer is never sent."""
        self._farewell = code, reason
        self._mailbox.shut()
        if self._sending is not None:
            self._sending.cancel()

    def _turn_away(self, error: TradeError) -> None:
        if isinstance(error, Crowded):
            self._close(TOO_MANY_SOCKETS, "too many sockets")
        elif isinstance(error, Unauthenticated):
            self._close(NOT_AUTHENTICATED, "not authenticated")
        else:
            self._close(TRY_LATER, "try again")

    def _warn(self, seconds: float) -> None:
        self._mailbox.say(protocol.auth_expiring(seconds))

    async def _read(self) -> None:
        while not self._mailbox.is_closing:
            await self._mailbox.heard()
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._receive(message.get("text"))
        # We are ended when the last word is said.
        await anyio.sleep_forever()

    async def _receive(self, text: str | None) -> None:
        if text is not None and _is_longer(text, self._limits.frame_bytes):
            self._close(TOO_BIG, "frame too big")
            return
        now = asyncio.get_running_loop().time()
        try:
            await self._do(self._parse(text, now))
        except Refused as refused:
            self._mailbox.say(protocol.refusal(refused))
            if self._conduct.is_abuse(now):
                self._close(POLICY, "too many faulty messages")
        else:
            self._conduct.behaves()

    def _parse(self, text: str | None, now: float) -> Request:
        if not self._conduct.allows(now):
            rate = self._limits.messages_per_second
            raise Refused("too_many_messages", f"More than {rate} messages a second.")
        if text is None:
            raise Refused("bad_frame", "Frames are text, this one was binary.")
        return requests.parse(text, self._limits)

    async def _do(self, request: Request) -> None:
        match request:
            case Authenticate():
                await self._authenticate(request)
            case Subscribe():
                await self._subscribe(request)
            case Unsubscribe():
                self._subscriptions.remove(request)
            case Replay():
                self._require_standing(request.id)
                await self._replays.start(request, self._access.principal)
            case StopReplay():
                self._replays.stop(request)
            case Ping():
                self._mailbox.say(protocol.pong(request.id))
            case _:
                assert_never(request)

    async def _authenticate(self, request: Authenticate) -> None:
        try:
            principal = await credentials.of_token(
                self._authenticator, request.token, self._address
            )
            self._access.take(principal)
        except TradeError as error:
            if isinstance(error, Crowded):
                self._turn_away(error)
            raise Refused(error.code, str(error), id=request.id) from error
        self._mailbox.say(protocol.auth(request.id, self._access.principal))
        await self._subscriptions.review(self._access.principal)
        await self._replays.review(self._access.principal)

    async def _subscribe(self, request: Subscribe) -> None:
        self._require_standing(request.id)
        lookups = await self._subscriptions.add(request, self._access.principal)
        self._conduct.pay(lookups.in_vain)

    def _require_standing(self, id: requests.Id) -> None:
        if self._access.standing is Standing.REQUIRED:
            raise Refused("unauthenticated", "Say who you are first, with auth.", id=id)

    async def _write(self) -> None:
        """Where there is no outlet: send what is due, one message after the other."""
        try:
            with anyio.CancelScope() as self._sending:
                while texts := await self._mailbox.take():
                    async with asyncio.timeout(self._limits.send_seconds):
                        for text in texts:
                            with as_disconnect():
                                await self._socket.send({"type": "websocket.send", "text": text})
        except WebSocketDisconnect:
            return
        except (Lagged, TimeoutError):
            self._farewell = TRY_LATER, "too slow"
        self._reading.cancel()

    async def _end(self) -> None:
        code, reason = self._farewell
        if self._mailbox.has_lagged:
            code, reason = TRY_LATER, "too slow"
        await farewell.close(self._socket, self._connection, code, reason)


def _is_longer(text: str, limit: int) -> bool:
    """Whether the text has more bytes; most texts are ASCII and need no encoding to know."""
    return len(text) > limit or (not text.isascii() and len(text.encode()) > limit)
