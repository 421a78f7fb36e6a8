"""Who is to be told of what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

log = structlog.get_logger()


class Listeners:
    """Called in the order in which they came."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[object, Callable[[Any], None]]] = {}

    def tell(self, subject: str, event: object) -> None:
        for listener in tuple(self._listeners.get(subject, {}).values()):
            try:
                listener(event)
            except Exception:  # the publisher has committed: a listener's fault is not its own
                log.exception("bus.listener_failed", subject=subject)

    @contextmanager
    def add(self, subject: str, listener: Callable[[Any], None]) -> Iterator[None]:
        listeners = self._listeners.setdefault(subject, {})
        place = object()
        listeners[place] = listener
        try:
            yield
        finally:
            del listeners[place]
            if not listeners:
                self._listeners.pop(subject, None)
