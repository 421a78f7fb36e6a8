"""One topic on one socket: what is unsent of it, and from when on it is heard."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from tradeapi.streams.mailbox import Mailbox
from tradeapi.streams.requests import Position
from tradeapi.streams.topics import Frame, Topic


class Added(NamedTuple):
    """Unsent frames that add to each other: the last of them, and the position before the first.

    What they tell together is gathered when it is sent: a slow client costs no more than it reads.
    """

    frame: Frame
    after: int


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
        self._pending: dict[Hashable, str | Added] = {}
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
        unsent = self._pending.pop(frame.key, None)
        if unsent is not None:
            self._mailbox.conflated += 1
            self._mailbox.add(-1)
        if frame.adds:
            after = unsent.after if isinstance(unsent, Added) else frame.prev
            self._pending[frame.key] = Added(frame, after)
        else:
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
            unsent = list(self._pending.values())
            self._pending.clear()
        else:
            keys = list(self._pending)[:most]
            unsent = [self._pending.pop(key) for key in keys]
        if self.throttle and not self._pending:
            self._quiet_until = asyncio.get_running_loop().time() + self.throttle
        return [one if isinstance(one, str) else self.topic.gathered(*one) for one in unsent]

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
