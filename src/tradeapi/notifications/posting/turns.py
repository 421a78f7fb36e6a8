"""Whose turn it is: of what is sent to one place little is under way at once."""

import random
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio import Semaphore

from tradeapi.jobs.port import Later

AT_ONCE = 4
# Of those that wait a moment for a place to be free; others come back.
MOST_WAITING = 4
PATIENCE_SECONDS = 1.0
SOONEST, LATEST = 1.0, 300.0


@dataclass(slots=True)
class Line:
    """`turned_away` come back; they are so many turns of `seconds` each."""

    places: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    waiting: int = 0
    turned_away: int = 0
    seconds: float = 1.0

    @property
    def is_idle(self) -> bool:
        return self.places.value == AT_ONCE and not self.waiting

    def come_back(self) -> Later:
        """When those that were here before have had their turn."""
        self.turned_away += 1
        seconds = self.turned_away * self.seconds / AT_ONCE
        spread = random.uniform(0.9, 1.1)  # noqa: S311  no secret
        return Later(min(max(seconds, SOONEST), LATEST) * spread)


class Turns:
    """A place that is slow, or dead, holds up nobody but itself: not those who do the jobs."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, Line] = {}

    @asynccontextmanager
    async def one(self, place: Hashable) -> AsyncIterator[None]:
        """Raises Later for a turn that is not to be had within PATIENCE_SECONDS."""
        line = self._lines.setdefault(place, Line())
        await _enter(line)
        start = anyio.current_time()
        try:
            yield
        finally:
            line.places.release()
            line.seconds = anyio.current_time() - start
            line.turned_away = max(0, line.turned_away - 1)
            # Who was turned away knows when to come.
            if line.is_idle:
                self._lines.pop(place, None)


async def _enter(line: Line) -> None:
    if line.places.value == 0 and line.waiting >= MOST_WAITING:
        raise line.come_back()
    line.waiting += 1
    try:
        with anyio.fail_after(PATIENCE_SECONDS):
            await line.places.acquire()
    except TimeoutError:
        raise line.come_back() from None
    finally:
        line.waiting -= 1
