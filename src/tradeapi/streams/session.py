"""One client on one socket: what it asks is done, what it follows is sent."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import assert_never

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradeapi import metrics
from tradeapi.errors import TradeError, Unavailable
from tradeapi.streams import protocol
from tradeapi.streams.connection import connection_of
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Conduct
from tradeapi.streams.mailbox import Lagged, Mailbox, Subscription
from tradeapi.streams.protocol import (
    Ping,
    Position,
    Refused,
    Rejected,
    Request,
    Subscribe,
    Unsubscribe,
)
from tradeapi.streams.topics import Topic

POLICY, TOO_BIG, RESTART, TOO_SLOW = 1008, 1009, 1012, 1013
CLOSE_SECONDS = 1.0


class Session:
    """Lives from hello to close; `run` returns when the socket is gone."""

    def __init__(self, socket: WebSocket, hub: Hub, mailbox: Mailbox) -> None:
        self._socket = socket
        self._connection = connection_of(socket)
        self._hub = hub
        self._limits = hub.limits
        self._mailbox = mailbox
        self._conduct = Conduct(hub.limits)
        self._subscriptions: dict[str, Subscription] = {}
        self._farewell = (1000, "")

    async def run(self) -> None:
        self._connection.on_shutdown(self.leave)
        now = self._hub.clock.now()
        self._mailbox.say(protocol.hello(uuid.uuid4().hex, now, self._limits))
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write, tasks.cancel_scope)
                tasks.start_soon(self._hub.serve_snapshots, self._mailbox)
                await self._read()
                tasks.cancel_scope.cancel()
        finally:
            for subscription in self._subscriptions.values():
                self._release(subscription)

    def leave(self) -> float:
        """Say goodbye within the drain window; how many seconds from now at the latest."""
        drain = self._limits.drain_seconds
        moment = random.uniform(0, 0.9 * drain)  # noqa: S311  spreads the load, hides nothing
        asyncio.get_running_loop().call_later(moment, self._say_goodbye)
        return drain

    def _say_goodbye(self) -> None:
        self._mailbox.say(protocol.bye("restart", random.uniform(0.5, 5)))  # noqa: S311
        self._close(RESTART, "restart")

    def _close(self, code: int, reason: str) -> None:
        self._farewell = code, reason
        self._mailbox.close()

    async def _read(self) -> None:
        while not self._mailbox.is_closing:
            await self._mailbox.heard()
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._receive(message.get("text"))
        # The writer has the last word, and ends us when it has said it.
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
        return protocol.parse(text, self._limits)

    async def _do(self, request: Request) -> None:
        match request:
            case Subscribe():
                await self._subscribe(request)
            case Unsubscribe():
                self._unsubscribe(request)
            case Ping():
                self._mailbox.say(protocol.pong(request.id))
            case _:
                assert_never(request)

    async def _subscribe(self, request: Subscribe) -> None:
        held = self._subscriptions.keys() | set(request.topics)
        if len(held) > self._limits.topics:
            detail = f"{len(held)} topics are more than the {self._limits.topics} of a socket."
            raise Refused("too_many_topics", detail, field="topics", id=request.id)
        rejected = await self._open(request)
        refused = {topic.topic for topic in rejected}
        accepted = [topic for topic in request.topics if topic not in refused]
        self._mailbox.say(protocol.ack(request.id, accepted, rejected))
        for topic in accepted:
            subscription = self._subscriptions[topic]
            subscription.history, subscription.throttle = request.history, request.throttle
            subscription.want()

    async def _open(self, request: Subscribe) -> Sequence[Rejected]:
        """Hold the topics that are not held yet; those that can't be had."""
        rejected = []
        failure: Unavailable | None = None
        for name in request.topics:
            held = self._subscriptions.get(name)
            if held is not None and not held.is_closed:
                continue
            if failure is None:
                try:
                    self._hold(await self._hub.open(name), request.resume.get(name))
                except Unavailable as error:
                    # Five hundred more waits for a database that is down would help nobody.
                    failure = error
                except TradeError as error:
                    rejected.append(Rejected(name, error.code, str(error)))
            if failure is not None:
                rejected.append(Rejected(name, failure.code, str(failure)))
        return rejected

    def _hold(self, topic: Topic, resume: Position | None) -> None:
        ended = self._subscriptions.get(topic.name)
        if ended is not None:
            self._release(ended)
        self._subscriptions[topic.name] = Subscription(topic, self._mailbox, resume)
        metrics.STREAM_SUBSCRIPTIONS.labels(topic.kind).inc()

    def _unsubscribe(self, request: Unsubscribe) -> None:
        rejected = []
        for name in request.topics:
            subscription = self._subscriptions.pop(name, None)
            if subscription is None:
                detail = f"You are not subscribed to {name}."
                rejected.append(Rejected(name, "not_found", detail))
            else:
                self._release(subscription)
        missing = {topic.topic for topic in rejected}
        gone = [name for name in request.topics if name not in missing]
        self._mailbox.say(protocol.ack(request.id, gone, rejected))

    def _release(self, subscription: Subscription) -> None:
        subscription.close()
        self._hub.release(subscription.topic)
        metrics.STREAM_SUBSCRIPTIONS.labels(subscription.topic.kind).dec()

    async def _write(self, session: anyio.CancelScope) -> None:
        """Send what is due until the session ends, and end it if the client does not keep up."""
        try:
            while texts := await self._mailbox.take():
                async with asyncio.timeout(self._limits.send_seconds):
                    for text in texts:
                        await self._socket.send({"type": "websocket.send", "text": text})
                self._count(len(texts))
        except WebSocketDisconnect:
            pass
        except (Lagged, TimeoutError):
            await self._end(TOO_SLOW, "too slow")
        else:
            await self._end(*self._farewell)
        session.cancel()

    async def _end(self, code: int, reason: str) -> None:
        metrics.STREAM_CLOSED.labels(code).inc()
        with anyio.move_on_after(CLOSE_SECONDS) as patience, suppress(WebSocketDisconnect):
            await self._socket.close(code, reason)
        if patience.cancelled_caught:
            # What the client does not read keeps the close frame, too, from being sent.
            self._connection.abort()

    def _count(self, sent: int) -> None:
        metrics.STREAM_DELIVERIES.inc(sent)
        if self._mailbox.conflated:
            metrics.STREAM_CONFLATED.inc(self._mailbox.conflated)
            self._mailbox.conflated = 0


def _is_longer(text: str, limit: int) -> bool:
    """Whether the text has more bytes; most texts are ASCII and need no encoding to know."""
    return len(text) > limit or (not text.isascii() and len(text.encode()) > limit)
