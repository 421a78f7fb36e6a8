"""A topic as it is announced here: how far it has come, the last frames, and who listens."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol
from uuid import UUID

from tradeapi import metrics
from tradeapi.streams import protocol
from tradeapi.streams.outlet import wire
from tradeapi.streams.positions import (
    CLOSED,
    MOST_FRAMES,
    PLACES,
    WHOLE,
    is_whole,
    position,
)

KEPT = 256
# Of frames that may be long: whoever makes them must not fill the memory.
KEPT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one frame tells; one that is `final` is always sent, whatever comes after it.

    One that `adds` tells only what is new: `Topic.gather` tells it with what came before it.
    """

    type: str
    fields: Mapping[str, object]
    key: Hashable
    final: bool = False
    adds: bool = False


_Parts = tuple[int, int, int, Hashable, bool, bool, str, bytes]
_SEQ: Final = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One change, encoded once for all who listen; `wire` is its text as a socket takes it.

    It follows `prev`, the frame before it, and all whole positions up to `until`. A frame replaces
    an unsent one with the same `key`, unless that one is `final`: it is always sent. One that
    `adds` to the unsent one is sent as both together.
    """

    seq: int
    prev: int
    until: int
    key: Hashable
    final: bool
    adds: bool
    text: str
    wire: bytes

    @property
    def parts(self) -> _Parts:
        """What it is made of."""
        place = self.seq, self.prev, self.until
        return *place, self.key, self.final, self.adds, self.text, self.wire


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state a topic had at the position `seq`.

    `fields` makes the frame's fields, given the frames that follow the state.
    """

    seq: int
    fields: Callable[[Sequence[Frame]], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Recalled:
    """Changes of a while, each with the version it led to, ascending, and the version that they
    lead to."""

    version: int
    changes: Sequence[tuple[int, Change]]


class Source(Protocol):
    """What a topic announces: a state with a version, and changes of it.

    With `resumes` False a snapshot is all that it takes to catch up. `rest` is where else the state
    can be read.
    """

    resumes: bool

    @property
    def rest(self) -> str: ...

    async def snapshot(self, history: int) -> Snapshot:
        """The state, read after the call; when this returns the topic has begun and reached it.

        Raises Unavailable to be asked again, another TradeError when the topic is over.
        """
        ...

    def close(self) -> None: ...


class Listener(Protocol):
    """One subscription of one socket."""

    def put(self, frame: Frame) -> int:
        """How many frames went out at once: one, or none when it has to wait."""
        ...

    def reset(self, text: str) -> None:
        """Forget what is unsent, send the text, and ask for a snapshot again."""
        ...

    def end(self, text: str) -> None: ...


def key_of(name: str, owner: UUID | None) -> str:
    """By which a topic is found among all of all users."""
    return name if owner is None else f"{name}@{owner}"


class Topic:
    """`version` is how far the source's changes have been announced.

    `epoch` names what the versions are of: under another one a position means nothing. `owner` is
    whose it is, where each user has one of the name.

    `gather` is its source's, where that has changes that add: all that they have told since a
    position. So is `recall`, where what was told is kept: what followed a position of an epoch,
    None when that is too much or not known. When it returns the topic has begun and reached it.
    """

    def __init__(self, name: str, owner: UUID | None = None) -> None:
        self.name = name
        self.owner = owner
        self.epoch = ""
        self.version = 0
        self.listeners: dict[Listener, None] = {}
        self.source: Source | None = None
        self.gather: Callable[[int], Change] | None = None
        self.recall: Callable[[str, int], Awaitable[Recalled | None]] | None = None
        self.holders = 0
        self.turn = asyncio.Lock()
        self.drop: asyncio.TimerHandle | None = None
        self.is_begun = False
        # As tuples of what has no parts: the garbage collector need not look at them, and a look at
        # all there is stops the process.
        self._frames: deque[_Parts] = deque()
        self._kept_bytes = 0
        # The last frame's position, and from where on all that followed is here.
        self._last = 0
        self._kept_after = 0
        self._ending: Change | None = None
        self._snapshot: tuple[int, int, str] | None = None

    @property
    def key(self) -> str:
        return key_of(self.name, self.owner)

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def seq(self) -> int:
        return max(self._last, position(self.version, CLOSED if self._ending else WHOLE))

    def seq_at(self, version: int) -> int:
        """The position of what has been read at the version, which is at most the own one."""
        if version == self.version:
            return self.seq
        closed = position(version, CLOSED)
        return closed if any(kept[_SEQ] == closed for kept in self._frames) else position(version)

    def begin(self, epoch: str, version: int, ending: Change | None = None) -> None:
        """Take up the source's state at a version; frames of before lead nowhere.

        `ending` is the last word on a state that only time has closed, or may have.
        """
        self.epoch, self.version, self._ending = epoch, version, ending
        self._forget_frames()
        self._snapshot = None
        self._last = self._kept_after = position(version)
        self.is_begun = True
        if ending is not None:
            # Who comes from elsewhere may not have heard it, and is told before what follows.
            self._send(ending, position(version, CLOSED), position(version))

    def announce(
        self, changes: Sequence[Change], version: int, ending: Change | None = None
    ) -> None:
        """Tell what has led from `version` to the next one, or to one that is later.

        Raises ValueError for more than MOST_FRAMES changes.
        """
        if len(changes) > MOST_FRAMES:
            raise ValueError(f"{len(changes)} changes are too many for one version.")
        before, self.version = self.version, version
        until = position(before, CLOSED)
        for place, change in enumerate(changes, MOST_FRAMES - len(changes)):
            # Of what time alone has changed there may have been some at this version before.
            self._send(change, max(position(version, place), self._last + 1), until)
            until = self._last
        self._ending = ending
        if not changes and version > before + 1:
            # What has been in between, and is no more, may have been told elsewhere.
            self._forget_frames()
            self._last = self._kept_after = position(version)

    def close(self, ending: Change) -> None:
        """Tell that time has closed the state as it is."""
        self._ending = ending
        self._send(ending, position(self.version, CLOSED), position(self.version))

    def reset(self, reason: str, rest: str) -> None:
        """Announce that the state has to be read anew; the source begins again when it is."""
        self.is_begun = False
        text = protocol.reset(self.name, reason, rest)
        for listener in tuple(self.listeners):
            listener.reset(text)

    def since(self, seq: int) -> Sequence[Frame] | None:
        """The frames that follow a position; None when what follows it is not known here."""
        # Elsewhere time may have closed already what it is about to close here.
        newest = max(self.seq, position(self.version, CLOSED))
        if not (self.is_begun and self._kept_after <= seq <= newest):
            return None
        later = [Frame(*kept) for kept in self._frames if kept[_SEQ] > seq]
        follows = seq == later[0].prev if later else seq == self._last
        if not follows and not (is_whole(seq) and (not later or seq <= later[0].until)):
            return None
        if not later and self._ending and seq < self.seq and seq % PLACES == WHOLE:
            # Whoever it is from has not heard the end.
            return [self._frame(self._ending, self.seq, seq)]
        return later

    def frames_of(self, recalled: Recalled, seq: int) -> Sequence[Frame]:
        """What was recalled of what followed a position."""
        frames: list[Frame] = []
        for version, told in groupby(recalled.changes, key=itemgetter(0)):
            changes = [change for _, change in told]
            until = position(version - 1)
            for place, change in enumerate(changes, MOST_FRAMES - len(changes)):
                prev = frames[-1].seq if frames else seq
                frames.append(self._frame(change, position(version, place), until, prev))
                until = frames[-1].seq
        return frames

    def render(self, snapshot: Snapshot, history: int) -> tuple[int, str] | None:
        """A snapshot frame and its seq, kept for the next who asks; None when it came too late."""
        later = self.since(snapshot.seq)
        if later is None:
            return None
        head = {"type": "snapshot", "topic": self.name, "epoch": self.epoch, "seq": snapshot.seq}
        text = protocol.encode(head | dict(snapshot.fields(later)))
        self._snapshot = history, snapshot.seq, text
        return snapshot.seq, text

    def rendered(self, history: int, least: int) -> tuple[int, str] | None:
        """The last snapshot frame, if it serves: few frames follow it, and all of them are here."""
        if self._snapshot is None or self._snapshot[0] != history or self._snapshot[1] < least:
            return None
        _, seq, text = self._snapshot
        later = self.since(seq)
        return (seq, text) if later is not None and len(later) <= KEPT // 4 else None

    def gathered(self, frame: Frame, after: int) -> str:
        """A frame that adds, with what others have added since a position."""
        if after == frame.prev or self.gather is None:
            return frame.text
        return self._text(self.gather(after), frame.seq, frame.prev)

    def forget_snapshot(self) -> None:
        self._snapshot = None

    def _send(self, change: Change, seq: int, until: int) -> None:
        frame = self._frame(change, seq, until)
        self._keep(frame)
        self._last = seq
        sent = 0
        # No `put` makes a listener come or go: what it leads to, a mailbox does a turn later.
        for listener in self.listeners:
            sent += listener.put(frame)
        if sent:
            metrics.STREAM_DELIVERIES.inc(sent)

    def _keep(self, frame: Frame) -> None:
        self._frames.append(frame.parts)
        self._kept_bytes += len(frame.wire)
        while len(self._frames) > KEPT or self._kept_bytes > KEPT_BYTES:
            oldest = Frame(*self._frames.popleft())
            self._kept_bytes -= len(oldest.wire)
            self._kept_after = oldest.seq

    def _forget_frames(self) -> None:
        self._frames.clear()
        self._kept_bytes = 0

    def _frame(self, change: Change, seq: int, until: int, prev: int | None = None) -> Frame:
        """It follows the last one, unless told."""
        place = seq, self._last if prev is None else prev, until
        text = self._text(change, *place[:2])
        return Frame(*place, change.key, change.final, change.adds, text, wire(text))

    def _text(self, change: Change, seq: int, prev: int) -> str:
        head = {"type": change.type, "topic": self.name, "seq": seq, "prev": prev}
        return protocol.encode(head | dict(change.fields))
