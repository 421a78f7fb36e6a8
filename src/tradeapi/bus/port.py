"""The event port: news of what was committed, from whoever wrote it to whoever listens."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Subject(Generic[Event]):
    """What events are about, their type, and how they travel.

    Processes of two releases run side by side: `decode` leaves out what it does not know.
    """

    name: str
    encode: Callable[[Event], bytes]
    decode: Callable[[bytes], Event]


@dataclass(frozen=True, slots=True)
class State:
    """Whether news of other processes comes, and since when in seconds since 1970."""

    name: Literal["live", "degraded"]
    since: float


class Bus(Protocol):
    """Carries events to every process; it may lose, repeat or reorder them.

    The database is the truth, and the versions in events are from there. Events of one `key` are
    what somebody follows together; those of a key that is not followed here may not be heard.
    """

    async def publish(self, subject: Subject[Event], key: str, event: Event) -> None:
        """The listeners here have heard it when this returns; it waits for nobody else."""
        ...

    def subscribe(
        self, subject: Subject[Event], listener: Callable[[Event], None]
    ) -> AbstractContextManager[None]:
        """Have `listener` called with each event that is heard while the context is open.

        It must not block. One that fails is logged and hurts neither the publisher nor the other
        listeners.
        """
        ...

    def follow(self, subject: Subject[Any], key: str) -> None:
        """Hear other processes' events of the key, until `unfollow` is called as often."""
        ...

    def unfollow(self, subject: Subject[Any], key: str) -> None: ...

    async def ready(self, subject: Subject[Any], key: str) -> None:
        """Wait until what is published of a followed key from now on will be heard here.

        Returns as well when it can't be: then the bus is degraded, or soon will be.
        """
        ...

    def recent(self, subject: Subject[Event], key: str) -> list[Event]:
        """The newest events of a followed key that are still held here, in order."""
        ...

    @property
    def state(self) -> State: ...

    def observe(self, observer: Callable[[State], None]) -> AbstractContextManager[None]:
        """Have `observer` called with each new state while the context is open."""
        ...
