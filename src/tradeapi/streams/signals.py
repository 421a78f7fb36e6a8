"""Waking who waits."""

import asyncio


class Signal:
    """Wakes those who wait now, and nobody who comes later.

    An asyncio.Event would do, but thousands of clients have three each that nobody waits for, and
    it takes a kilobyte.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    def wake(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        if self._event is None:
            self._event = asyncio.Event()
        await self._event.wait()
