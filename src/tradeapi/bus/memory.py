"""The event port inside one process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from tradeapi.bus.port import Event, Subject

log = structlog.get_logger()


class MemoryBus:
    """Calls the listeners before `publish` returns, in the order in which they subscribed."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[object, Callable[[Any], None]]] = {}

    async def publish(self, subject: Subject[Event], event: Event) -> None:
        for listener in tuple(self._listeners.get(subject.name, {}).values()):
            try:
                listener(event)
            except Exception:  # the publisher has committed: a listener's fault is not its own
                log.exception("bus.listener_failed", subject=subject.name)

    @contextmanager
    def subscribe(
        self, subject: Subject[Event], listener: Callable[[Event], None]
    ) -> Iterator[None]:
        listeners = self._listeners.setdefault(subject.name, {})
        place = object()
        listeners[place] = listener
        try:
            yield
        finally:
            del listeners[place]
            if not listeners:
                self._listeners.pop(subject.name, None)
