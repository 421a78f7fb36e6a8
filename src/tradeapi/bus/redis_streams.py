"""The event port over Redis Streams, for any number of processes.

Redis carries news, and nothing that the database does not have: without it, news of other
processes is only later.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from typing import Any, Never, Self
from zlib import crc32

import anyio
import structlog

from tradeapi.bus.link import link
from tradeapi.bus.listeners import Listeners
from tradeapi.bus.partition import Partition
from tradeapi.bus.port import Event, State, Subject
from tradeapi.bus.pulse import Pulse
from tradeapi.metrics import BUS_DROPPED

LOOK_EVERY_SECONDS = 0.5
# At the start and at the end, when others wait for us.
START_SECONDS = 0.5
FAREWELL_SECONDS = 0.5

_STATE = "bus.state"
_ANSWERS = "answers"

log = structlog.get_logger()


class RedisBus:
    """Use as `async with RedisBus(url)`: its tasks run that long. It starts without Redis, too.

    With `?cluster=true` the URL is of a Redis Cluster. Raises NotStarted for one that is none.
    """

    def __init__(self, url: str) -> None:
        self._listeners = Listeners()
        self._pulse = Pulse(lambda state: self._listeners.tell(_STATE, state))
        self._link = link(url)
        me = secrets.token_bytes(8)
        self._partitions = [
            Partition(number, self._link, self._pulse, me, self._hear)
            for number in range(self._link.partitions)
        ]
        self._unreadable: set[str] = set()
        self._tasks = anyio.create_task_group()
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._resources.push_async_callback(self._link.aclose)
        self._pulse.miss(_ANSWERS)
        with anyio.move_on_after(START_SECONDS):
            await self._ping()
        self._pulse.look()
        await self._resources.enter_async_context(self._tasks)
        self._resources.callback(self._tasks.cancel_scope.cancel)
        for partition in self._partitions:
            self._tasks.start_soon(partition.outbox.run)
        self._tasks.start_soon(self._look_for_ever)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.state.name == "live":
            with anyio.move_on_after(FAREWELL_SECONDS):
                for partition in self._partitions:
                    await partition.outbox.is_empty.wait()
        await self._resources.aclose()

    async def publish(self, subject: Subject[Event], key: str, event: Event) -> None:
        self._listeners.tell(subject.name, event)
        try:
            payload = subject.encode(event)
        except Exception:  # the publisher has committed
            log.exception("bus.unwritable", subject=subject.name)
            BUS_DROPPED.inc()
            return
        partition, topic = self._place(subject, key)
        partition.publish(topic, payload)

    def subscribe(
        self, subject: Subject[Event], listener: Callable[[Event], None]
    ) -> AbstractContextManager[None]:
        return self._listeners.add(subject.name, listener)

    def follow(self, subject: Subject[Any], key: str) -> None:
        partition, topic = self._place(subject, key)
        if partition.follow(subject, topic):
            self._tasks.start_soon(partition.run)

    def unfollow(self, subject: Subject[Any], key: str) -> None:
        partition, topic = self._place(subject, key)
        partition.unfollow(topic)

    async def ready(self, subject: Subject[Any], key: str) -> None:
        partition, _ = self._place(subject, key)
        await partition.ready()

    def recent(self, subject: Subject[Event], key: str) -> list[Event]:
        partition, topic = self._place(subject, key)
        decoded = (self._decode(subject, payload) for payload in partition.recent.of(topic))
        return [event for event in decoded if event is not None]

    @property
    def state(self) -> State:
        return self._pulse.state

    def observe(self, observer: Callable[[State], None]) -> AbstractContextManager[None]:
        return self._listeners.add(_STATE, observer)

    def _place(self, subject: Subject[Any], key: str) -> tuple[Partition, bytes]:
        """What carries the key's events, and the name under which they travel."""
        topic = f"{subject.name}:{key}".encode()
        return self._partitions[crc32(topic) % len(self._partitions)], topic

    def _hear(self, subject: Subject[Any], payload: bytes) -> None:
        event = self._decode(subject, payload)
        if event is not None:
            self._listeners.tell(subject.name, event)

    def _decode(self, subject: Subject[Event], payload: bytes) -> Event | None:
        try:
            return subject.decode(payload)
        except Exception:  # whoever sent it, it must not end the reading
            BUS_DROPPED.inc()
            if subject.name not in self._unreadable:
                self._unreadable.add(subject.name)
                log.exception("bus.unreadable", subject=subject.name)
            return None

    async def _look_for_ever(self) -> Never:
        while True:
            await anyio.sleep(LOOK_EVERY_SECONDS)
            await self._ping()
            self._pulse.look()

    async def _ping(self) -> None:
        """Somebody may ask for the state while nothing is read and nothing sent."""
        try:
            await self._link.ask(self._partitions[0].key, "PING")
        except Exception as error:  # noqa: BLE001  whatever it is, it is no answer
            self._pulse.fail(error)
        else:
            self._pulse.beat(_ANSWERS)
