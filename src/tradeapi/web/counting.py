"""How many requests callers have made, in Redis for all processes or else in this one.

Counted is with two windows, the one before weighed by how much of it is still within a minute. A
fixed window lets twice as many pass where two meet, and one that moves keeps the time of every
request, of which a limit may allow thousands: this keeps two numbers. In Redis the library counts.
In memory it looks through all callers at each request, and takes many times as long as the sum that
every request waits for: there it is ours, with the same results.
"""

from collections.abc import Sequence
from math import floor
from time import time
from typing import NamedTuple

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
        return self._own.take(hits)


class MemoryCounts:
    """A window of callers, and the one before: what is older is forgotten at no cost."""

    def __init__(self) -> None:
        self._windows: dict[int, _Windows] = {}

    def take(self, hits: Sequence[Hit]) -> list[Standing]:
        now, is_within = time(), True
        standings = []
        for hit in hits:
            period, key = hit.item.get_expiry(), hit.key
            windows = self._at(period, now)
            previous, current = windows.previous.get(key, 0), windows.current.get(key, 0)
            left = period - now % period
            weighed = previous * left / period + current
            is_within = is_within and floor(weighed) + 1 <= hit.item.amount
            if is_within:
                current += 1
                windows.current[key] = current
            window = Window(previous, left if previous else 0, current, left + period)
            standings.append(standing(hit, window, is_within=is_within))
        return standings

    def _at(self, period: int, now: float) -> "_Windows":
        number = int(now // period)
        windows = self._windows.get(period)
        if windows is None or windows.number != number:
            has_just_turned = windows is not None and windows.number == number - 1
            before = windows.current if windows is not None and has_just_turned else {}
            windows = self._windows[period] = _Windows(number, before, {})
        return windows


class _Windows(NamedTuple):
    number: int
    previous: dict[str, int]
    current: dict[str, int]
