"""One of the streams that carry events: written at any time, read while a key in it is followed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, time
from typing import Any

from tradeapi.bus.link import BLOCK_MILLISECONDS, GATHER_SECONDS, Link, pause
from tradeapi.bus.outbox import Outbox
from tradeapi.bus.port import Subject
from tradeapi.bus.pulse import Pulse
from tradeapi.bus.recent import Recent
from tradeapi.metrics import BUS_LAG, BUS_RECEIVED

# Who comes back, or follows another key here, need not wait until it is read again.
LINGER_SECONDS = 30.0
CHECK_SECONDS = 2.0
# A first read may not be answered at all.
READY_SECONDS = 1.0
MOST_TOGETHER = 200
# How many events Redis keeps, all partitions together, and how many of them a first read brings.
# Who was away for longer learns from the database what it has missed.
MOST_KEPT = 20_000
FIRST = 2000
MOST_HELD_BYTES = 8 * 1024 * 1024
# Each event may have a thousand listeners: who else waits for the loop gets a turn after so long.
TURN_SECONDS = 0.002

PUBLISHER, TOPIC, PAYLOAD = b"p", b"t", b"d"
_START = b"0-0"

Entry = tuple[bytes, Mapping[bytes, bytes]]


class Partition:
    """`hear` is called with what others than `me` have published of followed keys."""

    def __init__(
        self,
        number: int,
        link: Link,
        pulse: Pulse,
        me: bytes,
        hear: Callable[[Subject[Any], bytes], None],
    ) -> None:
        # The part in braces says to a Redis Cluster where it belongs.
        self.key = f"{{tradeapi:p{number}}}:bus"
        self.outbox = Outbox(f"outbox {number}", link, pulse)
        self._most_held = MOST_HELD_BYTES // link.partitions
        self.recent = Recent(self._most_held)
        self._is_reading = False
        self._line = f"p{number}"
        self._link = link
        self._pulse = pulse
        self._me = me
        self._hear = hear
        self._followed: dict[bytes, tuple[Subject[Any], int]] = {}
        self._followed_until = 0.0
        self._is_tried = asyncio.Event()
        # The last entry that was read; None before the first.
        self._last: bytes | None = None
        self._checked_at = 0.0

    def publish(self, topic: bytes, payload: bytes) -> None:
        fields = (PUBLISHER, self._me, TOPIC, topic, PAYLOAD, payload)
        most = MOST_KEPT // self._link.partitions
        command = ("XADD", self.key, "MAXLEN", "~", most, "*", *fields)
        self.outbox.put(command, len(topic) + len(payload))

    def follow(self, subject: Subject[Any], topic: bytes) -> bool:
        """Whether nobody reads it yet: then `run` is to become a task."""
        _, count = self._followed.get(topic, (subject, 0))
        self._followed[topic] = (subject, count + 1)
        was_reading, self._is_reading = self._is_reading, True
        return not was_reading

    def unfollow(self, topic: bytes) -> None:
        subject, count = self._followed.pop(topic)
        if count > 1:
            self._followed[topic] = (subject, count - 1)
        self._followed_until = monotonic()

    async def ready(self) -> None:
        """Wait until it is being read, or could not be."""
        if self._is_reading:
            with suppress(TimeoutError):
                async with asyncio.timeout(READY_SECONDS):
                    await self._is_tried.wait()

    async def run(self) -> None:
        """Read until nobody has followed anything for a while."""
        try:
            await self._read_on()
        finally:
            self._is_reading = False
            self.recent.clear()
            self._last = None
            self._is_tried.clear()
            self._pulse.rest(self._line)

    async def _read_on(self) -> None:
        self._pulse.wait(self._line)
        failures = 0
        while self._followed or monotonic() - self._followed_until < LINGER_SECONDS:
            try:
                await self._read()
                failures = 0
            except Exception as error:  # noqa: BLE001  whatever it is, the next may be answered
                failures += 1
                self._checked_at = 0.0
                self._pulse.fail(error)
                self._is_tried.set()
                await asyncio.sleep(pause(failures))

    async def _read(self) -> None:
        last = self._last
        if last is None:
            last = await self._begin(is_heard=False)
        elif monotonic() - self._checked_at > CHECK_SECONDS:
            last = await self._check(last)
        options = ("COUNT", MOST_TOGETHER, "BLOCK", BLOCK_MILLISECONDS)
        answer = await self._link.ask(self.key, "XREAD", *options, "STREAMS", self.key, last)
        self._pulse.beat(self._line)
        if answer:
            [(_, entries)] = answer
            BUS_LAG.observe(max(0.0, time() - _number(entries[0][0])[0] / 1000))
            self._last = entries[-1][0]
            await self._take(entries, is_heard=True)
            if len(entries) < MOST_TOGETHER:
                await asyncio.sleep(GATHER_SECONDS)

    async def _begin(self, *, is_heard: bool) -> bytes:
        """At the end, with the newest entries; where that is."""
        entries = await self._newest(FIRST // self._link.partitions)
        self.recent.clear()
        self._last = entries[-1][0] if entries else _START
        await self._take(entries, is_heard=is_heard)
        self._checked_at = monotonic()
        self._is_tried.set()
        return self._last

    async def _check(self, last: bytes) -> bytes:
        """Begin again if the end lies behind us.

        Ids are of Redis' clock: after a flush or a failover they may be lower than they were, and
        nothing would come up to the last one read.
        """
        newest = await self._newest(1)
        self._checked_at = monotonic()
        if newest and _number(newest[0][0]) >= _number(last):
            return last
        return await self._begin(is_heard=True)

    async def _newest(self, count: int) -> list[Entry]:
        """The newest entries, the oldest of them first; fewer where they are more than is held.

        Many large ones would not be here in time if all were asked for at once, nor ever after.
        """
        found: list[Entry] = []
        end, held, is_all = "+", 0, False
        while not is_all and len(found) < count and held < self._most_held:
            most = min(MOST_TOGETHER, count - len(found))
            words = ("XREVRANGE", self.key, end, "-", "COUNT", most)
            page: list[Entry] = await self._link.ask(self.key, *words)
            found += page
            held += sum(len(value) for _, fields in page for value in fields.values())
            is_all = len(page) < most
            end = _before(page[-1][0]) if page else end
        return found[::-1]

    async def _take(self, entries: Sequence[Entry], *, is_heard: bool) -> None:
        received, turn = 0, monotonic()
        for _, fields in entries:
            topic, payload = fields.get(TOPIC), fields.get(PAYLOAD)
            if topic is None or payload is None:
                continue
            self.recent.add(topic, payload)
            if is_heard and fields.get(PUBLISHER) != self._me:
                received += 1
                if found := self._followed.get(topic):
                    self._hear(found[0], payload)
                if monotonic() - turn > TURN_SECONDS:
                    await asyncio.sleep(0)
                    turn = monotonic()
        BUS_RECEIVED.inc(received)


def _number(id: bytes) -> tuple[int, int]:
    milliseconds, _, count = id.partition(b"-")
    return int(milliseconds), int(count)


def _before(id: bytes) -> str:
    """The end of what comes before the id; one without a count stands for all of its time."""
    milliseconds, count = _number(id)
    return f"{milliseconds}-{count - 1}" if count else f"{milliseconds - 1}"
