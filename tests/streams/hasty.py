"""An event loop whose clock does not go by itself."""

import asyncio
from selectors import DefaultSelector, SelectorKey


class HastyLoop(asyncio.SelectorEventLoop):
    """When nothing is left to do at this moment it goes on at the next that anybody waits for.

    So an hour takes no time, and what a test does it does again in the same order.
    """

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.skipped


class _Skipping(DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None:
            self.skipped += timeout
        return ready
