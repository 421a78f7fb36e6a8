"""What waits to be sent to one socket: bounded, and the newest value of each key wins."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tradeapi import metrics
from tradeapi.streams.outlet import Outlet, wire
from tradeapi.streams.signals import Signal

if TYPE_CHECKING:
    from tradeapi.streams.subscription import Subscription

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
