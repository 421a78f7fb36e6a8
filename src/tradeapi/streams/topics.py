"""A topic as it is announced here: its sequence, the last frames, and who listens."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tradeapi.streams import protocol

KEPT = 256


@dataclass(frozen=True, slots=True)
class Frame:
    """One change, encoded once for all who listen.

    `version` is the version of the source the change brought. A frame replaces an unsent one with
    the same `key`, unless that one is `final`: it is always sent.
    """

    seq: int
    version: int
    key: Hashable
    final: bool
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state a source had at `version`.

    `fields` makes the frame's fields, given the frames that follow the state.
    """

    version: int
    fields: Callable[[Sequence[Frame]], Mapping[str, object]]


class Source(Protocol):
    """What a topic announces: a state with a version, and changes of it."""

    async def snapshot(self, history: int) -> Snapshot:
        """The state, read after the call; when this returns the topic has begun and reached it.

        Raises Unavailable to be asked again, another TradeError when the topic is over.
        """
        ...

    def close(self) -> None: ...


class Listener(Protocol):
    """One subscription of one socket."""

    def put(self, frame: Frame) -> None: ...

    def reset(self, text: str) -> None:
        """Forget what is unsent, send the text, and ask for a snapshot again."""
        ...

    def end(self, text: str) -> None: ...


class Topic:
    """`version` is how far the source's changes have been announced; the source raises it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = secrets.token_hex(4)
        self.seq = 0
        self.version = 0
        self.listeners: dict[Listener, None] = {}
        self.source: Source | None = None
        self.holders = 0
        self.turn = asyncio.Lock()
        self.drop: asyncio.TimerHandle | None = None
        self._is_begun = False
        self._frames: deque[Frame] = deque(maxlen=KEPT)
        self._kept_after_seq = 0
        self._kept_after_version = 0
        self._snapshot: tuple[int, int, str] | None = None

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    def send(
        self, type: str, fields: Mapping[str, object], *, key: Hashable, final: bool = False
    ) -> None:
        """Announce a change that `version` brought."""
        head = {"type": type, "topic": self.name, "seq": self.seq + 1, "prev": self.seq}
        self.seq += 1
        frame = Frame(self.seq, self.version, key, final, protocol.encode(head | dict(fields)))
        if len(self._frames) == KEPT:
            oldest = self._frames[0]
            self._kept_after_seq = oldest.seq
            self._kept_after_version = max(self._kept_after_version, oldest.version)
        self._frames.append(frame)
        for listener in self.listeners:
            listener.put(frame)

    def begin(self, version: int) -> None:
        """Take up the source's state at a version; frames of before lead nowhere."""
        self.version = version
        self._frames.clear()
        self._snapshot = None
        self._kept_after_seq, self._kept_after_version = self.seq, version
        self._is_begun = True

    def jump(self, version: int) -> None:
        """Go to a later version at once; no `seq` stands for a state in between."""
        self.version = self._kept_after_version = version

    def reset(self, reason: str, rest: str) -> None:
        """Announce that the state has to be read anew; the source begins again when it is."""
        self.seq += 1
        self._is_begun = False
        text = protocol.reset(self.name, reason, rest)
        for listener in tuple(self.listeners):
            listener.reset(text)

    def since(self, seq: int) -> list[Frame] | None:
        """The frames that follow a position; None when they are no longer all here."""
        if not (self._is_begun and self._kept_after_seq <= seq <= self.seq):
            return None
        return [frame for frame in self._frames if frame.seq > seq]

    def after(self, version: int) -> list[Frame] | None:
        """The frames that follow the source's state at a version; None when not all are here."""
        if not (self._is_begun and self._kept_after_version <= version <= self.version):
            return None
        return [frame for frame in self._frames if frame.version > version]

    def render(self, snapshot: Snapshot, history: int) -> tuple[int, str] | None:
        """A snapshot frame and its seq, kept for the next who asks; None when it came too late."""
        later = self.after(snapshot.version)
        if later is None:
            return None
        seq = later[0].seq - 1 if later else self.seq
        head = {"type": "snapshot", "topic": self.name, "epoch": self.epoch, "seq": seq}
        text = protocol.encode(head | dict(snapshot.fields(later)))
        self._snapshot = history, seq, text
        return seq, text

    def rendered(self, history: int, least: int) -> tuple[int, str] | None:
        """The last snapshot frame, if it serves: few frames follow it, and all of them are here."""
        if self._snapshot is None or self._snapshot[0] != history or self._snapshot[1] < least:
            return None
        _, seq, text = self._snapshot
        is_near = self.seq - seq <= KEPT // 4 and self.since(seq) is not None
        return (seq, text) if is_near else None
