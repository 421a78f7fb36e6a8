"""The event port: news of what was committed, from whoever wrote it to whoever listens."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Subject(Generic[Event]):
    """What events are about, and their type."""

    name: str


class Bus(Protocol):
    """Carries events to every process; it may lose or reorder them, the database is the truth.

    A listener must not block. One that fails is logged and hurts neither the publisher nor the
    other listeners.
    """

    async def publish(self, subject: Subject[Event], event: Event) -> None: ...

    def subscribe(
        self, subject: Subject[Event], listener: Callable[[Event], None]
    ) -> AbstractContextManager[None]:
        """Have `listener` called with each event published while the context is open."""
        ...
