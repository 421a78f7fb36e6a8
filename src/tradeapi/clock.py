"""Where the time comes from."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since 1970-01-01 00:00 UTC."""

    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return time.time()


class FixedClock:
    """Stands still until told otherwise; for tests and deterministic replays."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time
