"""The event port inside one process."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import time
from typing import Any

from tradeapi.bus.listeners import Listeners
from tradeapi.bus.port import Event, State, Subject


class MemoryBus:
    """Always live: there are no other processes."""

    def __init__(self) -> None:
        self._listeners = Listeners()
        self.state = State("live", time())

    async def publish(self, subject: Subject[Event], key: str, event: Event) -> None:  # noqa: ARG002
        self._listeners.tell(subject.name, event)

    def subscribe(
        self, subject: Subject[Event], listener: Callable[[Event], None]
    ) -> AbstractContextManager[None]:
        return self._listeners.add(subject.name, listener)

    def follow(self, subject: Subject[Any], key: str) -> None: ...

    def unfollow(self, subject: Subject[Any], key: str) -> None: ...

    async def ready(self, subject: Subject[Any], key: str) -> None: ...

    def recent(self, subject: Subject[Event], key: str) -> list[Event]:  # noqa: ARG002
        return []

    def observe(
        self,
        observer: Callable[[State], None],  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        return nullcontext()
