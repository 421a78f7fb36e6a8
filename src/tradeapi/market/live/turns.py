"""What is told when others have had their turn."""

import asyncio
from collections.abc import Callable
from time import monotonic

TURN_SECONDS = 0.002


class Turns:
    """Calls that are due, each once however often it was asked for, in the order of the asking.

    They are made for so long in one turn of the event loop. Who tells of the newest when he is
    called therefore stays close to what comes in, also when more comes than can be told.
    """

    def __init__(self) -> None:
        self._due: dict[Callable[[], None], None] = {}

    def ask(self, call: Callable[[], None]) -> None:
        if not self._due:
            asyncio.get_running_loop().call_soon(self._go_on)
        self._due[call] = None

    def _go_on(self) -> None:
        until = monotonic() + TURN_SECONDS
        try:
            while self._due and monotonic() < until:
                call = next(iter(self._due))
                del self._due[call]
                call()
        finally:
            # What fails is reported by the loop, and costs the others nothing.
            if self._due:
                asyncio.get_running_loop().call_soon(self._go_on)
