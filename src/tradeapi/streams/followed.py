"""What somebody follows, each thing by a source of its own, and what is done when its news does not
come: the database is asked every second whether it knows of changes that nobody has announced.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Generic, Never, Protocol, Self, TypeVar

import anyio

from tradeapi.bus.port import Bus, Subject
from tradeapi.database import parts
from tradeapi.streams.background import safely
from tradeapi.streams.topics import Topic

ASK_EVERY_SECONDS = 1.0

Event = TypeVar("Event")


class Listening(Protocol):
    """A source that is told of what it follows; `key` names that on the bus."""

    topic: Topic

    @property
    def key(self) -> str: ...

    def hear(self, change: Any) -> None:  # noqa: ANN401  of its kind
        ...


Followable = TypeVar("Followable", bound=Listening)


class Followed(ABC, Generic[Event, Followable]):
    """Use as `async with`: its tasks run that long. `name` is for the log."""

    def __init__(self, bus: Bus, subject: Subject[Event], name: str) -> None:
        self._bus = bus
        self._subject = subject
        self._failed = f"{name}.failed"
        self._sources: dict[str, Followable] = {}
        self._tasks = anyio.create_task_group()
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._resources.enter_async_context(self._tasks)
        self._resources.callback(self._tasks.cancel_scope.cancel)
        self._resources.enter_context(self._bus.subscribe(self._subject, self._hear))
        self._tasks.start_soon(self._ask_for_ever)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    def add(self, source: Followable) -> None:
        self._sources[source.key] = source
        self._bus.follow(self._subject, source.key)

    def remove(self, source: Followable) -> None:
        if self._sources.get(source.key) is source:
            del self._sources[source.key]
        self._bus.unfollow(self._subject, source.key)

    async def ready(self, source: Followable) -> None:
        """Wait until its news is heard."""
        await self._bus.ready(self._subject, source.key)

    def soon(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have something done in the background; if the database fails it, that is logged."""
        self._tasks.start_soon(safely, self._failed, call)

    @abstractmethod
    def key_of(self, change: Event) -> str:
        """Whose source is to hear it."""

    @abstractmethod
    async def compare(self, sources: Sequence[Followable]) -> None:
        """Have those catch up that are others in the database than was announced."""

    async def ask(self) -> None:
        asked = [one for one in self._sources.values() if one.topic.is_begun]
        for some in parts(asked):
            await self.compare(some)

    def _hear(self, change: Event) -> None:
        source = self._sources.get(self.key_of(change))
        if source is not None:
            source.hear(change)

    async def _ask_for_ever(self) -> Never:
        while True:
            await anyio.sleep(ASK_EVERY_SECONDS)
            if self._sources:
                await safely(self._failed, self.ask)
