"""Whose turn it is: of what is sent to one place little is under way at once."""

import random
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import Semaphore

from tradeapi.jobs.port import Later

AT_ONCE = 8
# Who would have to wait longer comes back.
PATIENCE_SECONDS = 5.0
SOONEST, LATEST = 1.0, 300.0


@dataclass(slots=True)
class Line:
    """`seconds` is how long the last turn took; those `turned_away` want one, too."""

    places: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    waiting: int = 0
    turned_away: int = 0
    seconds: float = 4.0

    @property
    def is_empty(self) -> bool:
        return self.places.value == AT_ONCE and not self.waiting

    @property
    def is_too_long(self) -> bool:
        would_wait = (self.waiting + 1) * self.seconds / AT_ONCE
        return self.places.value == 0 and would_wait > PATIENCE_SECONDS

    def come_back(self) -> Later:
        """When those that were here before have had their turn."""
        self.turned_away += 1
        seconds = (self.waiting + self.turned_away) * self.seconds / AT_ONCE
        spread = random.uniform(0.9, 1.1)  # noqa: S311  no secret
        return Later(min(max(seconds, SOONEST), LATEST) * spread)


class Turns:
    """A place that is slow, or dead, holds up nobody but itself."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, Line] = {}

    @asynccontextmanager
    async def one(self, place: Hashable) -> AsyncIterator[None]:
        """Raises Later for a turn that is not to be had within PATIENCE_SECONDS."""
        line = self._lines.setdefault(place, Line())
        try:
            await _enter(line)
            start = anyio.current_time()
            try:
                yield
            finally:
                line.places.release()
                line.seconds = anyio.current_time() - start
                line.turned_away = max(0, line.turned_away - 1)
        finally:
            # Those who were turned away know when to come.
            if line.is_empty:
                self._lines.pop(place, None)


async def _enter(line: Line) -> None:
    if line.is_too_long:
        raise line.come_back()
    line.waiting += 1
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            await line.places.acquire()
    except TimeoutError:
        raise line.come_back() from None
    finally:
        line.waiting -= 1
