"""What waits to be sent to one socket: bounded, and the newest value of each key wins."""

import asyncio
from collections.abc import Hashable, Sequence

from tradeapi.streams.protocol import Position
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
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._replies: list[str] = []
        self._due: dict[Subscription, None] = {}
        self._wanting: dict[Subscription, None] = {}
        self._waiting = 0
        self._filled = asyncio.Event()
        self._wanted = asyncio.Event()
        self._turned = asyncio.Event()
        self.has_lagged = False
        self.is_closing = False
        self.conflated = 0

    def say(self, text: str) -> None:
        """Send a text that belongs to no topic."""
        self._replies.append(text)
        self.add(1)
        self._filled.set()

    def close(self) -> None:
        """Have `take` return nothing once the replies are sent."""
        self.is_closing = True
        self._filled.set()

    def add(self, count: int) -> None:
        self._waiting += count
        if self._waiting > self._limit:
            self.has_lagged = True
            self._filled.set()

    def fall_due(self, subscription: "Subscription") -> None:
        self._due[subscription] = None
        self._filled.set()

    def want(self, subscription: "Subscription") -> None:
        """Ask for a snapshot."""
        self._wanting[subscription] = None
        self._wanted.set()

    def unwant(self, subscription: "Subscription") -> None:
        self._wanting.pop(subscription, None)

    def forget(self, subscription: "Subscription") -> None:
        self._due.pop(subscription, None)
        self.unwant(subscription)

    async def wanted(self) -> "Subscription":
        """The next subscription that waits for a snapshot."""
        while not self._wanting:
            self._wanted.clear()
            await self._wanted.wait()
        subscription = next(iter(self._wanting))
        del self._wanting[subscription]
        return subscription

    async def handed_out(self, subscription: "Subscription") -> None:
        """Wait until the subscription's snapshot has been taken and the taker came back."""
        while subscription.has_snapshot:
            self._turned.clear()
            await self._turned.wait()

    async def heard(self) -> None:
        """Wait until few replies wait: who does not listen needs no further ones."""
        while len(self._replies) > MOST_UNHEARD and not self.is_closing:
            self._turned.clear()
            await self._turned.wait()

    async def take(self) -> Sequence[str]:
        """Some of what is due, as soon as something is; nothing when the mailbox is closing."""
        self._turned.set()
        while True:
            if self.has_lagged:
                raise Lagged
            if texts := self._some():
                return texts
            if self.is_closing:
                return ()
            self._filled.clear()
            await self._filled.wait()

    def _some(self) -> list[str]:
        texts, self._replies = self._replies[:AT_ONCE], self._replies[AT_ONCE:]
        while self._due and len(texts) < AT_ONCE and not self.is_closing:
            subscription = next(iter(self._due))
            texts += subscription.take(AT_ONCE - len(texts))
            if not subscription.is_waiting:
                del self._due[subscription]
        self._waiting -= len(texts)
        return texts


class Subscription:
    """One topic on one socket; it gets no frames until a snapshot or a resume attaches it."""

    __slots__ = (
        "_is_attached",
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
        topic.listeners[self] = None

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
        self._clear()
        if self._is_attached:
            self.sent_seq = self.topic.seq
        self._is_attached = False
        self._mailbox.want(self)

    def attach(self, text: str, later: Sequence[Frame]) -> None:
        """Begin with a snapshot or a resume, and the frames that follow it."""
        if self.is_closed:
            return
        self._is_attached = True
        self._mailbox.unwant(self)
        self._say("snapshot", text)
        for frame in later:
            self.put(frame)

    def put(self, frame: Frame) -> None:
        if not self._is_attached or self._mailbox.has_lagged:
            return
        if self._pending.pop(frame.key, None) is not None:
            self._mailbox.conflated += 1
            self._mailbox.add(-1)
        self._pending[("final", frame.seq) if frame.final else frame.key] = frame.text
        self._mailbox.add(1)
        self._fall_due()

    def reset(self, text: str) -> None:
        had_state = self._is_attached or "reset" in self._pending
        self.want()
        if had_state:
            self._say("reset", text)

    def tell_loss(self, text: str) -> None:
        """Say that the snapshot to come is all there is."""
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
        self._is_attached = False
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
