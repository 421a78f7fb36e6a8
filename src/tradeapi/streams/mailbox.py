"""What waits to be sent to one socket: bounded, and the newest value of each key wins."""

import asyncio
from collections.abc import Callable, Hashable, Sequence

from tradeapi import metrics
from tradeapi.streams.outlet import Outlet, wire
from tradeapi.streams.protocol import Position
from tradeapi.streams.signals import Signal
from tradeapi.streams.topics import Frame, Topic

AT_ONCE = 64
# Replies can be long, and each is one more that a client asked for.
MOST_UNHEARD = 8


class Lagged(Exception):
    """More waits for the socket than may."""


class Mailbox:
    """Replies first, then each subscription's frames in their order.

    Final frames are kept, a newer frame replaces an unsent one of its key, and when in spite of
    that more than `limit` frames wait, `take` raises Lagged.

    With an outlet nobody need take: what is due is sent as soon as the outlet is writable, in the
    same turn of the event loop, and what finds it writable and nothing waiting is sent at once.
    `over` is called when the mailbox has lagged, and when it is closing and nothing more is due.
    """

    __slots__ = (
        "__weakref__",
        "_due",
        "_filled",
        "_is_flushing_soon",
        "_limit",
        "_outlet",
        "_over",
        "_replies",
        "_tell_wanted",
        "_turned",
        "_waiting",
        "_wanted",
        "_wanting",
        "conflated",
        "has_lagged",
        "is_closing",
        "is_open",
        "write",
    )

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._replies: list[str] = []
        self._due: dict[Subscription, None] = {}
        self._wanting: dict[Subscription, None] = {}
        self._waiting = 0
        self._filled = Signal()
        self._wanted = Signal()
        self._turned = Signal()
        self._outlet: Outlet | None = None
        self._over: Callable[[], None] | None = None
        self._tell_wanted: Callable[[], None] | None = None
        self._is_flushing_soon = False
        # Whether a frame may go straight to the outlet, which `write` is then.
        self.is_open = False
        self.write: Callable[[bytes], None] = _nowhere
        self.has_lagged = False
        self.is_closing = False
        self.conflated = 0

    def send_to(self, outlet: Outlet, over: Callable[[], None]) -> None:
        self._outlet, self._over = outlet, over
        self.write = outlet.write
        self.is_open = outlet.is_writable

    def pause(self) -> None:
        """The outlet takes no more for now."""
        self.is_open = False

    def resume(self) -> None:
        self._flush()

    def say(self, text: str) -> None:
        """Send a text that belongs to no topic."""
        self._replies.append(text)
        self.add(1)
        self._fill()

    def close(self) -> None:
        """Have `take` return nothing once the replies are sent."""
        self.is_closing = True
        self._fill()

    def shut(self) -> None:
        """Send nothing more, whatever waits."""
        self.is_closing = True
        self._replies.clear()
        self._fill()

    def add(self, count: int) -> None:
        self._waiting += count
        if self._waiting > self._limit:
            self.has_lagged = True
            self._fill()

    def fall_due(self, subscription: "Subscription") -> None:
        self._due[subscription] = None
        self._fill()

    def want(self, subscription: "Subscription") -> None:
        """Ask for a snapshot."""
        self._wanting[subscription] = None
        self._wanted.wake()
        if self._tell_wanted is not None:
            self._tell_wanted()

    def unwant(self, subscription: "Subscription") -> None:
        self._wanting.pop(subscription, None)

    def forget(self, subscription: "Subscription") -> None:
        self._due.pop(subscription, None)
        self.unwant(subscription)

    def on_want(self, call: Callable[[], None]) -> None:
        """Have `call` called when a snapshot is wanted."""
        self._tell_wanted = call

    async def wanted(self) -> None:
        """Wait until a subscription waits for a snapshot."""
        while not self._wanting:
            await self._wanted.wait()

    def next_wanted(self) -> "Subscription | None":
        """The next subscription that waits for a snapshot."""
        subscription = next(iter(self._wanting), None)
        if subscription is not None:
            del self._wanting[subscription]
        return subscription

    async def handed_out(self, subscription: "Subscription") -> None:
        """Wait until the subscription's snapshot has been taken and the taker came back."""
        while subscription.has_snapshot:
            await self._turned.wait()

    async def heard(self) -> None:
        """Wait until few replies wait: who does not listen needs no further ones."""
        while len(self._replies) > MOST_UNHEARD and not self.is_closing:
            await self._turned.wait()

    async def take(self) -> Sequence[str]:
        """Some of what is due, as soon as something is; nothing when the mailbox is closing."""
        self._turned.wake()
        while True:
            if self.has_lagged:
                raise Lagged
            if texts := self._some():
                return texts
            if self.is_closing:
                return ()
            await self._filled.wait()

    def _fill(self) -> None:
        self._filled.wake()
        self.is_open = False
        if self._outlet is None or self._is_flushing_soon:
            return
        if self._outlet.is_writable or self.is_closing or self.has_lagged:
            # What else this turn brings goes out with it, and as the newest of its key.
            self._is_flushing_soon = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send what is due for as long as the outlet takes it."""
        self._is_flushing_soon = False
        outlet, over = self._outlet, self._over
        assert outlet is not None  # noqa: S101  who calls has seen it
        assert over is not None  # noqa: S101  the same
        texts: Sequence[str] = ()
        while not self.has_lagged and outlet.is_writable and (texts := self._some()):
            outlet.write(b"".join(map(wire, texts)))
        self._turned.wake()
        is_empty = not (self._replies or (self._due and not self.is_closing))
        if self.has_lagged or (self.is_closing and is_empty):
            over()
        self.is_open = is_empty and not self.is_closing and outlet.is_writable

    def _some(self) -> list[str]:
        texts, self._replies = self._replies[:AT_ONCE], self._replies[AT_ONCE:]
        while self._due and len(texts) < AT_ONCE and not self.is_closing:
            subscription = next(iter(self._due))
            texts += subscription.take(AT_ONCE - len(texts))
            if not subscription.is_waiting:
                del self._due[subscription]
        self._waiting -= len(texts)
        metrics.STREAM_DELIVERIES.inc(len(texts))
        if self.conflated:
            metrics.STREAM_CONFLATED.inc(self.conflated)
            self.conflated = 0
        return texts


def _nowhere(_: bytes) -> None:
    raise RuntimeError("The mailbox is not open.")


class Subscription:
    """One topic on one socket; it gets no frames until a snapshot or a resume attaches it."""

    __slots__ = (
        "_is_attached",
        "_is_direct",
        "_mailbox",
        "_pending",
        "_quiet_until",
        "_timer",
        "history",
        "is_closed",
        "resume",
        "sent_seq",
        "throttle",
        "topic",
    )

    def __init__(self, topic: Topic, mailbox: Mailbox, resume: Position | None = None) -> None:
        self.topic = topic
        self.history = 0
        self.throttle = 0.0
        self.resume = resume
        self.sent_seq = -1
        self.is_closed = False
        self._mailbox = mailbox
        self._pending: dict[Hashable, str] = {}
        self._quiet_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_attached = False
        # Unless it is throttled, whatever finds the mailbox open is sent at once.
        self._is_direct = False

    @property
    def is_waiting(self) -> bool:
        return bool(self._pending)

    @property
    def has_snapshot(self) -> bool:
        return "snapshot" in self._pending

    @property
    def least_seq(self) -> int:
        """How far the client has come, here or before: nothing may take it back."""
        if self.resume is not None and self.resume.epoch == self.topic.epoch:
            return max(self.sent_seq, self.resume.seq)
        return self.sent_seq

    def want(self) -> None:
        """Ask for a snapshot, and hear nothing of the topic until it is here."""
        self.topic.listeners[self] = None
        self._clear()
        if self._is_attached:
            self.sent_seq = self.topic.seq
        self._is_attached = self._is_direct = False
        self._mailbox.want(self)

    def attach(self, text: str, later: Sequence[Frame]) -> None:
        """Begin with a snapshot or a resume, and the frames that follow it."""
        if self.is_closed:
            return
        self._is_attached, self._is_direct = True, not self.throttle
        self._mailbox.unwant(self)
        self._say("snapshot", text)
        for frame in later:
            self.put(frame)

    def put(self, frame: Frame) -> int:
        if self._is_direct and self._mailbox.is_open:
            self._mailbox.write(frame.wire)
            return 1
        if not self._is_attached or self._mailbox.has_lagged:
            return 0
        if self._pending.pop(frame.key, None) is not None:
            self._mailbox.conflated += 1
            self._mailbox.add(-1)
        self._pending[("final", frame.seq) if frame.final else frame.key] = frame.text
        self._mailbox.add(1)
        self._fall_due()
        return 0

    def reset(self, text: str) -> None:
        had_state = self._is_attached or "reset" in self._pending
        self.want()
        if had_state:
            self._say("reset", text)

    def tell_loss(self, text: str) -> None:
        """Say that the snapshot to come is all there is."""
        if not self.is_closed:
            self._say("reset", text)

    def end(self, text: str) -> None:
        self.close()
        self._mailbox.say(text)

    def take(self, most: int) -> list[str]:
        """The oldest unsent frames; when none is left, the throttle begins."""
        if len(self._pending) <= most:
            texts = list(self._pending.values())
            self._pending.clear()
        else:
            keys = list(self._pending)[:most]
            texts = [self._pending.pop(key) for key in keys]
        if self.throttle and not self._pending:
            self._quiet_until = asyncio.get_running_loop().time() + self.throttle
        return texts

    def close(self) -> None:
        self.is_closed = True
        self._is_attached = self._is_direct = False
        self._clear()
        self._mailbox.forget(self)
        self.topic.listeners.pop(self, None)

    def _say(self, key: str, text: str) -> None:
        self._pending[key] = text
        self._mailbox.add(1)
        self._mailbox.fall_due(self)

    def _fall_due(self) -> None:
        if not self.throttle:
            self._mailbox.fall_due(self)
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._quiet_until:
                self._mailbox.fall_due(self)
            else:
                self._timer = loop.call_at(self._quiet_until, self._quiet_is_over)

    def _quiet_is_over(self) -> None:
        self._timer = None
        if self._pending:
            self._mailbox.fall_due(self)

    def _clear(self) -> None:
        self._mailbox.add(-len(self._pending))
        self._pending.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
