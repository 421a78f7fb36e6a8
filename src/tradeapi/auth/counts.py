"""Counts in this process that end by themselves."""

import heapq
from time import monotonic


class Counts:
    """Costs the same however many are counted: the library's looks at all of them each time."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._ends: list[tuple[float, str]] = []

    def increase(self, key: str, seconds: float) -> int:
        """The new count; the first one lets `seconds` begin, after which it is zero again."""
        now = monotonic()
        self._forget(now)
        count, end = self._counts.get(key, (0, now + seconds))
        if not count:
            heapq.heappush(self._ends, (end, key))
        self._counts[key] = count + 1, end
        return count + 1

    def read(self, key: str) -> tuple[int, float]:
        """The count, and in how many seconds it ends."""
        now = monotonic()
        self._forget(now)
        count, end = self._counts.get(key, (0, now))
        return count, end - now

    def clear(self, key: str) -> None:
        # Its end stays, and finds nothing, or what has begun anew.
        self._counts.pop(key, None)

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, key = heapq.heappop(self._ends)
            if self._counts.get(key, (0, now + 1))[1] <= now:
                del self._counts[key]
