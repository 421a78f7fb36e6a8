"""How many requests callers have made, in Redis for all processes or else in this one.

Counted is with two windows, the one before weighed by how much of it is still within a minute. A
fixed window lets twice as many pass where two meet, and one that moves keeps the time of every
request, of which a limit may allow thousands: this keeps two numbers. The library can do it in
either store; but in memory it looks through all callers at each request, and of Redis it asks twice
for one answer.
"""

from collections import deque
from collections.abc import Sequence
from time import time

from limits.aio.storage import MemoryStorage

from tradeapi.metrics import LIMIT_FALLBACKS
from tradeapi.redis import Away, Redis
from tradeapi.web.redis_counts import Together
from tradeapi.web.standing import Hit, Standing, Window, standing


class Counts:
    """While Redis is away each process counts for itself, logins too."""

    def __init__(self, redis: Redis | None) -> None:
        self._shared = Together(redis) if redis is not None else None
        self._own = MemoryCounts()

    async def take(self, hits: Sequence[Hit]) -> list[Standing]:
        """Count a request against its limits, until one of them is spent."""
        if self._shared is not None:
            try:
                return await self._shared.take(hits)
            except Away:
                LIMIT_FALLBACKS.inc()
        return await self._own.take(hits)


class MemoryCounts(MemoryStorage):
    """Between two awaits of its own the library lets nobody else in: its counts are exact."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: deque[tuple[float, str]] = deque()

    async def take(self, hits: Sequence[Hit]) -> list[Standing]:
        is_within = True
        standings = []
        for hit in hits:
            most, seconds = hit.item.amount, hit.item.get_expiry()
            is_within = is_within and await self.acquire_sliding_window_entry(
                hit.key, most, seconds
            )
            window = Window(*await self.get_sliding_window(hit.key, seconds))
            standings.append(standing(hit, window, is_within=is_within))
        return standings

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """As the library's, which then looks through all keys for those that have ended."""
        now = time()
        if key not in self.expirations:
            self.expirations[key] = now + expiry
            self._ends.append((now + expiry, key))
        self._forget(now)
        self.storage[key] += amount
        return self.storage[key]

    def _forget(self, now: float) -> None:
        # They end in the order in which they began. Two for each one that is new: never many.
        for _ in range(2):
            if not self._ends or self._ends[0][0] > now:
                return
            _, key = self._ends.popleft()
            self.storage.pop(key, None)
            self.expirations.pop(key, None)
